//! The notice panel: the last lines for the performer.

use std::collections::VecDeque;

use chrono::{DateTime, Local};
use egui::{RichText, ScrollArea, Ui};

use super::handle::ConsoleHandle;
use super::style::{DIM, INK, LIT};
use crate::control::Notice;

/// Lines that are kept.
const LINES: usize = 50;

/// The notice panel.
#[derive(Default)]
pub(super) struct NoticePanel {
    lines: VecDeque<(String, Notice)>,
}

impl NoticePanel {
    /// Takes the notices that have come since the last call.
    pub(super) fn take(&mut self, handle: &ConsoleHandle) {
        while let Some(notice) = handle.plane.notices.take_logged() {
            if self.lines.len() == LINES {
                self.lines.pop_front();
            }
            let at = DateTime::<Local>::from(notice.at).format("%H:%M:%S");
            self.lines.push_back((at.to_string(), notice));
        }
    }

    pub(super) fn show(&self, ui: &mut Ui) {
        ui.spacing_mut().item_spacing.y = 3.0;
        ScrollArea::vertical()
            .id_salt("log")
            .auto_shrink(false)
            .stick_to_bottom(true)
            .show(ui, |ui| {
                for (at, notice) in &self.lines {
                    let ink = if notice.is_warning { LIT } else { INK };
                    ui.horizontal_top(|ui| {
                        ui.label(RichText::new(at).size(13.0).color(DIM).monospace());
                        let text = RichText::new(&notice.text).size(14.0).color(ink);
                        ui.add(egui::Label::new(text).wrap());
                    });
                }
            });
    }
}
