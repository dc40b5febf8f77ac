//! The sleep inhibitor: keeps the screens lit and the machine awake while a show runs.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use keepawake::{Builder, KeepAwake};

#[cfg(all(unix, not(target_os = "macos")))]
use super::x11::Presence;
use crate::control::Notices;

/// An X server is told so often that somebody is there: far more often than any screen saver comes.
const HEARTBEAT: Duration = Duration::from_secs(4);

/// A sleep inhibitor: holds the screen saver and the machine's sleep off until it is dropped.
pub(super) struct SleepInhibitor {
    _over: Sender<()>,
}

impl SleepInhibitor {
    /// Asks the system, on a thread of its own, for it may take its time to answer. What it refuses is told. The thread is left
    /// to itself: what the system grants ends with the program.
    pub(super) fn start(notices: Arc<Notices>) -> std::io::Result<Self> {
        let (over, ends) = bounded(0);
        std::thread::Builder::new()
            .name("awake".into())
            .spawn(move || {
                let server = Presence::new();
                // Apart, so that one that is refused leaves the other.
                let display = ask(|options| options.display(true));
                let idle = ask(|options| options.idle(true));
                if let (None, Err(reason)) = (&server, &display) {
                    notices.warn(format!("the screen saver may come: {reason}"));
                }
                if let Err(reason) = &idle {
                    tracing::debug!("the machine may go to sleep: {reason}");
                }
                while let Err(RecvTimeoutError::Timeout) = ends.recv_timeout(HEARTBEAT) {
                    if let Some(server) = &server {
                        server.tell();
                    }
                }
            })?;
        Ok(Self { _over: over })
    }
}

fn ask(wants: impl FnOnce(&mut Builder) -> &mut Builder) -> Result<KeepAwake, String> {
    let mut options = Builder::default();
    options
        .reason("a show")
        .app_name("latentloop")
        .app_reverse_domain("org.latentloop");
    wants(&mut options)
        .create()
        .map_err(|error| error.to_string())
}

/// Other systems have what is asked for above.
#[cfg(not(all(unix, not(target_os = "macos"))))]
struct Presence;

#[cfg(not(all(unix, not(target_os = "macos"))))]
impl Presence {
    fn new() -> Option<Self> {
        None
    }

    fn tell(&self) {}
}
