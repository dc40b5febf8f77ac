#!/usr/bin/env bash
# rosc 0.11.4
#
# OSC 1.0 has type tags beside the common four, among them `S` (a symbol, laid out as a string); rosc knows most of them and not this
# one. Alone, a message with it is refused with an error. Within a bundle there is none: `decode_udp` answers Ok with the messages that
# came before it, and it and all that came after stand in the rest of the bytes, which a receiver of datagrams has no reason to look
# at. One sender's symbol so takes away the faders that travel behind it.
#
# Seen:
#   alone: Err(BadArg("Type tag \"S\" is not implemented!"))
#   bundle of /one ,i  /two ,S  /three ,i: Ok, 1 of 3 messages, 40 of 76 bytes left
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
mkdir "$place/src"
cat >"$place/Cargo.toml" <<'TOML'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"

[dependencies]
rosc = "=0.11.4"

[workspace]
TOML
cat >"$place/src/main.rs" <<'RUST'
use rosc::{decoder::decode_udp, OscPacket};

fn padded(text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(text.len() / 4 * 4 + 4, 0);
    bytes
}

fn message(address: &str, tags: &str, arguments: &[u8]) -> Vec<u8> {
    [&padded(address), &padded(tags), arguments].concat()
}

fn main() {
    let symbol = message("/two", ",S", &padded("sym"));
    let elements = [message("/one", ",i", &[0, 0, 0, 1]), symbol.clone(), message("/three", ",i", &[0, 0, 0, 3])];
    let mut bundle = b"#bundle\0\0\0\0\0\0\0\0\x01".to_vec();
    for element in &elements {
        bundle.extend((element.len() as u32).to_be_bytes());
        bundle.extend(element);
    }
    let alone = decode_udp(&symbol);
    println!("alone: {alone:?}");
    assert!(alone.is_err(), "the symbol is read now");
    let (rest, packet) = decode_udp(&bundle).expect("the bundle is refused now, as one would wish");
    let OscPacket::Bundle(heard) = packet else { panic!("no bundle") };
    println!(
        "bundle of /one ,i  /two ,S  /three ,i: Ok, {} of 3 messages, {} of {} bytes left",
        heard.content.len(),
        rest.len(),
        bundle.len()
    );
    assert_eq!((heard.content.len(), rest.len()), (1, 40));
}
RUST
cargo run --quiet --release --manifest-path "$place/Cargo.toml"
