//! The table of parameters and the ids of its rows, typed and untyped.

use std::collections::HashMap;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use super::Choice;
use super::declaration::{COUNT, place_of};

/// The id of a parameter: its row in the table of this run. Files keep names, never ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ParamId(u16);

impl ParamId {
    /// The id of a row of the table, counted from 0; nothing where the table has no such row.
    pub const fn at(index: usize) -> Option<Self> {
        if index < COUNT {
            Some(Self(index as u16))
        } else {
            None
        }
    }

    /// The row in the table, counted from 0.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// The typed id of a parameter: one that holds a `T`.
pub struct Param<T> {
    id: ParamId,
    holds: PhantomData<fn() -> T>,
}

impl<T> Clone for Param<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Param<T> {}

impl<T> std::fmt::Debug for Param<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        self.id.fmt(f)
    }
}

impl<T> Param<T> {
    const fn at(index: usize) -> Self {
        match ParamId::at(index) {
            Some(id) => Self {
                id,
                holds: PhantomData,
            },
            None => panic!("a declared parameter is in the table"),
        }
    }

    /// The parameter that is declared under a name.
    pub(super) const fn declared(name: &str) -> Self {
        Self::at(place_of(name).first)
    }

    /// Its id without the type.
    pub const fn id(self) -> ParamId {
        self.id
    }
}

impl<T> From<Param<T>> for ParamId {
    fn from(param: Param<T>) -> Self {
        param.id
    }
}

impl<T> PartialEq<Param<T>> for ParamId {
    fn eq(&self, param: &Param<T>) -> bool {
        *self == param.id
    }
}

/// Numbered parameters that are declared once: `keyframe.N.seed`, `preset.bank.N`.
pub struct Family<T> {
    first: usize,
    stride: usize,
    len: usize,
    holds: PhantomData<fn() -> T>,
}

impl<T> Clone for Family<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Family<T> {}

impl<T> std::fmt::Debug for Family<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{} from {}", self.len, self.first)
    }
}

impl<T> Family<T> {
    /// The family that is declared under a name.
    pub(super) const fn declared(name: &str) -> Self {
        let place = place_of(name);
        Self {
            first: place.first,
            stride: place.stride,
            len: place.count,
            holds: PhantomData,
        }
    }

    /// How many there are.
    #[expect(
        clippy::len_without_is_empty,
        reason = "no family is declared with none"
    )]
    pub const fn len(self) -> usize {
        self.len
    }

    /// One of them, counted from 0.
    ///
    /// # Panics
    /// Where there are fewer, as an array does.
    pub const fn at(self, index: usize) -> Param<T> {
        assert!(index < self.len, "no such number in this family");
        Param::at(self.first + index * self.stride)
    }

    /// All of them.
    pub fn iter(self) -> impl ExactSizeIterator<Item = Param<T>> {
        (0..self.len).map(move |index| self.at(index))
    }

    /// Which of them a parameter is, counted from 0; nothing where it is none.
    pub const fn index_of(self, param: ParamId) -> Option<usize> {
        let Some(offset) = param.index().checked_sub(self.first) else {
            return None;
        };
        if offset.is_multiple_of(self.stride) && offset / self.stride < self.len {
            Some(offset / self.stride)
        } else {
            None
        }
    }
}

/// The type of triggers: they hold nothing and fire.
#[derive(Clone, Copy, Debug)]
pub enum Trigger {}

/// The type of text parameters: they hold nothing that stays, their text fires.
#[derive(Clone, Copy, Debug)]
pub enum Text {}

/// A type that a parameter's number stands for.
pub trait Value: Copy {
    /// Whether modulation and smoothing can move it: only real numbers.
    const IS_CONTINUOUS: bool;
    /// From the table's number.
    fn from_number(number: f64) -> Self;
    /// As the table's number.
    fn number(self) -> f64;
}

impl Value for f64 {
    const IS_CONTINUOUS: bool = true;

    fn from_number(number: f64) -> Self {
        number
    }

    fn number(self) -> f64 {
        self
    }
}

impl Value for i64 {
    const IS_CONTINUOUS: bool = false;

    fn from_number(number: f64) -> Self {
        number as Self
    }

    fn number(self) -> f64 {
        self as f64
    }
}

impl Value for bool {
    #[expect(
        clippy::use_self,
        reason = "that a value is continuous is no value of its own"
    )]
    const IS_CONTINUOUS: bool = false;

    fn from_number(number: f64) -> Self {
        number > 0.5
    }

    fn number(self) -> f64 {
        f64::from(u8::from(self))
    }
}

impl<C: Choice> Value for C {
    const IS_CONTINUOUS: bool = false;

    fn from_number(number: f64) -> Self {
        Self::from_index(number as usize)
    }

    fn number(self) -> f64 {
        self.index() as f64
    }
}

/// The kind of value that a parameter holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A real number.
    Float,
    /// A whole number.
    Int,
    /// Off (0) or on (1).
    Toggle,
    /// One of these, by index.
    Choice(&'static [&'static str]),
    /// Nothing: it fires.
    Trigger,
    /// A text that fires, such as the name of a preset.
    Text,
}

impl Kind {
    /// Whether a parameter of this kind keeps a value; the others fire.
    pub fn keeps_a_value(self) -> bool {
        !matches!(self, Self::Trigger | Self::Text)
    }
}

/// The response curve of a control: how its 0..1 spreads over a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Curve {
    /// Evenly.
    Linear,
    /// Finer near the low end: the square of the control.
    Square,
    /// Finer around the middle of the range, on which the middle of the control rests: the square of the way from there, either side.
    Centre,
    /// Finer near the high end: what is left to it is the cube of what is left of the control. Of feedback, even steps of the time in
    /// which a picture fades.
    High,
}

/// The part of a control to either side of its middle that counts as the middle: the two middle ones of 128 steps.
const DETENT: f64 = 1.2 / 127.0;

impl Curve {
    /// The value between `min` and `max` of a control at `unit` in 0..1.
    pub fn value(self, unit: f64, min: f64, max: f64) -> f64 {
        let unit = unit.clamp(0.0, 1.0);
        let curved = match self {
            Self::Linear => unit,
            Self::Square => unit * unit,
            Self::Centre => {
                let from_middle = 2.0 * unit - 1.0;
                let way = (from_middle.abs() - DETENT).max(0.0) / (1.0 - DETENT);
                let middle = min + (max - min) / 2.0;
                let way = libm::copysign(way * way, from_middle) * (max - min) / 2.0;
                return (middle + way).clamp(min, max);
            }
            Self::High => 1.0 - (1.0 - unit) * (1.0 - unit) * (1.0 - unit),
        };
        (min + (max - min) * curved).clamp(min, max)
    }

    /// Where in 0..1 a control for this value stands; at an end where the value lies outside, at 0 where there is no range.
    pub fn unit(self, value: f64, min: f64, max: f64) -> f64 {
        if max <= min {
            return 0.0;
        }
        let curved = ((value - min) / (max - min)).clamp(0.0, 1.0);
        match self {
            Self::Linear => curved,
            Self::Square => libm::sqrt(curved),
            Self::Centre if curved == 0.5 => 0.5,
            Self::Centre => {
                let from_middle = 2.0 * curved - 1.0;
                let way = libm::sqrt(from_middle.abs()) * (1.0 - DETENT) + DETENT;
                (libm::copysign(way, from_middle) + 1.0) / 2.0
            }
            Self::High => 1.0 - libm::cbrt(1.0 - curved),
        }
    }
}

/// The scope of a parameter: who acts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The instrument: it changes latents.
    Instrument,
    /// The stage: the instrument only keeps the value, drawing reads it.
    Stage,
    /// The program around it: recording, presets, windows.
    Host,
}

/// The use of a parameter in presets. Where it gives the value, the value is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PresetUse {
    /// It is saved, and goes to its default where a preset leaves it out.
    Resets,
    /// It is saved, and stays where a preset leaves it out.
    Stays,
    /// It is not saved, and stays.
    Unsaved,
}

/// A row of the table: one parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Dotted name, `loop.speed`.
    pub name: String,
    /// The kind of value.
    pub kind: Kind,
    /// Least value, in its unit.
    pub min: f64,
    /// Greatest value, in its unit.
    pub max: f64,
    /// Value at start, in its unit.
    pub default: f64,
    /// Unit, or nothing.
    pub unit: &'static str,
    /// Response curve of a control.
    pub curve: Curve,
    /// Seconds over which a stepped control is slewed.
    pub smoothing_secs: f64,
    /// Who acts on it.
    pub scope: Scope,
    /// What a preset does with it.
    pub preset: PresetUse,
    /// Whether it can only be read: nobody sets it.
    pub read_only: bool,
    /// One line of help.
    pub help: String,
}

impl Row {
    /// The value, in the parameter's unit, of a control at `unit` in 0..1.
    pub fn from_unit(&self, unit: f64) -> f64 {
        self.clamp(self.curve.value(unit, self.min, self.max))
    }

    /// Where in 0..1 a control for this value stands.
    pub fn to_unit(&self, value: f64) -> f64 {
        self.curve.unit(value, self.min, self.max)
    }

    /// The value brought into the range; whole where the kind is.
    pub fn clamp(&self, value: f64) -> f64 {
        let value = value.clamp(self.min, self.max);
        match self.kind {
            Kind::Float => value,
            _ => libm::round(value),
        }
    }
}

/// Every parameter of this run.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Row>,
    by_name: HashMap<String, ParamId>,
}

impl Table {
    /// A table of these rows, in this order. There is but the standard one, besides those with which tests stand for another
    /// version's.
    pub(crate) fn new(rows: Vec<Row>) -> Self {
        let by_name = rows
            .iter()
            .enumerate()
            .map(|(index, row)| (row.name.clone(), ParamId(index as u16)))
            .collect();
        Self { rows, by_name }
    }

    /// The id of the parameter of that name.
    pub fn id(&self, name: &str) -> Option<ParamId> {
        self.by_name.get(name).copied()
    }

    /// The row of a parameter.
    pub fn row(&self, param: impl Into<ParamId>) -> &Row {
        &self.rows[param.into().index()]
    }

    /// Every row with its id, in table order.
    pub fn iter(&self) -> impl Iterator<Item = (ParamId, &Row)> {
        self.rows
            .iter()
            .enumerate()
            .map(|(index, row)| (ParamId(index as u16), row))
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}
