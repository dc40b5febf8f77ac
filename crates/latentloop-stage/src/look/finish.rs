//! The last step before a picture is shown: its look, where a card can draw one, and the limiter, always.

use super::limiter::Rule;
use super::{Limiter, LookValues};
use crate::palette::Oklab;
use crate::stage::Canvas;
use std::sync::Arc;

/// How long the card goes on after the look has become neutral, in ticks. By then the processor's limiter has seen as much as
/// the card's has.
const GRACE: u64 = 2 * crate::instrument::TICKS_PER_SEC;

/// What is done to one picture.
#[derive(Clone, Copy, Debug)]
pub struct LookFrame {
    /// The rows of the look.
    pub values: LookValues,
    /// The master's brightness, 0..=1; 0 in a blackout.
    pub brightness: f32,
    /// Whether the master is blacked out.
    pub blackout: bool,
    /// The time in ticks.
    pub tick: u64,
    /// What grain is drawn from.
    pub seed: u32,
    /// The colours of the model's footage, once they are known.
    pub palette: Option<Oklab>,
}

impl LookFrame {
    /// Whether flashes are limited.
    pub(super) fn limits(&self) -> bool {
        self.values.limiter > 0.5
    }
}

/// Finishes pictures.
#[derive(Default)]
pub struct Finish {
    limiter: Limiter,
    card: Option<super::Look>,
    on_card: bool,
    last_active: u64,
    /// The performer's own passes.
    shelf: Option<Arc<super::own::Shelf>>,
    /// The newest picture that has come back from the card; none where it has drawn none yet.
    come: Canvas,
    /// When it was drawn.
    come_at: Option<std::time::Instant>,
}

impl Finish {
    /// Finishes with a look that a card draws.
    pub fn with(look: super::Look) -> Self {
        Self {
            card: Some(look),
            ..Self::default()
        }
    }

    /// From now on a card draws looks.
    pub fn take_card(&mut self, mut look: super::Look) {
        if let Some(shelf) = &self.shelf {
            look.wear(Arc::clone(shelf));
        }
        self.card = Some(look);
    }

    /// From now on looks have a performer's own passes.
    pub fn wear(&mut self, shelf: Arc<super::own::Shelf>) {
        if let Some(card) = &mut self.card {
            card.wear(Arc::clone(&shelf));
        }
        self.shelf = Some(shelf);
    }

    /// The card is gone: until another one is taken pictures are finished in place.
    pub(crate) fn lose_card(&mut self) {
        self.card = None;
        self.on_card = false;
        self.come.resize((0, 0));
    }

    /// Whether looks are drawn at all.
    pub fn has_card(&self) -> bool {
        self.card.is_some()
    }

    /// Whether a picture's brightness is left to the look, which dims after feedback and grain.
    pub fn dims(&self, values: &LookValues) -> bool {
        self.has_card() && values.is_active()
    }

    /// Finishes a picture in place, or on the card: then true, and [`Finish::output`] has it.
    pub fn finish(&mut self, canvas: &mut Canvas, frame: &LookFrame) -> bool {
        if self.on_card(canvas, frame) {
            return true;
        }
        self.limiter
            .limit(&mut canvas.rgba, canvas.size, rule(frame));
        false
    }

    fn on_card(&mut self, canvas: &Canvas, frame: &LookFrame) -> bool {
        let Some(card) = &mut self.card else {
            return false;
        };
        let active = frame.values.is_active();
        if active {
            self.last_active = frame.tick;
        }
        let waits = self.on_card && frame.tick.saturating_sub(self.last_active) < GRACE;
        if !active && !waits {
            self.on_card = false;
            self.come.resize((0, 0));
            return false;
        }
        let before = (!self.on_card).then(|| self.limiter.memory());
        self.on_card = true;
        if active {
            card.draw(canvas, frame, before);
        } else {
            // The canvas is dimmed already.
            let undimmed = LookFrame {
                brightness: 1.0,
                ..*frame
            };
            card.draw(canvas, &undimmed, before);
            self.limiter.watch(&canvas.rgba, canvas.size, rule(frame));
        }
        true
    }

    /// What the card drew last, its size, and a number that changes when it is another texture.
    pub(crate) fn output(&self) -> Option<(&wgpu::TextureView, (u32, u32), u64)> {
        self.card.as_ref()?.output()
    }

    /// Brings the next picture that has come back from the card into the canvas, without waiting. Where none has come yet, the
    /// canvas keeps the plain picture, as bright as the master has it. Does nothing where pictures are finished in place. Gives
    /// when the picture was drawn, where it comes from the card.
    pub fn read(&mut self, canvas: &mut Canvas, frame: &LookFrame) -> Option<std::time::Instant> {
        let card = self.card.as_mut().filter(|_| self.on_card)?;
        self.come_at = card.read(&mut self.come).or(self.come_at);
        if self.come.size == canvas.size {
            canvas.rgba.copy_from_slice(&self.come.rgba);
            return self.come_at;
        }
        if frame.values.is_active() {
            canvas.dim(frame.brightness);
        }
        None
    }

    /// Waits for the picture that the card drew last and brings it into the canvas; false where the card fails.
    pub fn read_waiting(&mut self, canvas: &mut Canvas) -> bool {
        let card = self.card.as_mut();
        card.is_some_and(|card| card.read_waiting(canvas))
    }
}

fn rule(frame: &LookFrame) -> Rule {
    Rule {
        tick: frame.tick,
        limits: frame.limits(),
        darkens: frame.blackout,
    }
}
