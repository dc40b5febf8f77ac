//! The console's handle on the show: what it reads, and the one place that it writes to.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::app::controllers::Controllers;
use crate::app::hud::table_of_keys;
use crate::control::ControlPlane;
use crate::control::midi::HubHandle;
use crate::control::osc;
use crate::instrument::params::{Param, Text};
use crate::instrument::{Action, ParamId};
use crate::library::Bank;
use crate::stage::user::{Knob, ShaderRegistry};
use crate::stage::user_slot;

/// A row of the performer's own passes: what it stands for.
pub(super) enum UserPassRow {
    /// It moves nothing now.
    Empty,
    /// The amount of the pass of that name.
    Amount(String),
    /// A knob of a pass.
    Knob(Knob),
}

/// The console's handle on the show.
pub(super) struct ConsoleHandle {
    pub(super) plane: ControlPlane,
    pub(super) midi: HubHandle,
    pub(super) looks: Arc<ShaderRegistry>,
    pub(super) bank: Arc<Bank>,
    pub(super) osc: Option<SocketAddr>,
    pub(super) oscquery: Option<SocketAddr>,
    /// Keys, and what each does.
    pub(super) keys: Arc<[(String, String)]>,
    /// The folder for recordings.
    pub(super) takes: PathBuf,
    /// The monitors that there are, by name.
    pub(super) monitors: Arc<ArcSwap<Vec<String>>>,
}

impl ConsoleHandle {
    pub(super) fn new(
        controllers: &Controllers,
        takes: PathBuf,
        monitors: Arc<ArcSwap<Vec<String>>>,
    ) -> Self {
        Self {
            monitors,
            keys: table_of_keys(&controllers.keys).into(),
            takes,
            plane: controllers.control.clone(),
            midi: controllers.midi.clone(),
            looks: Arc::clone(&controllers.looks),
            bank: Arc::clone(&controllers.bank),
            osc: controllers.osc.as_ref().map(osc::Server::address),
            oscquery: controllers
                .oscquery
                .as_ref()
                .map(crate::control::oscquery::QueryServer::address),
        }
    }

    /// The meaning of a row of the performer's own passes; nothing for any other row.
    pub(super) fn user_pass_row(&self, param: ParamId) -> Option<UserPassRow> {
        let (slot, knob) = user_slot(param)?;
        let Some(shader) = self.looks.shader(slot) else {
            return Some(UserPassRow::Empty);
        };
        Some(match knob {
            None => UserPassRow::Amount(shader.name.clone()),
            Some(at) => shader
                .knobs
                .get(at)
                .map_or(UserPassRow::Empty, |knob| UserPassRow::Knob(knob.clone())),
        })
    }

    /// The value of a parameter that nobody has moved.
    pub(super) fn rest(&self, param: ParamId) -> f64 {
        match self.user_pass_row(param) {
            Some(UserPassRow::Knob(knob)) => knob.default_unit(),
            _ => self.plane.table.row(param).default,
        }
    }

    /// A parameter's value.
    pub(super) fn get(&self, param: impl Into<ParamId>) -> f64 {
        self.plane.values.get(param)
    }

    /// Whether a toggle is on or a trigger lit.
    pub(super) fn is_on(&self, param: impl Into<ParamId>) -> bool {
        self.get(param) > 0.5
    }

    /// Sets a parameter, in its unit.
    pub(super) fn set(&self, param: impl Into<ParamId>, value: f64) {
        let param = param.into();
        self.plane.send(Action::Set { param, value });
    }

    /// Fires a trigger, or flips a toggle.
    pub(super) fn fire(&self, param: impl Into<ParamId>) {
        let param = param.into();
        self.plane.send(Action::Trigger { param });
    }

    /// Gives a text.
    pub(super) fn say(&self, param: Param<Text>, text: &str) {
        self.plane.send(Action::text(param, text));
    }

    /// The OSC address of a parameter.
    pub(super) fn address(&self, param: ParamId) -> String {
        osc::address(&self.plane.table.row(param).name)
    }
}
