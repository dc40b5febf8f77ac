//! X servers of the tests' own, with a window manager, and what is done there with a pointer and keys.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use image::RgbImage;

use super::{Process, wait_every, wait_for};

/// From one screenshot to the next: each takes longer than that.
const LOOK: Duration = Duration::from_millis(100);

/// A display with a window manager, and a graphics driver that needs no card.
pub(crate) struct Desktop {
    pub(crate) display: String,
    pub(crate) server: Process,
    _manager: Process,
}

impl Desktop {
    pub(crate) fn start() -> Self {
        Self::of("1024x640x24")
    }

    /// One of that size and depth.
    pub(crate) fn of(size: &str) -> Self {
        let mut command = Command::new("Xvfb");
        command
            .args(["-displayfd", "1", "-screen", "0", size, "-nolisten", "tcp"])
            // Where the last one leaves, the server begins anew, and who comes in that moment is thrown out.
            .arg("-noreset")
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        Self::on(&mut command)
    }

    /// One on a server that tells the number of its display on its output.
    pub(crate) fn on(command: &mut Command) -> Self {
        let mut server = Process::start(command);
        let mut line = String::new();
        BufReader::new(server.0.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let display = format!(":{}", line.trim());
        let mut manager = Command::new("openbox");
        manager
            .env("DISPLAY", &display)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let desktop = Self {
            _manager: Process::start(&mut manager),
            server,
            display,
        };
        // A window that is opened while the manager starts may be lost between the two.
        wait_for("openbox", || {
            let told = desktop.ask("xdotool", &["get_num_desktops"]);
            let is_there = !["", "0"].contains(&told.as_str());
            is_there.then_some(()).ok_or(told)
        });
        desktop
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new(program);
        command.env("DISPLAY", &self.display).args(arguments);
        command.output().unwrap().stdout
    }

    /// What a program prints, trimmed.
    pub(crate) fn ask(&self, program: &str, arguments: &[&str]) -> String {
        let told = self.run(program, arguments);
        String::from_utf8_lossy(&told).trim().to_owned()
    }

    pub(crate) fn key(&self, keys: &str) {
        self.run("xdotool", &["key", keys]);
    }

    /// Waits for what its screen shows.
    pub(crate) fn wait_until(&self, what: &str, holds: impl Fn(&RgbImage) -> bool) -> RgbImage {
        wait_for_picture(what, || self.screenshot("root"), holds)
    }

    fn screenshot(&self, window: &str) -> RgbImage {
        // Not as PNG: to pack and to unpack a screen costs more than to look at it.
        let told = self.run("import", &["-window", window, "-depth", "8", "ppm:-"]);
        let mut lines = told.splitn(4, |&byte| byte == b'\n');
        let [Some(b"P6"), Some(size), Some(b"255"), Some(pixels)] = [(); 4].map(|()| lines.next())
        else {
            panic!("no screenshot of {window}");
        };
        let size = String::from_utf8_lossy(size);
        let mut sides = size.split(' ').map(|side| side.parse().unwrap());
        let [width, height] = [(); 2].map(|()| sides.next().unwrap());
        RgbImage::from_raw(width, height, pixels.to_vec()).unwrap()
    }

    /// The window of that name, once it is open.
    pub(crate) fn window(&self, name: &str) -> Window<'_> {
        let search = ["search", "--onlyvisible", "--name", name];
        let id = wait_for(&format!("a window {name}"), || {
            let id = self.ask("xdotool", &search);
            (!id.is_empty()).then_some(id).ok_or("none opens")
        });
        Window { desktop: self, id }
    }

    /// The show's window.
    pub(crate) fn output(&self) -> Window<'_> {
        self.window("^latentloop$")
    }

    /// The performer's console.
    pub(crate) fn console(&self) -> Window<'_> {
        self.window("^latentloop console$")
    }
}

fn wait_for_picture(
    what: &str,
    take: impl Fn() -> RgbImage,
    mut holds: impl FnMut(&RgbImage) -> bool,
) -> RgbImage {
    wait_every(LOOK, what, || {
        let shot = take();
        if holds(&shot) {
            return Ok(shot);
        }
        Err("it is not seen")
    })
}

/// A window of the program.
pub(crate) struct Window<'a> {
    desktop: &'a Desktop,
    pub(crate) id: String,
}

impl Window<'_> {
    /// Has xdotool do something.
    pub(crate) fn act(&self, arguments: &[&str]) {
        self.desktop.run("xdotool", arguments);
    }

    pub(crate) fn focus(&self) {
        wait_every(LOOK, "the window's focus", || {
            let focused = self.desktop.ask("xdotool", &["getwindowfocus"]);
            if focused == self.id {
                return Ok(());
            }
            self.act(&["windowactivate", &self.id]);
            Err(focused)
        });
    }

    pub(crate) fn point(&self, (x, y): (i32, i32)) {
        let (x, y) = (x.to_string(), y.to_string());
        self.act(&["mousemove", "--window", &self.id, &x, &y]);
        // Longer than from one of its pictures to the next: egui takes a press where the pointer was in the last one.
        std::thread::sleep(Duration::from_millis(150));
    }

    pub(crate) fn click(&self, at: (i32, i32)) {
        self.point(at);
        self.act(&["click", "1"]);
    }

    /// Drags something, and looks at the window before it is let go.
    pub(crate) fn drag(&self, from: (i32, i32), to: (i32, i32), look: impl FnOnce()) {
        self.point(from);
        self.act(&["mousedown", "1"]);
        for step in 1..=8 {
            let between = |from: i32, to: i32| from + (to - from) * step / 8;
            self.point((between(from.0, to.0), between(from.1, to.1)));
        }
        look();
        self.act(&["mouseup", "1"]);
    }

    /// Its corner and its size in pixels.
    pub(crate) fn place(&self) -> [i32; 4] {
        // xdotool counts the frame around a window twice: the corner is where a pointer lands there.
        self.act(&["mousemove", "--window", &self.id, "0", "0"]);
        let ask = |arguments: &[&str], names: [&str; 2]| {
            let told = self.desktop.ask("xdotool", arguments);
            names.map(|name| {
                let found = told.lines().find_map(|line| line.strip_prefix(name));
                found
                    .and_then(|number| number.parse().ok())
                    .unwrap_or_else(|| panic!("{told}"))
            })
        };
        let [x, y] = ask(&["getmouselocation", "--shell"], ["X=", "Y="]);
        let size = ["getwindowgeometry", "--shell", &self.id];
        let [width, height] = ask(&size, ["WIDTH=", "HEIGHT="]);
        [x, y, width, height]
    }

    /// Brings it beside a console that stands at the left.
    pub(crate) fn put_aside(&self) {
        self.act(&["windowmove", "--sync", &self.id, "1400", "100"]);
    }

    pub(crate) fn screenshot(&self) -> RgbImage {
        self.desktop.screenshot(&self.id)
    }

    /// Waits for what it shows.
    pub(crate) fn wait_until(&self, what: &str, holds: impl FnMut(&RgbImage) -> bool) -> RgbImage {
        wait_for_picture(what, || self.screenshot(), holds)
    }

    pub(crate) fn wait_until_gone(&self) {
        wait_for("the window's end", || {
            let name = self.desktop.ask("xdotool", &["getwindowname", &self.id]);
            name.is_empty().then_some(()).ok_or("it stays")
        });
    }
}
