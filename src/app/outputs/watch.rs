//! Monitors that come and go: an output whose monitor is gone waits, and is put back when it returns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use winit::event_loop::ActiveEventLoop;
use winit::monitor::MonitorHandle;

use super::{Outputs, Place, covers, name};

/// The monitors are looked at this often: not every system tells of a change.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// A window manager that has not put a window where it belongs is asked again after that time, after twice as long, and so on,
/// so many times.
const SETTLING: Duration = Duration::from_millis(600);
const TRIES: u32 = 7;

impl Outputs {
    /// Looks after the monitors, where it is time; gives the time of the next look, and whether an output has moved.
    pub(in crate::app) fn look(
        &mut self,
        event_loop: &ActiveEventLoop,
        now: Instant,
    ) -> (Instant, bool) {
        if now < self.looked + LOOK_INTERVAL {
            return (self.looked + LOOK_INTERVAL, false);
        }
        self.looked = now;
        self.name_monitors(event_loop);
        let mut moved = false;
        for at in 0..self.all.len() {
            moved |= match self.all[at].place.clone() {
                Place::Window => false,
                Place::Away => self.return_home(event_loop, at),
                Place::Full(on) => self.stay(event_loop, at, &on),
            };
            self.note_size(at);
        }
        (now + LOOK_INTERVAL, moved)
    }

    fn return_home(&mut self, event_loop: &ActiveEventLoop, at: usize) -> bool {
        let home = self.all[at].home.clone();
        let Some(monitor) = home.and_then(|home| self.free(event_loop, &home)) else {
            return false;
        };
        self.put(at, &monitor, false);
        let on = name(&monitor);
        self.notices
            .info(format!("monitor {on} is there: the output is on it"));
        true
    }

    /// Keeps an output on its monitor.
    fn stay(&mut self, event_loop: &ActiveEventLoop, at: usize, on: &str) -> bool {
        let monitors: Vec<MonitorHandle> = event_loop.available_monitors().collect();
        let Some(monitor) = monitors.iter().find(|monitor| name(monitor) == on) else {
            return self.lose(event_loop, at, on, &monitors);
        };
        let output = &self.all[at];
        let (since, tries) = output.put;
        let settling = SETTLING * (1 << tries.saturating_sub(1).min(TRIES));
        if covers(&output.pane.window, monitor) || since.elapsed() < settling {
            return false;
        }
        // By a key of the window manager's the performer has moved it.
        let another = monitors
            .iter()
            .find(|other| covers(&output.pane.window, other));
        if let Some(another) = another {
            let output = &mut self.all[at];
            output.home = Some(name(another));
            output.place = Place::Full(name(another));
            return true;
        }
        if output.put.1 < TRIES {
            self.put(at, monitor, false);
        }
        false
    }

    /// The monitor of an output is gone.
    fn lose(
        &mut self,
        event_loop: &ActiveEventLoop,
        at: usize,
        on: &str,
        rest: &[MonitorHandle],
    ) -> bool {
        // Without any monitor the system is about to give another one.
        if rest.is_empty() {
            return false;
        }
        self.notices.warn(format!(
            "monitor {on} is gone: its output goes back there when it returns"
        ));
        let output = &mut self.all[at];
        output.place = Place::Away;
        output.home.get_or_insert_with(|| on.to_owned());
        if at > 0 {
            output.pane.window.set_fullscreen(None);
            output.pane.window.set_visible(false);
            self.note_size(at);
        } else {
            self.to_window(event_loop, at, rest.first());
        }
        true
    }

    fn name_monitors(&self, event_loop: &ActiveEventLoop) {
        let names: Vec<String> = event_loop.available_monitors().map(|m| name(&m)).collect();
        if **self.monitors.load() != names {
            self.monitors.store(Arc::new(names));
        }
    }
}
