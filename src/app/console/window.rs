//! The console's window: its events, and when it is drawn.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use egui::ViewportId;
use winit::dpi::{LogicalSize, PhysicalPosition};
use winit::event::WindowEvent;
use winit::event_loop::ActiveEventLoop;
use winit::keyboard::ModifiersState;
use winit::monitor::MonitorHandle;
use winit::window::{Window, WindowId};

use super::board::Board;
use super::feed::{Feed, feed};
use super::links::Links;
use super::style;
use super::surface::Surface;
use crate::app::hands::Hands;
use crate::instrument::Table;

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

/// A console that is open.
pub(in crate::app) struct Console {
    window: Arc<Window>,
    surface: Surface,
    egui: egui_winit::State,
    board: Board,
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
    /// Opens a console on a monitor, or where the system puts it; gives the show's end of what feeds it.
    pub(in crate::app) fn open(
        event_loop: &ActiveEventLoop,
        monitor: Option<MonitorHandle>,
        table: &Arc<Table>,
        hands: &Hands,
    ) -> anyhow::Result<(Self, Feed)> {
        let home = monitor
            .clone()
            .or_else(|| event_loop.primary_monitor())
            .or_else(|| event_loop.available_monitors().next());
        let (mut width, mut height) = SIZE;
        if let Some(home) = &home {
            let room = home.size().to_logical::<f64>(home.scale_factor());
            (width, height) = (width.min(MOST * room.width), height.min(MOST * room.height));
        }
        let mut attributes = Window::default_attributes()
            .with_title("latentloop console")
            .with_inner_size(LogicalSize::new(width, height))
            .with_min_inner_size(LogicalSize::new(LEAST.0.min(width), LEAST.1.min(height)));
        if let Some(monitor) = &monitor {
            let corner = monitor.position();
            let inset = (monitor.size().width as f64 * (1.0 - MOST) / 2.0) as i32;
            let at = PhysicalPosition::new(corner.x + inset, corner.y + inset);
            attributes = attributes.with_position(at);
        }
        let window = event_loop
            .create_window(attributes)
            .context("cannot open the console's window")?;
        let window = Arc::new(window);
        let surface = Surface::open(Arc::clone(&window), event_loop.owned_display_handle())?;
        let context = egui::Context::default();
        style::apply(&context);
        let egui = egui_winit::State::new(
            context,
            ViewportId::ROOT,
            &window,
            Some(window.scale_factor() as f32),
            Some(winit::window::Theme::Dark),
            Some(surface.max_texture_side()),
        );
        let (feed, sight) = feed();
        sight.watch(true);
        let console = Self {
            window,
            interval: if surface.is_slow {
                SLOW_INTERVAL
            } else {
                INTERVAL
            },
            surface,
            egui,
            board: Board::new(Links::new(table, hands), sight)?,
            due: Instant::now(),
            wanted: None,
            touched: true,
            occluded: false,
            modifiers: ModifiersState::default(),
            digest: 0,
        };
        Ok((console, feed))
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
        self.board.watch(is_visible);
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
        let digest = self.board.digest();
        let has_changed = self.touched
            || digest != self.digest
            || self.board.has_news()
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
        let board = &mut self.board;
        let mut output = context.run_ui(input, |ui| board.show(ui));
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
