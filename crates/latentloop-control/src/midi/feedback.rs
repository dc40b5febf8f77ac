//! What a device is told: lights of pads and buttons, rings of knobs, motor faders.

use super::event::Sort;
use super::map::{Binding, Deed, Map, POSITION};
use super::packet::Packet;
use super::sheet::{Echo, Entry};
use crate::control::Values;
use crate::instrument::Row;

/// Where a device takes a light's state: a kind of message, a channel and a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Address {
    sort: Sort,
    channel: u8,
    number: u8,
}

/// What is sent there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Face {
    /// Where the parameter stands, between these.
    Value { low: u16, high: u16 },
    /// Whether it is on.
    Light { off: u8, on: u8, blink: bool },
}

impl Face {
    /// Whether a control of that parameter can be shown so: where the head stands between 0 and 127 depends on the loop.
    pub(super) fn suits(self, name: &str) -> bool {
        matches!(self, Self::Light { .. }) || name != POSITION
    }
}

/// One light, and the places of the bindings that it shows; which of them depends on the page.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Light {
    address: Address,
    places: Vec<usize>,
}

/// What an entry tells its device, if anything.
pub(super) fn face(
    entry: &Entry,
    channel: Option<u8>,
    row: &Row,
    over_loop: bool,
) -> Result<Option<(Address, Face)>, String> {
    let echo = match (entry.echo, entry.colors, entry.ring) {
        (Some(echo), ..) => echo,
        (None, Some(_), _) => Echo::Light,
        (None, None, Some(_)) => Echo::Value,
        (None, None, None) => Echo::None,
    };
    if echo == Echo::None {
        return Ok(None);
    }
    let sort = entry.echo_type.unwrap_or(entry.sort);
    let most = match sort {
        Sort::Cc | Sort::Note => 127,
        Sort::Cc14 => 31,
        Sort::Bend => 0,
        _ => return Err("its echo_type is none of cc, cc14, note and bend".to_owned()),
    };
    let number = match (sort, entry.echo_number.map(u16::from).or(entry.number)) {
        (Sort::Bend, _) => 0,
        (_, Some(number)) if number <= most => number as u8,
        _ => return Err(format!("its echo_number: give 0 to {most}")),
    };
    let channel = match entry.echo_channel {
        Some(channel @ 1..=16) => channel - 1,
        Some(channel) => return Err(format!("its echo_channel is {channel}: give 1 to 16")),
        // A device whose channel is not known listens on the first.
        None => channel.unwrap_or(0),
    };
    let bytes = [entry.colors, entry.ring];
    if bytes.iter().flatten().flatten().any(|byte| *byte > 127) {
        return Err("its colors and its ring: give 0 to 127".to_owned());
    }
    let face = if echo == Echo::Light {
        let [off, on] = entry.colors.unwrap_or([0, 127]);
        let blink = entry.blink;
        Face::Light { off, on, blink }
    } else if over_loop {
        return Err(format!(
            "where {} stands between 0 and 127 depends on the loop: give it a range",
            row.name
        ));
    } else {
        let wide = matches!(sort, Sort::Cc14 | Sort::Bend);
        let [low, high] = match entry.ring {
            // The highest byte means the very top.
            Some(ring) if wide => ring.map(|byte| u16::from(byte) << 7 | u16::from(byte)),
            Some(ring) => ring.map(u16::from),
            None => [0, if wide { 16383 } else { 127 }],
        };
        Face::Value { low, high }
    };
    let address = Address {
        sort,
        channel,
        number,
    };
    Ok(Some((address, face)))
}

/// The lights of bindings, each once.
pub(super) fn lights(bindings: &[Binding]) -> Vec<Light> {
    let mut shown: Vec<(Address, usize)> = bindings
        .iter()
        .enumerate()
        .filter_map(|(place, binding)| Some((binding.echo.as_ref()?.0, place)))
        .collect();
    shown.sort_unstable();
    let of_one = shown.chunk_by(|(one, _), (other, _)| one == other);
    of_one
        .map(|chunk| Light {
            address: chunk[0].0,
            places: chunk.iter().map(|&(_, place)| place).collect(),
        })
        .collect()
}

/// What a device's lights were told last.
#[derive(Clone, Debug, Default)]
pub(super) struct Told(Vec<Option<u16>>);

impl Told {
    /// Forgets everything, so that all lights are told anew.
    pub(super) fn forget(&mut self) {
        self.0.clear();
    }

    /// Hands over what must be sent so that the lights show the values. `dark`: blinking lights are off at this moment.
    /// `held` says of a binding's place that its control has just been moved, and is not told where it stands.
    pub(super) fn update(
        &mut self,
        map: &Map,
        values: &Values,
        dark: bool,
        held: impl Fn(usize) -> bool,
        mut send: impl FnMut(Packet),
    ) {
        self.0.resize(map.lights.len(), None);
        let page = values.get(map.page) as u8;
        for (light, told) in map.lights.iter().zip(&mut self.0) {
            let Some(state) = light.state(map, page, values, dark, &held) else {
                continue;
            };
            if *told != Some(state) {
                *told = Some(state);
                light.address.packets(state).for_each(&mut send);
            }
        }
    }
}

impl Light {
    /// What it should be told; nothing where it may stay as it is.
    fn state(
        &self,
        map: &Map,
        page: u8,
        values: &Values,
        dark: bool,
        held: impl Fn(usize) -> bool,
    ) -> Option<u16> {
        let on_page = |&place: &usize| {
            let binding = &map.bindings()[place];
            binding.page.is_none_or(|on| on == page)
        };
        let rank = |place: &usize| map.bindings()[*place].rank();
        // Of equals the first one.
        let on_it = self.places.iter().rev().copied().filter(on_page);
        let Some(place) = on_it.max_by_key(rank) else {
            // Nothing on this page: what was lit for another goes out.
            let (_, face) = map.bindings()[*self.places.first()?].echo.as_ref()?;
            return match face {
                Face::Light { off, .. } => Some(u16::from(*off)),
                Face::Value { .. } => None,
            };
        };
        let binding = &map.bindings()[place];
        let value = values.get(binding.param);
        match binding.echo.as_ref()?.1 {
            Face::Light { off, on, blink } => {
                let lit = binding.is_on(value) && !(blink && dark);
                Some(u16::from(if lit { on } else { off }))
            }
            Face::Value { .. } if held(place) => None,
            Face::Value { low, high } => {
                let (low, high) = (f64::from(low), f64::from(high));
                let unit = binding.spread.unit(value);
                Some((low + (high - low) * unit).round() as u16)
            }
        }
    }
}

impl Binding {
    /// Whether its parameter is where a press of its control puts it, or is on.
    fn is_on(&self, value: f64) -> bool {
        match self.deed {
            Deed::Assign(set) | Deed::Hold { on: set, .. } => (value - set).abs() < 1e-6,
            Deed::Fire | Deed::Flip => value >= 0.5,
            _ => self.spread.unit(value) > 0.0,
        }
    }
}

impl Address {
    /// Writes into an entry what it needs to show itself in the same way.
    pub(super) fn describe(self, face: Face, entry: &mut Entry) {
        entry.echo_type = Some(self.sort);
        entry.echo_channel = Some(self.channel + 1);
        entry.echo_number = (self.sort != Sort::Bend).then_some(self.number);
        match face {
            Face::Light { off, on, blink } => {
                entry.echo = Some(Echo::Light);
                entry.colors = Some([off, on]);
                entry.blink = blink;
            }
            Face::Value { low, high } => {
                let shift = if matches!(self.sort, Sort::Cc14 | Sort::Bend) {
                    7
                } else {
                    0
                };
                entry.echo = Some(Echo::Value);
                entry.ring = Some([low, high].map(|value| (value >> shift) as u8));
            }
        }
    }

    fn packets(self, state: u16) -> impl Iterator<Item = Packet> {
        let low = (state & 0x7f) as u8;
        let high = (state >> 7 & 0x7f) as u8;
        let (status, number) = (self.channel & 15, self.number);
        let (first, second) = match self.sort {
            Sort::Note => (Packet::new(&[0x90 | status, number, low]), None),
            Sort::Bend => (Packet::new(&[0xe0 | status, low, high]), None),
            Sort::Cc14 => (
                Packet::new(&[0xb0 | status, number, high]),
                Some(Packet::new(&[0xb0 | status, number + 32, low])),
            ),
            _ => (Packet::new(&[0xb0 | status, number, low]), None),
        };
        std::iter::once(first).chain(second)
    }
}

impl Map {
    /// What puts out every light.
    pub(super) fn dark(&self) -> impl Iterator<Item = Packet> {
        let off = |light: &Light| match self.bindings()[*light.places.first()?].echo {
            Some((address, Face::Light { off, .. })) => Some(address.packets(u16::from(off))),
            _ => None,
        };
        self.lights.iter().filter_map(off).flatten()
    }
}
