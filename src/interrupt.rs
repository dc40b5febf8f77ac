//! Ctrl+C: the first asks for the end, the second is the end.

use anyhow::Context;

/// The status of a program that Ctrl+C has ended, as shells have it: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;

/// Has the first Ctrl+C (and what else asks a program to end: SIGTERM, SIGHUP, a console that is closed) do `ask`, which must
/// not wait. The second ends the program at once, whatever it waits for: a server that does not answer, a pipe, a card.
///
/// # Errors
/// When the system does not let it listen, or it listens already.
pub fn listen(mut ask: impl FnMut() + Send + 'static) -> anyhow::Result<()> {
    let mut was_asked = false;
    ctrlc::set_handler(move || {
        if std::mem::replace(&mut was_asked, true) {
            leave(INTERRUPTED);
        }
        ask();
    })
    .context("cannot listen for Ctrl+C")
}

/// Ends the program at once: nothing is closed, and nobody is waited for. A recording stays in fragments, and plays.
pub(crate) fn leave(status: u8) -> ! {
    #[cfg(unix)]
    signal_hook::low_level::exit(i32::from(status));
    #[cfg(not(unix))]
    std::process::exit(i32::from(status));
}
