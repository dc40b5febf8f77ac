//! The feedback state: what a device's indicators were sent last, and what they are to be sent next.

use super::feedback::{Feedback, Indicator};
use super::map::{Binding, BindingMode, ControllerMap};
use super::packet::Packet;
use crate::control::Values;
use crate::instrument::params::MIDI_PAGE;

/// The state that a device's indicators were sent last.
#[derive(Clone, Debug, Default)]
pub(super) struct SentState(Vec<Option<u16>>);

impl SentState {
    /// Forgets everything, so that all indicators are sent anew.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Hands over what must be sent so that the indicators show the values. `blink_off`: blinking LEDs are off at this moment.
    /// `is_held` says of a binding's index that its control has just been moved, and is not sent where it stands.
    pub(super) fn update(
        &mut self,
        map: &ControllerMap,
        values: &Values,
        blink_off: bool,
        is_held: impl Fn(usize) -> bool,
        mut send: impl FnMut(Packet),
    ) {
        self.0.resize(map.indicators.len(), None);
        let page = values.get(MIDI_PAGE) as u8;
        for (indicator, sent) in map.indicators.iter().zip(&mut self.0) {
            let Some(state) = indicator.state(map, page, values, blink_off, &is_held) else {
                continue;
            };
            if *sent != Some(state) {
                *sent = Some(state);
                indicator.address.packets(state).for_each(&mut send);
            }
        }
    }
}

impl Indicator {
    /// The state that it should be sent; nothing where it may stay as it is.
    fn state(
        &self,
        map: &ControllerMap,
        page: u8,
        values: &Values,
        blink_off: bool,
        is_held: impl Fn(usize) -> bool,
    ) -> Option<u16> {
        let on_page = |&index: &usize| {
            let binding = &map.bindings()[index];
            binding.page.is_none_or(|on| on == page)
        };
        let rank = |index: &usize| map.bindings()[*index].rank();
        // Of equals the first one.
        let on_it = self.bindings.iter().rev().copied().filter(on_page);
        let Some(index) = on_it.max_by_key(rank) else {
            // Nothing on this page: what was lit for another goes out.
            let (_, feedback) = map.bindings()[*self.bindings.first()?].feedback.as_ref()?;
            return match feedback {
                Feedback::Led { off, .. } => Some(u16::from(*off)),
                Feedback::Value { .. } => None,
            };
        };
        let binding = &map.bindings()[index];
        let value = values.get(binding.param);
        match binding.feedback.as_ref()?.1 {
            Feedback::Led { off, on, blink } => {
                let lit = binding.is_on(value) && !(blink && blink_off);
                Some(u16::from(if lit { on } else { off }))
            }
            Feedback::Value { .. } if is_held(index) => None,
            Feedback::Value { low, high } => {
                let (low, high) = (f64::from(low), f64::from(high));
                let unit = binding.range.unit(value);
                Some((low + (high - low) * unit).round() as u16)
            }
        }
    }
}

impl Binding {
    /// Whether its parameter is where a press of its control puts it, or is on.
    fn is_on(&self, value: f64) -> bool {
        match self.mode {
            BindingMode::Set(set) | BindingMode::Momentary { on: set, .. } => {
                (value - set).abs() < 1e-6
            }
            BindingMode::Trigger | BindingMode::Toggle => value >= 0.5,
            _ => self.range.unit(value) > 0.0,
        }
    }
}

impl ControllerMap {
    /// The messages that switch every LED off.
    pub(super) fn all_off(&self) -> impl Iterator<Item = Packet> {
        let off =
            |indicator: &Indicator| match self.bindings()[*indicator.bindings.first()?].feedback {
                Some((address, Feedback::Led { off, .. })) => Some(address.packets(u16::from(off))),
                _ => None,
            };
        self.indicators.iter().filter_map(off).flatten()
    }
}
