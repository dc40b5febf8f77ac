//! Change tracking: the values that one client knows, and the changes that it is to be sent.

use std::time::{Duration, Instant};

use super::encoder::OscValue;
use crate::control::Values;
use crate::instrument::{Action, Kind, ParamId, Row, Table};

/// How long a parameter is not sent to whoever sets it: until the show has surely taken the value.
const QUIET: Duration = Duration::from_millis(250);

/// A tracker of the values that one client knows.
#[derive(Debug)]
pub(crate) struct ChangeTracker {
    known: Box<[KnownValue]>,
}

#[derive(Clone, Copy, Debug)]
struct KnownValue {
    is_watched: bool,
    /// NaN where the client knows none.
    value: f64,
    quiet_until: Option<Instant>,
}

impl ChangeTracker {
    /// A tracker of a client that knows nothing, and watches nothing yet.
    pub(crate) fn new(table: &Table) -> Self {
        let known = KnownValue {
            is_watched: false,
            value: f64::NAN,
            quiet_until: None,
        };
        Self {
            known: vec![known; table.len()].into(),
        }
    }

    /// Watches a parameter, whose value is sent anew, or no longer.
    pub(crate) fn watch(&mut self, param: ParamId, on: bool) {
        self.known[param.index()] = KnownValue {
            is_watched: on,
            value: f64::NAN,
            quiet_until: None,
        };
    }

    /// Notes an action of the client's own: the value that it sets is not sent back.
    pub(crate) fn note_action(&mut self, action: &Action, table: &Table, now: Instant) {
        let (param, value) = match *action {
            Action::Set { param, value } => (param, value),
            Action::SetUnit { param, unit } => (param, table.row(param).from_unit(unit)),
            _ => return,
        };
        let known = &mut self.known[param.index()];
        known.value = value;
        known.quiet_until = Some(now + QUIET);
    }

    /// Hands over the values that are watched and not known.
    pub(crate) fn changes(
        &mut self,
        table: &Table,
        values: &Values,
        now: Instant,
        mut each: impl FnMut(ParamId, &Row, f64),
    ) {
        for ((param, row), known) in table.iter().zip(&mut self.known) {
            let value = values.get(param);
            let quiet = known.quiet_until.is_some_and(|until| now < until);
            if known.is_watched && !quiet && value != known.value {
                known.value = value;
                each(param, row, value);
            }
        }
    }
}

/// Whether a parameter has a value that has_value.
pub(crate) fn has_value(row: &Row) -> bool {
    !matches!(row.kind, Kind::Trigger | Kind::Text)
}

/// A parameter's value as OSC carries it: reals as floats, all else as whole numbers.
pub(crate) fn osc_value(row: &Row, value: f64) -> OscValue<'static> {
    match row.kind {
        Kind::Float => OscValue::Float(value as f32),
        _ => OscValue::Int(value as i32),
    }
}
