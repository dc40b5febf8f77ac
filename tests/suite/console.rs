//! The performer's console: the real program's second window under a real pointer.

use std::time::{Duration, Instant};

use rosc::OscType;

use crate::play::{Desktop, Osc, Running, free_port, latentloop};

/// The console's window.
struct Console<'a> {
    desktop: &'a Desktop,
    id: String,
}

impl<'a> Console<'a> {
    fn find(desktop: &'a Desktop) -> Self {
        let deadline = Instant::now() + Duration::from_secs(40);
        loop {
            let search = ["search", "--name", "latentloop console"];
            let found = desktop.run("xdotool", &search);
            let id = String::from_utf8_lossy(&found).trim().to_owned();
            if !id.is_empty() {
                return Self { desktop, id };
            }
            assert!(Instant::now() < deadline, "no console opens");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn act(&self, arguments: &[&str]) {
        self.desktop.run("xdotool", arguments);
    }

    fn focus(&self) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let focused = || self.desktop.run("xdotool", &["getwindowfocus"]);
        while String::from_utf8_lossy(&focused()).trim() != self.id {
            assert!(Instant::now() < deadline, "the console has no focus");
            self.act(&["windowactivate", &self.id]);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    fn point(&self, (x, y): (i32, i32)) {
        let (x, y) = (x.to_string(), y.to_string());
        self.act(&["mousemove", "--window", &self.id, &x, &y]);
        // Longer than from one of its pictures to the next.
        std::thread::sleep(Duration::from_millis(150));
    }

    fn click(&self, at: (i32, i32)) {
        self.point(at);
        self.act(&["click", "1"]);
    }

    fn drag(&self, from: (i32, i32), to: (i32, i32)) {
        self.point(from);
        self.act(&["mousedown", "1"]);
        for step in 1..=8 {
            let between = |from: i32, to: i32| from + (to - from) * step / 8;
            self.point((between(from.0, to.0), between(from.1, to.1)));
        }
        self.act(&["mouseup", "1"]);
    }

    fn screenshot(&self) -> image::RgbImage {
        let png = self.desktop.run("import", &["-window", &self.id, "png:-"]);
        image::load_from_memory(&png).unwrap().to_rgb8()
    }

    fn wait_until(&self, what: &str, holds: impl Fn(&image::RgbImage) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(40);
        while !holds(&self.screenshot()) {
            assert!(Instant::now() < deadline, "{what}: never seen");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// Where things are on a console of 1280 x 800.
const BLACKOUT: (i32, i32) = (40, 20);
const FADE: (i32, i32) = (376, 20);
const FIFTH: (i32, i32) = (226, 473);
const SIXTH: (i32, i32) = (97, 419);
const NAME: (i32, i32) = (120, 640);

#[test]
fn a_second_window_plays_the_show_by_pointer_and_keys() {
    let desktop = Desktop::of("1600x1000x24");
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(
        latentloop(place.path(), port)
            .args(["--console", "window"])
            .env("DISPLAY", &desktop.display)
            .env_remove("WAYLAND_DISPLAY"),
    );
    let osc = Osc::new(port);
    osc.ask("/loop/speed");
    osc.send("/loop/speed", vec![OscType::Float(0.0)]);
    osc.send("/loop/glide", vec![OscType::Float(0.0)]);
    osc.wait_for("/loop/speed", |speed| speed == 0.0);
    let console = Console::find(&desktop);
    let windows = desktop.run("xdotool", &["search", "--name", "^latentloop"]);
    let windows = String::from_utf8_lossy(&windows).lines().count();
    assert_eq!(windows, 2, "the output and the console");
    console.focus();
    let is_red = |shot: &image::RgbImage| {
        let [red, green, blue] = shot.get_pixel(BLACKOUT.0 as u32, BLACKOUT.1 as u32).0;
        red > 180 && green < 100 && blue < 100
    };
    console.wait_until("the console", |shot| {
        shot.dimensions() == (1280, 800) && shot.pixels().any(|p| p.0 == [240, 182, 74])
    });
    assert!(!is_red(&console.screenshot()));

    console.click(BLACKOUT);
    osc.wait_for("/master/blackout", |on| on == 1.0);
    console.wait_until("a red blackout", is_red);
    // A change from elsewhere is seen, too.
    osc.send("/master/blackout", vec![OscType::Float(0.0)]);
    console.wait_until("a dark blackout", |shot| !is_red(shot));
    console.click(FADE);
    osc.wait_for("/master/fade", |fade| (0.35..0.65).contains(&fade));

    console.click(FIFTH);
    osc.wait_for("/loop/position", |position| position == 4.0);
    let seed = osc.ask("/keyframe/5/seed");
    console.act(&["keydown", "shift"]);
    console.click(FIFTH);
    console.act(&["keyup", "shift"]);
    osc.wait_for("/keyframe/5/seed", |now| now != seed);
    let (fifth, sixth) = (osc.ask("/keyframe/5/seed"), osc.ask("/keyframe/6/seed"));
    console.drag(FIFTH, SIXTH);
    osc.wait_for("/keyframe/6/seed", |now| now == fifth);
    osc.wait_for("/keyframe/5/seed", |now| now == sixth);

    // Keys are the show's, but for those that are typed into a field.
    console.act(&["key", "7"]);
    osc.wait_for("/loop/position", |position| position == 6.0);
    console.click(NAME);
    std::thread::sleep(Duration::from_millis(500));
    console.act(&["type", "b2"]);
    std::thread::sleep(Duration::from_millis(500));
    console.act(&["key", "Escape"]);
    std::thread::sleep(Duration::from_millis(500));
    console.act(&["key", "space"]);
    osc.wait_for("/loop/pause", |pause| pause == 1.0);
    assert_eq!(osc.ask("/master/blackout"), 0.0);
    assert_eq!(osc.ask("/loop/position"), 6.0);

    // Without the console the show goes on.
    console.focus();
    console.act(&["key", "alt+F4"]);
    let gone = |id: &str| desktop.run("xdotool", &["getwindowname", id]).is_empty();
    let deadline = Instant::now() + Duration::from_secs(20);
    while !gone(&console.id) {
        assert!(Instant::now() < deadline, "the console stays");
        std::thread::sleep(Duration::from_millis(100));
    }
    osc.send("/keyframe/2/jump", vec![]);
    osc.wait_for("/loop/position", |position| position == 1.0);
    osc.send("/show/quit", vec![]);
    assert!(
        show.ends_well(),
        "{}",
        std::fs::read_to_string(place.path().join("log")).unwrap()
    );
}
