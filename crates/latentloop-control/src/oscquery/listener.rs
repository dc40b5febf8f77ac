//! A WebSocket: what it listens to, and what it sends.

use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Bytes, Error, Message, WebSocket};

use super::tree::streamed;
use crate::control::Values;
use crate::control::osc::{Addresses, Ask, Feed, Receiver, Scale, Sent, lasts, write};
use crate::instrument::{Kind, ParamId, Table};

/// The largest message that is taken: that of UDP.
const MAX_MESSAGE: usize = 65_536;
/// What may wait for a client that does not read; then it is let go.
const MAX_WAITING: usize = 512 << 10;
/// Messages that are taken from one client before the others have their turn.
const TURN: usize = 64;

/// A client that listens to changes, and plays.
pub(super) struct Listener {
    socket: WebSocket<TcpStream>,
    feed: Feed,
    buffer: Vec<u8>,
}

/// What a text message says.
#[derive(serde::Deserialize)]
struct Command<'a> {
    #[serde(rename = "COMMAND")]
    command: &'a str,
    #[serde(rename = "DATA")]
    data: serde_json::Value,
}

/// What is listened to and answered.
pub(super) struct Stream<'a> {
    pub(super) table: &'a Table,
    pub(super) addresses: &'a Addresses,
    pub(super) values: &'a Values,
}

impl Listener {
    /// A WebSocket whose handshake was sent, and what its client has sent after its own.
    pub(super) fn new(stream: TcpStream, rest: Vec<u8>, table: &Table) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(8 << 10)
            .write_buffer_size(8 << 10)
            .max_write_buffer_size(MAX_WAITING)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        Self {
            socket: WebSocket::from_partially_read(stream, rest, Role::Server, Some(config)),
            feed: Feed::new(table),
            buffer: Vec::with_capacity(256),
        }
    }

    /// Takes what the client has sent. False where it is gone.
    pub(super) fn take(
        &mut self,
        from: SocketAddr,
        receiver: &mut Receiver,
        stream: &Stream<'_>,
        now: Instant,
    ) -> bool {
        for _ in 0..TURN {
            let going_on = match self.socket.read() {
                Ok(Message::Text(text)) => {
                    self.command(&text, stream);
                    true
                }
                Ok(Message::Binary(packet)) => self.packet(&packet, from, receiver, stream, now),
                Ok(_) => true,
                Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => break,
                Err(_) => return false,
            };
            if !going_on {
                return false;
            }
        }
        self.flush()
    }

    fn command(&mut self, text: &str, stream: &Stream<'_>) {
        // What is no command, or one that the proposal does not have, is passed over.
        let Ok(Command { command, data }) = serde_json::from_str(text) else {
            return;
        };
        let param = data.as_str().and_then(|path| stream.addresses.find(path));
        let param = param.filter(|&param| lasts(stream.table.row(param)));
        match (command, param) {
            ("LISTEN", Some(param)) => self.feed.want(param, true),
            ("IGNORE", Some(param)) => self.feed.want(param, false),
            _ => {}
        }
    }

    fn packet(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        receiver: &mut Receiver,
        stream: &Stream<'_>,
        now: Instant,
    ) -> bool {
        let Self {
            socket,
            feed,
            buffer,
        } = self;
        let mut well = true;
        receiver.receive(packet, &from, now, |ask| match ask {
            Ask::Told(action) => feed.told(action, stream.table, now),
            Ask::Value(param, scale) => well &= answer(socket, buffer, param, scale, stream),
            Ask::All => {
                for (param, row) in stream.table.iter() {
                    if well && lasts(row) {
                        well &= answer(socket, buffer, param, Scale::Own, stream);
                    }
                }
            }
            // Here that is LISTEN and IGNORE.
            Ask::Subscribe(_) | Ask::Unsubscribe(_) => {}
        });
        well
    }

    /// Sends what has changed of what is listened to. False where the client is gone, or does not read.
    pub(super) fn send_changes(&mut self, stream: &Stream<'_>, now: Instant) -> bool {
        let Self {
            socket,
            feed,
            buffer,
        } = self;
        let mut well = true;
        feed.changes(stream.table, stream.values, now, |param, row, value| {
            write(buffer, &[stream.addresses.of(param)], streamed(row, value));
            well = well && send(socket, buffer);
        });
        well && self.flush()
    }

    fn flush(&mut self) -> bool {
        match self.socket.flush() {
            Ok(()) => true,
            Err(Error::Io(error)) => error.kind() == std::io::ErrorKind::WouldBlock,
            Err(_) => false,
        }
    }

    /// Tells the client that this is the end.
    pub(super) fn close(&mut self) {
        let _ = self.socket.close(None);
        let _ = self.socket.flush();
    }
}

fn answer(
    socket: &mut WebSocket<TcpStream>,
    buffer: &mut Vec<u8>,
    param: ParamId,
    scale: Scale,
    stream: &Stream<'_>,
) -> bool {
    let (row, value) = (stream.table.row(param), stream.values.get(param));
    let text;
    let (prefix, argument) = match row.kind {
        Kind::Text => {
            text = stream.values.text(param);
            ("", Sent::Text(&text))
        }
        _ if scale == Scale::Unit && row.name != "loop.position" => {
            ("/unit", Sent::Float(row.to_unit(value) as f32))
        }
        _ => ("", streamed(row, value)),
    };
    write(buffer, &[prefix, stream.addresses.of(param)], argument);
    send(socket, buffer)
}

fn send(socket: &mut WebSocket<TcpStream>, bytes: &[u8]) -> bool {
    match socket.write(Message::Binary(Bytes::copy_from_slice(bytes))) {
        Ok(()) => true,
        Err(Error::Io(error)) => error.kind() == std::io::ErrorKind::WouldBlock,
        Err(_) => false,
    }
}
