//! Displays and their monitors.

use anyhow::Context;
use winit::application::ApplicationHandler;
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, EventLoop};
use winit::window::WindowId;

use super::event::WindowCommand;

/// A display that windows can be opened on.
pub struct Display(pub(super) EventLoop<WindowCommand>);

/// Finds the display. Must be called on the main thread, once.
///
/// # Errors
/// When there is none, or it does not answer.
pub fn open_display() -> Result<Display, String> {
    let names = ["WAYLAND_DISPLAY", "WAYLAND_SOCKET", "DISPLAY"];
    let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(target_os = "linux") && !names.iter().any(is_set) {
        return Err("neither WAYLAND_DISPLAY nor DISPLAY is set".to_owned());
    }
    let event_loop = EventLoop::<WindowCommand>::with_user_event().build();
    event_loop.map(Display).map_err(|error| match error {
        winit::error::EventLoopError::Os(error) => {
            // Its text begins with the place in winit's source.
            let text = error.to_string();
            let reason = text
                .split_once(".rs:")
                .and_then(|(_, rest)| rest.split_once(": "));
            reason.map_or(text.clone(), |(_, reason)| reason.to_owned())
        }
        other => other.to_string(),
    })
}

/// A monitor.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Monitor {
    name: String,
    width: u32,
    height: u32,
    refresh_hz: Option<f64>,
}

impl std::fmt::Display for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} x {}", self.name, self.width, self.height)?;
        match self.refresh_hz {
            Some(hz) => write!(f, ", {hz:.1} Hz)"),
            None => f.write_str(")"),
        }
    }
}

/// Every monitor of a display.
///
/// # Errors
/// When the display goes away while it is asked.
pub fn monitors(display: Display) -> anyhow::Result<Vec<Monitor>> {
    let mut query = MonitorQuery(Vec::new());
    display
        .0
        .run_app(&mut query)
        .context("cannot ask the display for its monitors")?;
    Ok(query.0)
}

/// An event loop that asks for the monitors, and ends.
struct MonitorQuery(Vec<Monitor>);

impl ApplicationHandler<WindowCommand> for MonitorQuery {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        self.0 = event_loop
            .available_monitors()
            .map(|monitor| Monitor {
                name: monitor.name().unwrap_or_else(|| "unnamed".to_owned()),
                width: monitor.size().width,
                height: monitor.size().height,
                refresh_hz: monitor
                    .refresh_rate_millihertz()
                    .map(|mhz| f64::from(mhz) / 1000.0),
            })
            .collect();
        event_loop.exit();
    }

    fn window_event(&mut self, _: &ActiveEventLoop, _: WindowId, _: WindowEvent) {}
}
