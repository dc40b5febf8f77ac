//! The controllers, opened: what cannot be is named, and the rest goes on.

use std::sync::Arc;

use super::Settings;
use super::stats::StatsReport;
use crate::config;
use crate::control::clock::Pulses;
use crate::control::keys::Keys;
use crate::control::midi::{self, Hub, HubHandle};
use crate::control::osc::Server;
use crate::control::oscquery::QueryServer;
use crate::control::{AllowList, ControlPlane};
use crate::instrument::params::BEAT_CLOCK_IN;
use crate::library::Bank;
use crate::stage::user::{FolderWatcher, ShaderRegistry};

/// The controllers of a show, and the channels between them and it.
pub(super) struct Controllers {
    pub(super) control: ControlPlane,
    pub(super) pulses: Arc<Pulses>,
    pub(super) keys: Keys,
    pub(super) osc: Option<Server>,
    pub(super) oscquery: Option<QueryServer>,
    pub(super) allowed: Arc<AllowList>,
    pub(super) midi: HubHandle,
    /// The performer's own passes, and what looks after their folder.
    pub(super) looks: Arc<ShaderRegistry>,
    /// The presets at the places of the bank.
    pub(super) bank: Arc<Bank>,
    _watch: Option<FolderWatcher>,
}

impl Controllers {
    /// No controllers: what comes, comes through the channels.
    #[cfg(test)]
    pub(super) fn none(control: ControlPlane) -> Self {
        let keys = Keys::load(std::path::Path::new("/nowhere/keys.toml"), &control.table);
        Self {
            keys: keys.unwrap().0,
            pulses: Arc::default(),
            osc: None,
            oscquery: None,
            allowed: Arc::new(AllowList::new(Vec::new())),
            midi: HubHandle::default(),
            looks: Arc::new(ShaderRegistry::new(control.notices.reporter())),
            bank: Arc::default(),
            _watch: None,
            control,
        }
    }

    pub(super) fn start(settings: &Settings, control: ControlPlane) -> anyhow::Result<Self> {
        let notices = &control.notices;
        let allowed = Arc::new(AllowList::new(settings.osc_allow.clone()));
        let osc = settings.osc.as_deref().and_then(|address| {
            let started = Server::start(
                address,
                settings.osc_out.as_deref(),
                control.clone(),
                Arc::clone(&allowed),
            );
            match started {
                Ok(server) => {
                    notices.info(format!("OSC: {}", server.address()));
                    if !server.address().ip().is_loopback() && allowed.is_open() {
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
        let oscquery = osc
            .as_ref()
            .and_then(|osc| query(settings, osc, &control, &allowed));
        let pulses = Arc::new(Pulses::default());
        let midi = midi::Settings {
            folder: Some(config::file("controllers")),
            clock_out: settings.midi_clock_out.clone(),
            clock_in: settings.midi_clock_in.clone(),
        };
        let clock_in = settings.midi_clock_in.as_deref();
        control
            .values
            .set_text(BEAT_CLOCK_IN, clock_in.unwrap_or_default());
        let midi = match Hub::start(midi, control.clone(), Arc::clone(&pulses)) {
            Ok(hub) => HubHandle::new(hub),
            Err(error) => {
                notices.warn(format!("no MIDI: {error}"));
                HubHandle::default()
            }
        };
        let looks = Arc::new(ShaderRegistry::new(notices.reporter()));
        let watch = FolderWatcher::start(config::file("looks"), Arc::clone(&looks));
        if let Err(error) = &watch {
            notices.warn(format!("your own passes are not read: {error}"));
        }
        let (keys, fault) = Keys::load(&config::file("keys.toml"), &control.table)?;
        if let Some(fault) = fault {
            notices.warn(fault);
        }
        Ok(Self {
            keys,
            pulses,
            osc,
            oscquery,
            allowed,
            midi,
            looks,
            bank: Arc::default(),
            _watch: watch.ok(),
            control,
        })
    }

    /// What the network controllers came to.
    pub(super) fn report(&self, report: &mut StatsReport) {
        report.osc_dropped = self.osc.as_ref().map_or(0, Server::dropped);
        report.osc_early = self.osc.as_ref().map_or(0, Server::early);
        report.osc_turned_away = self.allowed.refused();
        report.oscquery = self.oscquery.as_ref().map(QueryServer::address);
    }
}

/// OSCQuery beside OSC: at the address that was given, or at a free port of the same host.
fn query(
    settings: &Settings,
    osc: &Server,
    plane: &ControlPlane,
    allowed: &Arc<AllowList>,
) -> Option<QueryServer> {
    let address = match settings.oscquery.as_deref() {
        Some("none") => return None,
        Some(address) => address.to_owned(),
        None => std::net::SocketAddr::new(osc.address().ip(), 0).to_string(),
    };
    match QueryServer::start(&address, osc.address(), plane.clone(), Arc::clone(allowed)) {
        Ok(server) => {
            let text = format!("OSCQuery: http://{}", server.address());
            plane.notices.info(text);
            Some(server)
        }
        Err(error) => {
            plane.notices.warn(error.to_string());
            None
        }
    }
}
