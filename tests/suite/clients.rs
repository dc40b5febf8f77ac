//! Clients of other makers, which `scripts/setup.sh test` fetches: python-osc, and python-oscquery.

use std::path::Path;
use std::process::{Command, Stdio};

use super::play::{Osc, Running, free_port, latentloop};

#[test]
fn python_osc_and_an_oscquery_client_play_a_show() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let clients = root.join("target/test-clients");
    if !clients.join("ready").exists() {
        println!("left out: no {} (scripts/setup.sh test)", clients.display());
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut show = Running::start(latentloop(place.path(), port).arg("--headless"));
    Osc::new(port).ask("/loop/speed");
    let log = || std::fs::read_to_string(place.path().join("log")).unwrap();
    let begun = log();
    let (_, rest) = begun.split_once("OSCQuery: http://127.0.0.1:").unwrap();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    let output = Command::new(clients.join("bin/python"))
        .arg(root.join("tests/clients/play.py"))
        .args([&port.to_string(), &digits])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{}", log());
    assert!(show.ends_well(), "{}", log());
}
