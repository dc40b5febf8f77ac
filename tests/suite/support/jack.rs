//! JACK servers of the tests' own.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::Process;

/// Servers that this process has named.
static NAMED: AtomicUsize = AtomicUsize::new(0);

/// A JACK server without a sound card.
pub(crate) struct JackServer {
    pub(crate) name: String,
    process: Process,
}

impl JackServer {
    /// Starts one, and waits until it is up.
    pub(crate) fn start() -> Self {
        let number = NAMED.fetch_add(1, Ordering::Relaxed);
        let name = format!("latentloop-test-{}-{number}", std::process::id());
        let process = up(&name);
        Self { name, process }
    }

    /// A command that finds this server.
    pub(crate) fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env("JACK_DEFAULT_SERVER", &self.name)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    /// It ends as in a crash.
    pub(crate) fn kill(&mut self) {
        self.process.0.kill().unwrap();
        self.process.0.wait().unwrap();
    }

    /// Starts it again after its end.
    pub(crate) fn start_again(&mut self) {
        self.process = up(&self.name);
    }
}

fn up(name: &str) -> Process {
    let process = Process::start(
        Command::new("jackd")
            .args(["--no-realtime", "-n", name])
            .args(["-d", "dummy", "-r", "48000", "-p", "256"])
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    // A program that comes before the server is up ends.
    let is_up = Command::new("jack_wait")
        .args(["--server", name, "--wait", "--timeout", "60"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(is_up.unwrap().success(), "no JACK server within a minute");
    process
}

impl Drop for JackServer {
    /// It is asked to end, for one that is killed keeps its place in a table of eight.
    fn drop(&mut self) {
        if matches!(self.process.0.try_wait(), Ok(None)) {
            let id = self.process.0.id().to_string();
            _ = Command::new("kill").arg(id).status();
        }
        // Not `wait_for`: a panic while another unwinds would end the whole run.
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(5)
            && matches!(self.process.0.try_wait(), Ok(None))
        {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
