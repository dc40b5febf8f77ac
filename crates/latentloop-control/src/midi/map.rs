//! The controller map: what a device's controls do, checked against the table of parameters.

use std::ops::Range;

use super::event::{CompositeControls, ControlId, ControlType};
use super::feedback::{Feedback, FeedbackAddress, Indicator, feedback, indicators};
use super::map_file::{
    BindingEntry, Channel, MapError, MapFile, RelativeEncoding, Takeover, line_of, message_bytes,
};
use crate::instrument::params::LOOP_POSITION;
use crate::instrument::{Curve, Kind, PAGES, ParamId, Table};

/// A binding of a control to a parameter.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Binding {
    /// Type of its control.
    pub(super) control_type: ControlType,
    /// Number of its control; none where its type has none, or where any program does.
    pub(super) number: Option<u16>,
    /// Its channel, 0..=15; any where none is given.
    pub(super) channel: Option<u8>,
    /// The page on which it acts, 1 to 8; every page where none is given.
    pub(super) page: Option<u8>,
    pub(super) param: ParamId,
    pub(super) mode: BindingMode,
    pub(super) range: RangeMapping,
    /// Whether the control's 0..1 goes to the instrument as it is: only that knows how long the loop is.
    pub(super) normalized: bool,
    /// Whether it stands in the map itself, and so goes before those of the map that it is based on.
    pub(super) overrides_base: bool,
    pub(super) learnt: bool,
    /// The feedback of the device, and its address.
    pub(super) feedback: Option<(FeedbackAddress, Feedback)>,
}

/// The mode of a binding: what its control does to its parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum BindingMode {
    /// A press fires the trigger.
    Trigger,
    /// A press flips the toggle.
    Toggle,
    /// A press sets the parameter to this.
    Set(f64),
    /// The parameter has one value while the control is pressed, another while not.
    Momentary { on: f64, off: f64 },
    /// A press moves the parameter by this.
    Step(f64),
    /// A note's velocity sets the parameter.
    Velocity,
    /// A turn of an endless encoder moves the parameter by steps.
    Relative {
        encoding: RelativeEncoding,
        step: f64,
    },
    /// The parameter stands where the control stands; `step` is for controls that can be stepped as well.
    Absolute { takeover: Takeover, step: f64 },
}

/// A controller map: what each control of a device does, and what the device shows.
#[derive(Clone, Debug, PartialEq)]
pub struct ControllerMap {
    name: String,
    /// In order of type and number.
    bindings: Vec<Binding>,
    pub(super) composites: CompositeControls,
    pub(super) indicators: Vec<Indicator>,
    pub(super) on_connect: Vec<Box<[u8]>>,
    pub(super) on_leave: Vec<Box<[u8]>>,
}

impl ControllerMap {
    /// Reads a map that is based on no other.
    ///
    /// # Errors
    /// When the text is no map, or names what the table does not have; with its line.
    pub fn parse(text: &str, table: &Table) -> Result<Self, MapError> {
        Self::new(&MapFile::parse(text)?, text, None, table)
    }

    /// Makes a map of its file, and of the file that it is based on.
    ///
    /// # Errors
    /// When one of them names what the table does not have.
    pub(super) fn new(
        file: &MapFile,
        text: &str,
        base: Option<&MapFile>,
        table: &Table,
    ) -> Result<Self, MapError> {
        let whole = |reason: String| MapError { line: None, reason };
        let mut bindings = Vec::new();
        for entry in &file.bindings {
            let binding = bind(entry.get_ref(), true, table).map_err(|reason| MapError {
                line: Some(line_of(text, entry.span().start)),
                reason,
            })?;
            bindings.push(binding);
        }
        for entry in base.iter().flat_map(|base| &base.bindings) {
            bindings.push(bind(entry.get_ref(), false, table).map_err(whole)?);
        }
        bindings.sort_by_key(|binding| (binding.control_type, binding.number));
        let messages = |of: fn(&MapFile) -> &Vec<String>| -> Result<Vec<Box<[u8]>>, MapError> {
            // What the map itself says of these counts instead of what its base says.
            let own = Some(of(file)).filter(|own| !own.is_empty());
            let texts = own.or(base.map(of)).into_iter().flatten();
            texts
                .map(|text| message_bytes(text).map_err(whole))
                .collect()
        };
        let addresses = bindings
            .iter()
            .map(|binding| Some(binding.feedback.as_ref()?.0));
        Ok(Self {
            name: file.name.clone(),
            composites: composites(&bindings),
            indicators: indicators(addresses),
            bindings,
            on_connect: messages(|file| &file.on_connect)?,
            on_leave: messages(|file| &file.on_leave)?,
        })
    }

    /// The name of the device.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number of bindings.
    pub fn len(&self) -> usize {
        self.bindings.len()
    }

    /// Whether nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }

    /// The controls that move a parameter, as text for people.
    pub(super) fn controls_of(&self, param: ParamId) -> Vec<String> {
        let text = |binding: &Binding| {
            let control = ControlId {
                control_type: binding.control_type,
                number: binding.number.unwrap_or(0),
                channel: binding.channel.unwrap_or(0),
            };
            let page = binding
                .page
                .map_or(String::new(), |page| format!(", page {page}"));
            format!("{} {control}{page}", self.name)
        };
        // What the map itself says of a control takes the place of what its base says.
        let counts = |binding: &&Binding| {
            let stronger = |other: &Binding| {
                (other.control_type, other.number) == (binding.control_type, binding.number)
                    && other.page == binding.page
                    && other.rank() > binding.rank()
            };
            binding.param == param && !self.bindings.iter().any(stronger)
        };
        self.bindings.iter().filter(counts).map(text).collect()
    }

    pub(super) fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// The indices of the bindings of that type and number.
    fn indices(&self, control_type: ControlType, number: Option<u16>) -> Range<usize> {
        let key = (control_type, number);
        let start = self
            .bindings
            .partition_point(|b| (b.control_type, b.number) < key);
        let end = self
            .bindings
            .partition_point(|b| (b.control_type, b.number) <= key);
        start..end
    }

    /// The indices of the bindings of a control on a page. Those of the map itself take the place of those of its base, and those
    /// with a page the place of those without. Never allocates.
    pub(super) fn bindings_of(&self, control: ControlId, page: u8) -> impl Iterator<Item = usize> {
        let numbers = [None, Some(control.number)];
        let ranges = numbers.map(|number| self.indices(control.control_type, number));
        let acts = move |&index: &usize| {
            let binding = &self.bindings[index];
            let on_channel = |channel| channel == control.channel;
            binding.channel.is_none_or(on_channel) && binding.page.is_none_or(|on| on == page)
        };
        let rank = |index: usize| self.bindings[index].rank();
        let indices = ranges.into_iter().flatten().filter(acts);
        let highest = indices.clone().map(rank).max();
        indices.filter(move |&index| Some(rank(index)) == highest)
    }
}

impl Binding {
    /// Of the bindings of one control on one page, those of the highest rank count.
    pub(super) fn rank(&self) -> u8 {
        2 * u8::from(self.overrides_base) + u8::from(self.page.is_some())
    }
}

/// A range mapping: how a control's 0..1 covers a part of a parameter's range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RangeMapping {
    pub(super) lo: f64,
    pub(super) hi: f64,
    pub(super) curve: Curve,
    pub(super) invert: bool,
    pub(super) whole: bool,
}

impl RangeMapping {
    /// The value of a control at `unit` in 0..1.
    pub(super) fn value(&self, unit: f64) -> f64 {
        let unit = self.inverted(unit.clamp(0.0, 1.0));
        let value = self.curve.value(unit, self.lo, self.hi);
        if self.whole { value.round() } else { value }
    }

    /// The position of a control for this value, 0..1; at an end where the value lies outside the range.
    pub(super) fn unit(&self, value: f64) -> f64 {
        self.inverted(self.curve.unit(value, self.lo, self.hi))
    }

    /// A step up or down; down or up where the control is inverted.
    pub(super) fn signed(&self, delta: f64) -> f64 {
        if self.invert { -delta } else { delta }
    }

    /// `unit`, or what is left of 1 where the control is inverted.
    pub(super) fn inverted(&self, unit: f64) -> f64 {
        if self.invert { 1.0 - unit } else { unit }
    }
}

fn bind(entry: &BindingEntry, overrides_base: bool, table: &Table) -> Result<Binding, String> {
    let param = table.find(&entry.to).map_err(|error| error.to_string())?;
    let row = table.row(param);
    let channel = match &entry.channel {
        None | Some(Channel::Any(_)) => None,
        Some(Channel::One(channel @ 1..=16)) => Some(channel - 1),
        Some(Channel::One(channel)) => {
            return Err(format!(
                "its channel is {channel}: give 1 to 16, or \"any\""
            ));
        }
    };
    let number = number(entry)?;
    if let Some(page) = entry
        .page
        .filter(|page| !(1..=PAGES).contains(&usize::from(*page)))
    {
        return Err(format!("its page is {page}: give 1 to {PAGES}"));
    }
    if row.read_only {
        return Err(format!("{} only tells: nobody sets it", row.name));
    }
    if row.kind == Kind::Text {
        return Err(format!(
            "{} takes a text, which no control gives; preset.bank.1 to 16 load presets",
            row.name
        ));
    }
    let [lo, hi] = entry.range.unwrap_or([row.min, row.max]);
    // So that no number slips through: NaN is in no range.
    if !(lo < hi && lo >= row.min && hi <= row.max) {
        return Err(format!(
            "its range [{lo}, {hi}] must rise within {} to {}, the range of {}",
            row.min, row.max, row.name
        ));
    }
    let range = RangeMapping {
        lo,
        hi,
        curve: entry.curve.unwrap_or(match row.curve {
            // Of a part of the range, the middle is nothing to rest on.
            Curve::Centre if lo != -hi => Curve::Linear,
            curve => curve,
        }),
        invert: entry.invert,
        whole: row.kind != Kind::Float,
    };
    // Where the play head stands between 0 and 127 depends on the loop.
    let normalized = param == LOOP_POSITION && entry.range.is_none();
    Ok(Binding {
        feedback: feedback(entry, channel, row, normalized)?,
        control_type: entry.control_type,
        number,
        channel,
        page: entry.page,
        param,
        mode: mode(entry, param, &range, table)?,
        range,
        normalized,
        overrides_base,
        learnt: entry.learnt,
    })
}

fn number(entry: &BindingEntry) -> Result<Option<u16>, String> {
    let most = match entry.control_type {
        ControlType::Cc | ControlType::Note | ControlType::Poly | ControlType::Program => 127,
        ControlType::Cc14 => 31,
        ControlType::Nrpn => 16383,
        ControlType::Bend | ControlType::Pressure => {
            return match entry.number {
                None => Ok(None),
                Some(_) => Err("a bend or a pressure has no number".to_owned()),
            };
        }
    };
    match entry.number {
        Some(number) if number <= most => Ok(Some(number)),
        None if entry.control_type == ControlType::Program => Ok(None),
        Some(number) => Err(format!("its number is {number}: give 0 to {most}")),
        None => Err(format!("it needs a number, 0 to {most}")),
    }
}

fn mode(
    entry: &BindingEntry,
    param: ParamId,
    range: &RangeMapping,
    table: &Table,
) -> Result<BindingMode, String> {
    let row = table.row(param);
    let name = &row.name;
    let (fires, flips) = (row.kind == Kind::Trigger, row.kind == Kind::Toggle);
    let presses = matches!(entry.control_type, ControlType::Note | ControlType::Program);
    if entry.relative.is_some() && (entry.control_type != ControlType::Cc || fires || flips) {
        return Err(format!(
            "relative is for control changes that turn a value; {name} is not one here"
        ));
    }
    if entry.velocity && entry.control_type != ControlType::Note {
        return Err("velocity is for notes".to_owned());
    }
    if let Some(step) = entry
        .step
        .filter(|step| !step.is_finite() || fires || flips)
    {
        return Err(format!("{name} is not moved by a step of {step}"));
    }
    let step = entry.step.unwrap_or((range.hi - range.lo) / 127.0);
    let step = if range.whole && entry.step.is_none() {
        step.max(1.0)
    } else {
        step
    };
    if fires {
        if entry.value.is_some() || entry.momentary {
            return Err(format!("{name} fires, and keeps no value"));
        }
        return Ok(BindingMode::Trigger);
    }
    let value = match &entry.value {
        Some(value) => Some(
            table
                .value(name, value)
                .map_err(|error| error.to_string())?,
        ),
        None => None,
    };
    let takeover = match (param == LOOP_POSITION, entry.takeover) {
        (true, None | Some(Takeover::Jump)) => Takeover::Jump,
        (true, Some(_)) => {
            return Err(format!("{name} moves by itself: no control picks it up"));
        }
        (_, Some(takeover)) => takeover,
        // What springs back by itself never meets anything.
        _ if matches!(
            entry.control_type,
            ControlType::Bend | ControlType::Pressure | ControlType::Poly
        ) =>
        {
            Takeover::Jump
        }
        _ => Takeover::Pickup,
    };
    Ok(if let Some(encoding) = entry.relative {
        BindingMode::Relative { encoding, step }
    } else if entry.momentary {
        let ends = [range.value(0.0), range.value(1.0)];
        BindingMode::Momentary {
            on: value.unwrap_or(ends[1]),
            off: ends[0],
        }
    } else if let Some(value) = value {
        BindingMode::Set(value)
    } else if flips {
        BindingMode::Toggle
    } else if entry.velocity {
        BindingMode::Velocity
    } else if presses && entry.number.is_none() {
        BindingMode::Absolute {
            takeover: Takeover::Jump,
            step,
        }
    } else if presses || (entry.control_type == ControlType::Cc && entry.step.is_some()) {
        match entry.step {
            Some(step) => BindingMode::Step(step),
            None => {
                return Err(format!(
                    "a press does not say where {name} goes: give it value, step, velocity or momentary"
                ));
            }
        }
    } else {
        BindingMode::Absolute { takeover, step }
    })
}

fn composites(bindings: &[Binding]) -> CompositeControls {
    let mut composites = CompositeControls::default();
    for binding in bindings {
        let channels = binding.channel.map_or(u16::MAX, |channel| 1 << channel);
        let number = binding.number.unwrap_or(0);
        match binding.control_type {
            ControlType::Cc14 => {
                for (channel, pairs) in composites.pairs.iter_mut().enumerate() {
                    *pairs |= u32::from(channels >> channel & 1) << number;
                }
            }
            // The bindings come in order of their numbers.
            ControlType::Nrpn => match composites.nrpns.last_mut() {
                Some((last, on)) if *last == number => *on |= channels,
                _ => composites.nrpns.push((number, channels)),
            },
            _ => {}
        }
    }
    composites
}
