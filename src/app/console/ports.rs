//! The port panel: controllers with a light each, and where the program is found on the network.

use egui::{Pos2, RichText, ScrollArea, Sense, Ui, Vec2};

use super::channel::ConsoleSnapshot;
use super::handle::ConsoleHandle;
use super::meters::Meters;
use super::style::{ALARM, CELL, DIM, GREEN, INK, LIT, RED, font};
use crate::control::midi::PortState;
use crate::instrument::params::WINDOW_MONITOR;

/// How long a port's light stays on: an eighth of a second.
const BUSY_NANOS: u64 = 125_000_000;

pub(super) fn show(
    ui: &mut Ui,
    handle: &ConsoleHandle,
    snapshot: &ConsoleSnapshot,
    meters: &Meters,
) {
    ui.spacing_mut().item_spacing.y = 3.0;
    let size = Vec2::new(ui.available_width(), 18.0);
    let (area, _) = ui.allocate_exact_size(size, Sense::hover());
    meters.paint(&ui.painter_at(area), area, snapshot.sound);
    ScrollArea::vertical()
        .id_salt("ports")
        .auto_shrink(false)
        .show(ui, |ui| {
            output(ui, handle);
            let osc = |name: &str, address: Option<String>| match address {
                Some(address) => (GREEN, format!("{name}  {address}"), INK),
                None => (CELL, format!("{name}  off"), DIM),
            };
            let told = |address: std::net::SocketAddr| address.to_string();
            for (light, text, ink) in [
                osc("OSC", handle.osc.map(told)),
                osc(
                    "OSCQuery",
                    handle.oscquery.map(|address| format!("http://{address}")),
                ),
            ] {
                line(ui, light, &text, ink);
            }
            let Some(hub) = handle.midi.hub() else {
                return line(ui, RED, "no MIDI", ALARM);
            };
            let ports = hub.ports();
            if ports.is_empty() {
                line(ui, CELL, "no MIDI controller", DIM);
            }
            let now = handle.plane.inbox.now();
            for port in ports {
                let (light, ink) = match (port.connected, busy(&port, now)) {
                    (false, _) => (RED, ALARM),
                    (true, true) => (LIT, INK),
                    (true, false) => (GREEN, INK),
                };
                let mut text = port.port.name;
                if !port.map.is_empty() {
                    text = format!("{text} ({})", port.map);
                }
                if !port.connected {
                    text.push_str("  gone");
                }
                line(ui, light, &text, ink);
            }
        });
}

/// The menu of the output's monitors.
fn output(ui: &mut Ui, handle: &ConsoleHandle) {
    let on = handle.plane.values.text(WINDOW_MONITOR);
    let place = if on.is_empty() { "in a window" } else { &on };
    let text = format!("Output  {place}");
    ui.scope(|ui| {
        ui.spacing_mut().button_padding = Vec2::new(6.0, 2.0);
        let shown = RichText::new(text).font(font(14.0)).color(INK);
        ui.menu_button(shown, |ui| {
            for name in handle.monitors.load().iter() {
                if ui.selectable_label(*name == **on, name).clicked() {
                    handle.say(WINDOW_MONITOR, name);
                    ui.close();
                }
            }
        })
        .response
        .on_hover_text("Moves the output to another monitor  (Ctrl + M)");
    });
}

fn busy(port: &PortState, now: u64) -> bool {
    port.heard_at
        .is_some_and(|at| now.saturating_sub(at) < BUSY_NANOS)
}

/// A light and what it stands for.
fn line(ui: &mut Ui, light: egui::Color32, text: &str, ink: egui::Color32) {
    let size = Vec2::new(ui.available_width(), 18.0);
    let (area, response) = ui.allocate_exact_size(size, Sense::hover());
    let painter = ui.painter_at(area);
    let at = Pos2::new(area.left() + 6.0, area.center().y);
    painter.circle_filled(at, 5.0, light);
    let galley = painter.layout_no_wrap(text.to_owned(), font(14.0), ink);
    let is_cut = galley.size().x > area.width() - 18.0;
    let at = Pos2::new(area.left() + 18.0, area.center().y - galley.size().y / 2.0);
    painter.galley(at, galley, ink);
    if is_cut {
        response.on_hover_text(text);
    }
}
