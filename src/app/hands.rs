//! Every controller, opened: what cannot be is named, and the rest goes on.

use std::sync::Arc;

use super::Settings;
use crate::config;
use crate::control::clock::Pulses;
use crate::control::keys::Keys;
use crate::control::midi::{Hub, Map};
use crate::control::osc::Server;
use crate::control::{Inbox, Notices, Values};
use crate::instrument::{ParamId, Table};

/// The controllers of a show and what they write to.
pub(super) struct Hands {
    pub(super) inbox: Arc<Inbox>,
    pub(super) values: Arc<Values>,
    pub(super) notices: Arc<Notices>,
    pub(super) pulses: Arc<Pulses>,
    pub(super) keys: Keys,
    pub(super) osc: Option<Server>,
    pub(super) midi: Option<Hub>,
}

impl Hands {
    pub(super) fn start(settings: &Settings, table: &Arc<Table>) -> anyhow::Result<Self> {
        let inbox = Arc::new(Inbox::new(table));
        let values = Arc::new(Values::new(table));
        let notices = Arc::new(Notices::default());
        let osc = settings.osc.as_deref().and_then(|address| {
            let started = Server::start(
                address,
                settings.osc_out.as_deref(),
                Arc::clone(table),
                Arc::clone(&inbox),
                Arc::clone(&values),
                Arc::clone(&notices),
            );
            match started {
                Ok(server) => {
                    notices.tell(format!("OSC: {}", server.address()));
                    Some(server)
                }
                Err(error) => {
                    notices.warn(error.to_string());
                    None
                }
            }
        });
        let map = Map::standard(table)?;
        let midi = match Hub::start(map, Arc::clone(&inbox), Arc::clone(&notices)) {
            Ok(hub) => Some(hub),
            Err(error) => {
                notices.warn(format!("no MIDI: {error}"));
                None
            }
        };
        let (keys, fault) = Keys::load(&config::file("keys.toml"), table)?;
        if let Some(fault) = fault {
            notices.warn(fault);
        }
        Ok(Self {
            keys,
            inbox,
            values,
            notices,
            pulses: Arc::new(Pulses::default()),
            osc,
            midi,
        })
    }

    /// The controls that a parameter is bound to, for the performer's eyes.
    pub(super) fn controls(&self, _param: ParamId) -> String {
        String::new()
    }

    /// The next control that moves is bound to a parameter, where one is given.
    pub(super) fn learn(&self, _param: Option<ParamId>) {}

    /// Takes what was learnt for a parameter from every control.
    pub(super) fn unlearn(&self, _param: ParamId) {}
}
