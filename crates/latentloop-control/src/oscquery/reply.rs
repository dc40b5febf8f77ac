//! Replies to HTTP requests.

use std::net::SocketAddr;

use serde_json::{Value, json};
use tungstenite::handshake::derive_accept_key;

use super::origin::{host_is_ours, page_is_ours};
use super::request::{Head, HeadError, Target};
use super::tree::{ATTRIBUTES, UNSUPPORTED, WRITE_ONLY, host_info, node};
use crate::control::Values;
use crate::control::osc::AddressMap;
use crate::instrument::Table;

/// A reply, and what the connection is from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// This, and the connection ends.
    Last(Vec<u8>),
    /// This, and the connection becomes a WebSocket.
    Socket(Vec<u8>),
}

/// The address space that is served.
pub(super) struct AddressSpace<'a> {
    pub(super) table: &'a Table,
    pub(super) addresses: &'a AddressMap,
    pub(super) values: &'a Values,
    pub(super) osc: SocketAddr,
}

/// Answers a head, or says what is wrong with it.
pub(super) fn reply(head: Result<&Head, HeadError>, space: &AddressSpace<'_>) -> Reply {
    let reply = full_reply(head, space);
    match (head, reply) {
        // RFC 9110, section 9.3.2: as GET, but for the content.
        (Ok(head), Reply::Last(mut bytes)) if head.method == "HEAD" => {
            let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
            bytes.truncate(end.map_or(bytes.len(), |end| end + 4));
            Reply::Last(bytes)
        }
        (_, reply) => reply,
    }
}

fn full_reply(head: Result<&Head, HeadError>, space: &AddressSpace<'_>) -> Reply {
    let head = match head {
        Ok(head) => head,
        Err(HeadError::Length) => {
            return refusal("431 Request Header Fields Too Large", &HeadError::Length);
        }
        Err(HeadError::Socket) => {
            let more = "Sec-WebSocket-Version: 13\r\n";
            return Reply::Last(response(
                "426 Upgrade Required",
                more,
                "text/plain",
                &HeadError::Socket.to_string(),
            ));
        }
        Err(error) => return refusal("400 Bad Request", &error),
    };
    match head.host.as_deref() {
        None => return refusal("400 Bad Request", &"a request names its Host"),
        Some(host) if !host_is_ours(host) => {
            return refusal(
                "403 Forbidden",
                &"use this machine's address, localhost, or its name in .local",
            );
        }
        Some(_) => {}
    }
    let page = match head.origin.as_deref() {
        None => String::new(),
        Some(origin) if page_is_ours(origin) => {
            format!("Access-Control-Allow-Origin: {origin}\r\nVary: Origin\r\n")
        }
        Some(_) => return refusal("403 Forbidden", &"pages of other machines are not let in"),
    };
    if !["GET", "HEAD"].contains(&head.method.as_str()) {
        return Reply::Last(response(
            "405 Method Not Allowed",
            "Allow: GET, HEAD\r\n",
            "text/plain",
            "use GET or HEAD",
        ));
    }
    if let Some(key) = head.socket_key.as_ref().filter(|_| head.method == "GET") {
        let accept = derive_accept_key(key.as_bytes());
        return Reply::Socket(
            format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n")
                .into_bytes(),
        );
    }
    match &head.target {
        Err(error) => refusal("400 Bad Request", error),
        Ok(target) => match describe(target, space) {
            Ok(value) => Reply::Last(response(
                "200 OK",
                &page,
                "application/json",
                &value.to_string(),
            )),
            Err(status) => Reply::Last(response(status, &page, "text/plain", "")),
        },
    }
}

/// The JSON that is asked for, or the status that says why there is none.
fn describe(target: &Target, space: &AddressSpace<'_>) -> Result<Value, &'static str> {
    let attribute = target.attribute.as_deref();
    if attribute == Some("HOST_INFO") {
        return Ok(host_info(space.osc));
    }
    let node =
        node(&target.path, space.table, space.addresses, space.values).ok_or("404 Not Found")?;
    let Some(attribute) = attribute else {
        return Ok(node);
    };
    if attribute == "VALUE" && node["ACCESS"] == WRITE_ONLY {
        return Err("204 No Content");
    }
    match node.get(attribute) {
        Some(value) if ATTRIBUTES.contains(&attribute) => Ok(json!({ attribute: value })),
        // The proposal's own example of this is an empty object.
        None if attribute == "TYPE" && node.get("CONTENTS").is_some() => Ok(json!({})),
        _ if ATTRIBUTES.contains(&attribute) || UNSUPPORTED.contains(&attribute) => {
            Err("204 No Content")
        }
        _ => Err("400 Bad Request"),
    }
}

/// There is no room for another WebSocket.
pub(super) fn full() -> Vec<u8> {
    response(
        "503 Service Unavailable",
        "",
        "text/plain",
        "there are too many WebSockets already",
    )
}

fn refusal(status: &str, reason: &dyn std::fmt::Display) -> Reply {
    Reply::Last(response(status, "", "text/plain", &reason.to_string()))
}

fn response(status: &str, headers: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = match status.starts_with("204") {
        true => String::new(),
        false => format!(
            "Content-Type: {kind}; charset=utf-8\r\nContent-Length: {}\r\n",
            body.len()
        ),
    };
    format!("HTTP/1.1 {status}\r\n{length}Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{headers}Connection: close\r\n\r\n{body}")
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(head: &str) -> String {
        let table = Table::standard();
        let space = AddressSpace {
            addresses: &AddressMap::new(&table),
            values: &Values::new(&table),
            table: &table,
            osc: SocketAddr::from(([127, 0, 0, 1], 7000)),
        };
        let head = Head::parse(head.as_bytes()).map(|head| head.expect("a whole head"));
        let (Reply::Last(bytes) | Reply::Socket(bytes)) =
            reply(head.as_ref().map_err(|error| *error), &space);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn requests_are_answered_with_the_status_that_the_proposal_names() {
        let get = |path: &str| answer(&format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        for (path, status, body) in [
            ("/loop/speed?VALUE", "200", r#"{"VALUE":[0.3]}"#),
            ("/loop/speed?TYPE", "200", r#"{"TYPE":"f"}"#),
            ("/loop?TYPE", "200", "{}"),
            ("/loop/undo?VALUE", "204", ""),
            ("/loop?VALUE", "204", ""),
            ("/loop/speed?CONTENTS", "204", ""),
            ("/loop/speed?UNIT", "204", ""),
            ("/loop/speed?TAGS", "204", ""),
            ("/loop/speed?NONSENSE", "400", ""),
            ("/loop/sped", "404", ""),
            ("/loop/sped?TYPE", "404", ""),
            ("/%zz", "400", ""),
        ] {
            let said = get(path);
            assert!(
                said.starts_with(&format!("HTTP/1.1 {status} ")),
                "{path}: {said}"
            );
            let (_, found) = said.split_once("\r\n\r\n").unwrap();
            assert!(body.is_empty() || found == body, "{path}: {found}");
        }
        assert!(get("/no/matter?HOST_INFO").contains(r#""OSC_PORT":7000"#));
    }

    #[test]
    fn a_head_is_what_get_answers_without_its_content() {
        for path in [
            "/",
            "/loop/speed",
            "/loop/undo?VALUE",
            "/loop/sped",
            "/x?HOST_INFO",
        ] {
            let ask = |method: &str| {
                answer(&format!(
                    "{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
                ))
            };
            let (whole, head) = (ask("GET"), ask("HEAD"));
            let (expected, _) = whole.split_once("\r\n\r\n").unwrap();
            assert_eq!(head, format!("{expected}\r\n\r\n"), "{path}");
        }
    }

    #[test]
    fn strangers_are_refused_and_websockets_are_accepted() {
        for (head, status) in [
            ("GET / HTTP/1.1\r\n\r\n", "400"),
            ("GET / HTTP/1.1\r\nHost: attacker.example\r\n\r\n", "403"),
            (
                "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: https://attacker.example\r\n\r\n",
                "403",
            ),
            (
                "GET / HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:3000\r\n\r\n",
                "200",
            ),
            ("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
            (
                "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n",
                "426",
            ),
            (
                "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                 Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                "101",
            ),
        ] {
            let said = answer(head);
            assert!(
                said.starts_with(&format!("HTTP/1.1 {status} ")),
                "{head}: {said}"
            );
            // RFC 6455, section 1.3.
            assert!(status != "101" || said.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        }
    }
}
