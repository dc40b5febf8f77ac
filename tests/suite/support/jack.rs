//! JACK servers of the tests' own.

use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Process;

/// Which of [`NAMES`] this process plays on. Held while a server starts: the first ones on a machine make JACK's table of servers,
/// and trip over each other where they do it at once.
static TAKEN: Mutex<[bool; NAMES]> = Mutex::new([false; NAMES]);
/// JACK has room for eight servers, and one that was killed keeps its place until another of its name comes: always the same names.
const NAMES: usize = 8;

fn taken() -> MutexGuard<'static, [bool; NAMES]> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A JACK server without a sound card.
pub(crate) struct JackServer {
    pub(crate) name: String,
    number: usize,
    process: Process,
}

impl JackServer {
    /// Starts one, and waits until it is up.
    pub(crate) fn start() -> Self {
        let mut taken = taken();
        for number in 0..NAMES {
            let name = format!("latentloop-test-{number}");
            // Another process may play on that name.
            if !taken[number]
                && let Some(process) = up(&name)
            {
                taken[number] = true;
                return Self {
                    name,
                    number,
                    process,
                };
            }
        }
        panic!("no JACK server starts");
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

    /// Sends it a signal, by its name: `-STOP`.
    pub(crate) fn signal(&self, name: &str) {
        self.process.signal(name);
    }

    /// Starts it again after its end.
    pub(crate) fn start_again(&mut self) {
        self.process = up(&self.name).expect("the server starts again");
    }
}

/// A server of that name, where it is not another process's.
fn up(name: &str) -> Option<Process> {
    let mut process = Process::start(
        Command::new("jackd")
            .args(["--no-realtime", "-n", name])
            // Long cycles: on a busy machine a client that comes late in one misses what is sent in it.
            .args(["-d", "dummy", "-r", "48000", "-p", "1024"])
            .stdout(Stdio::null())
            .stderr(Stdio::null()),
    );
    // A program that comes before the server is up ends.
    let is_up = Command::new("jack_wait")
        .args(["--server", name, "--wait", "--timeout", "60"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let is_up = is_up.unwrap().success();
    (is_up && process.ended().is_none()).then_some(process)
}

impl Drop for JackServer {
    fn drop(&mut self) {
        _ = self.process.0.kill();
        _ = self.process.0.wait();
        taken()[self.number] = false;
    }
}
