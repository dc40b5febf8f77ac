//! Clients of other makers, which `scripts/setup.sh test` fetches: python-osc, and python-oscquery.

use std::process::{Command, Stdio};

use crate::support::{Show, root, skip};

#[test]
fn python_osc_and_an_oscquery_client_play_a_show() {
    let clients = root().join("target/test-clients");
    if !clients.join("ready").exists() {
        let why = format!("there is no {} (scripts/setup.sh test)", clients.display());
        return skip("clients", &why);
    }
    let mut show = Show::builder().headless().start();
    let http = show.wait_for_address("OSCQuery: http://");
    let output = Command::new(clients.join("bin/python"))
        .arg(root().join("tests/clients/play.py"))
        .args([show.osc.port(), http.port()].map(|port| port.to_string()))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}", show.log());
    // The client has asked it to end.
    show.ends_well();
}
