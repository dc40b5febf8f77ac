//! Projectors: outputs on monitors by name, unplugged, plugged in again, moved on, several at once.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use image::RgbImage;
use tempfile::TempDir;

use crate::support::{Desktop, Show, ShowBuilder, root, skip, wait_every, wait_for};

/// The second monitor of the test's server.
const PROJECTOR: &str = "DUMMY1";
const SIZE: (u32, u32) = (1280, 720);

/// A server with two monitors side by side.
struct Hall {
    desktop: Desktop,
    /// Where the server's log is.
    _place: TempDir,
}

impl Hall {
    /// None where such a server may not be started.
    fn new() -> Option<Self> {
        let user = Command::new("id").arg("-u").output().unwrap().stdout;
        if user.trim_ascii() != b"0" {
            skip("monitors", "a server with two monitors needs root");
            return None;
        }
        let config = root().join("tests/stage/two-monitors.conf");
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
        let hall = Self {
            desktop: Desktop::on(&mut command),
            _place: place,
        };
        hall.xrandr(&["--addmode", PROJECTOR, "1280x720"]);
        hall.plug();
        Some(hall)
    }

    fn xrandr(&self, arguments: &[&str]) {
        self.desktop.run("xrandr", arguments);
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
        self.desktop.wait_until(what, holds)
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
fn windowed(show: ShowBuilder, desktop: &Desktop) -> ShowBuilder {
    show.args(["--console", "none"]).on(desktop)
}

#[test]
fn an_output_goes_back_to_its_projector_and_two_outputs_have_fits_of_their_own() {
    let Some(hall) = Hall::new() else {
        return;
    };
    let place = tempfile::tempdir().unwrap();
    let start = |more: &[&str]| {
        let show = windowed(Show::in_folder(place.path()), &hall.desktop);
        let show = show.args(more).start();
        show.osc.number("/loop/speed", 1.0);
        show
    };
    let mut show = start(&["--monitor", "dummy1"]);
    hall.wait_until("the projector's picture", |shot| fits(shot, SIZE.0));

    // Unplugged, it is a window on the other monitor, and the show goes on.
    hall.unplug();
    show.wait_for_log("monitor DUMMY1 is gone");
    let first = hall.wait_until("a window on the other monitor", |shot| {
        lit(shot, 0).is_some_and(|(columns, lines)| columns > 300 && lines > 300)
    });
    hall.wait_until("another picture", |shot| *shot != first);
    // Plugged in, it goes back.
    let begun = Instant::now();
    hall.plug();
    show.wait_for_log("monitor DUMMY1 is there");
    hall.wait_until("the projector's picture again", |shot| {
        fits(shot, SIZE.0) && lit(shot, 0).is_some_and(|(columns, _)| columns == 0)
    });
    println!("back within {:?}", begun.elapsed());
    // Moved on, and on again.
    show.osc.send("/window/next_monitor", vec![]);
    hall.wait_until("the first monitor's picture", |shot| fits(shot, 0));
    // By name; a name that is none leaves it where it is.
    show.osc.text("/window/monitor", "beamer");
    show.wait_for_log("no monitor is named \"beamer\"");
    show.osc.text("/window/monitor", "DUMMY1");
    hall.wait_until("the projector's picture once more", |shot| {
        fits(shot, SIZE.0)
    });
    show.quit();

    // Where it was is remembered.
    let mut show = start(&[]);
    hall.wait_until("the remembered monitor's picture", |shot| {
        fits(shot, SIZE.0)
    });
    show.quit();

    // Two outputs, each with its own fit; the one whose monitor is not there yet is awaited.
    hall.unplug();
    let mut show = start(&["--monitor", "dummy0", "--monitor", "dummy1"]);
    show.wait_for_log("no monitor is named \"dummy1\"");
    hall.wait_until("the first output", |shot| fits(shot, 0));
    hall.plug();
    show.osc.text("/stage/fit_2", "fill");
    hall.wait_until("both outputs", |shot| fits(shot, 0) && fills(shot, SIZE.0));
    show.quit();
}

#[test]
fn a_lost_graphics_card_is_opened_again() {
    let desktop = Desktop::start();
    let show = windowed(Show::builder(), &desktop);
    let mut show = show.env("LATENTLOOP_LOSE_CARD_AFTER", "2").start();
    show.osc.number("/loop/speed", 1.0);
    show.osc.number("/look/vignette", 1.0);
    // Twice, for the one that was opened again is lost as well.
    show.wait_for_logs("graphics card is there again", 2);
    let first = desktop.wait_until("a picture", |shot| {
        lit(shot, 0).is_some_and(|(columns, lines)| columns > 200 && lines > 200)
    });
    desktop.wait_until("another picture", |shot| *shot != first);
    show.quit();
}

#[test]
fn while_a_show_runs_the_screen_saver_stays_away() {
    let desktop = Desktop::start();
    let mut show = windowed(Show::builder(), &desktop).start();
    // Milliseconds for which nobody was there, as the server has it. Nobody is: without a show it only grows.
    let idle = || -> u64 { desktop.ask("xprintidle", &[]).parse().unwrap() };
    for _ in 0..2 {
        let mut longest = 0;
        wait_for("the server to be told that somebody is there", || {
            let now = idle();
            if now < longest {
                return Ok(());
            }
            longest = now;
            Err(format!("nobody was for {now} ms"))
        });
        assert!(longest < 12_000, "{longest} ms");
    }
    show.quit();
    // A show would not have waited so long.
    wait_every(
        Duration::from_millis(200),
        "the screen saver's time",
        || {
            let now = idle();
            (now > 6_000).then_some(()).ok_or(now)
        },
    );
}
