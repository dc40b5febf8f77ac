//! The output windows, each on its home monitor.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use arc_swap::ArcSwap;
use winit::dpi::{LogicalSize, PhysicalPosition};
use winit::event_loop::ActiveEventLoop;
use winit::monitor::MonitorHandle;
use winit::window::{Fullscreen, Window, WindowId};

use super::Settings;
use super::placement::{self, OutputPlacement, WindowGeometry};
use crate::control::Notices;
use crate::instrument::OUTPUTS;
use crate::stage::{SurfaceWindow, WindowSize};

/// The monitors are looked at this often: not every system tells of a change.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// A window manager that has not put a window where it belongs is asked again after that time, after twice as long, and so on,
/// so many times.
const SETTLING: Duration = Duration::from_millis(600);
const TRIES: u32 = 7;

/// Side of a window in points where it is not fullscreen, and the part of its monitor that it takes at most.
const SIDE: f64 = 768.0;
const MOST: f64 = 0.8;
const MIN_SIDE: f64 = 160.0;
/// How far such a window stands from its monitor's corner, in pixels.
const INSET: i32 = 48;
/// The state of an output.
#[derive(Clone, Debug, PartialEq, Eq)]
enum OutputState {
    /// In a window, because the performer wants it so.
    Windowed,
    /// Fullscreen on the monitor of that name.
    Fullscreen(String),
    /// In a window or hidden, until its home monitor returns.
    Waiting,
}

/// An output window.
struct OutputWindow {
    pane: SurfaceWindow,
    /// Its home monitor, by a part of its name.
    home: Option<String>,
    state: OutputState,
    /// Where it stands, or stood last, as a window.
    geometry: Option<WindowGeometry>,
    /// When it was put there, and how often.
    put: (Instant, u32),
}

/// The outputs; the first is the main one.
pub(super) struct Outputs {
    all: Vec<OutputWindow>,
    focused: usize,
    looked: Instant,
    /// The names of the monitors that there are.
    monitors: Arc<ArcSwap<Vec<String>>>,
    notices: Arc<Notices>,
    egui: egui::Context,
}

impl Outputs {
    /// Opens a window for each monitor that was asked for, or one where it was last time.
    ///
    /// # Errors
    /// When the display opens no window.
    pub(super) fn open(
        event_loop: &ActiveEventLoop,
        settings: &Settings,
        last: &OutputPlacement,
        notices: &Arc<Notices>,
    ) -> anyhow::Result<Self> {
        let mut outputs = Self {
            all: Vec::new(),
            focused: 0,
            looked: Instant::now(),
            monitors: Arc::default(),
            notices: Arc::clone(notices),
            egui: egui::Context::default(),
        };
        let mut homes: Vec<Option<String>> = settings.monitors.iter().cloned().map(Some).collect();
        if homes.is_empty() {
            let remembered = last.fullscreen.then(|| last.monitor.clone()).flatten();
            homes.push(remembered);
        }
        for home in homes.into_iter().take(OUTPUTS) {
            let geometry = last.window.clone().filter(|_| outputs.all.is_empty());
            outputs.add(event_loop, home, geometry)?;
        }
        if settings.fullscreen && outputs.all[0].state == OutputState::Windowed {
            outputs.toggle_fullscreen(event_loop);
        }
        Ok(outputs)
    }

    fn add(
        &mut self,
        event_loop: &ActiveEventLoop,
        home: Option<String>,
        geometry: Option<WindowGeometry>,
    ) -> anyhow::Result<()> {
        let is_main = self.all.is_empty();
        let monitor = home.as_deref().and_then(|home| self.free(event_loop, home));
        if let (Some(home), None) = (&home, &monitor) {
            let there: Vec<String> = event_loop.available_monitors().map(|m| name(&m)).collect();
            self.notices.warn(format!(
                "no monitor is named \"{home}\"; there are: {}. The output goes there as soon as there is one",
                there.join(", ")
            ));
        }
        let mut attributes = Window::default_attributes()
            .with_title(match self.all.len() {
                0 => "latentloop".to_owned(),
                others => format!("latentloop output {}", others + 1),
            })
            .with_inner_size(size(event_loop, geometry.as_ref()))
            .with_min_inner_size(LogicalSize::new(MIN_SIDE, MIN_SIDE))
            .with_visible(is_main || monitor.is_some());
        if let Some(corner) = geometry
            .as_ref()
            .and_then(|geometry| corner(event_loop, geometry))
        {
            attributes = attributes.with_position(corner);
        }
        if let Some(monitor) = &monitor {
            let full = Fullscreen::Borderless(Some(monitor.clone()));
            attributes = attributes.with_fullscreen(Some(full));
        }
        let window = event_loop
            .create_window(attributes)
            .context("cannot open a window")?;
        window.set_cursor_visible(monitor.is_none());
        let state = match (&monitor, &home) {
            (Some(monitor), _) => OutputState::Fullscreen(name(monitor)),
            (None, Some(_)) => OutputState::Waiting,
            (None, None) => OutputState::Windowed,
        };
        self.all.push(OutputWindow {
            pane: SurfaceWindow {
                window: Arc::new(window),
                size: Arc::new(WindowSize::default()),
            },
            home,
            state,
            geometry,
            put: (Instant::now(), 1),
        });
        self.note_size(self.all.len() - 1);
        Ok(())
    }

    /// The names of the monitors that there are, kept true.
    pub(super) fn monitors(&self) -> Arc<ArcSwap<Vec<String>>> {
        Arc::clone(&self.monitors)
    }

    /// The windows, for a card to show on.
    pub(super) fn panes(&self) -> Vec<SurfaceWindow> {
        self.all.iter().map(|output| output.pane.clone()).collect()
    }

    /// Which output a window is.
    pub(super) fn find(&self, id: WindowId) -> Option<usize> {
        let is_it = |output: &OutputWindow| output.pane.window.id() == id;
        self.all.iter().position(is_it)
    }

    /// Notes which output the keys are for.
    pub(super) fn focus(&mut self, at: usize) {
        self.focused = at;
    }

    /// Notes the size of an output's window, and its monitor's rate.
    pub(super) fn note_size(&self, at: usize) {
        let output = &self.all[at];
        let SurfaceWindow { window, size } = &output.pane;
        let is_hidden = at > 0 && output.state == OutputState::Waiting;
        let inner = window.inner_size();
        if is_hidden {
            size.set(0, 0);
        } else {
            size.set(inner.width, inner.height);
        }
        size.set_scale(egui_winit::pixels_per_point(&self.egui, window));
        let monitor = window.current_monitor();
        size.set_refresh(monitor.and_then(|monitor| monitor.refresh_rate_millihertz()));
    }

    /// The monitors that no output is on.
    pub(super) fn free_monitors(&self, event_loop: &ActiveEventLoop) -> Vec<MonitorHandle> {
        let main = &self.all[0];
        let windowed = match main.state {
            OutputState::Fullscreen(_) => None,
            OutputState::Windowed | OutputState::Waiting => main.pane.window.current_monitor(),
        };
        let windowed = windowed.as_ref().map(name);
        let is_free = |monitor: &MonitorHandle| {
            windowed.as_ref() != Some(&name(monitor)) && !self.takes(&name(monitor))
        };
        event_loop.available_monitors().filter(is_free).collect()
    }

    fn takes(&self, monitor: &str) -> bool {
        let is_it = |output: &OutputWindow| matches!(&output.state, OutputState::Fullscreen(on) if on == monitor);
        self.all.iter().any(is_it)
    }

    /// The first monitor with that in its name that no other output takes.
    fn free(&self, event_loop: &ActiveEventLoop, home: &str) -> Option<MonitorHandle> {
        let mut monitors = event_loop.available_monitors();
        monitors.find(|monitor| matches(monitor, home) && !self.takes(&name(monitor)))
    }

    /// Takes the windows away: the show is over.
    pub(super) fn hide(&self) {
        for output in &self.all {
            output.pane.window.set_visible(false);
        }
    }

    /// The placement of the main output, to be remembered.
    pub(super) fn place(&mut self) -> OutputPlacement {
        self.note_geometry(0);
        let main = &self.all[0];
        OutputPlacement {
            monitor: match &main.state {
                OutputState::Fullscreen(on) => Some(on.clone()),
                OutputState::Waiting => main.home.clone(),
                OutputState::Windowed => None,
            },
            fullscreen: main.state != OutputState::Windowed,
            window: main.geometry.clone(),
        }
    }

    /// Notes where an output stands that is a window.
    fn note_geometry(&mut self, at: usize) {
        let output = &mut self.all[at];
        let window = &output.pane.window;
        let is_hidden = window.is_visible() == Some(false) || window.is_minimized() == Some(true);
        if output.state == OutputState::Windowed && window.fullscreen().is_none() && !is_hidden {
            output.geometry = Some(WindowGeometry::of(window));
        }
    }

    /// Fills the monitor where the output's window stands, or gives it back.
    pub(super) fn toggle_fullscreen(&mut self, event_loop: &ActiveEventLoop) {
        let at = self.focused;
        if matches!(self.all[at].state, OutputState::Fullscreen(_)) {
            return self.leave_fullscreen(event_loop);
        }
        let window = &self.all[at].pane.window;
        let here = window.current_monitor();
        let here = here.or_else(|| event_loop.primary_monitor());
        match here.or_else(|| event_loop.available_monitors().next()) {
            Some(monitor) => self.put(at, &monitor, true),
            // A system that does not tell of its monitors still has one.
            None => window.set_fullscreen(Some(Fullscreen::Borderless(None))),
        }
    }

    /// Gives the monitor back.
    pub(super) fn leave_fullscreen(&mut self, event_loop: &ActiveEventLoop) {
        let output = &mut self.all[self.focused];
        if output.state == OutputState::Windowed && output.pane.window.fullscreen().is_none() {
            return;
        }
        output.home = None;
        output.state = OutputState::Windowed;
        let here = output.pane.window.current_monitor();
        self.to_window(event_loop, self.focused, here.as_ref());
    }

    /// Moves the output on to the next monitor that no other one takes.
    pub(super) fn next_monitor(&mut self, event_loop: &ActiveEventLoop) {
        let at = self.focused;
        let output = &self.all[at];
        let here = match &output.state {
            OutputState::Fullscreen(on) => Some(on.clone()),
            _ => output.pane.window.current_monitor().map(|m| name(&m)),
        };
        let monitors: Vec<MonitorHandle> = event_loop.available_monitors().collect();
        let now = monitors.iter().position(|m| Some(name(m)) == here);
        let from = now.map_or(0, |now| now + 1);
        let round = (0..monitors.len()).map(|step| &monitors[(from + step) % monitors.len()]);
        let mut free = round.filter(|m| Some(name(m)) == here || !self.takes(&name(m)));
        if let Some(monitor) = free.next() {
            self.put(at, monitor, true);
            self.notices
                .info(format!("the output is on {}", name(monitor)));
        }
    }

    /// Moves the output to the monitor with that in its name.
    pub(super) fn move_to(&mut self, event_loop: &ActiveEventLoop, asked: &str) {
        let at = self.focused;
        let all: Vec<MonitorHandle> = event_loop.available_monitors().collect();
        let exactly = all.iter().find(|monitor| name(monitor) == asked);
        let found = exactly.or_else(|| all.iter().find(|monitor| matches(monitor, asked)));
        let other = |output: &OutputWindow, on: &str| {
            output.state == OutputState::Fullscreen(on.to_owned())
        };
        match found {
            Some(monitor) => {
                let on = name(monitor);
                let mut others = self.all.iter().enumerate();
                if others.any(|(number, output)| number != at && other(output, &on)) {
                    let text = format!("another output is on monitor {on} already");
                    return self.notices.warn(text);
                }
                self.put(at, monitor, true);
                self.notices.info(format!("the output is on {on}"));
            }
            None => {
                let there: Vec<String> = all.iter().map(name).collect();
                self.notices.warn(format!(
                    "no monitor is named \"{asked}\"; there are: {}. The output stays where it is",
                    there.join(", ")
                ));
            }
        }
    }

    /// Fills a monitor with an output; from now on it belongs there where `moves`.
    fn put(&mut self, at: usize, monitor: &MonitorHandle, moves: bool) {
        self.note_geometry(at);
        let on = name(monitor);
        let output = &mut self.all[at];
        let again = output.state == OutputState::Fullscreen(on.clone()) && !moves;
        let tries = if again { output.put.1 + 1 } else { 1 };
        output.put = (Instant::now(), tries);
        if moves {
            output.home = Some(on.clone());
        }
        output.state = OutputState::Fullscreen(on);
        let window = &output.pane.window;
        window.set_visible(true);
        // A monitor that has returned may bear the same number: without leaving it first, nothing would happen.
        window.set_fullscreen(None);
        window.set_outer_position(monitor.position());
        window.set_fullscreen(Some(Fullscreen::Borderless(Some(monitor.clone()))));
        window.set_cursor_visible(false);
        self.note_size(at);
    }

    /// Makes an output an ordinary window, where it stood as one or on a monitor.
    fn to_window(&self, event_loop: &ActiveEventLoop, at: usize, monitor: Option<&MonitorHandle>) {
        let OutputWindow { pane, geometry, .. } = &self.all[at];
        let window = &pane.window;
        window.set_fullscreen(None);
        window.set_cursor_visible(true);
        let _ = window.request_inner_size(size(event_loop, geometry.as_ref()));
        let stood = geometry.as_ref();
        let inset = monitor.map(|monitor| {
            let PhysicalPosition { x, y } = monitor.position();
            PhysicalPosition::new(x + INSET, y + INSET)
        });
        let stood = stood.and_then(|geometry| corner(event_loop, geometry));
        if let Some(corner) = stood.or(inset) {
            window.set_outer_position(corner);
        }
        self.note_size(at);
    }

    /// Follows monitors that come and go, where it is time: an output whose monitor is gone waits, and is put back when it returns.
    /// Gives the time of the next look, and whether an output has moved.
    pub(super) fn update(&mut self, event_loop: &ActiveEventLoop, now: Instant) -> (Instant, bool) {
        if now < self.looked + LOOK_INTERVAL {
            return (self.looked + LOOK_INTERVAL, false);
        }
        self.looked = now;
        self.name_monitors(event_loop);
        let mut moved = false;
        for at in 0..self.all.len() {
            moved |= match self.all[at].state.clone() {
                OutputState::Windowed => false,
                OutputState::Waiting => self.return_home(event_loop, at),
                OutputState::Fullscreen(on) => self.stay(event_loop, at, &on),
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
            output.state = OutputState::Fullscreen(name(another));
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
        output.state = OutputState::Waiting;
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

/// A monitor's name.
pub(super) fn name(monitor: &MonitorHandle) -> String {
    monitor.name().unwrap_or_default()
}

/// Whether a monitor's name has that in it.
pub(super) fn matches(monitor: &MonitorHandle, asked: &str) -> bool {
    name(monitor).to_lowercase().contains(&asked.to_lowercase())
}

/// Whether a window is where a monitor is; true also where the system does not tell.
fn covers(window: &Window, monitor: &MonitorHandle) -> bool {
    let Ok(position) = window.outer_position() else {
        return true;
    };
    // On a Mac the menu's notch is left out.
    cfg!(target_os = "macos")
        || (position == monitor.position() && window.inner_size() == monitor.size())
}

/// The corner of a window as it stood, where its monitor is there.
fn corner(
    event_loop: &ActiveEventLoop,
    geometry: &WindowGeometry,
) -> Option<PhysicalPosition<i32>> {
    let mut monitors = event_loop.available_monitors();
    let monitor = monitors.find(|monitor| monitor.name() == geometry.monitor)?;
    placement::corner(geometry.position?, &monitor)
}

/// The size of a window that is not fullscreen: as it stood, or a square with room around it.
fn size(event_loop: &ActiveEventLoop, geometry: Option<&WindowGeometry>) -> LogicalSize<f64> {
    match geometry.map(|geometry| geometry.size.map(f64::from)) {
        Some([width, height]) => LogicalSize::new(width.max(MIN_SIDE), height.max(MIN_SIDE)),
        None => {
            let side = side(event_loop);
            LogicalSize::new(side, side)
        }
    }
}

/// Side of a window that has not stood anywhere, in points.
fn side(event_loop: &ActiveEventLoop) -> f64 {
    let home = event_loop
        .primary_monitor()
        .or_else(|| event_loop.available_monitors().next());
    home.map_or(SIDE, |home| {
        let size = home.size().to_logical::<f64>(home.scale_factor());
        SIDE.min(MOST * size.width.min(size.height)).max(MIN_SIDE)
    })
}
