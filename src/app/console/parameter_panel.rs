//! The parameter panel: every parameter but the keyframes', in groups by the part of its name before the dot.

use egui::{Pos2, Rect, ScrollArea, Sense, Stroke, Ui, Vec2};

use super::handle::{ConsoleHandle, UserPassRow};
use super::style::{DIM, EDGE, INK, LIT, PANEL, caption};
use super::tooltip::UiState;
use super::widgets::{self, HEIGHT};
use crate::instrument::{Kind, ParamId, Row, Table, params};
use crate::stage::EffectGroup;

/// A page of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// The loop and the beat, and what is played with them.
    Play,
    /// The look: effects on the picture.
    Look,
    /// The program itself.
    Program,
}

/// Groups of the play page, in their order; others are the look's.
const PLAYED: [&str; 6] = ["loop", "beat", "sound", "master", "record", "preset"];
/// Parameters that stand elsewhere on the console, or has no use there: it is about the heads-up display, or ends the show.
const ELSEWHERE: [ParamId; 8] = [
    params::LOOP_POSITION.id(),
    params::PRESET_NEXT.id(),
    params::PRESET_PREVIOUS.id(),
    params::MIDI_LEARN.id(),
    params::MIDI_UNLEARN.id(),
    params::SHOW_QUIT.id(),
    params::BEAT_TAP.id(),
    params::RECORD_TOGGLE.id(),
];
/// Families that stand elsewhere, as their names begin.
const FAMILIES_ELSEWHERE: [&str; 2] = ["keyframe.", "preset.bank."];
/// The groups of the program itself share one.
const PROGRAM: [&str; 3] = ["window", "hud", "midi"];
const PROGRAM_NAME: &str = "program";
/// A column is at least so wide, and a button.
const COLUMN: f32 = 330.0;
/// From so many columns on, one page is for all that is played.
const WIDE: usize = 3;
const BUTTON: f32 = 116.0;
const GAP: f32 = 5.0;
const HEAD: f32 = 25.0;
const MARGIN: f32 = 9.0;

/// The parameters of one group.
struct Group {
    page: Page,
    name: String,
    /// Those with a value, and those that are buttons, each with its label.
    values: Vec<(ParamId, String)>,
    buttons: Vec<(ParamId, String)>,
    is_open: bool,
}

impl Group {
    /// Whether there is anything in it: places for passes may be empty.
    fn is_there(&self, handle: &ConsoleHandle) -> bool {
        let is_there = |(param, _): &(ParamId, String)| is_there(handle, *param);
        !self.buttons.is_empty() || self.values.iter().any(is_there)
    }

    fn height(&self, width: f32, handle: &ConsoleHandle) -> f32 {
        if !self.is_open {
            return HEAD + 2.0 * GAP;
        }
        let shown = self.values.iter();
        let shown = shown.filter(|(param, _)| is_there(handle, *param));
        let lines = shown.count() + self.buttons.len().div_ceil(columns(width));
        HEAD + lines as f32 * (HEIGHT + GAP) + MARGIN + GAP
    }
}

/// The parameter panel.
pub(super) struct ParameterPanel {
    groups: Vec<Group>,
}

impl ParameterPanel {
    pub(super) fn new(table: &Table) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for (param, row) in table.iter().filter(|(param, row)| is_shown(*param, row)) {
            let (group, rest) = row.name.split_once('.').unwrap_or(("", &row.name));
            let (page, group, name) = if PROGRAM.contains(&group) {
                let name = row.name.strip_prefix("window.").unwrap_or(&row.name);
                (Page::Program, PROGRAM_NAME, label(name))
            } else if group == "look" {
                (
                    Page::Look,
                    EffectGroup::of(param).map_or("look", EffectGroup::name),
                    label(rest),
                )
            } else if PLAYED.contains(&group) {
                (Page::Play, group, label(rest))
            } else {
                (Page::Look, group, label(rest))
            };
            let at = groups.iter().position(|found| found.name == group);
            let group = match at {
                Some(at) => &mut groups[at],
                None => {
                    groups.push(Group {
                        page,
                        name: group.to_owned(),
                        values: Vec::new(),
                        buttons: Vec::new(),
                        is_open: true,
                    });
                    let last = groups.len() - 1;
                    &mut groups[last]
                }
            };
            match row.kind {
                Kind::Toggle | Kind::Trigger => group.buttons.push((param, name)),
                _ => group.values.push((param, name)),
            }
        }
        let order = PLAYED.into_iter().chain(["stage", "look"]);
        let order = order.chain(EffectGroup::ALL.map(EffectGroup::name));
        let order: Vec<&str> = order.collect();
        let place = |group: &Group| order.iter().position(|name| *name == group.name);
        groups.sort_by_key(|group| place(group).unwrap_or(order.len()));
        Self { groups }
    }

    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        handle: &ConsoleHandle,
        state: &mut UiState,
        page: Page,
    ) {
        let scroll = ScrollArea::vertical().id_salt(page as u8);
        scroll.auto_shrink(false).show(ui, |ui| {
            let count = ((ui.available_width() / COLUMN) as usize).clamp(1, 4);
            ui.spacing_mut().item_spacing.y = GAP;
            let mut heights = vec![0.0f32; count];
            ui.columns(count, |columns| {
                // A large console has room for what is done to the picture as well.
                let is_wide = page == Page::Play && count >= WIDE;
                let is_here =
                    |group: &&mut Group| group.page == page || is_wide && group.page == Page::Look;
                let groups = self.groups.iter_mut().filter(is_here);
                for group in groups.filter(|group| group.is_there(handle)) {
                    // Each goes where there is most room.
                    let shortest = |at: &usize| heights[*at];
                    let at = (0..count)
                        .min_by(|a, b| shortest(a).total_cmp(&shortest(b)))
                        .unwrap_or(0);
                    let width = columns[at].available_width();
                    heights[at] += group.height(width - 2.0 * MARGIN, handle);
                    group.show(&mut columns[at], handle, state);
                }
            });
        });
    }
}

impl Group {
    fn show(&mut self, ui: &mut Ui, handle: &ConsoleHandle, state: &mut UiState) {
        let frame = egui::Frame::NONE
            .fill(PANEL)
            .corner_radius(6.0)
            .inner_margin(egui::Margin {
                left: MARGIN as i8,
                right: MARGIN as i8,
                top: 0,
                bottom: if self.is_open { MARGIN as i8 } else { 0 },
            });
        frame.show(ui, |ui| {
            self.head(ui);
            if !self.is_open {
                return;
            }
            for (param, name) in &self.values {
                match handle.user_pass_row(*param) {
                    Some(UserPassRow::Empty) => {}
                    Some(UserPassRow::Amount(name)) => {
                        widgets::row(ui, handle, state, *param, &name);
                    }
                    Some(UserPassRow::Knob(knob)) => {
                        let name = format!("   {}", label(&knob.name));
                        widgets::row(ui, handle, state, *param, &name);
                    }
                    None => widgets::row(ui, handle, state, *param, name),
                }
            }
            let width = ui.available_width();
            let columns = columns(width);
            let size = Vec2::new(
                (width - GAP * (columns - 1) as f32) / columns as f32,
                HEIGHT,
            );
            for line in self.buttons.chunks(columns) {
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = GAP;
                    for (param, name) in line {
                        widgets::button(ui, handle, state, (*param, name), size);
                    }
                });
            }
        });
    }

    /// The group's name; a click folds it up.
    fn head(&mut self, ui: &mut Ui) {
        let size = Vec2::new(ui.available_width(), HEAD);
        let (area, response) = ui.allocate_exact_size(size, Sense::click());
        if response.clicked() {
            self.is_open = !self.is_open;
        }
        let ink = if response.hovered() { INK } else { LIT };
        let at = Pos2::new(area.left(), area.center().y + 1.0);
        caption(ui.painter(), at, &self.name, ink);
        widgets::focus_ring(ui, &response);
        let painter = ui.painter();
        let mark = Rect::from_center_size(
            Pos2::new(area.right() - 6.0, area.center().y),
            Vec2::new(8.0, 8.0),
        );
        let stroke = Stroke::new(1.5, if response.hovered() { DIM } else { EDGE });
        painter.hline(mark.x_range(), mark.center().y, stroke);
        if !self.is_open {
            painter.vline(mark.center().x, mark.y_range(), stroke);
        }
    }
}

/// How many buttons stand in a line of that width.
fn columns(width: f32) -> usize {
    (((width + GAP) / (BUTTON + GAP)) as usize).max(1)
}

/// Whether a row stands for anything.
fn is_there(handle: &ConsoleHandle, param: ParamId) -> bool {
    !matches!(handle.user_pass_row(param), Some(UserPassRow::Empty))
}

fn is_shown(param: ParamId, row: &Row) -> bool {
    row.kind != Kind::Text && !row.read_only && !is_elsewhere(param, row)
}

fn is_elsewhere(param: ParamId, row: &Row) -> bool {
    let mut families = FAMILIES_ELSEWHERE.iter();
    ELSEWHERE.contains(&param) || families.any(|family| row.name.starts_with(family))
}

/// The label of a parameter's widget.
fn label(name: &str) -> String {
    let name = name.strip_suffix("_secs").unwrap_or(name);
    name.replace(['_', '.'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_parameter_is_on_the_console_once() {
        let table = Table::standard();
        let knobs = ParameterPanel::new(&table);
        let groups: Vec<&str> = knobs.groups.iter().map(|g| g.name.as_str()).collect();
        assert_eq!(&groups[..3], &["loop", "beat", "sound"]);
        assert_eq!(groups.last(), Some(&PROGRAM_NAME));
        for (group, page) in [
            ("record", Page::Play),
            ("feedback", Page::Look),
            (PROGRAM_NAME, Page::Program),
        ] {
            let found = knobs.groups.iter().find(|found| found.name == group);
            assert_eq!(found.unwrap().page, page, "{group}");
        }
        let mut found: Vec<ParamId> = knobs
            .groups
            .iter()
            .flat_map(|group| group.values.iter().chain(&group.buttons))
            .map(|(param, _)| *param)
            .collect();
        let count = found.len();
        found.sort();
        found.dedup();
        assert_eq!(found.len(), count, "one stands twice");
        for (param, row) in table.iter() {
            let is_told = row.read_only || row.kind == Kind::Text;
            assert!(
                found.contains(&param) || is_elsewhere(param, row) || is_told,
                "{} is nowhere",
                row.name
            );
        }
    }

    #[test]
    fn names_are_short_enough_to_read() {
        for (name, expected) in [
            ("hold_secs", "hold"),
            ("per_bar", "per bar"),
            ("midi.page", "midi page"),
        ] {
            assert_eq!(label(name), expected);
        }
    }
}
