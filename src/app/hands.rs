//! Every controller, opened: what cannot be is named, and the rest goes on.

use std::sync::Arc;

use super::Settings;
use super::console::Feed;
use super::stats::Figures;
use crate::config;
use crate::control::clock::Pulses;
use crate::control::keys::Keys;
use crate::control::midi::{self, Hub};
use crate::control::osc::{Server, World};
use crate::control::oscquery::QueryServer;
use crate::control::{ControlPlane, Guard, Inbox, Notices, Values};
use crate::instrument::ParamId;
use crate::stage::own::{Shelf, Watch};

/// The controllers of a show and what they write to.
pub(super) struct Hands {
    pub(super) inbox: Arc<Inbox>,
    pub(super) values: Arc<Values>,
    pub(super) notices: Arc<Notices>,
    pub(super) pulses: Arc<Pulses>,
    pub(super) keys: Keys,
    pub(super) osc: Option<Server>,
    pub(super) oscquery: Option<QueryServer>,
    pub(super) guard: Arc<Guard>,
    pub(super) midi: Option<Arc<Hub>>,
    /// The performer's own passes, and what looks after their folder.
    pub(super) looks: Arc<Shelf>,
    _watch: Option<Watch>,
    /// What tells the console, where there is one.
    pub(super) feed: Option<Feed>,
}

impl Hands {
    pub(super) fn start(settings: &Settings, control: ControlPlane) -> anyhow::Result<Self> {
        let ControlPlane {
            table,
            inbox,
            values,
            notices,
        } = control;
        let table = &table;
        let guard = Arc::new(Guard::new(settings.osc_allow.clone()));
        let world = World {
            table: Arc::clone(table),
            inbox: Arc::clone(&inbox),
            values: Arc::clone(&values),
            notices: Arc::clone(&notices),
            guard: Arc::clone(&guard),
        };
        let osc = settings.osc.as_deref().and_then(|address| {
            let started = Server::start(address, settings.osc_out.as_deref(), world.clone());
            match started {
                Ok(server) => {
                    notices.info(format!("OSC: {}", server.address()));
                    if !server.address().ip().is_loopback() && world.guard.is_open() {
                        notices.warn("OSC is open to every machine of the network; --osc-allow NETWORK lets only some in");
                    }
                    Some(server)
                }
                Err(error) => {
                    notices.warn(error.to_string());
                    None
                }
            }
        });
        let oscquery = osc.as_ref().and_then(|osc| query(settings, osc, &world));
        let pulses = Arc::new(Pulses::default());
        let midi = midi::Settings {
            folder: Some(config::file("controllers")),
            clock_out: settings.midi_clock_out.clone(),
        };
        let ends = midi::Ends {
            inbox: Arc::clone(&inbox),
            values: Arc::clone(&values),
            pulses: Arc::clone(&pulses),
            notices: Arc::clone(&notices),
        };
        let midi = match Hub::start(midi, table, ends) {
            Ok(hub) => Some(Arc::new(hub)),
            Err(error) => {
                notices.warn(format!("no MIDI: {error}"));
                None
            }
        };
        let looks = Arc::new(Shelf::new(notices.reporter()));
        let watch = Watch::start(config::file("looks"), Arc::clone(&looks));
        if let Err(error) = &watch {
            notices.warn(format!("your own passes are not read: {error}"));
        }
        let (keys, fault) = Keys::load(&config::file("keys.toml"), table)?;
        if let Some(fault) = fault {
            notices.warn(fault);
        }
        Ok(Self {
            keys,
            inbox,
            values,
            notices,
            pulses,
            osc,
            oscquery,
            guard,
            midi,
            looks,
            _watch: watch.ok(),
            feed: None,
        })
    }

    /// The controls that a parameter is bound to, for the performer's eyes.
    pub(super) fn controls(&self, param: ParamId) -> String {
        let controls = self.midi.as_ref().map(|hub| hub.bindings(param));
        controls.unwrap_or_default().join(", ")
    }

    /// The next control that moves is bound to a parameter, where one is given.
    pub(super) fn learn(&self, param: Option<ParamId>) {
        if let Some(hub) = &self.midi {
            hub.learn(param);
        }
    }

    /// Takes what was learnt for a parameter from every control.
    pub(super) fn unlearn(&self, param: ParamId) {
        if let Some(hub) = &self.midi {
            hub.unlearn(param);
        }
    }

    /// What the network controllers came to.
    pub(super) fn tell(&self, figures: &mut Figures) {
        figures.osc_dropped = self.osc.as_ref().map_or(0, Server::dropped);
        figures.osc_early = self.osc.as_ref().map_or(0, Server::early);
        figures.osc_turned_away = self.guard.refused();
        figures.oscquery = self.oscquery.as_ref().map(QueryServer::address);
    }
}

/// OSCQuery beside OSC: at the address that was given, or at a free port of the same host.
fn query(settings: &Settings, osc: &Server, world: &World) -> Option<QueryServer> {
    let address = match settings.oscquery.as_deref() {
        Some("none") => return None,
        Some(address) => address.to_owned(),
        None => std::net::SocketAddr::new(osc.address().ip(), 0).to_string(),
    };
    match QueryServer::start(&address, osc.address(), world.clone()) {
        Ok(server) => {
            let text = format!("OSCQuery: http://{}", server.address());
            world.notices.info(text);
            Some(server)
        }
        Err(error) => {
            world.notices.warn(error.to_string());
            None
        }
    }
}
