//! OSCQuery: requests over plain TCP, and another implementation of WebSocket at the other end.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use rosc::{OscMessage, OscPacket, OscType};
use serde_json::{Value, json};
use tungstenite::Message;

use crate::support::{Show, wait_for};

/// The answer to a head: its status line, and its body.
fn answer(port: u16, head: &str) -> (String, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    (head.lines().next().unwrap().to_owned(), body.to_owned())
}

fn get(port: u16, path: &str) -> (String, Value) {
    let (status, body) = answer(
        port,
        &format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"),
    );
    (status, serde_json::from_str(&body).unwrap_or_default())
}

#[test]
fn the_tree_is_described_and_its_values_are_those_of_the_show() {
    let mut show = Show::builder().headless().start();
    let http = show.wait_for_address("OSCQuery: http://").port();
    let osc = &show.osc;

    let (status, root) = get(http, "/");
    assert!(status.contains("200"), "{status}");
    let speed = &root["CONTENTS"]["loop"]["CONTENTS"]["speed"];
    assert_eq!(speed["RANGE"], json!([{ "MIN": -8.0, "MAX": 8.0 }]));
    assert_eq!(
        root["CONTENTS"]["keyframe"]["CONTENTS"]
            .as_object()
            .unwrap()
            .len(),
        64
    );
    let (_, info) = get(http, "/?HOST_INFO");
    assert_eq!(info["OSC_PORT"], osc.port());
    osc.number("/loop/speed", 1.5);
    osc.wait_for_value("/loop/speed", 1.5);
    assert_eq!(get(http, "/loop/speed?VALUE").1, json!({ "VALUE": [1.5] }));
    for (path, status) in [
        ("/nowhere", "404"),
        ("/loop/undo?VALUE", "204"),
        ("/loop?NONSENSE", "400"),
    ] {
        assert!(get(http, path).0.contains(status), "{path}");
    }
    let rebound = "GET / HTTP/1.1\r\nHost: attacker.example\r\n\r\n";
    assert!(answer(http, rebound).0.contains("403"));
    assert!(answer(http, "nonsense\r\n\r\n").0.contains("400"));
    let long = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nX: {}",
        "x".repeat(9000)
    );
    assert!(answer(http, &long).0.contains("431"));

    // Those who begin and do not go on keep nobody out.
    let _slow: Vec<_> = (0..60)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", http)).unwrap();
            stream.write_all(b"GET / HT").unwrap();
            stream
        })
        .collect();
    assert_eq!(get(http, "/loop/speed?VALUE").1, json!({ "VALUE": [1.5] }));
    let figures = show.quit();
    assert_eq!(figures["oscquery"], format!("127.0.0.1:{http}"));
    assert_eq!(figures["osc_dropped"], 0);
}

#[test]
fn a_websocket_listens_and_plays() {
    let show = Show::builder().headless();
    let mut show = show.args(["--oscquery", "127.0.0.1:0"]).start();
    let http = show.wait_for_address("OSCQuery: http://").port();
    let osc = &show.osc;
    let stream = TcpStream::connect(("127.0.0.1", http)).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let (mut socket, _) = tungstenite::client(format!("ws://127.0.0.1:{http}/"), stream).unwrap();
    let command = |command: &str, path: &str| {
        Message::text(json!({ "COMMAND": command, "DATA": path }).to_string())
    };
    let hear = |socket: &mut tungstenite::WebSocket<TcpStream>, addr: &str, value: OscType| {
        wait_for(&format!("{addr} {value:?}"), || {
            while let Message::Binary(packet) = socket.read().unwrap() {
                let (_, OscPacket::Message(message)) = rosc::decoder::decode_udp(&packet).unwrap()
                else {
                    panic!("a bundle");
                };
                if message.addr == addr && message.args == [value.clone()] {
                    return Ok(());
                }
            }
            Err("it is not heard")
        });
    };
    socket.send(Message::text("no command")).unwrap();
    socket.send(command("LISTEN", "/loop/speed")).unwrap();
    hear(&mut socket, "/loop/speed", OscType::Float(0.3));
    osc.number("/loop/speed", 2.0);
    hear(&mut socket, "/loop/speed", OscType::Float(2.0));
    socket.send(command("LISTEN", "/loop/path")).unwrap();
    osc.number("/loop/path", 1.0);
    hear(&mut socket, "/loop/path", OscType::String("slerp".into()));
    socket.send(command("IGNORE", "/loop/path")).unwrap();
    let packet = OscPacket::Message(OscMessage {
        addr: "/loop/speed".into(),
        args: vec![OscType::Float(-1.0)],
    });
    let bytes = rosc::encoder::encode(&packet).unwrap();
    socket.send(Message::binary(bytes)).unwrap();
    osc.wait_for_value("/loop/speed", -1.0);

    let foreign = format!(
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:{http}\r\nOrigin: https://attacker.example\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    assert!(answer(http, &foreign).0.contains("403"));
    show.quit();
    // The end of the show is the end of the WebSocket.
    while socket.read().is_ok() {}
}
