//! Whole shows, in a moment.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use super::*;
use crate::app::console::console_channel;
use crate::app::rehearsal::{Rehearsal, TinyEngine};
use crate::engine::Rounding;
use crate::instrument::Action;
use crate::library::{self, TakeFile};
use crate::render::{self, OfflineRender, RenderContext, RenderSettings};
use crate::take::{Model, Player, Script};

#[test]
fn a_minute_of_a_show_passes_in_a_moment() {
    let begun = Instant::now();
    let rehearsal = Rehearsal::with(|settings| settings.length = Some(Duration::from_secs(60)));
    let (clock, shown) = (rehearsal.clock.clone(), rehearsal.shown.clone());
    let start = clock.now();
    let report = rehearsal.show.run();
    let played = clock.now() - start;
    assert!((59..=61).contains(&played.as_secs()), "{played:?}");
    assert!((3590..=3610).contains(&report.frames_shown), "{report:?}");
    assert_eq!(report.frames_dropped, 0);
    let shown = shown.lock().unwrap();
    assert_eq!(shown.len() as u64, report.frames_shown);
    // The loop moves with the clock: 480 ticks a second, and every picture is of another request.
    let ticks: Vec<_> = shown
        .windows(2)
        .map(|two| two[1].tick - two[0].tick)
        .collect();
    assert!(ticks.iter().all(|ticks| *ticks == 8), "{ticks:?}");
    assert!(
        shown
            .windows(2)
            .all(|two| two[1].number == two[0].number + 1)
    );
    let levels: std::collections::HashSet<_> = shown.iter().map(|shown| shown.pixel).collect();
    assert!(levels.len() > 20, "the picture moves");
    // A real minute would take as long; that it is short is what other tests rest on.
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_control_is_part_of_the_next_picture_and_its_latency_is_counted() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.frames(10);
    rehearsal.set("master.blackout", 1.0);
    rehearsal.frames(1);
    assert_eq!(rehearsal.last().pixel[..3], [0, 0, 0]);
    assert_eq!(rehearsal.value("master.blackout"), 1.0);
    rehearsal.set("master.blackout", 0.0);
    rehearsal.frames(1);
    assert_ne!(rehearsal.last().pixel[..3], [0, 0, 0]);
    let (report, _) = rehearsal.end();
    assert_eq!(report.events_received, 2);
    let json = serde_json::to_value(&report).unwrap();
    assert!(
        json["control_latency_ms"]["max"].as_f64().unwrap() < 17.0,
        "{json}"
    );
}

#[test]
fn a_frozen_picture_stays_and_the_instrument_goes_on() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.frames(10);
    rehearsal.set("master.freeze", 1.0);
    rehearsal.frames(1);
    let frozen = rehearsal.last();
    rehearsal.frames(100);
    let last = rehearsal.last();
    assert_eq!(last.number, frozen.number);
    assert_eq!(last.tick, frozen.tick + 800);
    rehearsal.set("master.freeze", 0.0);
    rehearsal.frames(2);
    assert!(rehearsal.last().number > frozen.number + 50);
}

#[test]
fn time_that_the_show_was_held_up_for_is_made_up_for_but_no_more_than_a_second() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.frames(10);
    let before = rehearsal.last().tick;
    let mut clock = rehearsal.clock.clone();
    clock.sleep(Duration::from_millis(500));
    rehearsal.frames(1);
    let caught_up = rehearsal.last().tick;
    assert!(
        (240..=256).contains(&(caught_up - before)),
        "{before} {caught_up}"
    );
    clock.sleep(Duration::from_secs(10));
    rehearsal.frames(1);
    assert_eq!(rehearsal.last().tick, caught_up + 480);
    rehearsal.frames(10);
    let on = rehearsal.last().tick - caught_up - 480;
    assert!(
        (72..=88).contains(&on),
        "what was left out stays left out: {on}"
    );
}

#[test]
fn what_a_hand_does_within_a_frame_acts_in_order() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.frames(2);
    let seeds = |rehearsal: &Rehearsal| -> Vec<f64> {
        (1..=8)
            .map(|n| rehearsal.value(&format!("keyframe.{n}.seed")))
            .collect()
    };
    for n in 1..=8 {
        rehearsal.set(&format!("keyframe.{n}.lock"), 1.0);
    }
    rehearsal.frames(1);
    let before = seeds(&rehearsal);
    rehearsal.fire("loop.reroll");
    rehearsal.frames(1);
    assert_eq!(seeds(&rehearsal), before, "all of them are locked");
    rehearsal.set("keyframe.1.lock", 0.0);
    rehearsal.fire("loop.reroll");
    rehearsal.set("keyframe.1.lock", 1.0);
    rehearsal.frames(1);
    let after = seeds(&rehearsal);
    assert_ne!(after[0], before[0], "it was unlocked when the re-roll came");
    assert_eq!(after[1..], before[1..]);
    rehearsal.set("keyframe.1.lock", 0.0);
    rehearsal.fire("loop.reroll");
    rehearsal.set("keyframe.1.seed", 77.0);
    rehearsal.frames(1);
    assert_eq!(seeds(&rehearsal)[0], 77.0);
    let param = rehearsal.id("loop.speed");
    rehearsal.put(Action::SetUnit { param, unit: 0.9 });
    rehearsal.set("loop.speed", 1.0);
    rehearsal.frames(60);
    assert_eq!(rehearsal.value("loop.speed"), 1.0);
}

#[test]
fn what_is_reported_is_shown_and_a_show_says_what_it_plays() {
    let mut rehearsal = Rehearsal::new();
    assert_eq!(rehearsal.notices(), ["playing one.toml with tiny"]);
    rehearsal.fire("hud.toggle");
    rehearsal.control.notices.warn("a port has gone");
    rehearsal.frames(1);
    assert!(rehearsal.last().has_readout);
    let readout = rehearsal.show.status.hud.visible().unwrap();
    assert!(readout.notices.contains(&"a port has gone".to_owned()));
    let load = rehearsal.control.values.text(rehearsal.id("preset.load"));
    assert_eq!(*load, "one.toml");
}

#[test]
fn what_the_performer_is_shown_lies_on_the_console_where_one_is_open() {
    let mut rehearsal = Rehearsal::new();
    let (sender, receiver) = console_channel(4);
    receiver.open(true);
    rehearsal.show.status.console = Some(sender);
    for name in ["hud.toggle", "hud.help", "midi.learn"] {
        rehearsal.fire(name);
        rehearsal.frames(1);
        assert!(
            !rehearsal.last().has_readout,
            "{name} is before the audience"
        );
        let tables = receiver.readout();
        assert_eq!(tables.is_some(), name != "hud.toggle", "{name}");
        assert!(tables.is_none_or(|tables| !tables.open));
        // On a rig with one screen.
        rehearsal.set("hud.output", 1.0);
        rehearsal.frames(1);
        assert!(rehearsal.last().has_readout, "{name}");
        assert!(receiver.readout().is_none(), "{name}");
        rehearsal.set("hud.output", 0.0);
        rehearsal.fire(name);
        rehearsal.frames(1);
        assert!(!rehearsal.last().has_readout && receiver.readout().is_none());
    }
    rehearsal.fire("hud.help");
    rehearsal.frames(1);
    receiver.open(false);
    rehearsal.frames(1);
    assert!(rehearsal.last().has_readout, "the console is closed");
}

/// What a performer's hands do in two seconds.
const SCRIPT: &str = "\
latentloop take 1
preset one.toml
length 2
0.1 loop.speed 2
0.3 stage.grain 0.6
0.5 master.fade 0.5
0.7 keyframe.4.jump
0.9 master.freeze 1
1.1 master.freeze 0
1.2 loop.reroll
1.4 stage.fit fill
1.6 master.blackout 1
1.7 master.blackout 0
1.8 keyframe.2.lock 1
1.8 loop.reroll
";

#[test]
fn a_script_is_played_recorded_and_rendered_from_its_take_to_the_same_pictures() {
    const SIZE: (u32, u32) = (24, 16);
    let mut rehearsal = Rehearsal::with(|settings| settings.size = Some(SIZE));
    let table = Arc::clone(&rehearsal.control.table);
    let script = Script::parse(SCRIPT, &table).unwrap();
    rehearsal.frames(10);
    rehearsal.fire("record.toggle");
    rehearsal.until("the recording", |r| {
        r.show.recording.session.running(r.clock.now()).is_some()
    });
    let mut events = script.events.iter().peekable();
    for frame in 0..120 {
        while let Some((_, action)) = events.next_if(|(tick, _)| *tick <= frame * 8) {
            rehearsal.put(action.clone());
        }
        rehearsal.frames(1);
        // The clock stands still meanwhile: time for the recorder, which would drop what it has no room for.
        std::thread::sleep(Duration::from_millis(2));
    }
    assert!(events.next().is_none(), "all of it was played");
    rehearsal.fire("record.toggle");
    rehearsal.frames(2);
    let (report, folder) = rehearsal.end();
    assert_eq!(report.recorder_dropped, 0);

    let entries = std::fs::read_dir(folder.path().join("takes")).unwrap();
    let (mut takes, mut films): (Vec<_>, Vec<_>) = entries
        .map(|entry| entry.unwrap().path())
        .partition(|path| path.extension().is_some_and(|ending| ending == "take"));
    let (take, recorded) = (takes.remove(0), films.remove(0));
    let TakeFile::Logged(take) = library::take(&take, &table).unwrap() else {
        panic!("it was logged");
    };
    let rendered = folder.path().join("rendered");
    let form = RenderSettings {
        fps: 60.0,
        size: Some(SIZE),
        norm: None,
        codec: None,
        rounding: Rounding::Nearest,
        range: None,
    };
    let mut film = OfflineRender::open(&rendered, (Box::new(TinyEngine(4)), None), form).unwrap();
    let mut player = Player::take(&take, &table).unwrap();
    let mut around = RenderContext {
        stop: &AtomicBool::new(false),
        progress: &mut |_, _| {},
    };
    let mut no_model = |_: &Model| anyhow::bail!("it keeps its model");
    let length = take.length();
    render::take(&mut player, length, &mut film, &mut around, &mut no_model).unwrap();
    film.finish().unwrap();
    assert_eq!(player.verification().different, 0);

    let pictures = |folder: &Path| -> Vec<Vec<u8>> {
        let files = std::fs::read_dir(folder).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.retain(|file| file.extension().is_some_and(|ending| ending == "png"));
        files.sort();
        let opened = files.iter().map(|file| image::open(file).unwrap());
        opened.map(|picture| picture.to_rgb8().into_raw()).collect()
    };
    let (recorded, rendered) = (pictures(&recorded), pictures(&rendered));
    // The take begins at the picture before its first.
    assert!(recorded.len() >= 120, "{}", recorded.len());
    for (number, (rendered, recorded)) in rendered[1..].iter().zip(&recorded).enumerate() {
        assert!(rendered == recorded, "picture {number} is another one");
    }
    assert!(rendered.len() >= 120, "{}", rendered.len());
    // Held and black it stands, and where the loop is slow two pictures may be alike: how many depends on when the recording began.
    let changes = recorded.windows(2).filter(|two| two[0] != two[1]).count();
    assert!(changes > 60, "{changes}");
}
