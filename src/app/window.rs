//! The output window: winit's thread. It hands keys and sizes on; the picture is the show's.

use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context, anyhow};
use winit::application::ApplicationHandler;
use winit::dpi::LogicalSize;
use winit::event::{ElementState, KeyEvent, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoopProxy};
use winit::keyboard::ModifiersState;
use winit::monitor::MonitorHandle;
use winit::window::{Fullscreen, Window, WindowId};

use super::console::Console;
use super::hands::Hands;
use super::keyboard::key;
use super::monitor::Display;
use super::pieces::First;
use super::placement::Placement;
use super::show::{Show, WindowCommand};
use super::stats::Figures;
use super::{ConsoleChoice, Settings};
use crate::control::keys::{Held, Key, Keys};
use crate::control::{Inbox, Notices, Values};
use crate::instrument::{Action, ParamId, Table};
use crate::stage::{Offscreen, Output, Screen, ScreenSize};

/// Side of the window in points where it is not fullscreen, and the part of its monitor that it takes at most.
const SIDE: f64 = 768.0;
const MOST: f64 = 0.8;
const MIN_SIDE: f64 = 160.0;

/// Plays a show in a window.
pub(super) fn run(
    display: Display,
    settings: &Settings,
    table: &Arc<Table>,
    opened: First,
    hands: Hands,
) -> anyhow::Result<Figures> {
    let (placement, fault) = Placement::load();
    if let Some(fault) = fault {
        hands.notices.warn(fault);
    }
    let mut app = App {
        placement,
        settings: settings.clone(),
        table: Arc::clone(table),
        keys: hands.keys.clone(),
        quit: table.find("show.quit")?,
        learn: table.find("midi.learn")?,
        values: Arc::clone(&hands.values),
        inbox: Arc::clone(&hands.inbox),
        notices: Arc::clone(&hands.notices),
        proxy: display.0.create_proxy(),
        ready: Some((opened, hands)),
        window: None,
        console: None,
        size: Arc::new(ScreenSize::default()),
        modifiers: ModifiersState::default(),
        egui: egui::Context::default(),
        show: None,
        failed: None,
    };
    display
        .0
        .run_app(&mut app)
        .context("the window system has ended")?;
    if let Some(error) = app.failed {
        return Err(error);
    }
    match app.show.map(JoinHandle::join) {
        Some(Ok(figures)) => Ok(figures),
        Some(Err(panic)) => std::panic::resume_unwind(panic),
        None => Err(anyhow!("the display opened no window")),
    }
}

struct App {
    /// Where the windows stood last time, and stand when they close.
    placement: Placement,
    settings: Settings,
    table: Arc<Table>,
    keys: Keys,
    quit: ParamId,
    learn: ParamId,
    values: Arc<Values>,
    inbox: Arc<Inbox>,
    notices: Arc<Notices>,
    proxy: EventLoopProxy<WindowCommand>,
    /// What the show begins with, until it begins.
    ready: Option<(First, Hands)>,
    window: Option<Arc<Window>>,
    console: Option<Console>,
    size: Arc<ScreenSize>,
    modifiers: ModifiersState,
    egui: egui::Context,
    show: Option<JoinHandle<Figures>>,
    failed: Option<anyhow::Error>,
}

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
        let Some((opened, mut hands)) = self.ready.take() else {
            return Ok(());
        };
        let monitor = self.monitor(event_loop);
        let home = event_loop
            .primary_monitor()
            .or_else(|| event_loop.available_monitors().next());
        let side = home.map_or(SIDE, |home| {
            let size = home.size().to_logical::<f64>(home.scale_factor());
            SIDE.min(MOST * size.width.min(size.height)).max(MIN_SIDE)
        });
        let mut attributes = Window::default_attributes()
            .with_title("latentloop")
            .with_inner_size(LogicalSize::new(side, side))
            .with_min_inner_size(LogicalSize::new(MIN_SIDE, MIN_SIDE));
        if self.settings.fullscreen || monitor.is_some() {
            attributes = attributes.with_fullscreen(Some(Fullscreen::Borderless(monitor)));
        }
        let window = event_loop
            .create_window(attributes)
            .context("cannot open a window")?;
        let window = Arc::new(window);
        window.set_cursor_visible(window.fullscreen().is_none());
        self.note_size(&window);
        let screen = Screen::open(
            Arc::clone(&window),
            event_loop.owned_display_handle(),
            Arc::clone(&self.size),
        );
        let output: Box<dyn Output> = match screen {
            Ok(screen) => {
                self.notices.tell(format!("showing with {}", screen.name()));
                Box::new(screen)
            }
            Err(error) => {
                self.notices
                    .warn(format!("{error}. The show goes on without a picture"));
                Box::new(Offscreen::default())
            }
        };
        self.window = Some(window);
        self.open_console(event_loop, &mut hands);
        let (proxy, after) = (self.proxy.clone(), CloseAfter(self.proxy.clone()));
        let command = Box::new(move |command| {
            // Without a window there is nothing to change.
            let _ = proxy.send_event(command);
        });
        let show = Show::new(&self.settings, &self.table, opened, hands, output, command)?;
        let thread = std::thread::Builder::new()
            .name("show".into())
            .spawn(move || {
                let _after = after;
                show.run()
            })
            .context("cannot start the show's thread")?;
        self.show = Some(thread);
        Ok(())
    }

    /// Opens the console where it was asked for; without one the show goes on.
    fn open_console(&mut self, event_loop: &ActiveEventLoop, hands: &mut Hands) {
        let monitor = match &self.settings.console {
            ConsoleChoice::Never => return,
            ConsoleChoice::Window => None,
            ConsoleChoice::Monitor(name) => self.named(event_loop, name),
            ConsoleChoice::Auto => {
                let window = self.window.as_ref();
                let output = window.and_then(|window| match window.fullscreen() {
                    Some(Fullscreen::Borderless(Some(monitor))) => Some(monitor),
                    _ => window.current_monitor(),
                });
                let mut others = event_loop.available_monitors();
                match others.find(|monitor| Some(monitor) != output.as_ref()) {
                    Some(other) => Some(other),
                    None => return,
                }
            }
        };
        match Console::open(event_loop, monitor, &self.table, hands) {
            Ok((console, feed)) => {
                hands.feed = Some(feed);
                self.console = Some(console);
            }
            Err(error) => {
                let text = format!("{error:#}. The show goes on without a console");
                self.notices.warn(text);
            }
        }
    }

    /// The monitor that was asked for by a part of its name.
    fn monitor(&self, event_loop: &ActiveEventLoop) -> Option<MonitorHandle> {
        self.named(event_loop, self.settings.monitor.as_ref()?)
    }

    fn named(&self, event_loop: &ActiveEventLoop, asked: &str) -> Option<MonitorHandle> {
        let asked = asked.to_lowercase();
        let name = |monitor: &MonitorHandle| monitor.name().unwrap_or_default();
        let mut all = event_loop.available_monitors();
        let found = all.find(|monitor| name(monitor).to_lowercase().contains(&asked));
        if found.is_none() {
            let there: Vec<String> = event_loop.available_monitors().map(|m| name(&m)).collect();
            let there = there.join(", ");
            self.notices.warn(format!(
                "no monitor is named \"{asked}\"; there are: {there}. The window opens where the system puts it"
            ));
        }
        found
    }

    fn note_size(&self, window: &Window) {
        let size = window.inner_size();
        self.size.set(size.width, size.height);
        self.size
            .set_scale(egui_winit::pixels_per_point(&self.egui, window));
        let monitor = window.current_monitor();
        self.size
            .set_refresh(monitor.and_then(|monitor| monitor.refresh_rate_millihertz()));
    }

    fn set_fullscreen(&self, on: bool) {
        let Some(window) = &self.window else {
            return;
        };
        let monitor = window.current_monitor();
        window.set_fullscreen(on.then_some(Fullscreen::Borderless(monitor)));
        window.set_cursor_visible(!on);
    }

    /// What a key does in the table of controls, while that is shown.
    fn learning(&self, key: Key) -> Option<Action> {
        let param = self.learn;
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

    fn key(&self, event: &KeyEvent) {
        let held = Held {
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
        let action = match self.learning(key) {
            None => self.keys.action(key, held, event.repeat).cloned(),
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
        let is_full = self
            .window
            .as_ref()
            .is_some_and(|w| w.fullscreen().is_some());
        match command {
            WindowCommand::ToggleFullscreen => self.set_fullscreen(!is_full),
            WindowCommand::LeaveFullscreen if is_full => self.set_fullscreen(false),
            WindowCommand::LeaveFullscreen => {}
            WindowCommand::Close => event_loop.exit(),
        }
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        let now = std::time::Instant::now();
        let flow = self.console.as_mut().map_or(ControlFlow::Wait, |console| {
            ControlFlow::WaitUntil(console.turn(now))
        });
        event_loop.set_control_flow(flow);
    }

    fn exiting(&mut self, _: &ActiveEventLoop) {
        if let Err(error) = self.placement.save() {
            self.notices.warn(error);
        }
    }

    fn window_event(&mut self, _: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        if let Some(console) = &mut self.console
            && console.id() == id
        {
            let is_taken = console.event(&event);
            match event {
                // Only the console: the show goes on.
                WindowEvent::CloseRequested => self.console = None,
                WindowEvent::ModifiersChanged(modifiers) => self.modifiers = modifiers.state(),
                WindowEvent::KeyboardInput { event, .. } if !is_taken => self.key(&event),
                _ => {}
            }
            return;
        }
        match event {
            WindowEvent::CloseRequested => {
                let action = Action::Trigger { param: self.quit };
                self.inbox.put(action, self.inbox.now());
            }
            WindowEvent::Resized(_)
            | WindowEvent::ScaleFactorChanged { .. }
            | WindowEvent::Moved(_) => {
                if let Some(window) = &self.window {
                    self.note_size(window);
                }
            }
            WindowEvent::ModifiersChanged(modifiers) => self.modifiers = modifiers.state(),
            WindowEvent::KeyboardInput { event, .. } => self.key(&event),
            _ => {}
        }
    }
}
