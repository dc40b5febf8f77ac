//! The look in a show: what is recorded has it, without a screen too.

use std::time::{Duration, Instant};

use latentloop::footage;
use rosc::OscType;

use crate::play::{Osc, Running, free_port, latentloop};

/// Mean byte of every picture of a film.
fn light(film: &std::path::Path) -> Vec<u64> {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("set");
    let settings = footage::Settings {
        size: None,
        format: footage::Format::Png,
        ..footage::Settings::default()
    };
    let stop = std::sync::atomic::AtomicBool::new(false);
    let cut = footage::cut(&[film.into()], &folder, &settings, &stop, &mut |_| {}).unwrap();
    let mean = |number: u64| {
        let picture = image::open(folder.join(format!("{number:06}.png"))).unwrap();
        let bytes = picture.to_rgb8().into_raw();
        bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>() / bytes.len() as u64
    };
    (1..=cut.count as u64).map(mean).collect()
}

#[test]
fn what_a_show_without_a_screen_records_has_its_look() {
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).arg("--headless"));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    osc.send("/loop/pause", vec![OscType::Float(1.0)]);
    osc.send("/record/toggle", vec![OscType::Float(1.0)]);
    std::thread::sleep(Duration::from_millis(800));
    // All of its light is taken away.
    osc.send("/look/gain", vec![OscType::Float(0.0)]);
    osc.wait_for("/look/gain", |gain| gain == 0.0);
    std::thread::sleep(Duration::from_secs(4));
    osc.send("/record/toggle", vec![OscType::Float(0.0)]);
    std::thread::sleep(Duration::from_millis(300));
    osc.send("/show/quit", vec![]);
    let log = || std::fs::read_to_string(place.path().join("log")).unwrap();
    assert!(show.ends_well(), "{}", log());
    let films = std::fs::read_dir(place.path().join("takes")).unwrap();
    let film = films
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|ending| ending == "mp4"))
        .unwrap_or_else(|| panic!("no film: {}", log()));
    let begun = Instant::now();
    let seen = light(&film);
    assert!(begun.elapsed() < Duration::from_secs(60));
    assert!(seen[0] > 30, "the plain picture is lit: {seen:?}");
    let last = seen[seen.len() - 1];
    assert!(last <= 2, "the look took its light: {seen:?}\n{}", log());
}
