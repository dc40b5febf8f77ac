//! Child processes, the program among them.

use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use super::wait_for;

/// The program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_latentloop");

/// A child process that ends with the test.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl Process {
    pub(crate) fn start(command: &mut Command) -> Self {
        Self::with_input(command, Stdio::null())
    }

    pub(crate) fn with_input(command: &mut Command, input: impl Into<Stdio>) -> Self {
        let program = command.get_program().to_owned();
        let child = command.stdin(input).spawn();
        Self(child.unwrap_or_else(|error| {
            panic!("{}: {error}; `make setup` installs it", program.display())
        }))
    }

    /// Waits for its end; true where it went well.
    pub(crate) fn ends_well(&mut self) -> bool {
        wait_for("the end of a process", || self.ended().ok_or("it runs")).success()
    }

    /// How it ended, where it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().unwrap()
    }

    /// Sends it a signal, by its name: `-STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        let sent = Command::new("kill").args([name, &id]).status().unwrap();
        assert!(sent.success(), "kill {name}");
    }
}

/// Runs the program in a folder, to its end.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .current_dir(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// Runs the program, which has to do it; what it printed.
pub(crate) fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Runs the program, which has to refuse it: with this exit code and these words, and no panic.
pub(crate) fn refused(folder: &Path, arguments: &[&str], code: i32, words: &[&str]) {
    let output = run(folder, arguments);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    for words in words {
        assert!(said.contains(words), "{words:?} is not in: {said}");
    }
    assert!(!said.contains("panicked"), "{said}");
}

/// A command that may let no file grow beyond so many KiB, as on a full disk but for the error's number. Its folder and its
/// environment are those of the given one; its streams are the caller's to set.
#[cfg(unix)]
pub(crate) fn limit_file_size(command: &Command, kib: u32) -> Command {
    // The program itself is to survive the signal; a test's binary knows nothing of it.
    let trap = if command.get_program() == PROGRAM {
        ""
    } else {
        "trap '' XFSZ; "
    };
    limited(command, &format!("{trap}ulimit -f {kib}"))
}

/// A command that may have no more files open at once, otherwise as [`limit_file_size`].
#[cfg(unix)]
pub(crate) fn limit_open_files(command: &Command, files: u32) -> Command {
    limited(command, &format!("ulimit -n {files}"))
}

#[cfg(unix)]
fn limited(command: &Command, limit: &str) -> Command {
    let mut limited = Command::new("bash");
    let script = format!("{limit}; exec \"$0\" \"$@\"");
    limited.args(["-c", &script]).arg(command.get_program());
    limited.args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(key, value),
            None => limited.env_remove(key),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        limited.current_dir(folder);
    }
    limited
}
