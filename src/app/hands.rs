//! Every controller, opened: what cannot be is named, and the rest goes on.

use std::sync::Arc;

use super::Settings;
use crate::control::clock::Pulses;
use crate::control::midi::{self, Hub};
use crate::control::osc::Server;
use crate::control::{Inbox, Notices, Values};
use crate::instrument::Table;
use crate::library;

/// The controllers of a show and what they write to.
pub(super) struct Hands {
    pub(super) inbox: Arc<Inbox>,
    pub(super) values: Arc<Values>,
    pub(super) notices: Arc<Notices>,
    pub(super) osc: Option<Server>,
    #[allow(
        dead_code,
        reason = "the show drains it once there is a clock to follow"
    )]
    pub(super) pulses: Arc<Pulses>,
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
        let pulses = Arc::new(Pulses::default());
        let midi = midi::Settings {
            folder: library::config_folder().map(|folder| folder.join("controllers")),
            clock_out: settings.midi_clock_out.clone(),
        };
        let ends = midi::Ends {
            inbox: Arc::clone(&inbox),
            values: Arc::clone(&values),
            pulses: Arc::clone(&pulses),
            notices: Arc::clone(&notices),
        };
        let midi = match Hub::start(midi, table, ends) {
            Ok(hub) => Some(hub),
            Err(error) => {
                notices.warn(format!("no MIDI: {error}"));
                None
            }
        };
        Ok(Self {
            inbox,
            values,
            notices,
            osc,
            pulses,
            midi,
        })
    }
}
