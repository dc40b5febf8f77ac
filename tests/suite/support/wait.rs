//! Waiting until something holds, rather than for a while.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// The most that a test waits for anything: the suite's other tests take the processor, too.
const DEADLINE: Duration = Duration::from_secs(120);
/// From one look to the next.
const POLL: Duration = Duration::from_millis(20);

/// Looks until there is a result, and hands it over. What is the case instead goes into the message of a failure.
pub(crate) fn wait_for<T, State: Display>(what: &str, look: impl FnMut() -> Result<T, State>) -> T {
    wait_every(POLL, what, look)
}

/// The same where a look takes time of its own: it is taken less often.
pub(crate) fn wait_every<T, State: Display>(
    pause: Duration,
    what: &str,
    mut look: impl FnMut() -> Result<T, State>,
) -> T {
    let start = Instant::now();
    loop {
        match look() {
            Ok(found) => return found,
            Err(state) => assert!(
                start.elapsed() < DEADLINE,
                "waited {DEADLINE:?} in vain for {what}: {state}"
            ),
        }
        std::thread::sleep(pause);
    }
}

/// Looks until something holds.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()).ok_or("it does not come"));
}
