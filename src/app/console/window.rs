//! The console window: its events, and when it is drawn.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use arc_swap::ArcSwap;
use egui::ViewportId;
use winit::dpi::{LogicalSize, PhysicalPosition};
use winit::event::WindowEvent;
use winit::event_loop::ActiveEventLoop;
use winit::keyboard::ModifiersState;
use winit::monitor::MonitorHandle;
use winit::window::{Window, WindowAttributes, WindowId};

use super::channel::ConsoleReceiver;
use super::handle::ConsoleHandle;
use super::style;
use super::surface::Surface;
use super::view::ConsoleView;
use crate::app::controllers::Controllers;
use crate::app::placement::{self, ConsolePlacement, WindowGeometry};

/// Size of the window in points, and the least.
const SIZE: (f64, f64) = (1280.0, 800.0);
const LEAST: (f64, f64) = (900.0, 560.0);
/// The part of its monitor that it takes at most.
const MOST: f64 = 0.96;
/// The least time from one picture to the next; longer where the processor draws.
const INTERVAL: Duration = Duration::from_millis(33);
const SLOW_INTERVAL: Duration = Duration::from_millis(66);
/// How far Ctrl and + or - go.
const ZOOM: (f32, f32) = (1.0, 2.0);

/// The context of a console: what it is opened with, and what is left when it is closed.
pub(in crate::app) struct ConsoleContext {
    handle: ConsoleHandle,
    receiver: ConsoleReceiver,
}

impl ConsoleContext {
    /// The context of a console for this show; `monitors` are the names of those that the output can be moved to.
    pub(in crate::app) fn new(
        controllers: &Controllers,
        takes: &Path,
        monitors: Arc<ArcSwap<Vec<String>>>,
        receiver: ConsoleReceiver,
    ) -> Self {
        Self {
            handle: ConsoleHandle::new(controllers, takes.to_owned(), monitors),
            receiver,
        }
    }
}

/// An open console window.
pub(in crate::app) struct Console {
    window: Arc<Window>,
    surface: Surface,
    egui: egui_winit::State,
    view: ConsoleView,
    interval: Duration,
    due: Instant,
    /// When egui wants to draw again by itself.
    wanted: Option<Instant>,
    /// Whether an event came since the last picture.
    touched: bool,
    occluded: bool,
    modifiers: ModifiersState,
    digest: u64,
}

impl Console {
    /// Opens a console on a monitor, or where the system puts it, and there as it was the last time. Takes the context where it opens.
    pub(in crate::app) fn open(
        event_loop: &ActiveEventLoop,
        monitor: Option<MonitorHandle>,
        place: &ConsolePlacement,
        context: &mut Option<ConsoleContext>,
    ) -> anyhow::Result<Self> {
        let window = event_loop
            .create_window(attributes(event_loop, monitor.as_ref(), place))
            .context("cannot open the console's window")?;
        let window = Arc::new(window);
        let surface = Surface::open(Arc::clone(&window), event_loop.owned_display_handle())?;
        let ui = egui::Context::default();
        style::apply(&ui);
        let egui = egui_winit::State::new(
            ui,
            ViewportId::ROOT,
            &window,
            Some(window.scale_factor() as f32),
            Some(winit::window::Theme::Dark),
            Some(surface.max_texture_side()),
        );
        if let Some(zoom) = place.zoom {
            egui.egui_ctx().set_zoom_factor(zoom);
        }
        let ConsoleContext { handle, receiver } =
            context.take().context("the console is open already")?;
        receiver.open(true);
        let view = ConsoleView::new(handle, receiver)?;
        Ok(Self {
            window,
            interval: if surface.is_slow {
                SLOW_INTERVAL
            } else {
                INTERVAL
            },
            surface,
            egui,
            view,
            due: Instant::now(),
            wanted: None,
            touched: true,
            occluded: false,
            modifiers: ModifiersState::default(),
            digest: 0,
        })
    }

    /// Closes it.
    pub(in crate::app) fn close(self) -> ConsoleContext {
        let (handle, receiver) = self.view.into_parts();
        receiver.open(false);
        ConsoleContext { handle, receiver }
    }

    /// Its placement.
    pub(in crate::app) fn place(&self) -> ConsolePlacement {
        let stands = WindowGeometry::of(&self.window);
        ConsolePlacement {
            monitor: stands.monitor,
            position: stands.position,
            size: Some(stands.size),
            zoom: Some(self.egui.egui_ctx().zoom_factor()),
        }
    }

    /// Which window it is.
    pub(in crate::app) fn id(&self) -> WindowId {
        self.window.id()
    }

    /// Takes an event of its window; draws where that was asked for. False: it is a key that the console has no use for.
    pub(in crate::app) fn event(&mut self, event: &WindowEvent) -> bool {
        match event {
            WindowEvent::RedrawRequested => {
                self.draw();
                return true;
            }
            WindowEvent::Occluded(occluded) => self.occluded = *occluded,
            // A quick hand has left before the next picture is due.
            WindowEvent::MouseInput { .. } => self.due = Instant::now(),
            WindowEvent::ModifiersChanged(modifiers) => self.modifiers = modifiers.state(),
            _ => {}
        }
        let context = self.egui.egui_ctx();
        let (types, is_focused) = (
            context.text_edit_focused(),
            context.egui_wants_keyboard_input(),
        );
        let response = self.egui.on_window_event(&self.window, event);
        self.touched |= response.repaint;
        let WindowEvent::KeyboardInput { event, .. } = event else {
            return true;
        };
        types || is_for_widgets(&event.logical_key, is_focused) || self.zooms(&event.logical_key)
    }

    /// Asks to be drawn where it is due and something has changed; gives the time of the next look.
    pub(in crate::app) fn turn(&mut self, now: Instant) -> Instant {
        if now < self.due {
            return self.due;
        }
        self.due = now + self.interval;
        let is_visible = self.is_visible();
        self.view.watch(is_visible);
        if is_visible && self.has_changed(now) {
            self.window.request_redraw();
        }
        self.due
    }

    fn is_visible(&self) -> bool {
        let size = self.window.inner_size();
        !self.occluded && size.width > 0 && size.height > 0
    }

    fn has_changed(&mut self, now: Instant) -> bool {
        let digest = self.view.digest();
        let has_changed = self.touched
            || digest != self.digest
            || self.view.has_news()
            || self.wanted.is_some_and(|at| at <= now);
        self.digest = digest;
        has_changed
    }

    /// Whether a key makes everything larger or smaller.
    fn zooms(&self, key: &winit::keyboard::Key) -> bool {
        let sign = matches!(key, winit::keyboard::Key::Character(text) if ["+", "=", "-", "0"].contains(&text.as_str()));
        let is_held = self.modifiers.control_key() || self.modifiers.super_key();
        is_held && sign
    }

    fn draw(&mut self) {
        self.touched = false;
        let input = self.egui.take_egui_input(&self.window);
        let context = self.egui.egui_ctx().clone();
        let view = &mut self.view;
        let mut output = context.run_ui(input, |ui| view.show(ui));
        let zoom = context.zoom_factor();
        if zoom != zoom.clamp(ZOOM.0, ZOOM.1) {
            context.set_zoom_factor(zoom.clamp(ZOOM.0, ZOOM.1));
        }
        self.egui
            .handle_platform_output(&self.window, output.platform_output);
        let delay = output
            .viewport_output
            .get(&ViewportId::ROOT)
            .map(|viewport| viewport.repaint_delay);
        // A delay without end is far beyond what an instant holds.
        self.wanted = delay.and_then(|delay| Instant::now().checked_add(delay));
        let scale = output.pixels_per_point;
        let shapes = context.tessellate(output.shapes, scale);
        self.surface
            .draw(&shapes, &mut output.textures_delta, scale);
    }
}

/// The attributes of the window: as it was the last time where that is on the monitor, and never larger than this.
fn attributes(
    event_loop: &ActiveEventLoop,
    monitor: Option<&MonitorHandle>,
    place: &ConsolePlacement,
) -> WindowAttributes {
    let home = monitor
        .cloned()
        .or_else(|| event_loop.primary_monitor())
        .or_else(|| event_loop.available_monitors().next());
    let [width, height] = place
        .size
        .map_or([SIZE.0, SIZE.1], |size| size.map(f64::from));
    let (mut width, mut height) = (width.max(LEAST.0), height.max(LEAST.1));
    if let Some(home) = &home {
        let room = home.size().to_logical::<f64>(home.scale_factor());
        (width, height) = (width.min(MOST * room.width), height.min(MOST * room.height));
    }
    let attributes = Window::default_attributes()
        .with_title("latentloop console")
        .with_inner_size(LogicalSize::new(width, height))
        .with_min_inner_size(LogicalSize::new(LEAST.0.min(width), LEAST.1.min(height)));
    let Some(monitor) = monitor else {
        return attributes;
    };
    let (corner, room) = (monitor.position(), monitor.size());
    let is_same = place.monitor.is_some() && place.monitor == monitor.name();
    let remembered = place.position.filter(|_| is_same);
    let remembered = remembered.and_then(|at| placement::corner(at, monitor));
    let inset = (f64::from(room.width) * (1.0 - MOST) / 2.0) as i32;
    attributes.with_position(remembered.unwrap_or_else(|| {
        PhysicalPosition::new(
            corner.x.saturating_add(inset),
            corner.y.saturating_add(inset),
        )
    }))
}

/// Whether a key works the console's own widgets: Tab goes from one to the next, and the one that is reached takes some more.
fn is_for_widgets(key: &winit::keyboard::Key, is_focused: bool) -> bool {
    use winit::keyboard::{Key, NamedKey};
    match key {
        Key::Named(NamedKey::Tab) => true,
        Key::Named(
            NamedKey::Space
            | NamedKey::Enter
            | NamedKey::Escape
            | NamedKey::ArrowLeft
            | NamedKey::ArrowRight
            | NamedKey::ArrowUp
            | NamedKey::ArrowDown,
        ) => is_focused,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use winit::keyboard::{Key, NamedKey};

    #[test]
    fn a_reached_widget_takes_few_keys_and_the_show_the_rest() {
        for (key, when_reached, otherwise) in [
            (Key::Named(NamedKey::Tab), true, true),
            (Key::Named(NamedKey::Space), true, false),
            (Key::Named(NamedKey::ArrowUp), true, false),
            (Key::Named(NamedKey::Escape), true, false),
            (Key::Named(NamedKey::Backspace), false, false),
            (Key::Character("r".into()), false, false),
        ] {
            assert_eq!(is_for_widgets(&key, true), when_reached, "{key:?}");
            assert_eq!(is_for_widgets(&key, false), otherwise, "{key:?}");
        }
    }
}
