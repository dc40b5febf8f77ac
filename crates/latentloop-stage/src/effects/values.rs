//! The values of the effects' rows at one moment.

use super::builtin::EFFECTS;
use crate::instrument::preset::PresetError;
use crate::instrument::{Instrument, LookOrder, OWN_KNOBS, OWN_PASSES, ParamId, Table};

/// What the rows of one of the performer's own passes hold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OwnValues {
    /// How much of it is seen, 0..=1.
    pub amount: f32,
    /// Where its knobs stand, 0..=1.
    pub knobs: [f32; OWN_KNOBS.len()],
}

impl Default for OwnValues {
    fn default() -> Self {
        Self {
            amount: 0.0,
            knobs: [0.5; OWN_KNOBS.len()],
        }
    }
}

/// Where the rows of one of the performer's own passes are.
#[derive(Clone, Copy, Debug)]
pub struct OwnIds {
    /// How much of it is seen.
    pub amount: ParamId,
    /// Its knobs.
    pub knobs: [ParamId; OWN_KNOBS.len()],
}

impl OwnIds {
    /// The rows of a place, counted from 1.
    fn new(table: &Table, place: usize) -> Result<Self, PresetError> {
        let find = |name: &str| table.find(&format!("look.own.{place}.{name}"));
        let mut knobs = [crate::instrument::params::LOOK_OWN_A.at(0).id(); OWN_KNOBS.len()];
        for (knob, name) in knobs.iter_mut().zip(OWN_KNOBS) {
            *knob = find(name)?;
        }
        Ok(Self {
            amount: find("amount")?,
            knobs,
        })
    }
}

macro_rules! values {
    ($($(#[$doc:meta])* $field:ident = $neutral:literal,)*) => {
        /// What the look's rows hold, in their units; see `docs/parameters.md`.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct LookValues {
            $($(#[$doc])* pub $field: f32,)*
            /// The performer's own passes.
            pub own: [OwnValues; OWN_PASSES],
            /// The order of the passes.
            pub order: LookOrder,
            /// Where the play head stands, in keyframes.
            pub position: f32,
        }

        impl Default for LookValues {
            fn default() -> Self {
                Self {
                    $($field: $neutral,)*
                    own: [OwnValues::default(); OWN_PASSES],
                    order: LookOrder::default(),
                    position: 0.0,
                }
            }
        }

        /// Where the look's rows are in the table.
        #[derive(Clone, Debug)]
        pub struct LookIds {
            $($field: ParamId,)*
            own: [OwnIds; OWN_PASSES],
        }

        impl LookIds {
            /// Finds the rows.
            ///
            /// # Errors
            /// When the table has none.
            pub fn new(table: &Table) -> Result<Self, PresetError> {
                let mut own = Vec::with_capacity(OWN_PASSES);
                for place in 1..=OWN_PASSES {
                    own.push(OwnIds::new(table, place)?);
                }
                Ok(Self {
                    $($field: table.find(concat!("look.", stringify!($field)))?,)*
                    own: std::array::from_fn(|place| own[place]),
                })
            }

            /// The row of the palette.
            pub fn palette(&self) -> ParamId {
                self.palette
            }

            /// The rows of a place for a performer's own pass, counted from 0.
            pub fn own(&self, place: usize) -> OwnIds {
                self.own[place.min(OWN_PASSES - 1)]
            }

            /// Which place a row belongs to, counted from 0, and which of its knobs it is; none where it is its amount.
            pub fn place_of(&self, param: ParamId) -> Option<(usize, Option<usize>)> {
                self.own.iter().enumerate().find_map(|(place, own)| {
                    let knob = own.knobs.iter().position(|knob| *knob == param);
                    (knob.is_some() || own.amount == param).then_some((place, knob))
                })
            }

            /// What an instrument's rows hold now.
            pub fn values(&self, instrument: &Instrument) -> LookValues {
                let value = |param, neutral: f32| {
                    let row = instrument.table().row(param);
                    let value = instrument.value(param);
                    // A slewed value only comes near where it goes: there it is taken to have arrived.
                    let near = (value - f64::from(neutral)).abs() < 5e-4 * (row.max - row.min);
                    if near { neutral } else { value as f32 }
                };
                LookValues {
                    $($field: value(self.$field, $neutral),)*
                    own: self.own.map(|own| OwnValues {
                        amount: value(own.amount, 0.0),
                        knobs: own.knobs.map(|knob| instrument.value(knob) as f32),
                    }),
                    order: instrument.look_order(),
                    position: instrument.position() as f32,
                }
            }
        }

        #[cfg(test)]
        const DEFAULTS: &[(&str, f32)] = &[$((concat!("look.", stringify!($field)), $neutral),)*];
    };
}

values! {
    /// Turn of the picture in degrees.
    tilt = 0.0,
    /// Part of the picture's sides that is cut off, 0..=1.
    crop = 0.0,
    /// Shift along the gradient, 0..=1.
    displace = 0.0,
    /// Index into [`crate::instrument::params::Mirror`].
    mirror = 0.0,
    /// Index into [`crate::instrument::params::Segments`].
    kaleidoscope = 0.0,
    /// Turn of the segments in degrees.
    kaleidoscope_turn = 0.0,
    /// Share of the last picture at thirty pictures a second, 0..=1.
    feedback = 0.0,
    /// Its growth in octaves a second.
    feedback_zoom = 0.0,
    /// Its turn in degrees a second.
    feedback_rotate = 0.0,
    /// Its darkening, 0..=1.
    feedback_decay = 0.0,
    /// Its turn of hue in degrees a second.
    feedback_hue = 0.0,
    /// Added to the dark parts.
    lift = 0.0,
    /// Exponent's inverse.
    gamma = 1.0,
    /// Factor.
    gain = 1.0,
    /// Exponent around middle grey.
    contrast = 1.0,
    /// Factor of the distance from grey.
    saturation = 1.0,
    /// Turn of hue in degrees.
    hue = 0.0,
    /// Strength of the bloom, 0..=1.
    bloom = 0.0,
    /// Brightness from which it sets in, 0..=1.
    bloom_threshold = 0.5,
    /// Its reach, 0..=1.
    bloom_radius = 0.4,
    /// Its redness, 0..=1.
    bloom_warmth = 0.0,
    /// Distance of the colours, 0..=1.
    chromatic = 0.0,
    /// Darkness of the corners, 0..=1.
    vignette = 0.0,
    /// Strength of the grain, 0..=1.
    grain = 0.0,
    /// Its size in pixels.
    grain_size = 1.0,
    /// Depth of the strobe, 0..=1.
    strobe = 0.0,
    /// Its rate in hertz.
    strobe_rate = 2.0,
    /// Whether flashes are limited: above 0.5.
    limiter = 1.0,
    /// How far colours are drawn to the palette's, 0..=1.
    palette = 0.0,
    /// Index into [`crate::instrument::params::Transition`].
    transition = 0.0,
    /// How much of the way it takes, 0..=1.
    transition_amount = 0.5,
}

impl LookValues {
    /// Whether a picture depends on those before it.
    pub fn remembers(&self) -> bool {
        self.limiter > 0.5 || self.is_active()
    }

    /// Whether there is anything to draw besides the picture; the limiter is no part of it.
    pub fn is_active(&self) -> bool {
        EFFECTS.iter().any(|effect| !(effect.is_neutral)(self))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::instrument::{Action, Preset};

    #[test]
    fn every_row_of_the_look_is_read_and_starts_at_its_default() {
        let table = Arc::new(Table::standard());
        let rows: Vec<_> = table
            .iter()
            .filter(|(_, row)| row.name.starts_with("look."))
            .collect();
        assert_eq!(
            rows.len(),
            DEFAULTS.len() + OWN_PASSES * (1 + OWN_KNOBS.len())
        );
        for &(name, default) in DEFAULTS {
            let row = table.row(table.find(name).unwrap());
            assert_eq!(row.default as f32, default, "{name}");
        }
        let preset = Preset::of_seeds([1, 2]);
        let mut instrument = Instrument::new(&preset, Arc::clone(&table), 100).unwrap();
        let ids = LookIds::new(&table).unwrap();
        assert_eq!(ids.values(&instrument), LookValues::default());
        let param = ids.grain;
        instrument.apply(&Action::Set { param, value: 0.5 });
        instrument.tick();
        assert!(ids.values(&instrument).grain > 0.0, "on its way");
        instrument.apply(&Action::Set { param, value: 0.0 });
        for _ in 0..480 {
            instrument.tick();
        }
        let neutral = LookValues {
            position: instrument.position() as f32,
            ..LookValues::default()
        };
        assert_eq!(ids.values(&instrument), neutral, "back to neutral");
        assert!(!instrument.preset().params.contains_key("look.limiter"));
        assert!(instrument.preset().params.contains_key("look.grain"));
    }
}
