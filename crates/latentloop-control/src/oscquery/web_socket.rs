//! WebSocket clients: they listen to parameters, and play.

use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use tungstenite::protocol::{Role, WebSocketConfig};
use tungstenite::{Bytes, Error, Message, WebSocket};

use super::reply::AddressSpace;
use super::tree::tree_value;
use crate::control::osc::{
    ChangeTracker, OscValue, Receiver, Scale, SenderRequest, encode, has_value,
};
use crate::instrument::{Kind, ParamId, Table};

/// The largest message that is taken: that of UDP.
const MAX_MESSAGE: usize = 65_536;
/// Bytes that may wait for a client that does not read; then it is let go.
const MAX_WAITING: usize = 512 << 10;
/// Messages that are taken from one client before the others have their turn.
const TURN: usize = 64;

/// A WebSocket client.
pub(super) struct WebSocketClient {
    socket: WebSocket<TcpStream>,
    tracker: ChangeTracker,
    buffer: Vec<u8>,
}

/// A command of the OSCQuery proposal, in a text message.
#[derive(serde::Deserialize)]
struct Command<'a> {
    #[serde(rename = "COMMAND")]
    command: &'a str,
    #[serde(rename = "DATA")]
    data: serde_json::Value,
}

impl WebSocketClient {
    /// A client whose handshake was answered; `rest` is what it has sent after its own.
    pub(super) fn new(stream: TcpStream, rest: Vec<u8>, table: &Table) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(8 << 10)
            .write_buffer_size(8 << 10)
            .max_write_buffer_size(MAX_WAITING)
            .max_message_size(Some(MAX_MESSAGE))
            .max_frame_size(Some(MAX_MESSAGE));
        Self {
            socket: WebSocket::from_partially_read(stream, rest, Role::Server, Some(config)),
            tracker: ChangeTracker::new(table),
            buffer: Vec::with_capacity(256),
        }
    }

    /// Receives what the client has sent. False where it is gone.
    pub(super) fn receive(
        &mut self,
        from: SocketAddr,
        receiver: &mut Receiver,
        space: &AddressSpace<'_>,
        now: Instant,
    ) -> bool {
        for _ in 0..TURN {
            let going_on = match self.socket.read() {
                Ok(Message::Text(text)) => {
                    self.command(&text, space);
                    true
                }
                Ok(Message::Binary(packet)) => self.packet(&packet, from, receiver, space, now),
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

    fn command(&mut self, text: &str, space: &AddressSpace<'_>) {
        // What is no command, or one that the proposal does not have, is passed over.
        let Ok(Command { command, data }) = serde_json::from_str(text) else {
            return;
        };
        let param = data.as_str().and_then(|path| space.addresses.find(path));
        let param = param.filter(|&param| has_value(space.table.row(param)));
        match (command, param) {
            ("LISTEN", Some(param)) => self.tracker.watch(param, true),
            ("IGNORE", Some(param)) => self.tracker.watch(param, false),
            _ => {}
        }
    }

    fn packet(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        receiver: &mut Receiver,
        space: &AddressSpace<'_>,
        now: Instant,
    ) -> bool {
        let Self {
            socket,
            tracker,
            buffer,
        } = self;
        let mut well = true;
        receiver.receive(packet, from, now, |ask| match ask {
            SenderRequest::Acted(action) => tracker.note_action(action, space.table, now),
            SenderRequest::Query(param, scale) => {
                well = well && answer(socket, buffer, param, scale, space);
            }
            SenderRequest::QueryAll => {
                for (param, row) in space.table.iter() {
                    if well && has_value(row) {
                        well &= answer(socket, buffer, param, Scale::Own, space);
                    }
                }
            }
            // Here that is LISTEN and IGNORE.
            SenderRequest::Subscribe(_) | SenderRequest::Unsubscribe(_) => {}
        });
        well
    }

    /// Sends what has changed of what is listened to. False where the client is gone, or does not read.
    pub(super) fn send_changes(&mut self, space: &AddressSpace<'_>, now: Instant) -> bool {
        let Self {
            socket,
            tracker,
            buffer,
        } = self;
        let mut well = true;
        tracker.changes(space.table, space.values, now, |param, row, value| {
            encode(
                buffer,
                &[space.addresses.get(param)],
                tree_value(row, value),
            );
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
    space: &AddressSpace<'_>,
) -> bool {
    let (row, value) = (space.table.row(param), space.values.get(param));
    let text;
    let (prefix, argument) = match row.kind {
        Kind::Text => {
            text = space.values.text(param);
            ("", OscValue::Text(&text))
        }
        _ if scale.told(param, row) == Scale::Unit => {
            ("/unit", OscValue::Float(row.to_unit(value) as f32))
        }
        _ => ("", tree_value(row, value)),
    };
    encode(buffer, &[prefix, space.addresses.get(param)], argument);
    send(socket, buffer)
}

fn send(socket: &mut WebSocket<TcpStream>, bytes: &[u8]) -> bool {
    match socket.write(Message::Binary(Bytes::copy_from_slice(bytes))) {
        Ok(()) => true,
        Err(Error::Io(error)) => error.kind() == std::io::ErrorKind::WouldBlock,
        Err(_) => false,
    }
}
