//! The one table of parameters: every knob is a row, and everything that names a knob reads it here.

use std::collections::HashMap;

/// What can drive a parameter besides a hand: sound features, 0..1.
pub const SOURCES: [&str; 4] = ["sound.level", "sound.low", "sound.mid", "sound.high"];

/// A row of the table of this run. Files keep names, never these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ParamId(pub u16);

/// What a parameter holds.
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

/// How a control's 0..1 spreads over the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// Evenly.
    Linear,
    /// Finer near the low end: the square of the control.
    Square,
}

/// Who acts on a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The instrument: it changes latents.
    Instrument,
    /// The stage: the instrument only keeps the value, drawing reads it.
    Stage,
    /// The program around it: recording, presets, windows.
    Host,
}

/// One parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Dotted name, `loop.speed`.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Least value, in its unit.
    pub min: f64,
    /// Greatest value, in its unit.
    pub max: f64,
    /// Value at start, in its unit.
    pub default: f64,
    /// Unit, or nothing.
    pub unit: &'static str,
    /// How a control spreads over the range.
    pub curve: Curve,
    /// Seconds over which a stepped control is slewed.
    pub smoothing_secs: f64,
    /// Who acts on it.
    pub scope: Scope,
    /// Whether it only tells, and nobody sets it.
    pub read_only: bool,
    /// One line of help.
    pub help: String,
}

/// Every parameter of this run.
#[derive(Clone, Debug)]
pub struct Table {
    rows: Vec<Row>,
    by_name: HashMap<String, ParamId>,
}

impl Table {
    /// A table of these rows, in this order.
    pub fn new(rows: Vec<Row>) -> Self {
        let by_name = rows
            .iter()
            .enumerate()
            .map(|(i, row)| (row.name.clone(), ParamId(i as u16)))
            .collect();
        Self { rows, by_name }
    }

    /// The id of the parameter of that name.
    pub fn id(&self, name: &str) -> Option<ParamId> {
        self.by_name.get(name).copied()
    }

    /// The row of an id of this table.
    pub fn row(&self, id: ParamId) -> &Row {
        &self.rows[usize::from(id.0)]
    }

    /// Every row with its id, in table order.
    pub fn iter(&self) -> impl Iterator<Item = (ParamId, &Row)> {
        self.rows
            .iter()
            .enumerate()
            .map(|(i, row)| (ParamId(i as u16), row))
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

impl Row {
    /// The value, in the parameter's unit, of a control at `unit` in 0..1.
    pub fn from_unit(&self, unit: f64) -> f64 {
        let unit = unit.clamp(0.0, 1.0);
        let bent = match self.curve {
            Curve::Linear => unit,
            Curve::Square => unit * unit,
        };
        self.clamp(self.min + (self.max - self.min) * bent)
    }

    /// Where in 0..1 a control for this value stands.
    pub fn to_unit(&self, value: f64) -> f64 {
        if self.max <= self.min {
            return 0.0;
        }
        let bent = ((value - self.min) / (self.max - self.min)).clamp(0.0, 1.0);
        match self.curve {
            Curve::Linear => bent,
            Curve::Square => libm::sqrt(bent),
        }
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
