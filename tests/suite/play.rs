//! The instrument, played: the real program under OSC, JACK MIDI and keys.

use std::net::UdpSocket;
use std::process::Command;
use std::time::Instant;

#[cfg(target_os = "linux")]
use crate::support::{Desktop, JackServer, Process, Window};
use crate::support::{Osc, PROGRAM, Show, root, wait_for};

#[test]
fn osc_plays_records_and_cannot_stop_the_show() {
    let mut show = Show::builder().headless().start();
    let osc = &show.osc;
    assert_eq!(osc.ask("/loop/speed"), f64::from(0.3f32));
    osc.number("/loop/speed", 0.0);
    osc.wait_for_value("/loop/speed", 0.0);
    osc.number("/unit/loop/glide", 0.0);
    osc.send("/keyframe/3/jump", vec![]);
    osc.wait_for_value("/loop/position", 2.0);
    osc.number("/loop/speed", 99.0);
    osc.wait_for_value("/loop/speed", 8.0);
    osc.number("/loop/speed", f32::NAN);

    let pressed = Instant::now();
    show.press_record();
    // What is no OSC, what is nested beyond reason, what names nothing.
    osc.raw(&[0xff; 600]);
    let mut nested = b"/loop/speed\0,".to_vec();
    nested.extend([b'['; 30_000]);
    osc.raw(&nested);
    osc.send("/no/such/thing", vec![]);
    #[cfg(feature = "video")]
    let recorded = {
        show.wait_for_log("recording to takes/");
        let begun = Instant::now();
        show.wait_for_fragments(2);
        let at_least = begun.elapsed();
        show.press_record();
        show.wait_for_log("recorded takes/");
        at_least.as_secs_f64()..pressed.elapsed().as_secs_f64()
    };
    assert_eq!(osc.ask("/loop/speed"), 8.0);
    let stats = show.quit();
    assert!(stats["frames_shown"].as_u64().unwrap() > 10, "{stats}");
    assert!(stats["events_received"].as_u64().unwrap() >= 7, "{stats}");
    assert!(stats["events_refused"].as_u64().unwrap() >= 4, "{stats}");
    assert!(
        stats["control_latency_ms"]["p50"].as_f64().unwrap() > 0.0,
        "{stats}"
    );
    assert!(stats["engine"].as_str().unwrap().contains("cpu"), "{stats}");
    assert_eq!(stats["norm"], "running");

    #[cfg(feature = "video")]
    {
        let films = show.films();
        assert_eq!(films.len(), 1, "{films:?}");
        assert!(films[0].with_extension("take").exists(), "it has no take");
        let input = ffmpeg_next::format::input(&films[0]).unwrap();
        let secs = input.duration() as f64 / 1e6;
        // The last picture may be as old as the longest time between two.
        let longest = stats["frame_interval_ms"]["max"].as_f64().unwrap() / 1e3;
        let expected = recorded.start - 2.0 * longest..recorded.end;
        assert!(expected.contains(&secs), "{secs} s, not {expected:?}");
    }
}

#[test]
fn changes_are_sent_on_but_not_back_to_who_made_them() {
    let out = Osc::new(0);
    let to = out.socket.local_addr().unwrap().to_string();
    let mut show = Show::builder().headless().args(["--osc-out", &to]).start();
    let osc = &show.osc;
    let hear_until = |what: &str, count: usize| {
        let mut heard = Vec::new();
        wait_for(what, || {
            while heard.iter().filter(|addr| *addr == what).count() < count {
                let message = out.receive().ok_or(format!("but {heard:?}"))?;
                heard.push(message.addr);
            }
            Ok::<_, String>(())
        });
        heard
    };
    // At first everything is new. The head's place comes again and again, the next time when all else has come.
    let first = hear_until("/loop/position", 3);
    assert!(first.iter().any(|addr| addr == "/loop/speed"), "{first:?}");
    osc.number("/loop/speed", 0.5);
    osc.wait_for_value("/loop/speed", 0.5);
    osc.send("/keyframe/2/reroll", vec![]);
    let told = hear_until("/keyframe/2/seed", 1);
    // The head moves with every picture, and its place is sent thirty times a second at most.
    let begun = Instant::now();
    let heard = hear_until("/loop/position", 60);
    let secs = begun.elapsed().as_secs_f64();
    assert!(secs > 59.0 / 30.0 * 0.9, "60 in {secs} s");
    let is_speed = |addr: &&String| *addr == "/loop/speed";
    let echoed = told.iter().chain(&heard).filter(is_speed).count();
    assert_eq!(echoed, 0, "it is sent back");
    let seeds = heard.iter().filter(|addr| *addr == "/keyframe/2/seed");
    assert_eq!(seeds.count(), 0, "it is told twice");
    show.quit();
}

#[test]
fn where_eight_rows_take_too_long_their_statistics_are_interpolated() {
    let crystal = root().join("models/crystal.safetensors");
    let play = |fps: &str| {
        let show = Show::builder().plays(&crystal).headless();
        let show = show.args(["--norm", "batch", "--threads", "1"]);
        let figures = show
            .args(["--fps", fps, "--seconds", "4"])
            .launch()
            .ends_well();
        assert_eq!(figures["norm"], "batch");
        (figures["frames_interpolated"].as_u64().unwrap(), figures)
    };
    // Eight rows take tens of milliseconds: far too long for the one, far less than the other has.
    let (interpolated, figures) = play("240");
    assert!(interpolated > 20, "{figures}");
    let (interpolated, figures) = play("2");
    assert_eq!(interpolated, 0, "{figures}");
}

#[test]
fn a_taken_port_and_a_missing_sound_input_are_named_and_the_show_goes_on() {
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let show = Show::builder().headless().osc(&address);
    let mut show = show
        .args(["--seconds", "1", "--sound-in", "theremin"])
        .launch();
    let figures = show.ends_well();
    let log = show.log();
    assert!(log.contains(&address), "{log}");
    assert!(log.contains("theremin"), "{log}");
    assert!(figures["frames_shown"].as_u64().unwrap() > 3, "{figures}");
}

#[test]
fn the_next_preset_is_played_and_a_broken_one_is_named() {
    let show = Show::builder().headless();
    show.small_model();
    let presets = show.folder();
    let preset = |speed: &str| {
        format!(
            "version = 1\nmodel = \"m.safetensors\"\nkeyframes = [{{ seed = 1 }}, {{ seed = 2 }}]\n[params]\n\"loop.speed\" = {speed}\n"
        )
    };
    std::fs::write(presets.join("a.toml"), preset("0.5")).unwrap();
    std::fs::write(presets.join("b.toml"), preset("1.5")).unwrap();
    std::fs::write(presets.join("c.toml"), preset("99")).unwrap();
    // A name without a folder.
    let mut show = show.plays("a.toml").start();
    let osc = &show.osc;
    assert_eq!(osc.ask("/loop/speed"), 0.5);
    osc.send("/preset/next", vec![]);
    osc.wait_for_value("/loop/speed", 1.5);
    osc.text("/preset/load", "c");
    show.wait_for_log("-8 to 8");
    osc.text("/preset/load", "../a");
    show.wait_for_log("../a");
    assert_eq!(osc.ask("/loop/speed"), 1.5);
    osc.text("/preset/load", "a");
    osc.wait_for_value("/loop/speed", 0.5);
    show.quit();
}

#[cfg(target_os = "linux")]
#[test]
fn a_jack_midi_sender_jumps_to_a_keyframe() {
    let jack = JackServer::start();
    let show = Show::builder().headless();
    let mut show = show.env("JACK_DEFAULT_SERVER", &jack.name).start();
    show.osc.number("/loop/speed", 0.0);
    show.osc.wait_for_value("/loop/speed", 0.0);
    // Note 40 is the fifth pad of the default map; it is hit twice a second.
    let mut sender = jack.client("jack_midiseq");
    let sender = Process::start(sender.args(["seq", "24000", "0", "40", "8000"]));
    show.osc.wait_for_value("/loop/position", 4.0);
    drop(sender);
    show.quit();
}

/// The most rows of any column that are not black.
#[cfg(target_os = "linux")]
fn lit_rows(shot: &image::RgbImage) -> u32 {
    let lit = |x: u32, y: u32| shot.get_pixel(x, y).0.iter().any(|&level| level > 12);
    let rows = |x: u32| (0..shot.height()).filter(|&y| lit(x, y)).count() as u32;
    (0..shot.width()).step_by(16).map(rows).max().unwrap_or(0)
}

#[cfg(target_os = "linux")]
#[test]
fn in_a_window_the_loop_moves_fills_the_screen_and_goes_black_by_keys() {
    let desktop = Desktop::start();
    let mut show = Show::builder().on(&desktop).start();
    let osc = &show.osc;
    osc.number("/loop/speed", 1.0);
    let first = desktop.wait_until("a window with a picture", |shot| lit_rows(shot) > 200);
    desktop.wait_until("another picture", |shot| *shot != first);
    desktop.output().focus();
    let key = |keys: &str| desktop.key(keys);
    // All of a wide screen's height; beside the picture it is black.
    key("f");
    let full = desktop.wait_until("the whole screen", |shot| lit_rows(shot) >= 636);
    assert_eq!(full.get_pixel(4, 320).0, [0; 3]);
    key("b");
    desktop.wait_until("black", |shot| lit_rows(shot) == 0);
    key("b");
    key("Tab");
    desktop.wait_until("the readout", |shot| shot.get_pixel(4, 600).0 != [0; 3]);
    key("Tab");
    key("Escape");
    desktop.wait_until("a window again", |shot| lit_rows(shot) < 636);
    key("space");
    osc.wait_for_value("/loop/pause", 1.0);
    let seed = osc.ask("/keyframe/2/seed");
    key("shift+2");
    osc.wait_for("/keyframe/2/seed", |now| now != seed);
    key("BackSpace");
    osc.wait_for("/keyframe/2/seed", |now| now == seed);
    key("7");
    osc.wait_for_value("/loop/position", 6.0);
    key("ctrl+q");
    show.ends_well();
}

#[cfg(target_os = "linux")]
#[test]
fn on_layouts_that_print_no_ascii_keys_go_by_their_places() {
    for (layout, [blackout, reverse, quit]) in [
        ("ru", ["Cyrillic_i", "Cyrillic_che", "ctrl+Cyrillic_shorti"]),
        ("gr", ["Greek_beta", "Greek_chi", "ctrl+semicolon"]),
        ("il", ["hebrew_nun", "hebrew_samech", "ctrl+slash"]),
    ] {
        let desktop = Desktop::start();
        desktop.run("setxkbmap", &["-layout", layout]);
        let mut show = Show::builder().on(&desktop).start();
        desktop.wait_until("a window with a picture", |shot| lit_rows(shot) > 200);
        desktop.output().focus();
        let osc = &show.osc;
        desktop.key(blackout);
        osc.wait_for_value("/master/blackout", 1.0);
        desktop.key(reverse);
        osc.wait_for_value("/loop/reverse", 1.0);
        desktop.key(quit);
        show.ends_well();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_stands_where_it_was_put_and_closes_when_it_is_asked_twice() {
    let desktop = Desktop::start();
    let place = tempfile::tempdir().unwrap();
    let start = || Show::in_folder(place.path()).on(&desktop).start();
    let mut show = start();
    let output = desktop.output();
    output.act(&["windowmove", "--sync", &output.id, "220", "70"]);
    output.act(&["windowsize", "--sync", &output.id, "410", "300"]);
    let stood = output.place();
    assert_eq!(stood[2..], [410, 300]);
    let stands = |output: &Window, there: [i32; 4]| {
        wait_for("the output's place", || {
            let place = output.place();
            let is_near = place.iter().zip(there).all(|(a, b)| (a - b).abs() <= 2);
            is_near.then_some(()).ok_or(format!("{place:?}, {there:?}"))
        });
    };
    output.focus();
    output.act(&["key", "f"]);
    stands(&output, [0, 0, 1024, 640]);
    output.focus();
    output.act(&["key", "f"]);
    stands(&output, stood);

    // Once, and once more when it is too late.
    for times in 1..=2 {
        output.focus();
        output.act(&["key", "alt+F4"]);
        show.wait_for_logs("once more within 3 seconds ends the show", times);
        std::thread::sleep(std::time::Duration::from_millis(3100));
    }
    show.osc.number("/loop/speed", 0.0);
    show.osc.wait_for_value("/loop/speed", 0.0);
    output.act(&["key", "alt+F4"]);
    show.wait_for_logs("once more within 3 seconds ends the show", 3);
    output.act(&["key", "alt+F4"]);
    show.ends_well();

    let mut show = start();
    stands(&desktop.output(), stood);
    show.quit();
}

#[cfg(all(target_os = "linux", feature = "video"))]
#[test]
fn without_a_display_the_take_that_ships_becomes_a_film() {
    let place = tempfile::tempdir().unwrap();
    let output = Command::new(PROGRAM)
        .current_dir(place.path())
        .arg("play")
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("no display"), "{said}");
    let film = place.path().join("takes/first-take.mp4");
    let input = ffmpeg_next::format::input(&film).unwrap();
    let secs = input.duration() as f64 / 1e6;
    assert!((secs - 20.0).abs() < 0.1, "{secs} s");
}
