//! What is where on the console.

use std::time::Instant;

use egui::{CentralPanel, Frame, Margin, Panel, Stroke, Ui, Vec2};

use super::about::Memory;
use super::bank::{self, Bank};
use super::feed::{Glance, Sight};
use super::graph::Graph;
use super::keys;
use super::knobs::{Knobs, Page};
use super::links::Links;
use super::log::Log;
use super::meters::Meters;
use super::models::Models;
use super::ports;
use super::ring::Ring;
use super::shelf::Shelf;
use super::style::{CELL, GROUND, PANEL};
use super::tabs::{self, Tab};
use super::transport::{self, Transport};
use crate::instrument::ParamId;

/// Height of the lowest panel and width of its parts in points; the part of the width that the left panel takes.
const FOOT: f32 = 132.0;
const LEFT: f32 = 0.3535;
const PORTS: f32 = 330.0;
const GRAPH: f32 = 316.0;
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
    tab: Tab,
    models: Models,
    shelf: Shelf,
    meters: Meters,
    log: Log,
    graph: Graph,
    phase: ParamId,
    per_bar: ParamId,
}

impl Board {
    pub(super) fn new(links: Links, sight: Sight) -> anyhow::Result<Self> {
        let table = &links.table;
        Ok(Self {
            transport: Transport::new(table)?,
            ring: Ring::new(table)?,
            bank: Bank::new(table)?,
            knobs: Knobs::new(table),
            tab: Tab::default(),
            models: Models::new(table)?,
            shelf: Shelf::start(links.takes.clone())?,
            meters: Meters::default(),
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

    /// What it was made of.
    pub(super) fn into_parts(self) -> (Links, Sight) {
        (self.links, self.sight)
    }

    /// Says whether anyone looks.
    pub(super) fn watch(&self, on: bool) {
        self.sight.watch(on);
    }

    /// Whether the show has told something new.
    pub(super) fn has_news(&self) -> bool {
        self.sight.is_new() || self.shelf.has_news()
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
        self.ring.look(ui.ctx(), &mut self.sight, &self.glance);
        self.log.take(&self.links);
        self.graph.note(now, &self.glance);
        self.meters.follow(self.glance.sound, now);
        let piece = self.sight.piece();
        self.models.follow(ui.ctx(), &self.shelf, piece.clone());
        self.bank.follow(piece, &self.links.table);

        let plain = |fill| Frame::NONE.fill(fill).inner_margin(Margin::same(GAP as i8));
        Panel::top("transport")
            .frame(plain(PANEL))
            .exact_size(transport::HEIGHT + 2.0 * GAP)
            .resizable(false)
            .show_separator_line(false)
            .show(ui, |ui| {
                let free = self.shelf.free();
                let (links, glance) = (&self.links, &self.glance);
                self.transport
                    .show(ui, links, &mut self.memory, glance, free);
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
                let side = (ui.available_height() - bank::HEIGHT - GAP).max(200.0);
                self.ring.show(ui, &self.links, &self.glance, side);
                self.bank.show(ui, &self.links, &mut self.memory);
            });
        CentralPanel::default().frame(plain(GROUND)).show(ui, |ui| {
            self.pages(ui);
        });
    }

    /// What the tabs are for.
    fn pages(&mut self, ui: &mut Ui) {
        let before = self.tab;
        tabs::show(ui, &mut self.tab);
        if self.tab != before && self.tab == Tab::Models {
            self.models.refresh();
        }
        match self.tab {
            Tab::Play => self
                .knobs
                .show(ui, &self.links, &mut self.memory, Page::Play),
            Tab::Look => self
                .knobs
                .show(ui, &self.links, &mut self.memory, Page::Look),
            Tab::Models => self.models.show(ui, &self.links),
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
            .show(&mut knobs, &self.links, &mut self.memory, Page::Program);
        keys::show(&mut part(ui, right, "keys"), &self.links.keys);
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
        ports::show(&mut ui, &self.links, &self.glance, &self.meters);
        self.log.show(&mut part(middle, "log"));
        let engine = self.sight.engine();
        self.graph
            .show(&mut part(right, "graph"), now, &self.glance, &engine);
    }
}

#[cfg(test)]
mod tests;
