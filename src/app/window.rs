//! The output window: winit's thread. It hands keys and sizes on; the picture is the show's.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use winit::application::ApplicationHandler;
use winit::event::{ElementState, KeyEvent, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoopProxy};
use winit::keyboard::ModifiersState;
use winit::monitor::MonitorHandle;
use winit::window::WindowId;

use super::clock::RealClock;
use super::console::{Console, ConsoleContext, console_channel};
use super::controllers::Controllers;
use super::event::WindowCommand;
use super::gpu_recovery::GpuRecovery;
use super::keyboard::{key, place};
use super::monitor::Display;
use super::outputs::{self, Outputs};
use super::placement::Placement;
use super::preset_loader::InitialPatch;
use super::show::{Parts, Show};
use super::sleep_inhibitor::SleepInhibitor;
use super::stats::StatsReport;
use super::{ConsoleChoice, Settings};
use crate::control::keys::{Key, Keys, Layout, Modifiers};
use crate::control::{Inbox, Notices, Values};
use crate::instrument::Action;
use crate::instrument::params::{SHOW_QUIT, WINDOW_MONITOR, id};
use crate::interrupt;
use crate::report::chain;
use crate::stage::{Offscreen, Presenter};

/// Plays a show in a window.
pub(super) fn run(
    display: Display,
    settings: &Settings,
    opened: InitialPatch,
    controllers: Controllers,
) -> anyhow::Result<StatsReport> {
    let (placement, fault) = Placement::load();
    if let Some(fault) = fault {
        controllers.control.notices.warn(fault);
    }
    let mut app = App {
        placement,
        settings: settings.clone(),
        keys: controllers.keys.clone(),
        layout: Layout::default(),
        values: Arc::clone(&controllers.control.values),
        inbox: Arc::clone(&controllers.control.inbox),
        notices: Arc::clone(&controllers.control.notices),
        proxy: display.0.create_proxy(),
        ready: Some((opened, controllers)),
        outputs: None,
        gpu_recovery: None,
        console: None,
        console_context: None,
        awake: None,
        modifiers: ModifiersState::default(),
        show: None,
        failed: None,
        close_asked: None,
        are_closed: Arc::default(),
    };
    let ran = display
        .0
        .run_app(&mut app)
        .context("the window system has ended");
    let (show, failed, are_closed) = (app.show.take(), app.failed.take(), app.are_closed.clone());
    // Windows are closed by the display server, too.
    drop(app);
    are_closed.store(true, Ordering::Release);
    ran?;
    if let Some(error) = failed {
        return Err(error);
    }
    match show.map(JoinHandle::join) {
        Some(Ok(report)) => Ok(report),
        Some(Err(panic)) => std::panic::resume_unwind(panic),
        None => Err(anyhow!("the display opened no window")),
    }
}

/// What the end of a show waits for its windows to close. A display server that stands answers nothing, and its library waits
/// for ever.
const FAREWELL: Duration = Duration::from_secs(5);

/// Ends the program where the windows do not close although the show is over and its files are closed.
fn leave_without_windows(
    report: &StatsReport,
    settings: &Settings,
    notices: &Notices,
    are_closed: &AtomicBool,
) {
    let over = Instant::now();
    while over.elapsed() < FAREWELL {
        if are_closed.load(Ordering::Acquire) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    notices.warn("the display does not answer: the show ends without closing its windows");
    if let Err(error) = super::write_stats(settings, report) {
        notices.warn(chain(error.as_ref()));
    }
    // The log is another thread's.
    std::thread::sleep(Duration::from_millis(500));
    interrupt::leave(0);
}

struct App {
    /// Where the windows stood last time, and stand when they close.
    placement: Placement,
    settings: Settings,
    keys: Keys,
    layout: Layout,
    values: Arc<Values>,
    inbox: Arc<Inbox>,
    notices: Arc<Notices>,
    proxy: EventLoopProxy<WindowCommand>,
    /// What the show begins with, until it begins.
    ready: Option<(InitialPatch, Controllers)>,
    outputs: Option<Outputs>,
    gpu_recovery: Option<GpuRecovery>,
    console: Option<Console>,
    /// The console's context, while it is closed.
    console_context: Option<ConsoleContext>,
    awake: Option<SleepInhibitor>,
    modifiers: ModifiersState,
    show: Option<JoinHandle<StatsReport>>,
    failed: Option<anyhow::Error>,
    /// When an output was asked to close.
    close_asked: Option<Instant>,
    /// Whether the windows are closed.
    are_closed: Arc<AtomicBool>,
}

/// An output that is asked to close twice within that time ends the show.
const CLOSE_AGAIN: Duration = Duration::from_secs(3);

/// Closes the window however the show ends.
struct CloseAfter(EventLoopProxy<WindowCommand>);

impl Drop for CloseAfter {
    fn drop(&mut self) {
        // Without a window there is none to close.
        let _ = self.0.send_event(WindowCommand::Close);
    }
}

impl App {
    fn open(&mut self, event_loop: &ActiveEventLoop) -> anyhow::Result<()> {
        let Some((opened, controllers)) = self.ready.take() else {
            return Ok(());
        };
        #[cfg(all(unix, not(target_os = "macos")))]
        super::x11::enable_monitor_events(event_loop);
        let last = &self.placement.output;
        let outputs = Outputs::open(event_loop, &self.settings, last, &self.notices)?;
        let presenter = self.open_output(event_loop, &outputs, opened.engine.size());
        let monitors = outputs.monitors();
        self.outputs = Some(outputs);
        self.remember();
        // Without it a screen saver may come: the show goes on.
        self.awake = SleepInhibitor::start(Arc::clone(&self.notices)).ok();
        let (sender, receiver) = console_channel(opened.engine.latent());
        let takes = &self.settings.takes;
        self.console_context = Some(ConsoleContext::new(&controllers, takes, monitors, receiver));
        self.open_console(event_loop, false);
        let (proxy, after) = (self.proxy.clone(), CloseAfter(self.proxy.clone()));
        let command = Box::new(move |command| {
            // Without a window there is nothing to change.
            let _ = proxy.send_event(command);
        });
        let parts = Parts {
            controllers,
            presenter,
            console: Some(sender),
            window: command,
            clock: Box::new(RealClock),
        };
        let show = Show::new(&self.settings, opened, parts)?;
        let (settings, notices) = (self.settings.clone(), Arc::clone(&self.notices));
        let are_closed = Arc::clone(&self.are_closed);
        let thread = std::thread::Builder::new()
            .name("show".into())
            .spawn(move || {
                let report = {
                    let _after = after;
                    show.run()
                };
                leave_without_windows(&report, &settings, &notices, &are_closed);
                report
            })
            .context("cannot start the show's thread")?;
        self.show = Some(thread);
        Ok(())
    }

    /// Opens a card for the outputs; without one the show goes on.
    fn open_output(
        &mut self,
        event_loop: &ActiveEventLoop,
        outputs: &Outputs,
        size: (u32, u32),
    ) -> Box<dyn Presenter> {
        let proxy = self.proxy.clone();
        match GpuRecovery::open(event_loop, &outputs.panes(), size, proxy, &self.notices) {
            Ok((recovery, screen)) => {
                self.gpu_recovery = Some(recovery);
                Box::new(screen)
            }
            Err(error) => {
                self.notices
                    .warn(format!("{error}. The show goes on without a picture"));
                Box::new(Offscreen::new(self.notices.reporter()))
            }
        }
    }

    /// Keeps where the main output is.
    fn remember(&mut self) {
        let Some(place) = self.outputs.as_mut().map(Outputs::place) else {
            return;
        };
        let on = place.monitor.as_deref().unwrap_or_default();
        self.values.set_text(WINDOW_MONITOR, on);
        if self.placement.output == place {
            return;
        }
        self.placement.output = place;
        self.keep_places();
    }

    /// Opens the console where it is to be by the settings, or in any case; without one the show goes on.
    fn open_console(&mut self, event_loop: &ActiveEventLoop, is_asked: bool) {
        let place = self.placement.console.clone();
        let mut all = event_loop.available_monitors();
        let remembered =
            all.find(|monitor| place.monitor.is_some() && monitor.name() == place.monitor);
        let monitor = match &self.settings.console {
            ConsoleChoice::Never if !is_asked => return,
            ConsoleChoice::Never | ConsoleChoice::Window => remembered,
            ConsoleChoice::Monitor(name) => self.named(event_loop, name),
            ConsoleChoice::Auto => {
                let free = self
                    .outputs
                    .as_ref()
                    .map(|outputs| outputs.free_monitors(event_loop))
                    .unwrap_or_default();
                let is_free = |monitor: &MonitorHandle| free.contains(monitor);
                match remembered
                    .clone()
                    .filter(is_free)
                    .or_else(|| free.first().cloned())
                {
                    Some(other) => Some(other),
                    None if is_asked => remembered,
                    None => return,
                }
            }
        };
        match Console::open(event_loop, monitor, &place, &mut self.console_context) {
            Ok(console) => self.console = Some(console),
            Err(error) => {
                let text = format!(
                    "{}. The show goes on without a console",
                    chain(error.as_ref())
                );
                self.notices.warn(text);
            }
        }
    }

    /// Closes the console: the show goes on.
    fn close_console(&mut self) {
        if let Some(console) = self.console.take() {
            self.placement.console = console.place();
            self.console_context = Some(console.close());
            self.keep_places();
        }
    }

    fn keep_places(&self) {
        if let Err(error) = self.placement.save() {
            self.notices.warn(error);
        }
    }

    fn named(&self, event_loop: &ActiveEventLoop, asked: &str) -> Option<MonitorHandle> {
        let mut all = event_loop.available_monitors();
        let found = all.find(|monitor| outputs::matches(monitor, asked));
        if found.is_none() {
            let there: Vec<String> = event_loop
                .available_monitors()
                .map(|m| outputs::name(&m))
                .collect();
            let there = there.join(", ");
            self.notices.warn(format!(
                "no monitor is named \"{asked}\"; there are: {there}. The window opens where the system puts it"
            ));
        }
        found
    }

    /// What a key does in the table of controls, while that is shown.
    fn learning(&self, key: Key) -> Option<Action> {
        let param = id::MIDI_LEARN;
        if self.values.get(param) < 0.5 {
            return None;
        }
        let step = |delta| Some(Action::Nudge { param, delta });
        match key {
            Key::Up => step(-1.0),
            Key::Down => step(1.0),
            Key::PageUp => step(-10.0),
            Key::PageDown => step(10.0),
            Key::Home => step(-1e4),
            Key::End => step(1e4),
            Key::Escape => Some(Action::Trigger { param }),
            _ => None,
        }
    }

    /// Ends the show where an output is asked to close for the second time: its button and Alt+F4 are hit by accident.
    fn ask_to_close(&mut self, now: Instant) {
        let before = self.close_asked.replace(now);
        if before.is_some_and(|before| now.duration_since(before) < CLOSE_AGAIN) {
            return self.inbox.put(Action::fire(SHOW_QUIT), self.inbox.now());
        }
        self.notices.warn(format!(
            "the output was asked to close, and stays: once more within {} seconds ends the show",
            CLOSE_AGAIN.as_secs()
        ));
    }

    fn key(&mut self, event: &KeyEvent) {
        let modifiers = Modifiers {
            shift: self.modifiers.shift_key(),
            control: self.modifiers.control_key() || self.modifiers.super_key(),
            alt: self.modifiers.alt_key(),
        };
        if event.state != ElementState::Pressed {
            return;
        }
        let Some(key) = key(event) else {
            return;
        };
        let place = place(event.physical_key, modifiers.shift);
        self.layout.observe(key, place);
        let action = match self.learning(key) {
            None => self
                .keys
                .action_at(key, place, modifiers, event.repeat, self.layout)
                .cloned(),
            learning => learning,
        };
        if let Some(action) = action {
            self.inbox.put(action, self.inbox.now());
        }
    }
}

impl ApplicationHandler<WindowCommand> for App {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        if let Err(error) = self.open(event_loop) {
            self.failed = Some(error);
            event_loop.exit();
        }
    }

    fn user_event(&mut self, event_loop: &ActiveEventLoop, command: WindowCommand) {
        let Some(outputs) = &mut self.outputs else {
            return event_loop.exit();
        };
        match command {
            WindowCommand::ToggleFullscreen => outputs.toggle_fullscreen(event_loop),
            WindowCommand::LeaveFullscreen => outputs.leave_fullscreen(event_loop),
            WindowCommand::NextMonitor => outputs.next_monitor(event_loop),
            WindowCommand::ToMonitor(name) => outputs.move_to(event_loop, &name),
            WindowCommand::CardLost => {
                if let Some(recovery) = &mut self.gpu_recovery {
                    recovery.lose();
                }
            }
            WindowCommand::ToggleConsole if self.console.is_some() => self.close_console(),
            WindowCommand::ToggleConsole => self.open_console(event_loop, true),
            WindowCommand::Close => {
                self.remember();
                if let Some(outputs) = &self.outputs {
                    outputs.hide();
                }
                return event_loop.exit();
            }
        }
        self.remember();
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        let now = Instant::now();
        let mut next = None;
        let mut by = |at: Instant| next = Some(next.map_or(at, |next: Instant| next.min(at)));
        if let Some(console) = &mut self.console {
            by(console.turn(now));
        }
        if let Some(outputs) = &mut self.outputs {
            let (look, moved) = outputs.update(event_loop, now);
            by(look);
            if moved {
                self.remember();
            }
        }
        if let (Some(recovery), Some(outputs)) = (&mut self.gpu_recovery, &self.outputs)
            && let Some(due) = recovery.reopen(event_loop, || outputs.panes(), now)
        {
            by(due);
        }
        event_loop.set_control_flow(next.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
    }

    fn exiting(&mut self, _: &ActiveEventLoop) {
        if let Some(console) = &self.console {
            self.placement.console = console.place();
        }
        self.keep_places();
    }

    fn window_event(&mut self, _: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        if let Some(console) = &mut self.console
            && console.id() == id
        {
            let is_taken = console.event(&event);
            match event {
                WindowEvent::CloseRequested => self.close_console(),
                WindowEvent::ModifiersChanged(modifiers) => self.modifiers = modifiers.state(),
                WindowEvent::KeyboardInput { event, .. } if !is_taken => self.key(&event),
                _ => {}
            }
            return;
        }
        let Some((outputs, at)) = self.outputs.as_mut().and_then(|outputs| {
            let at = outputs.find(id)?;
            Some((outputs, at))
        }) else {
            return;
        };
        match event {
            WindowEvent::CloseRequested => self.ask_to_close(Instant::now()),
            WindowEvent::Resized(_)
            | WindowEvent::ScaleFactorChanged { .. }
            | WindowEvent::Moved(_) => outputs.note_size(at),
            WindowEvent::Focused(true) => outputs.focus(at),
            WindowEvent::ModifiersChanged(modifiers) => self.modifiers = modifiers.state(),
            WindowEvent::KeyboardInput { event, .. } => self.key(&event),
            _ => {}
        }
    }
}
