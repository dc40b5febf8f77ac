//! The announcement on the local network: multicast DNS service discovery (RFC 6762, RFC 6763).

use std::net::SocketAddr;
use std::time::Duration;

use mdns_sd::{IfKind, ServiceDaemon, ServiceInfo};

use crate::control::Notices;

/// The services that OSCQuery and OSC are found under.
const SERVICES: [&str; 2] = ["_oscjson._tcp.local.", "_osc._udp.local."];
/// How long taking the services back may last.
const PARTING: Duration = Duration::from_millis(500);

/// An mDNS announcement of both services, until dropped.
pub(super) struct Announcement {
    daemon: ServiceDaemon,
    names: Vec<String>,
}

impl std::fmt::Debug for Announcement {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Announcement")
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

impl Announcement {
    /// Announces both; where that fails the performer is warned, and the rest goes on.
    pub(super) fn start(query: SocketAddr, osc: SocketAddr, notices: &Notices) -> Option<Self> {
        match Self::try_start(query, osc) {
            Ok(announcement) => Some(announcement),
            Err(error) => {
                notices.warn(format!(
                    "the local network is not told of OSCQuery: {error}; clients can be given {query} by hand"
                ));
                None
            }
        }
    }

    fn try_start(query: SocketAddr, osc: SocketAddr) -> Result<Self, mdns_sd::Error> {
        let host = sysinfo::System::host_name().unwrap_or_default();
        let host = host.split('.').next().filter(|name| !name.is_empty());
        let host = host.unwrap_or("latentloop").to_owned();
        let mut announcement = Self {
            daemon: ServiceDaemon::new()?,
            names: Vec::new(),
        };
        // Nobody else reaches those, and nobody reaches one family of addresses by a socket of the other.
        let daemon = &announcement.daemon;
        daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?;
        if query.is_ipv4() {
            daemon.disable_interface(IfKind::IPv6)?;
        }
        let reachable = SERVICES
            .into_iter()
            .zip([query, osc])
            .filter(|(_, address)| !address.ip().is_loopback());
        for (service, address) in reachable {
            let name = format!("latentloop on {host}");
            let machine = format!("{host}.local.");
            let properties = [("txtvers", "1")];
            let ip = address.ip();
            let info = if ip.is_unspecified() {
                ServiceInfo::new(
                    service,
                    &name,
                    &machine,
                    "",
                    address.port(),
                    &properties[..],
                )?
                .enable_addr_auto()
            } else {
                ServiceInfo::new(
                    service,
                    &name,
                    &machine,
                    ip,
                    address.port(),
                    &properties[..],
                )?
            };
            announcement.names.push(info.get_fullname().to_owned());
            announcement.daemon.register(info)?;
        }
        Ok(announcement)
    }
}

impl Drop for Announcement {
    fn drop(&mut self) {
        for name in &self.names {
            if let Ok(parting) = self.daemon.unregister(name) {
                let _ = parting.recv_timeout(PARTING);
            }
        }
        // The daemon's thread ends with this.
        if let Ok(end) = self.daemon.shutdown() {
            let _ = end.recv_timeout(PARTING);
        }
    }
}
