//! What a listener has been told, and what it is to be told next.

use std::time::{Duration, Instant};

use super::encoder::Sent;
use crate::control::Values;
use crate::instrument::{Action, Kind, ParamId, Row, Table};

/// How long a parameter is not sent to whoever sets it: until the show has surely taken the value.
const QUIET: Duration = Duration::from_millis(250);

/// The values that one listener knows.
#[derive(Debug)]
pub(crate) struct Feed {
    known: Box<[Known]>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    wanted: bool,
    /// No number where it knows nothing.
    value: f64,
    quiet_until: Option<Instant>,
}

impl Feed {
    /// A listener that knows nothing, and wants nothing yet.
    pub(crate) fn new(table: &Table) -> Self {
        let known = Known {
            wanted: false,
            value: f64::NAN,
            quiet_until: None,
        };
        Self {
            known: vec![known; table.len()].into(),
        }
    }

    /// Wants a parameter's value and its changes, or no more of them.
    pub(crate) fn want(&mut self, param: ParamId, wanted: bool) {
        self.known[usize::from(param.0)] = Known {
            wanted,
            value: f64::NAN,
            quiet_until: None,
        };
    }

    /// What the listener sets itself it knows: it is not told again.
    pub(crate) fn told(&mut self, action: &Action, table: &Table, now: Instant) {
        let (param, value) = match *action {
            Action::Set { param, value } => (param, value),
            Action::SetUnit { param, unit } => (param, table.row(param).from_unit(unit)),
            _ => return,
        };
        let known = &mut self.known[usize::from(param.0)];
        known.value = value;
        known.quiet_until = Some(now + QUIET);
    }

    /// Hands over what is wanted and not known.
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
            if known.wanted && !quiet && value != known.value {
                known.value = value;
                each(param, row, value);
            }
        }
    }
}

/// Whether a parameter has a value that lasts.
pub(crate) fn lasts(row: &Row) -> bool {
    !matches!(row.kind, Kind::Trigger | Kind::Text)
}

/// A value as OSC carries it: reals as floats, all else as whole numbers.
pub(crate) fn sent(row: &Row, value: f64) -> Sent<'static> {
    match row.kind {
        Kind::Float => Sent::Float(value as f32),
        _ => Sent::Int(value as i32),
    }
}
