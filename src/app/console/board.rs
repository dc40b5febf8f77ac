//! What is where on the console.

use std::time::Instant;

use egui::{CentralPanel, Frame, Margin, Panel, Ui, Vec2};

use super::bank::{self, Bank};
use super::control::Memory;
use super::feed::{Glance, Sight};
use super::graph::Graph;
use super::knobs::Knobs;
use super::links::Links;
use super::log::Log;
use super::ports;
use super::ring::Ring;
use super::style::{GROUND, PANEL};
use super::transport::{self, Transport};
use crate::instrument::ParamId;
use crate::instrument::preset::PresetError;

/// Height of the lowest panel, width of the left one and of the parts of the lowest, in points.
const FOOT: f32 = 132.0;
const LEFT: f32 = 452.0;
const PORTS: f32 = 330.0;
const GRAPH: f32 = 300.0;
const GAP: f32 = 8.0;
/// Beat lights are drawn anew so often in a beat.
const FADES: f64 = 6.0;

pub(super) struct Board {
    links: Links,
    sight: Sight,
    glance: Glance,
    memory: Memory,
    transport: Transport,
    ring: Ring,
    bank: Bank,
    knobs: Knobs,
    log: Log,
    graph: Graph,
    phase: ParamId,
    per_bar: ParamId,
}

impl Board {
    pub(super) fn new(links: Links, sight: Sight) -> Result<Self, PresetError> {
        let table = &links.table;
        Ok(Self {
            transport: Transport::new(table)?,
            ring: Ring::new(table)?,
            bank: Bank::new(table)?,
            knobs: Knobs::new(table),
            phase: table.find("beat.phase")?,
            per_bar: table.find("beat.per_bar")?,
            log: Log::default(),
            graph: Graph::default(),
            glance: Glance::default(),
            memory: Memory::default(),
            sight,
            links,
        })
    }

    /// Says whether anyone looks.
    pub(super) fn watch(&self, on: bool) {
        self.sight.watch(on);
    }

    /// Whether the show has told something new.
    pub(super) fn has_news(&self) -> bool {
        self.sight.is_new()
    }

    /// A number that changes with what the console shows of the parameters (FNV-1a).
    pub(super) fn digest(&self) -> u64 {
        let mut digest = 0xcbf2_9ce4_8422_2325u64;
        for (param, _) in self.links.table.iter() {
            let mut value = self.links.get(param);
            if param == self.phase {
                // It never stands still; its light changes by steps.
                value = (value * self.links.get(self.per_bar) * FADES).floor();
            }
            digest = (digest ^ value.to_bits()).wrapping_mul(0x0100_0000_01b3);
        }
        digest
    }

    /// Lays everything out.
    pub(super) fn show(&mut self, ui: &mut Ui) {
        let now = Instant::now();
        self.glance = self.sight.glance();
        if let Some(canvas) = self.sight.picture() {
            self.ring.picture(ui.ctx(), canvas);
        }
        self.log.take(&self.links);
        self.graph.note(now, &self.glance);
        self.bank.follow(self.sight.piece(), &self.links.table);

        let plain = |fill| Frame::NONE.fill(fill).inner_margin(Margin::same(GAP as i8));
        Panel::top("transport")
            .frame(plain(PANEL))
            .exact_size(transport::HEIGHT + 2.0 * GAP)
            .resizable(false)
            .show_separator_line(false)
            .show(ui, |ui| {
                self.transport
                    .show(ui, &self.links, &mut self.memory, &self.glance);
            });
        Panel::bottom("foot")
            .frame(plain(PANEL))
            .exact_size(FOOT)
            .resizable(false)
            .show_separator_line(false)
            .show(ui, |ui| self.foot(ui, now));
        Panel::left("loop")
            .frame(plain(GROUND))
            .exact_size(LEFT)
            .resizable(false)
            .show_separator_line(false)
            .show(ui, |ui| {
                let side = (ui.available_height() - bank::HEIGHT - GAP).max(200.0);
                self.ring.show(ui, &self.links, &self.glance, side);
                self.bank.show(ui, &self.links, &mut self.memory);
            });
        CentralPanel::default().frame(plain(GROUND)).show(ui, |ui| {
            self.knobs.show(ui, &self.links, &mut self.memory);
        });
    }

    fn foot(&mut self, ui: &mut Ui, now: Instant) {
        let area = ui.available_rect_before_wrap();
        let (left, rest) = area.split_left_right_at_x(area.left() + PORTS.min(area.width() * 0.3));
        let (middle, right) =
            rest.split_left_right_at_x(rest.right() - GRAPH.min(area.width() * 0.3));
        let mut part = |area: egui::Rect, name: &str| {
            let builder = egui::UiBuilder::new()
                .max_rect(area.shrink2(Vec2::new(GAP / 2.0, 0.0)))
                .id_salt(name);
            ui.new_child(builder)
        };
        ports::show(&mut part(left, "ports"), &self.links, &self.glance);
        self.log.show(&mut part(middle, "log"));
        let engine = self.sight.engine();
        self.graph
            .show(&mut part(right, "graph"), now, &self.glance, &engine);
    }
}
