//! The console view: every panel, and where it is.

use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::time::Instant;

use egui::{CentralPanel, Frame, Id, LayerId, Margin, Order, Panel, Stroke, Ui, Vec2};

use super::channel::{ConsoleReceiver, ConsoleSnapshot};
use super::handle::ConsoleHandle;
use super::key_table;
use super::meters::Meters;
use super::model_browser::ModelBrowser;
use super::notice_panel::NoticePanel;
use super::parameter_panel::{Page, ParameterPanel};
use super::ports;
use super::preset_bank::{self, PresetBank};
use super::ring::KeyframeRing;
use super::style::{CELL, GROUND, PANEL};
use super::tabs::{self, Tab};
use super::timing_graph::TimingGraph;
use super::tooltip::UiState;
use super::transport;
use super::worker::{ConsoleWorker, Response};
use crate::instrument::params::{BEAT_PER_BAR, BEAT_PHASE};

/// Height of the lowest panel and width of its parts in points; the part of the width that the left panel takes.
const FOOT: f32 = 132.0;
const LEFT: f32 = 0.3535;
const PORTS: f32 = 330.0;
const GRAPH: f32 = 316.0;
const GAP: f32 = 8.0;
/// Beat lights are drawn anew so often in a beat.
const FADES: f64 = 6.0;

/// The console's panels and what they show.
pub(super) struct ConsoleView {
    handle: ConsoleHandle,
    receiver: ConsoleReceiver,
    snapshot: ConsoleSnapshot,
    state: UiState,
    ring: KeyframeRing,
    bank: PresetBank,
    knobs: ParameterPanel,
    tab: Tab,
    models: ModelBrowser,
    worker: ConsoleWorker,
    meters: Meters,
    log: NoticePanel,
    graph: TimingGraph,
}

impl ConsoleView {
    pub(super) fn new(handle: ConsoleHandle, receiver: ConsoleReceiver) -> anyhow::Result<Self> {
        let table = &handle.plane.table;
        Ok(Self {
            ring: KeyframeRing::default(),
            bank: PresetBank::default(),
            knobs: ParameterPanel::new(table),
            tab: Tab::default(),
            models: ModelBrowser::default(),
            worker: ConsoleWorker::start(
                Arc::clone(table),
                handle.takes.clone(),
                Arc::clone(&handle.bank),
            )?,
            meters: Meters::default(),
            log: NoticePanel::default(),
            graph: TimingGraph::default(),
            snapshot: ConsoleSnapshot::default(),
            state: UiState::default(),
            receiver,
            handle,
        })
    }

    /// The parts that it was made of.
    pub(super) fn into_parts(self) -> (ConsoleHandle, ConsoleReceiver) {
        (self.handle, self.receiver)
    }

    /// Says whether anyone looks.
    pub(super) fn watch(&self, on: bool) {
        self.receiver.watch(on);
    }

    /// Whether the show has told something new.
    pub(super) fn has_news(&self) -> bool {
        self.receiver.is_new() || self.worker.has_news()
    }

    /// A hash of what the console shows of the parameters.
    pub(super) fn digest(&self) -> u64 {
        let mut digest = DefaultHasher::new();
        for (param, _) in self.handle.plane.table.iter() {
            let mut value = self.handle.get(param);
            if param == BEAT_PHASE {
                // It never stands still; its light changes by steps.
                value = (value * self.handle.get(BEAT_PER_BAR) * FADES).floor();
            }
            digest.write_u64(value.to_bits());
        }
        digest.finish()
    }

    /// Lays everything out.
    pub(super) fn show(&mut self, ui: &mut Ui) {
        let now = Instant::now();
        self.snapshot = self.receiver.snapshot();
        self.ring.look(ui.ctx(), &mut self.receiver, &self.snapshot);
        self.log.take(&self.handle);
        self.graph.note(now, &self.snapshot);
        self.meters.follow(self.snapshot.sound, now);
        let patch = self.receiver.patch();
        self.models.follow(&self.worker, patch.clone());
        self.bank.follow(patch, &self.worker);
        while let Some(response) = self.worker.take() {
            match response {
                Response::ModelList => self.models.clear(),
                Response::Model(card) => self.models.add(ui.ctx(), *card),
                Response::Bank(names) => self.bank.set_names(names),
            }
        }

        let plain = |fill| Frame::NONE.fill(fill).inner_margin(Margin::same(GAP as i8));
        Panel::top("transport")
            .frame(plain(PANEL))
            .exact_size(transport::HEIGHT + 2.0 * GAP)
            .resizable(false)
            .show_separator_line(false)
            .show(ui, |ui| {
                let free = self.worker.free_bytes();
                let (handle, snapshot) = (&self.handle, &self.snapshot);
                transport::show(ui, handle, &mut self.state, snapshot, free);
            });
        Panel::bottom("foot")
            .frame(plain(PANEL))
            .exact_size(FOOT)
            .resizable(false)
            .show_separator_line(false)
            .show(ui, |ui| self.foot(ui, now));
        Panel::left("loop")
            .frame(plain(GROUND))
            .exact_size(LEFT * ui.available_width())
            .resizable(false)
            .show_separator_line(false)
            .show(ui, |ui| {
                let side = (ui.available_height() - preset_bank::HEIGHT - GAP).max(200.0);
                self.ring.show(ui, &self.handle, &self.snapshot, side);
                self.bank.show(ui, &self.handle, &mut self.state);
            });
        CentralPanel::default().frame(plain(GROUND)).show(ui, |ui| {
            self.pages(ui);
        });
        if let Some(readout) = self.receiver.readout() {
            let layer = LayerId::new(Order::Foreground, Id::unique("readout"));
            readout.paint(&ui.ctx().layer_painter(layer), ui.ctx().content_rect());
        }
    }

    /// The page of the open tab.
    fn pages(&mut self, ui: &mut Ui) {
        let before = self.tab;
        tabs::show(ui, &mut self.tab);
        if self.tab != before && self.tab == Tab::Models {
            self.models.refresh();
        }
        match self.tab {
            Tab::Play => self
                .knobs
                .show(ui, &self.handle, &mut self.state, Page::Play),
            Tab::Look => self
                .knobs
                .show(ui, &self.handle, &mut self.state, Page::Look),
            Tab::Models => self.models.show(ui, &self.handle),
            Tab::Program => self.program(ui),
        }
    }

    /// The program's own parameters, and the keys.
    fn program(&mut self, ui: &mut Ui) {
        let area = ui.available_rect_before_wrap();
        let (left, right) = area.split_left_right_at_fraction(0.4);
        let part = |ui: &mut Ui, area: egui::Rect, name: &str| {
            let builder = egui::UiBuilder::new().max_rect(area).id_salt(name);
            ui.new_child(builder)
        };
        let left = left.with_max_x(left.right() - GAP);
        let mut knobs = part(ui, left, "knobs");
        self.knobs
            .show(&mut knobs, &self.handle, &mut self.state, Page::Program);
        key_table::show(&mut part(ui, right, "keys"), &self.handle.keys);
    }

    fn foot(&mut self, ui: &mut Ui, now: Instant) {
        let area = ui.available_rect_before_wrap();
        let (left, rest) = area.split_left_right_at_x(area.left() + PORTS.min(area.width() * 0.3));
        let (middle, right) =
            rest.split_left_right_at_x(rest.right() - GRAPH.min(area.width() * 0.3));
        for edge in [left.right(), right.left()] {
            let stroke = Stroke::new(1.0, CELL);
            ui.painter().vline(edge, area.shrink(4.0).y_range(), stroke);
        }
        let mut part = |area: egui::Rect, name: &str| {
            let builder = egui::UiBuilder::new()
                .max_rect(area.shrink2(Vec2::new(GAP, 0.0)))
                .id_salt(name);
            ui.new_child(builder)
        };
        let mut ui = part(left, "ports");
        ports::show(&mut ui, &self.handle, &self.snapshot, &self.meters);
        self.log.show(&mut part(middle, "log"));
        let engine = self.receiver.engine();
        self.graph
            .show(&mut part(right, "graph"), now, &self.snapshot, &engine);
    }
}

#[cfg(test)]
mod tests;
