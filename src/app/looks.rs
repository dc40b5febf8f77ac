//! What the look asks of the program: the colours of the model, and the knobs of the performer's own passes.

use std::sync::Arc;

use super::desk::Job;
use super::show::Show;
use crate::instrument::{Action, ParamId};
use crate::stage::own::Arrival;

impl Show {
    /// Follows what stands in the folder of looks, and what the look asks for.
    pub(super) fn follow_looks(&mut self) {
        while let Some(arrival) = self.hands.looks.arrival() {
            self.welcome(arrival);
        }
        let is_wanted = || self.instrument.base_value(self.compositor.look().palette()) > 0.0;
        if self.palette.is_none() && !self.palette_asked && is_wanted() {
            // Where the desk is full it is asked for again.
            let job = Job::Palette(Arc::clone(&self.piece));
            self.palette_asked = self.pieces.ask(job).is_ok();
        }
    }

    /// The knobs of a pass that has come stand where its file wants them; but not where a hand or a preset has put them before it
    /// came to an empty place.
    fn welcome(&mut self, arrival: Arrival) {
        let knobs = self.compositor.look().own(arrival.place).knobs;
        let is_untouched =
            |param: &ParamId| self.instrument.base_value(*param) == self.table.row(*param).default;
        if !arrival.replaces && !knobs.iter().all(is_untouched) {
            return;
        }
        for (param, value) in knobs.into_iter().zip(arrival.rests) {
            self.act(Action::Set { param, value });
        }
    }
}
