//! Host and Origin checks: a page of another machine must not play the instrument through a browser.

use std::net::{IpAddr, Ipv6Addr};

/// Whether a `Host` is answered: an address, `localhost`, or a name in `.local`. Any other name may be one that an attacker
/// lets point here (DNS rebinding).
pub(super) fn host_is_ours(host: &str) -> bool {
    let name = name(host);
    name.is_some_and(|name| {
        literal(name).is_some()
            || name.eq_ignore_ascii_case("localhost")
            || name.to_ascii_lowercase().ends_with(".local")
    })
}

/// Whether a page may read answers and open a WebSocket: one that this machine serves.
pub(super) fn page_is_ours(origin: &str) -> bool {
    let rest = origin
        .strip_prefix("http://")
        .or_else(|| origin.strip_prefix("https://"));
    rest.and_then(name).is_some_and(|name| {
        name.eq_ignore_ascii_case("localhost")
            || literal(name).is_some_and(|address| address.to_canonical().is_loopback())
    })
}

/// `NAME`, `NAME:PORT` or `[ADDRESS]:PORT` without the port.
fn name(host: &str) -> Option<&str> {
    if host.starts_with('[') {
        let end = host.find(']')? + 1;
        return port(&host[end..]).then(|| &host[..end]);
    }
    let end = host.find(':').unwrap_or(host.len());
    port(&host[end..]).then(|| &host[..end])
}

fn port(text: &str) -> bool {
    text.is_empty()
        || text
            .strip_prefix(':')
            .is_some_and(|port| port.parse::<u16>().is_ok())
}

fn literal(name: &str) -> Option<IpAddr> {
    match name.strip_prefix('[') {
        Some(rest) => rest
            .strip_suffix(']')?
            .parse::<Ipv6Addr>()
            .ok()
            .map(IpAddr::V6),
        None => name.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_local_names_are_hosts_and_only_local_pages_are_let_in() {
        for (host, expected) in [
            ("127.0.0.1:5000", true),
            ("192.168.1.20", true),
            ("[::1]:80", true),
            ("localhost:5000", true),
            ("stage.local:5000", true),
            ("Stage.Local", true),
            ("attacker.example", false),
            ("attacker.example:5000", false),
            ("local", false),
            ("127.0.0.1.attacker.example", false),
            ("127.0.0.1:port", false),
            ("[::1", false),
            ("", false),
        ] {
            assert_eq!(host_is_ours(host), expected, "{host}");
        }
        for (origin, expected) in [
            ("http://localhost:3000", true),
            ("https://127.0.0.1", true),
            ("http://[::1]:3000", true),
            ("http://192.168.1.20", false),
            ("https://attacker.example", false),
            ("http://localhost.attacker.example", false),
            ("null", false),
        ] {
            assert_eq!(page_is_ours(origin), expected, "{origin}");
        }
    }
}
