//! What a device's controls do: a map held against the table of parameters.

use std::ops::Range;

use super::event::{Assembly, Control, Sort};
use super::feedback::{Address, Face, Light, face, lights};
use super::sheet::{
    Bend, Channel, Entry, Relative, Sheet, SheetError, Takeover, line_of, message_bytes,
};
use super::spread::Spread;
use crate::instrument::{Curve, Kind, PAGES, ParamId, Table};

/// The parameter whose head moves by itself: a control of it takes no pick-up.
pub(super) const POSITION: &str = "loop.position";

/// A binding, ready for use.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Binding {
    /// Kind and number of its control; the channel is apart.
    pub(super) sort: Sort,
    /// None where the control's kind has no number, or where any program does.
    pub(super) number: Option<u16>,
    pub(super) channel: Option<u8>,
    pub(super) page: Option<u8>,
    pub(super) param: ParamId,
    pub(super) deed: Deed,
    pub(super) spread: Spread,
    /// Whether the control's 0..1 goes to the instrument as it is: only that knows how long the loop is.
    pub(super) over_loop: bool,
    /// Whether it stands in the map itself, and not in the one that it is based on.
    pub(super) own: bool,
    pub(super) learnt: bool,
    /// What the device is told, and where it takes it.
    pub(super) echo: Option<(Address, Face)>,
}

/// What a control does to its parameter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Deed {
    /// A press fires it.
    Fire,
    /// A press turns it over.
    Flip,
    /// A press sets it.
    Assign(f64),
    /// It is one thing while pressed, and another while not.
    Hold { on: f64, off: f64 },
    /// A press moves it by a step.
    Nudge(f64),
    /// A hit sets it by its force.
    Strike,
    /// A turn moves it by steps.
    Turn { encoding: Relative, step: f64 },
    /// It stands where the control stands; `step` is for controls that can be stepped as well.
    Follow { takeover: Takeover, step: f64 },
}

/// A device's map, ready for use.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    name: String,
    /// In order of kind and number.
    bindings: Vec<Binding>,
    pub(super) assembly: Assembly,
    pub(super) lights: Vec<Light>,
    pub(super) on_connect: Vec<Box<[u8]>>,
    pub(super) on_leave: Vec<Box<[u8]>>,
    pub(super) page: ParamId,
}

impl Map {
    /// Reads a map that is based on no other.
    ///
    /// # Errors
    /// When the text is no map, or names what the table does not have; with its line.
    pub fn parse(text: &str, table: &Table) -> Result<Self, SheetError> {
        Self::new(&Sheet::parse(text)?, text, None, table)
    }

    /// Makes a map of its file, and of the file that it is based on.
    ///
    /// # Errors
    /// When one of them names what the table does not have.
    pub(super) fn new(
        sheet: &Sheet,
        text: &str,
        base: Option<&Sheet>,
        table: &Table,
    ) -> Result<Self, SheetError> {
        let whole = |reason: String| SheetError { line: None, reason };
        let page = table
            .find("midi.page")
            .map_err(|error| whole(error.to_string()))?;
        let mut bindings = Vec::new();
        for entry in &sheet.bindings {
            let binding = bind(entry.get_ref(), true, table).map_err(|reason| SheetError {
                line: Some(line_of(text, entry.span().start)),
                reason,
            })?;
            bindings.push(binding);
        }
        for entry in base.iter().flat_map(|base| &base.bindings) {
            bindings.push(bind(entry.get_ref(), false, table).map_err(whole)?);
        }
        bindings.sort_by_key(|binding| (binding.sort, binding.number));
        let messages = |of: fn(&Sheet) -> &Vec<String>| -> Result<Vec<Box<[u8]>>, SheetError> {
            // What the map itself says of these counts instead of what its base says.
            let own = Some(of(sheet)).filter(|own| !own.is_empty());
            let texts = own.or(base.map(of)).into_iter().flatten();
            texts
                .map(|text| message_bytes(text).map_err(whole))
                .collect()
        };
        Ok(Self {
            name: sheet.name.clone(),
            assembly: assembly(&bindings),
            lights: lights(&bindings),
            bindings,
            on_connect: messages(|sheet| &sheet.on_connect)?,
            on_leave: messages(|sheet| &sheet.on_leave)?,
            page,
        })
    }

    /// What the device is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many bindings it has.
    pub fn len(&self) -> usize {
        self.bindings.len()
    }

    /// Whether nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.bindings.is_empty()
    }

    /// Its controls that move a parameter, for people.
    pub(super) fn controls_of(&self, param: ParamId) -> Vec<String> {
        let text = |binding: &Binding| {
            let control = Control {
                sort: binding.sort,
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
                (other.sort, other.number) == (binding.sort, binding.number)
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

    /// The places of the bindings of that kind and number, and of those of any number.
    fn places(&self, sort: Sort, number: Option<u16>) -> Range<usize> {
        let key = (sort, number);
        let start = self.bindings.partition_point(|b| (b.sort, b.number) < key);
        let end = self.bindings.partition_point(|b| (b.sort, b.number) <= key);
        start..end
    }

    /// Hands over the places of the bindings of a control on a page. Those of the map itself take the place of those of its
    /// base, and those with a page the place of those without.
    pub(super) fn find(&self, control: Control, page: u8, mut each: impl FnMut(usize)) {
        let numbers = [None, Some(control.number)];
        let places = || {
            let ranges = numbers
                .iter()
                .map(|&number| self.places(control.sort, number));
            ranges.flatten().filter(|&place| {
                let binding = &self.bindings[place];
                binding
                    .channel
                    .is_none_or(|channel| channel == control.channel)
                    && binding.page.is_none_or(|on| on == page)
            })
        };
        let rank = |place: &usize| self.bindings[*place].rank();
        let highest = places().map(|place| rank(&place)).max();
        places()
            .filter(|place| Some(rank(place)) == highest)
            .for_each(&mut each);
    }
}

impl Binding {
    /// Of the bindings of one control on one page, those of the highest rank count.
    pub(super) fn rank(&self) -> u8 {
        2 * u8::from(self.own) + u8::from(self.page.is_some())
    }
}

fn bind(entry: &Entry, own: bool, table: &Table) -> Result<Binding, String> {
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
    let spread = Spread {
        lo,
        hi,
        curve: match entry.curve {
            None => row.curve,
            Some(Bend::Linear) => Curve::Linear,
            Some(Bend::Square) => Curve::Square,
        },
        invert: entry.invert,
        whole: row.kind != Kind::Float,
    };
    let over_loop = row.name == POSITION && entry.range.is_none();
    Ok(Binding {
        echo: face(entry, channel, row, over_loop)?,
        sort: entry.sort,
        number,
        channel,
        page: entry.page,
        param,
        deed: deed(entry, &spread, table)?,
        spread,
        over_loop,
        own,
        learnt: entry.learnt,
    })
}

fn number(entry: &Entry) -> Result<Option<u16>, String> {
    let most = match entry.sort {
        Sort::Cc | Sort::Note | Sort::Poly | Sort::Program => 127,
        Sort::Cc14 => 31,
        Sort::Nrpn => 16383,
        Sort::Bend | Sort::Pressure => {
            return match entry.number {
                None => Ok(None),
                Some(_) => Err("a bend or a pressure has no number".to_owned()),
            };
        }
    };
    match entry.number {
        Some(number) if number <= most => Ok(Some(number)),
        None if entry.sort == Sort::Program => Ok(None),
        Some(number) => Err(format!("its number is {number}: give 0 to {most}")),
        None => Err(format!("it needs a number, 0 to {most}")),
    }
}

fn deed(entry: &Entry, spread: &Spread, table: &Table) -> Result<Deed, String> {
    let row = table.row(table.find(&entry.to).map_err(|error| error.to_string())?);
    let name = &row.name;
    let (fires, flips) = (row.kind == Kind::Trigger, row.kind == Kind::Toggle);
    let presses = matches!(entry.sort, Sort::Note | Sort::Program);
    if entry.relative.is_some() && (entry.sort != Sort::Cc || fires || flips) {
        return Err(format!(
            "relative is for control changes that turn a value; {name} is not one here"
        ));
    }
    if entry.velocity && entry.sort != Sort::Note {
        return Err("velocity is for notes".to_owned());
    }
    if let Some(step) = entry
        .step
        .filter(|step| !step.is_finite() || fires || flips)
    {
        return Err(format!("{name} is not moved by a step of {step}"));
    }
    let step = entry.step.unwrap_or((spread.hi - spread.lo) / 127.0);
    let step = if spread.whole && entry.step.is_none() {
        step.max(1.0)
    } else {
        step
    };
    if fires {
        if entry.value.is_some() || entry.momentary {
            return Err(format!("{name} fires, and keeps no value"));
        }
        return Ok(Deed::Fire);
    }
    let value = match &entry.value {
        Some(value) => Some(
            table
                .value(name, value)
                .map_err(|error| error.to_string())?,
        ),
        None => None,
    };
    let takeover = match (name.as_str(), entry.takeover) {
        (POSITION, None | Some(Takeover::Jump)) => Takeover::Jump,
        (POSITION, Some(_)) => {
            return Err(format!("{name} moves by itself: no control picks it up"));
        }
        (_, Some(takeover)) => takeover,
        // What springs back by itself never meets anything.
        _ if matches!(entry.sort, Sort::Bend | Sort::Pressure | Sort::Poly) => Takeover::Jump,
        _ => Takeover::Pickup,
    };
    Ok(if let Some(encoding) = entry.relative {
        Deed::Turn { encoding, step }
    } else if entry.momentary {
        let ends = [spread.value(0.0), spread.value(1.0)];
        Deed::Hold {
            on: value.unwrap_or(ends[1]),
            off: ends[0],
        }
    } else if let Some(value) = value {
        Deed::Assign(value)
    } else if flips {
        Deed::Flip
    } else if entry.velocity {
        Deed::Strike
    } else if presses && entry.number.is_none() {
        Deed::Follow {
            takeover: Takeover::Jump,
            step,
        }
    } else if presses || (entry.sort == Sort::Cc && entry.step.is_some()) {
        match entry.step {
            Some(step) => Deed::Nudge(step),
            None => {
                return Err(format!(
                    "a press does not say where {name} goes: give it value, step, velocity or momentary"
                ));
            }
        }
    } else {
        Deed::Follow { takeover, step }
    })
}

fn assembly(bindings: &[Binding]) -> Assembly {
    let mut assembly = Assembly::default();
    for binding in bindings {
        let channels = binding.channel.map_or(u16::MAX, |channel| 1 << channel);
        let number = binding.number.unwrap_or(0);
        match binding.sort {
            Sort::Cc14 => {
                for (channel, pairs) in assembly.pairs.iter_mut().enumerate() {
                    *pairs |= u32::from(channels >> channel & 1) << number;
                }
            }
            // The bindings come in order of their numbers.
            Sort::Nrpn => match assembly.parameters.last_mut() {
                Some((last, on)) if *last == number => *on |= channels,
                _ => assembly.parameters.push((number, channels)),
            },
            _ => {}
        }
    }
    assembly
}
