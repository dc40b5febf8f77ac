//! The allow list: which networks may control the show.

use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use ipnet::IpNet;

use super::Notices;
use super::notices::OnceASecond;

/// An allow list of the networks that packets and connections may come from; this machine always may.
#[derive(Debug, Default)]
pub struct AllowList {
    allowed: Vec<IpNet>,
    refused: AtomicU64,
    gate: Mutex<OnceASecond>,
}

impl AllowList {
    /// A list of these networks; everybody is allowed where none is given.
    pub fn new(allowed: Vec<IpNet>) -> Self {
        Self {
            allowed,
            ..Self::default()
        }
    }

    /// Whether everybody is allowed.
    pub fn is_open(&self) -> bool {
        self.allowed.is_empty()
    }

    /// The count of packets and connections that were refused.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether an address is allowed; where it is not, that is counted, and named once a second.
    pub(super) fn allows(&self, from: IpAddr, notices: &Notices) -> bool {
        let from = from.to_canonical();
        if self.is_open()
            || from.is_loopback()
            || self.allowed.iter().any(|net| net.contains(&from))
        {
            return true;
        }
        self.refused.fetch_add(1, Ordering::Relaxed);
        // Of two threads that refuse at once, one may go without saying so.
        if let Ok(mut gate) = self.gate.try_lock()
            && let Some(held_back) = gate.pass(Instant::now())
        {
            notices.warn(format!(
                "{from} was refused, and {held_back} packets before it: no --osc-allow names its network"
            ));
        }
        false
    }
}

/// A network, `192.168.1.0/24`, or one address of it.
///
/// # Errors
/// When the text is neither.
pub fn network(text: &str) -> Result<IpNet, String> {
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_no_address| {
            format!("{text:?} is no network: give one such as 192.168.1.0/24, or an address")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_networks_and_this_machine_are_let_in() {
        let notices = Notices::default();
        let allowed = ["10.1.0.0/16", "192.168.7.4", "fd00::/8"].map(|text| network(text).unwrap());
        let list = AllowList::new(allowed.to_vec());
        for (from, expected) in [
            ("10.1.200.3", true),
            ("10.2.0.1", false),
            ("192.168.7.4", true),
            ("192.168.7.5", false),
            ("::ffff:10.1.2.3", true),
            ("fd12::1", true),
            ("fe80::1", false),
            ("127.0.0.1", true),
            ("::1", true),
        ] {
            assert_eq!(
                list.allows(from.parse().unwrap(), &notices),
                expected,
                "{from}"
            );
        }
        assert_eq!(list.refused(), 3);
        assert!(notices.take().unwrap().contains("10.2.0.1"));
        assert_eq!(notices.take(), None, "once a second");
        assert!(AllowList::default().allows("8.8.8.8".parse().unwrap(), &notices));
        assert!(network("10.0.0.0/40").unwrap_err().contains("no network"));
    }
}
