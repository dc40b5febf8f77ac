//! Projectors: outputs on monitors by name, unplugged, plugged in again, moved on, several at once.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use image::RgbImage;
use rosc::OscType;

use crate::play::{Desktop, Osc, Running, free_port, latentloop};

/// The second monitor of the test's server.
const PROJECTOR: &str = "DUMMY1";
const SIZE: (u32, u32) = (1280, 720);

/// A server with two monitors side by side.
struct Hall(Desktop);

impl Hall {
    /// None where such a server may not be started.
    fn new() -> Option<Self> {
        let user = Command::new("id").arg("-u").output().unwrap().stdout;
        if user.trim_ascii() != b"0" {
            println!("left out: a server with two monitors needs root");
            return None;
        }
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let config = root.join("tests/stage/two-monitors.conf");
        let place = tempfile::tempdir().unwrap();
        let log = place.path().join("xorg.log");
        let mut command = Command::new("Xorg");
        command
            .args(["-displayfd", "1", "-noreset", "-nolisten", "tcp", "-config"])
            .arg(config)
            .arg("-logfile")
            .arg(log)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let hall = Self(Desktop::on(&mut command));
        hall.xrandr(&["--addmode", PROJECTOR, "1280x720"]);
        hall.plug();
        Some(hall)
    }

    fn xrandr(&self, arguments: &[&str]) {
        self.0.run("xrandr", arguments);
    }

    fn plug(&self) {
        let on = ["--output", PROJECTOR, "--mode", "1280x720"];
        self.xrandr(&[&on[..], &["--right-of", "DUMMY0"]].concat());
    }

    fn unplug(&self) {
        self.xrandr(&["--output", PROJECTOR, "--off"]);
    }

    /// Waits for what both monitors show.
    fn wait_until(&self, what: &str, holds: impl Fn(&RgbImage) -> bool) -> RgbImage {
        self.0.wait_until(what, holds)
    }
}

/// Columns and rows in which something is lit, of those from x = `left` on.
fn lit(shot: &RgbImage, left: u32) -> Option<(u32, u32)> {
    let width = shot.width().checked_sub(left)?.min(SIZE.0);
    let lit = |x: u32, y: u32| {
        shot.get_pixel(left + x, y)
            .0
            .iter()
            .any(|&level| level > 12)
    };
    let rows = shot.height().min(SIZE.1);
    let columns = (0..width).filter(|&x| (0..rows).step_by(8).any(|y| lit(x, y)));
    let lines = (0..rows).filter(|&y| (0..width).step_by(8).any(|x| lit(x, y)));
    Some((columns.count() as u32, lines.count() as u32))
}

/// Whether the whole height of a monitor shows the square picture, and beside it there is black.
fn fits(shot: &RgbImage, left: u32) -> bool {
    let wide = |(columns, lines): (u32, u32)| (600..=724).contains(&columns) && lines >= 700;
    lit(shot, left).is_some_and(wide) && shot.get_pixel(left + 4, 300).0 == [0; 3]
}

/// Whether all of a monitor shows the picture.
fn fills(shot: &RgbImage, left: u32) -> bool {
    lit(shot, left).is_some_and(|(columns, lines)| columns >= 1200 && lines >= 690)
}

/// A show in windows of a desktop, without a console.
fn windowed(folder: &std::path::Path, port: u16, desktop: &Desktop) -> Command {
    let mut command = latentloop(folder, port);
    desktop.shows(command.args(["--console", "none"]));
    command
}

fn log(folder: &std::path::Path) -> String {
    std::fs::read_to_string(folder.join("log")).unwrap()
}

#[test]
fn an_output_goes_back_to_its_projector_and_two_outputs_have_fits_of_their_own() {
    let Some(hall) = Hall::new() else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let show = |more: &[&str]| {
        let port = free_port();
        let show = Running::start(windowed(place.path(), port, &hall.0).args(more));
        let osc = Osc::new(port);
        osc.ask("/loop/speed");
        osc.send("/loop/speed", vec![OscType::Float(1.0)]);
        (show, osc)
    };
    let (mut running, osc) = show(&["--monitor", "dummy1"]);
    let said = |words: &str| {
        let deadline = Instant::now() + Duration::from_secs(120);
        while !log(place.path()).contains(words) {
            let log = log(place.path());
            assert!(Instant::now() < deadline, "{words:?} is not said: {log}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    hall.wait_until("the projector's picture", |shot| fits(shot, SIZE.0));

    // Unplugged, it is a window on the other monitor, and the show goes on.
    hall.unplug();
    said("monitor DUMMY1 is gone");
    let first = hall.wait_until("a window on the other monitor", |shot| {
        lit(shot, 0).is_some_and(|(columns, lines)| columns > 300 && lines > 300)
    });
    hall.wait_until("another picture", |shot| *shot != first);
    // Plugged in, it goes back.
    let begun = Instant::now();
    hall.plug();
    said("monitor DUMMY1 is there");
    hall.wait_until("the projector's picture again", |shot| {
        fits(shot, SIZE.0) && lit(shot, 0).is_some_and(|(columns, _)| columns == 0)
    });
    println!("back within {:?}", begun.elapsed());
    // Moved on, and on again.
    osc.send("/window/next_monitor", vec![]);
    hall.wait_until("the first monitor's picture", |shot| fits(shot, 0));
    // By name; a name that is none leaves it where it is.
    osc.send("/window/monitor", vec![OscType::String("beamer".into())]);
    said("no monitor is named \"beamer\"");
    osc.send("/window/monitor", vec![OscType::String("DUMMY1".into())]);
    hall.wait_until("the projector's picture once more", |shot| {
        fits(shot, SIZE.0)
    });
    osc.send("/show/quit", vec![]);
    assert!(running.ends_well(), "{}", log(place.path()));

    // Where it was is remembered.
    let (mut running, osc) = show(&[]);
    hall.wait_until("the remembered monitor's picture", |shot| {
        fits(shot, SIZE.0)
    });
    osc.send("/show/quit", vec![]);
    assert!(running.ends_well());

    // Two outputs, each with its own fit; the one whose monitor is not there yet is awaited.
    hall.unplug();
    let (mut running, osc) = show(&["--monitor", "dummy0", "--monitor", "dummy1"]);
    said("no monitor is named \"dummy1\"");
    hall.wait_until("the first output", |shot| fits(shot, 0));
    hall.plug();
    osc.send("/stage/fit_2", vec![OscType::String("fill".into())]);
    hall.wait_until("both outputs", |shot| fits(shot, 0) && fills(shot, SIZE.0));
    osc.send("/show/quit", vec![]);
    assert!(running.ends_well());
}

#[test]
fn a_lost_graphics_card_is_opened_again() {
    let desktop = Desktop::start();
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut command = windowed(place.path(), port, &desktop);
    let mut show = Running::start(command.env("LATENTLOOP_LOSE_CARD_AFTER", "2"));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    osc.send("/loop/speed", vec![OscType::Float(1.0)]);
    osc.send("/look/vignette", vec![OscType::Float(1.0)]);
    let deadline = Instant::now() + Duration::from_secs(120);
    let again = |times: usize| {
        log(place.path())
            .matches("graphics card is there again")
            .count()
            >= times
    };
    // Twice, for the one that was opened again is lost as well.
    while !again(2) {
        assert!(Instant::now() < deadline, "{}", log(place.path()));
        std::thread::sleep(Duration::from_millis(50));
    }
    let first = desktop.wait_until("a picture", |shot| {
        lit(shot, 0).is_some_and(|(columns, lines)| columns > 200 && lines > 200)
    });
    desktop.wait_until("another picture", |shot| *shot != first);
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well(), "{}", log(place.path()));
}

#[test]
fn while_a_show_runs_the_screen_saver_stays_away() {
    let desktop = Desktop::start();
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(&mut windowed(place.path(), port, &desktop));
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    // Milliseconds for which nobody was there, as the server has it.
    let idle = || {
        let text = String::from_utf8(desktop.run("xprintidle", &[])).unwrap();
        text.trim().parse::<u64>().unwrap()
    };
    std::thread::sleep(Duration::from_secs(14));
    assert!(idle() < 12_000, "{}", idle());
    osc.send("/show/quit", vec![]);
    assert!(show.ends_well(), "{}", log(place.path()));
    let deadline = Instant::now() + Duration::from_secs(120);
    while idle() < 13_000 {
        assert!(Instant::now() < deadline, "it stays away without a show");
        std::thread::sleep(Duration::from_millis(500));
    }
}
