//! Recordings of a show: begun, armed, called off and closed.

use std::path::Path;

use crate::app::rehearsal::Rehearsal;
use crate::app::show::Show;

fn is_on(show: &Show, now: std::time::Instant) -> bool {
    show.recording.session.running(now).is_some()
}

fn takes(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder.join("takes")) else {
        return Vec::new();
    };
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

/// PNG pictures of a recording's folder.
fn pictures(folder: &Path) -> usize {
    let films = takes(folder);
    let film = films.iter().find(|name| !name.ends_with(".take")).unwrap();
    let files = std::fs::read_dir(folder.join("takes").join(film)).unwrap();
    files
        .filter(|file| {
            let path = file.as_ref().unwrap().path();
            path.extension().is_some_and(|e| e == "png")
        })
        .count()
}

#[test]
fn a_recording_has_its_pictures_and_a_take_beside_it() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.frames(10);
    rehearsal.fire("record.toggle");
    rehearsal.until("the recording", |r| {
        is_on(&r.show, crate::app::clock::Clock::now(&r.clock))
    });
    rehearsal.frames(30);
    assert_eq!(rehearsal.value("record.toggle"), 1.0);
    rehearsal.fire("record.toggle");
    rehearsal.frames(2);
    assert_eq!(rehearsal.value("record.toggle"), 0.0);
    let (report, folder) = rehearsal.end();
    let films = takes(folder.path());
    assert_eq!(films.len(), 2, "{films:?}");
    assert!(
        films.iter().any(|name| name.ends_with(".take")),
        "{films:?}"
    );
    let pictures = pictures(folder.path()) as u64;
    assert!(
        pictures + report.recorder_dropped >= 30,
        "{pictures}, {report:?}"
    );
}

#[test]
fn a_recording_that_is_called_off_before_it_begins_leaves_no_file() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.frames(10);
    // Asked for and called off within a frame, then armed and called off.
    rehearsal.fire("record.toggle");
    rehearsal.fire("record.toggle");
    rehearsal.frames(5);
    rehearsal.set("record.arm", 2.0);
    rehearsal.fire("record.toggle");
    rehearsal.frames(5);
    rehearsal.fire("record.toggle");
    rehearsal.frames(5);
    assert!(
        rehearsal
            .notices()
            .contains(&"the recording no longer waits".to_owned())
    );
    let (report, folder) = rehearsal.end();
    assert_eq!(report.recorder_encoder, None);
    assert!(
        takes(folder.path()).is_empty(),
        "{:?}",
        takes(folder.path())
    );
}

#[test]
fn an_armed_recording_begins_at_the_bar() {
    let mut rehearsal = Rehearsal::new();
    rehearsal.frames(10);
    rehearsal.set("record.arm", 2.0);
    rehearsal.fire("record.toggle");
    let bar = |r: &Rehearsal| {
        let instrument = r.show.performance.instrument();
        (instrument.beat() / instrument.value(r.id("beat.per_bar"))).floor()
    };
    rehearsal.frames(1);
    // Opened beforehand, it begins without more ado.
    let now = crate::app::clock::Clock::now(&rehearsal.clock);
    while !rehearsal.show.recording.session.is_ready() {
        assert!(rehearsal.show.recording.session.follow(now).is_none());
        std::thread::yield_now();
    }
    let mut last = bar(&rehearsal);
    rehearsal.until("the next bar", |r| {
        let now = bar(r);
        if is_on(&r.show, crate::app::clock::Clock::now(&r.clock)) {
            assert_ne!(now, last, "it begins where a bar does");
            return true;
        }
        last = now;
        false
    });
    let (report, folder) = rehearsal.end();
    assert!(report.recorder_encoder.is_some());
    assert_eq!(takes(folder.path()).len(), 2);
}
