//! The values of the effects' parameters at one moment.

use std::sync::LazyLock;

use super::builtin::EFFECTS;
use crate::instrument::params::{
    LOOK_DRY, LOOK_LIMITER, LOOK_OWN_AMOUNT, LOOK_OWN_KNOBS, LOOK_TILT, Param, ParamId, Value,
};
use crate::instrument::{Instrument, Kind, LookOrder, OWN_KNOBS, OWN_PASSES, Table};

/// The effects' rows stand together in the table, from this one on.
const FIRST: usize = LOOK_TILT.id().index();
const COUNT: usize = LOOK_OWN_KNOBS[OWN_KNOBS.len() - 1]
    .at(OWN_PASSES - 1)
    .id()
    .index()
    + 1
    - FIRST;

const PARAMS: [ParamId; COUNT] = {
    let mut params = [LOOK_TILT.id(); COUNT];
    let mut at = 0;
    while at < COUNT {
        params[at] = match ParamId::at(FIRST + at) {
            Some(param) => param,
            None => panic!("the table ends before the effects do"),
        };
        at += 1;
    }
    params
};

/// What every parameter of the effects is at start; then all but the limiter leave a picture as it is.
static NEUTRAL: LazyLock<[f32; COUNT]> = LazyLock::new(|| {
    let table = Table::standard();
    std::array::from_fn(|at| table.row(PARAMS[at]).default as f32)
});

/// The values of the effects' parameters, in their units, and what else a picture's effects depend on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectValues {
    values: [f32; COUNT],
    /// The order of the effects.
    pub order: LookOrder,
    /// Where the play head stands, in keyframes.
    pub position: f32,
}

impl Default for EffectValues {
    fn default() -> Self {
        Self {
            values: *NEUTRAL,
            order: LookOrder::default(),
            position: 0.0,
        }
    }
}

impl EffectValues {
    /// What an instrument's parameters are now.
    ///
    /// Where [`LOOK_DRY`] is on, those of no look at all.
    pub fn of(instrument: &Instrument) -> Self {
        if instrument.get(LOOK_DRY) {
            let limits = instrument.get(LOOK_LIMITER);
            let position = instrument.position() as f32;
            return Self::default()
                .with(LOOK_LIMITER, limits)
                .with_position(position);
        }
        let value = |at: usize| {
            let (param, neutral) = (PARAMS[at], NEUTRAL[at]);
            let row = instrument.table().row(param);
            if row.kind != Kind::Float {
                return instrument.base_value(param) as f32;
            }
            let value = instrument.value(param);
            // A slewed value only comes near where it goes: there it is taken to have arrived.
            let is_near = (value - f64::from(neutral)).abs() < 5e-4 * (row.max - row.min);
            let is_knob = || user_slot(param).is_some_and(|(_, knob)| knob.is_some());
            if is_near && !is_knob() {
                neutral
            } else {
                value as f32
            }
        };
        Self {
            values: std::array::from_fn(value),
            order: instrument.look_order(),
            position: instrument.position() as f32,
        }
    }

    /// A real number.
    pub fn f32(&self, param: Param<f64>) -> f32 {
        self.values.get(place(param.id())).copied().unwrap_or(0.0)
    }

    /// A choice or a toggle.
    pub fn get<T: Value>(&self, param: Param<T>) -> T {
        let value = self.values.get(place(param.id())).copied();
        T::from_number(f64::from(value.unwrap_or(0.0)))
    }

    /// These values with another in one place.
    #[must_use]
    pub fn with<T: Value>(mut self, param: Param<T>, value: T) -> Self {
        if let Some(held) = self.values.get_mut(place(param.id())) {
            *held = value.number() as f32;
        }
        self
    }

    /// These values with another order of the effects.
    #[must_use]
    pub fn with_order(self, order: LookOrder) -> Self {
        Self { order, ..self }
    }

    /// These values with the play head in another place.
    #[must_use]
    pub fn with_position(self, position: f32) -> Self {
        Self { position, ..self }
    }

    /// Whether a picture depends on those before it.
    pub fn remembers(&self) -> bool {
        self.get(LOOK_LIMITER) || self.is_active()
    }

    /// Whether there is anything to draw besides the picture; the limiter is no part of it.
    pub fn is_active(&self) -> bool {
        EFFECTS.iter().any(|effect| !(effect.is_neutral)(self))
    }
}

/// Which slot for users' shaders a parameter belongs to, counted from 0, and which of its knobs it is; none where it is the amount.
pub fn user_slot(param: ParamId) -> Option<(usize, Option<usize>)> {
    let knobs = LOOK_OWN_KNOBS.into_iter().enumerate();
    let mut knobs = knobs.filter_map(|(knob, family)| Some((family.index_of(param)?, Some(knob))));
    let amount = || LOOK_OWN_AMOUNT.index_of(param).map(|slot| (slot, None));
    knobs.next().or_else(amount)
}

/// Where the value of a parameter stands.
fn place(param: ParamId) -> usize {
    param.index().wrapping_sub(FIRST)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::instrument::Preset;
    use crate::instrument::params::{LOOK_GRAIN, LOOK_LIMITER, LOOK_RESET};

    #[test]
    fn every_row_of_the_look_is_read_and_belongs_to_one_effect() {
        let table = Table::standard();
        for (id, row) in table.iter() {
            let is_read = (FIRST..FIRST + COUNT).contains(&id.index());
            let is_looks = row.name.starts_with("look.");
            let is_its_switch = [LOOK_DRY.id(), LOOK_RESET.id()].contains(&id);
            assert_eq!(is_looks && !is_its_switch, is_read, "{}", row.name);
            let effects = EFFECTS.iter().filter(|effect| effect.params.contains(&id));
            let expected = usize::from(is_read && id != LOOK_LIMITER);
            assert_eq!(effects.count(), expected, "{}", row.name);
        }
    }

    #[test]
    fn dry_there_is_no_look_and_what_limits_flashes_stays() {
        let preset = Preset::of_seeds([1, 2]);
        let mut instrument = Instrument::new(&preset, Arc::new(Table::standard()), 100).unwrap();
        instrument.set(LOOK_GRAIN, 0.5);
        for _ in 0..480 {
            instrument.tick();
        }
        let look = EffectValues::of(&instrument);
        assert!(look.is_active());
        instrument.set(LOOK_DRY, true);
        let dry = EffectValues::of(&instrument);
        assert!(!dry.is_active() && dry.get(LOOK_LIMITER));
        assert_eq!(dry.position, look.position);
        instrument.set(LOOK_DRY, false);
        assert_eq!(EffectValues::of(&instrument), look);
    }

    #[test]
    fn a_value_on_its_way_back_arrives() {
        let table = Arc::new(Table::standard());
        let preset = Preset::of_seeds([1, 2]);
        let mut instrument = Instrument::new(&preset, Arc::clone(&table), 100).unwrap();
        assert_eq!(EffectValues::of(&instrument), EffectValues::default());
        instrument.set(LOOK_GRAIN, 0.5);
        instrument.tick();
        assert!(EffectValues::of(&instrument).f32(LOOK_GRAIN) > 0.0);
        instrument.set(LOOK_GRAIN, 0.0);
        for _ in 0..480 {
            instrument.tick();
        }
        let neutral = EffectValues {
            position: instrument.position() as f32,
            ..EffectValues::default()
        };
        assert_eq!(EffectValues::of(&instrument), neutral, "back to neutral");
        assert!(!instrument.preset().params.contains_key("look.limiter"));
        assert!(instrument.preset().params.contains_key("look.grain"));
    }
}
