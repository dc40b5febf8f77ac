//! OSC over TCP, thread `osc-tcp`: whoever connects plays, asks, and is told of changes over the same connection.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::addresses::AddressMap;
use super::answer::encode_answer;
use super::askers::Askers;
use super::change_tracker::{ChangeTracker, has_value, osc_value};
use super::encoder::encode;
use super::framing::PacketStream;
use super::receiver::{Receiver, SenderRequest};
use super::server::FEEDBACK_INTERVAL;
use super::subscribers::tracker;
use crate::control::{AllowList, ControlPlane};
use crate::worker::{StopSignal, Worker};

/// Clients at once.
const MAX_CLIENTS: usize = 32;
/// Bytes that may wait for a client that does not read; then it is let go.
const MAX_WAITING: usize = 512 << 10;
/// Bytes that are read from one client before the others have their turn.
const TURN: usize = 64 << 10;
/// How often clients are looked after, and how often new ones are accepted where there are none.
const BUSY: Duration = Duration::from_millis(2);
const IDLE: Duration = Duration::from_millis(25);

/// The thread, until dropped.
#[derive(Debug)]
pub(super) struct TcpServer {
    _worker: Worker,
}

impl TcpServer {
    /// Listens on the TCP port of the same number as the UDP port `local`.
    pub(super) fn start(
        local: SocketAddr,
        plane: ControlPlane,
        addresses: Arc<AddressMap>,
        allowed: Arc<AllowList>,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(local)?;
        listener.set_nonblocking(true)?;
        let server = ServerThread {
            listener,
            receiver: Receiver::new(plane.clone(), Arc::clone(&addresses)),
            space: Space {
                state_answers: plane.table.iter().filter(|(_, row)| has_value(row)).count(),
                plane,
                addresses,
                buffer: Vec::with_capacity(1024),
                rates: Askers::default(),
            },
            allowed,
            clients: Vec::with_capacity(MAX_CLIENTS),
        };
        let worker = Worker::start("osc-tcp", move |stop| server.run(&stop))?;
        Ok(Self { _worker: worker })
    }
}

struct ServerThread {
    listener: TcpListener,
    receiver: Receiver,
    space: Space,
    allowed: Arc<AllowList>,
    clients: Vec<Client>,
}

/// What every client is answered from.
struct Space {
    plane: ControlPlane,
    addresses: Arc<AddressMap>,
    /// Parameters of the whole state.
    state_answers: usize,
    buffer: Vec<u8>,
    rates: Askers,
}

struct Client {
    stream: TcpStream,
    from: SocketAddr,
    packets: PacketStream,
    /// What it is told of, where it has asked for that.
    changes: Option<ChangeTracker>,
    /// Bytes on their way to it, of which so many were sent.
    out: Vec<u8>,
    sent: usize,
}

impl ServerThread {
    fn run(mut self, stop: &StopSignal) {
        let mut bytes = vec![0; 8 << 10];
        let mut changes_due = Instant::now();
        while !stop.is_set() {
            self.accept();
            let now = Instant::now();
            let is_due = now >= changes_due;
            if is_due {
                changes_due = now + FEEDBACK_INTERVAL;
            }
            let Self {
                clients,
                receiver,
                space,
                ..
            } = &mut self;
            clients.retain_mut(|client| {
                client.receive(&mut bytes, receiver, space, now)
                    && (!is_due || client.queue_changes(space, now))
                    && client.flush()
            });
            self.receiver.release(Instant::now());
            let rest = if self.clients.is_empty() { IDLE } else { BUSY };
            stop.doze(rest);
        }
    }

    fn accept(&mut self) {
        for _ in 0..MAX_CLIENTS {
            let (stream, from) = match self.listener.accept() {
                Ok(found) => found,
                Err(error) => {
                    if error.kind() != ErrorKind::WouldBlock {
                        tracing::debug!("OSC over TCP: {error}");
                    }
                    return;
                }
            };
            let notices = &self.space.plane.notices;
            if !self.allowed.allows(from.ip(), notices) {
                continue;
            }
            if self.clients.len() >= MAX_CLIENTS {
                notices.warn(format!(
                    "OSC over TCP: {from} is refused, for {MAX_CLIENTS} others are connected already"
                ));
                continue;
            }
            match Client::new(stream, from) {
                Ok(client) => self.clients.push(client),
                Err(error) => tracing::debug!("OSC over TCP, {from}: {error}"),
            }
        }
    }
}

impl Client {
    fn new(stream: TcpStream, from: SocketAddr) -> std::io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let alive = socket2::TcpKeepalive::new().with_time(Duration::from_secs(30));
        socket2::SockRef::from(&stream).set_tcp_keepalive(&alive)?;
        Ok(Self {
            stream,
            from,
            packets: PacketStream::default(),
            changes: None,
            out: Vec::new(),
            sent: 0,
        })
    }

    /// Takes what it has sent. False where it is gone, or sends what is no OSC.
    fn receive(
        &mut self,
        bytes: &mut [u8],
        receiver: &mut Receiver,
        space: &mut Space,
        now: Instant,
    ) -> bool {
        let mut read = 0;
        while read < TURN {
            match self.stream.read(bytes) {
                Ok(0) => return false,
                Ok(count) => {
                    read += count;
                    self.packets.put(&bytes[..count]);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
            loop {
                match self.packets.next() {
                    Ok(Some(packet)) => {
                        let mut asked = Asked::default();
                        receiver.receive(packet, self.from, now, |ask| match ask {
                            SenderRequest::Acted(action) => {
                                if let Some(changes) = &mut self.changes {
                                    changes.note_action(action, &space.plane.table, now);
                                }
                            }
                            SenderRequest::Query(param, scale) => asked.one.push((param, scale)),
                            SenderRequest::QueryAll => asked.all = true,
                            SenderRequest::Subscribe(ask) => {
                                let table = &space.plane.table;
                                self.changes = Some(tracker(ask.prefix, table, &space.addresses));
                            }
                            SenderRequest::Unsubscribe(_) => self.changes = None,
                        });
                        if !self.answer(&asked, space, now) {
                            return false;
                        }
                    }
                    Ok(None) => break,
                    Err(error) => {
                        space.plane.inbox.refuse();
                        space
                            .plane
                            .notices
                            .warn(format!("OSC over TCP: {} is let go: {error}", self.from));
                        return false;
                    }
                }
            }
        }
        true
    }

    /// Answers, within its rate. False where it does not read.
    fn answer(&mut self, asked: &Asked, space: &mut Space, now: Instant) -> bool {
        let all = if asked.all { space.state_answers } else { 0 };
        let count = asked.one.len() + all;
        if count == 0 {
            return true;
        }
        if !space.rates.take(self.from, count, now) {
            space.plane.inbox.refuse();
            return true;
        }
        for &(param, scale) in &asked.one {
            encode_answer(
                &mut space.buffer,
                &space.plane,
                &space.addresses,
                param,
                scale,
            );
            self.packets.frame(&space.buffer, &mut self.out);
        }
        if asked.all {
            let table = Arc::clone(&space.plane.table);
            for (param, row) in table.iter().filter(|(_, row)| has_value(row)) {
                let value = osc_value(row, space.plane.values.get(param));
                encode(&mut space.buffer, &[space.addresses.get(param)], value);
                self.packets.frame(&space.buffer, &mut self.out);
            }
        }
        self.out.len() - self.sent <= MAX_WAITING
    }

    /// Lets what has changed go out. False where it does not read.
    fn queue_changes(&mut self, space: &mut Space, now: Instant) -> bool {
        let Some(changes) = &mut self.changes else {
            return true;
        };
        let Space {
            plane,
            addresses,
            buffer,
            ..
        } = space;
        changes.changes(&plane.table, &plane.values, now, |param, row, value| {
            encode(buffer, &[addresses.get(param)], osc_value(row, value));
            self.packets.frame(buffer, &mut self.out);
        });
        self.out.len() - self.sent <= MAX_WAITING
    }

    fn flush(&mut self) -> bool {
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(0) => return false,
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
        self.out.clear();
        self.sent = 0;
        true
    }
}

/// What one packet asks for.
#[derive(Default)]
struct Asked {
    one: Vec<(crate::instrument::ParamId, super::decoder::Scale)>,
    all: bool,
}

#[cfg(test)]
mod tests {
    use super::super::server::Server;
    use super::*;
    use crate::instrument::Table;
    use rosc::{OscMessage, OscPacket, OscType};

    fn message(addr: &str, args: Vec<OscType>) -> Vec<u8> {
        let addr = addr.to_owned();
        rosc::encoder::encode(&OscPacket::Message(OscMessage { addr, args })).unwrap()
    }

    /// A client of the same number as the server's UDP port, whose packets are framed in one of the two ways.
    struct TestClient {
        stream: TcpStream,
        is_slip: bool,
        read: PacketStream,
    }

    impl TestClient {
        fn send(&mut self, packet: &[u8]) {
            let mut bytes = Vec::new();
            if self.is_slip {
                bytes.push(0xc0);
                for byte in packet {
                    match byte {
                        0xc0 => bytes.extend([0xdb, 0xdc]),
                        0xdb => bytes.extend([0xdb, 0xdd]),
                        byte => bytes.push(*byte),
                    }
                }
                bytes.push(0xc0);
            } else {
                bytes.extend((packet.len() as u32).to_be_bytes());
                bytes.extend(packet);
            }
            self.stream.write_all(&bytes).unwrap();
        }

        /// Waits until it is told that number at that address.
        fn hears(&mut self, address: &str, value: f32) {
            let mut bytes = [0; 4096];
            loop {
                while let Some(packet) = self.read.next().unwrap() {
                    let (_, OscPacket::Message(message)) =
                        rosc::decoder::decode_udp(packet).unwrap()
                    else {
                        panic!("a bundle");
                    };
                    if message.addr == address && message.args == [OscType::Float(value)] {
                        return;
                    }
                }
                let count = self.stream.read(&mut bytes).unwrap();
                assert!(count > 0, "it was let go");
                self.read.put(&bytes[..count]);
            }
        }
    }

    #[test]
    fn clients_of_both_framings_play_ask_and_hear_of_each_other() {
        let plane = ControlPlane::new(&Arc::new(Table::standard()));
        let server = Server::start("127.0.0.1:0", None, plane.clone(), Arc::default()).unwrap();
        let mut clients = [false, true].map(|is_slip| {
            let stream = TcpStream::connect(server.address()).unwrap();
            let patience = Duration::from_secs(60);
            stream.set_read_timeout(Some(patience)).unwrap();
            TestClient {
                stream,
                is_slip,
                read: PacketStream::default(),
            }
        });
        let speed = plane.table.find("loop.speed").unwrap();
        // 6.0 has a byte that SLIP escapes.
        for (value, from) in [(6.0f32, 0), (-6.0, 1)] {
            plane.values.set(speed, 0.3);
            for client in &mut clients {
                client.send(&message(
                    "/subscribe",
                    vec![OscType::String("/loop".into())],
                ));
                client.hears("/loop/speed", 0.3);
            }
            clients[from].send(&message("/loop/speed", vec![OscType::Float(value)]));
            let mut acted = None;
            let deadline = Instant::now() + Duration::from_secs(60);
            while acted.is_none() {
                assert!(Instant::now() < deadline);
                plane.inbox.take(|action, _| acted = Some(action));
                std::thread::yield_now();
            }
            let expected = crate::instrument::Action::Set {
                param: speed,
                value: value.into(),
            };
            assert_eq!(acted, Some(expected));
            plane.values.set(speed, value.into());
            clients[1 - from].hears("/loop/speed", value);
            // Whoever set it is told when it asks.
            clients[from].send(&message("/loop/speed", vec![]));
            clients[from].hears("/loop/speed", value);
        }
        // A web page's request is let go, and the others go on.
        let mut page = TcpStream::connect(server.address()).unwrap();
        page.write_all(b"POST / HTTP/1.1\r\n\r\n/show/quit\0\0")
            .unwrap();
        let mut said = Vec::new();
        let _ = page.read_to_end(&mut said);
        assert_eq!(said, b"");
        clients[0].send(&message("/loop/speed", vec![]));
        clients[0].hears("/loop/speed", -6.0);
        assert_eq!(plane.inbox.refused(), 1);
    }
}
