//! A show: `latentloop play` in a folder of its own, with OSC at a port of the system's choice.

use std::ffi::{OsStr, OsString};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rosc::{OscMessage, OscPacket, OscType};
use tempfile::TempDir;

use super::{PROGRAM, Process, limit_file_size, limit_open_files, model, wait_for};

/// A show that is about to start.
pub(crate) struct ShowBuilder {
    folder: PathBuf,
    own: Option<TempDir>,
    plays: PathBuf,
    osc: String,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    largest_file_kib: Option<u32>,
    open_files: Option<u32>,
    stdout: Stdio,
    stderr: Option<Stdio>,
}

impl ShowBuilder {
    /// Where it runs: its log, its statistics and its takes are there.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Plays this model or preset.
    pub(crate) fn plays(mut self, model_or_preset: impl Into<PathBuf>) -> Self {
        self.plays = model_or_preset.into();
        self
    }

    /// Plays this preset, which refers to the small model as `m.safetensors`.
    pub(crate) fn preset(self, name: &str, text: &str) -> Self {
        self.small_model();
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        self.plays(path)
    }

    /// Puts the small model into its folder, as `m.safetensors`.
    pub(crate) fn small_model(&self) {
        std::fs::copy(model(), self.folder.join("m.safetensors")).unwrap();
    }

    pub(crate) fn headless(self) -> Self {
        self.args(["--headless"])
    }

    /// Listens to OSC there.
    pub(crate) fn osc(mut self, address: &str) -> Self {
        address.clone_into(&mut self.osc);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        let arguments = arguments.into_iter().map(|a| a.as_ref().to_owned());
        self.arguments.extend(arguments);
        self
    }

    pub(crate) fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((key.into(), value.as_ref().into()));
        self
    }

    /// Opens its windows there.
    #[cfg(target_os = "linux")]
    pub(crate) fn on(self, desktop: &super::Desktop) -> Self {
        self.env("DISPLAY", &desktop.display)
    }

    /// Lets no file grow beyond this.
    pub(crate) fn largest_file_kib(mut self, kib: u32) -> Self {
        self.largest_file_kib = Some(kib);
        self
    }

    /// Lets it have no more files open at once.
    pub(crate) fn open_files(mut self, files: u32) -> Self {
        self.open_files = Some(files);
        self
    }

    /// Keeps what it writes to its standard output for the test.
    pub(crate) fn piped(mut self) -> Self {
        self.stdout = Stdio::piped();
        self
    }

    /// Logs there, and not into a file.
    pub(crate) fn stderr(mut self, to: impl Into<Stdio>) -> Self {
        self.stderr = Some(to.into());
        self
    }

    /// Its command, without its streams.
    fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .current_dir(&self.folder)
            .arg("play")
            .arg(&self.plays)
            .args(["--osc", &self.osc, "--stats", "stats.json"])
            .args(&self.arguments)
            .env_remove("WAYLAND_DISPLAY")
            // No JACK server but a test's own.
            .env("JACK_DEFAULT_SERVER", "none")
            // Shaders that a driver compiled and algorithms that were measured once are there for the next one, too.
            .env(
                "XDG_CACHE_HOME",
                concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"),
            )
            .env("LATENTLOOP_CONFIG", self.folder.join("config"))
            .envs(self.environment.iter().map(|(key, value)| (key, value)));
        match (self.largest_file_kib, self.open_files) {
            (Some(kib), _) => limit_file_size(&command, kib),
            (None, Some(files)) => limit_open_files(&command, files),
            (None, None) => command,
        }
    }

    /// Starts it, and waits for nothing.
    pub(crate) fn launch(self) -> Launched {
        let mut command = self.command();
        let log = std::fs::File::create(self.folder.join("log")).unwrap();
        let stderr = self.stderr.unwrap_or(log.into());
        let process = Process::start(command.stdout(self.stdout).stderr(stderr));
        // It holds the ends of pipes that the program is to hold alone.
        drop(command);
        Launched {
            process,
            folder: self.folder,
            _own: self.own,
        }
    }

    /// Starts it, and waits until it answers.
    pub(crate) fn start(self) -> Show {
        let mut launched = self.launch();
        let address: SocketAddr = launched.wait_for_address("OSC: ");
        let osc = Osc::new(address.port());
        // It listens before it plays, and tells defaults until then.
        osc.wait_for("/beat/phase", |phase| phase > 0.0);
        Show { launched, osc }
    }
}

/// A show's process and folder.
pub(crate) struct Launched {
    pub(crate) process: Process,
    folder: PathBuf,
    _own: Option<TempDir>,
}

impl Launched {
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn log(&self) -> String {
        // The last line may be cut in the middle of a letter.
        String::from_utf8_lossy(&std::fs::read(self.folder.join("log")).unwrap()).into_owned()
    }

    pub(crate) fn wait_for_log(&self, words: &str) {
        self.wait_for_logs(words, 1);
    }

    /// Waits until the words were said so often.
    pub(crate) fn wait_for_logs(&self, words: &str, times: usize) {
        wait_for(&format!("{words:?} in the log ({times} times)"), || {
            let log = self.log();
            if log.matches(words).count() < times {
                return Err(log);
            }
            Ok(())
        });
    }

    /// The address that the log tells after these words.
    pub(crate) fn wait_for_address(&mut self, words: &str) -> SocketAddr {
        wait_for(&format!("{words:?} and an address in the log"), || {
            // What it said last is read after its end was seen.
            let ended = self.process.ended();
            let log = self.log();
            let told = log.split_once(words).and_then(|(_, rest)| {
                let (address, _) = rest.split_once(char::is_whitespace)?;
                address.parse().ok()
            });
            assert!(told.is_some() || ended.is_none(), "{ended:?}: {log}");
            told.ok_or(log)
        })
    }

    /// Waits for its end, which has to be a good one. Its statistics, where it writes some.
    pub(crate) fn ends_well(&mut self) -> serde_json::Value {
        assert!(self.process.ends_well(), "{}", self.log());
        let text = std::fs::read_to_string(self.folder.join("stats.json")).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// What its folder of takes holds.
    fn takes(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.join("takes"));
        let entries = entries.into_iter().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        // Names that are reserved.
        paths.retain(|path| path.extension().is_none_or(|ending| ending != "recording"));
        paths.sort();
        paths
    }

    /// What was recorded, in the order of names: files, or folders of pictures.
    pub(crate) fn films(&self) -> Vec<PathBuf> {
        let mut films = self.takes();
        films.retain(|path| {
            path.extension()
                .is_none_or(|ending| ending != "take" && ending != "other")
        });
        films
    }

    /// Waits until the last film has grown on the disk so often: a fragment of half a second each time.
    pub(crate) fn wait_for_fragments(&self, count: usize) {
        let size = || {
            let films = self.films();
            let last = films.last()?;
            std::fs::metadata(last).ok().map(|found| found.len())
        };
        let (mut seen, mut last, mut grown) = (0, size().unwrap_or(0), Instant::now());
        wait_for("a growing film", || {
            let now = size().unwrap_or(0);
            // A fragment may come in more than one piece.
            if now > last && grown.elapsed() > Duration::from_millis(200) {
                (seen, grown) = (seen + 1, Instant::now());
            }
            last = now;
            (seen >= count).then_some(()).ok_or(self.log())
        });
    }
}

/// A show that answers.
pub(crate) struct Show {
    launched: Launched,
    pub(crate) osc: Osc,
}

impl std::ops::Deref for Show {
    type Target = Launched;

    fn deref(&self) -> &Launched {
        &self.launched
    }
}

impl std::ops::DerefMut for Show {
    fn deref_mut(&mut self) -> &mut Launched {
        &mut self.launched
    }
}

impl Show {
    /// One of the small model, in a folder that goes with it.
    pub(crate) fn builder() -> ShowBuilder {
        let own = tempfile::tempdir().unwrap();
        let builder = Self::in_folder(own.path());
        ShowBuilder {
            own: Some(own),
            ..builder
        }
    }

    /// One of the small model, in a folder that stays.
    pub(crate) fn in_folder(folder: &Path) -> ShowBuilder {
        ShowBuilder {
            folder: folder.to_owned(),
            own: None,
            plays: model(),
            osc: "127.0.0.1:0".to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            largest_file_kib: None,
            open_files: None,
            stdout: Stdio::null(),
            stderr: None,
        }
    }

    /// Presses and lets go of a button that starts and ends a recording.
    pub(crate) fn press_record(&self) {
        // Within 20 ms of the one before, a press is taken for a packet that came twice.
        std::thread::sleep(Duration::from_millis(40));
        self.osc.number("/record/toggle", 1.0);
        self.osc.number("/record/toggle", 0.0);
    }

    /// Ends it, and it has to end well. Its statistics.
    pub(crate) fn quit(&mut self) -> serde_json::Value {
        self.osc.send("/show/quit", vec![]);
        self.ends_well()
    }
}

/// A performer at an OSC controller.
pub(crate) struct Osc {
    pub(crate) socket: UdpSocket,
    port: u16,
}

impl Osc {
    pub(crate) fn new(port: u16) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket
            .set_read_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        Self { socket, port }
    }

    /// Another performer at the same show.
    pub(crate) fn another(&self) -> Self {
        Self::new(self.port)
    }

    /// Its own port.
    pub(crate) fn local_port(&self) -> u16 {
        self.socket.local_addr().unwrap().port()
    }

    /// The show's port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn send(&self, addr: &str, args: Vec<OscType>) {
        let addr = addr.to_owned();
        let packet = OscPacket::Message(OscMessage { addr, args });
        self.raw(&rosc::encoder::encode(&packet).unwrap());
    }

    pub(crate) fn number(&self, addr: &str, value: f32) {
        self.send(addr, vec![OscType::Float(value)]);
    }

    pub(crate) fn text(&self, addr: &str, text: &str) {
        self.send(addr, vec![OscType::String(text.into())]);
    }

    pub(crate) fn raw(&self, bytes: &[u8]) {
        let to = SocketAddr::from(([127, 0, 0, 1], self.port));
        self.socket.send_to(bytes, to).unwrap();
    }

    /// The next message that comes within a moment.
    pub(crate) fn receive(&self) -> Option<OscMessage> {
        let mut buffer = [0; 1024];
        let (length, _) = self.socket.recv_from(&mut buffer).ok()?;
        match rosc::decoder::decode_udp(&buffer[..length]).unwrap().1 {
            OscPacket::Message(message) => Some(message),
            OscPacket::Bundle(bundle) => panic!("{bundle:?}"),
        }
    }

    /// Asks for a parameter's value until there is an answer.
    pub(crate) fn ask(&self, addr: &str) -> f64 {
        wait_for(&format!("an answer to {addr}"), || {
            self.send(addr, vec![OscType::String("?".into())]);
            while let Some(message) = self.receive() {
                if message.addr == addr {
                    return Ok(number(&message));
                }
            }
            Err("there is none")
        })
    }

    /// Asks until the value is as it should be.
    pub(crate) fn wait_for(&self, addr: &str, holds: impl Fn(f64) -> bool) -> f64 {
        wait_for(&format!("another {addr}"), || {
            let value = self.ask(addr);
            holds(value).then_some(value).ok_or(value)
        })
    }

    /// Asks until the value is this.
    pub(crate) fn wait_for_value(&self, addr: &str, value: f64) {
        self.wait_for(addr, |found| found == value);
    }
}

/// The number that a message carries.
pub(crate) fn number(message: &OscMessage) -> f64 {
    match message.args[0] {
        OscType::Float(value) => value.into(),
        OscType::Int(value) => value.into(),
        ref other => panic!("{} is {other:?}", message.addr),
    }
}
