//! The OSC server, thread `osc`: receives packets, and sends feedback.

use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::addresses::AddressMap;
use super::answer::encode_answer;
use super::askers::Askers;
use super::change_tracker::{has_value, osc_value};
use super::decoder::{Scale, Subscription};
use super::encoder::encode;
use super::framing::MAX_PACKET;
use super::receiver::{Receiver, SenderRequest};
use super::socket::Socket;
use super::subscribers::Subscribers;
use super::tcp::TcpServer;
use crate::control::notices::OnceASecond;
use crate::control::{AllowList, ControlPlane};
use crate::instrument::ParamId;
use crate::worker::{StopSignal, Worker};

/// Feedback goes out this often.
pub(crate) const FEEDBACK_INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// Askers of the whole state that are answered together; more have to ask again.
const MAX_ASKERS: usize = 32;
/// Questions of one packet that are answered.
const MAX_ANSWERS: usize = 1024;
/// How often the system is asked what it threw away.
const COUNT_INTERVAL: Duration = Duration::from_millis(500);

/// An error of starting the OSC server.
#[derive(Debug, thiserror::Error)]
pub enum OscError {
    /// The port could not be opened.
    #[error(
        "cannot listen to OSC on {address}: {source}; another program may hold it, --osc HOST:PORT takes another"
    )]
    Bind {
        /// As asked for.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The address to send to means nothing.
    #[error("cannot send OSC to {address}: {source}; give --osc-out HOST:PORT")]
    Out {
        /// As asked for.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gives no thread.
    #[error("cannot start a thread for OSC: {0}")]
    Thread(std::io::Error),
}

/// An OSC server on a UDP port, and on the TCP port of that number where it is free, until dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    dropped: Arc<AtomicU64>,
    early: Arc<AtomicU64>,
    _tcp: Option<TcpServer>,
    _worker: Worker,
}

impl Server {
    /// Opens `address` (`HOST:PORT`; port 0 takes a free one) and starts the thread `osc`. Every change goes to `out`, where
    /// that is given.
    ///
    /// # Errors
    /// When the port is taken, an address means nothing, or the system gives no thread.
    pub fn start(
        address: &str,
        out: Option<&str>,
        plane: ControlPlane,
        allowed: Arc<AllowList>,
    ) -> Result<Self, OscError> {
        let bind = |source| OscError::Bind {
            address: address.to_owned(),
            source,
        };
        let addresses = Arc::new(AddressMap::new(&plane.table));
        let mut subscribers = Subscribers::default();
        let out = out.map(resolve).transpose()?;
        let socket = Socket::bind(address).map_err(bind)?;
        let local = socket.local_addr().map_err(bind)?;
        if let Some(out) = out {
            if is_ourselves(out, local) {
                plane.notices.warn(format!(
                    "OSC is not sent to {out}: latentloop itself listens there, and would hear itself; give --osc-out the port of another program"
                ));
            } else {
                subscribers.add_permanent(out, &plane.table, &addresses);
            }
        }
        let tcp = TcpServer::start(
            local,
            plane.clone(),
            Arc::clone(&addresses),
            Arc::clone(&allowed),
        );
        let tcp = tcp.map_err(|error| {
            plane.notices.warn(format!(
                "OSC over TCP is not served on {local}, for another program may hold that port: {error}; over UDP it is"
            ));
        });
        let dropped = Arc::new(AtomicU64::new(0));
        let receiver = Receiver::new(plane.clone(), Arc::clone(&addresses));
        let early = receiver.early();
        let server = ServerThread {
            socket,
            receiver,
            replies: Replies {
                local,
                state_answers: plane.table.iter().filter(|(_, row)| has_value(row)).count(),
                rates: Askers::default(),
                faults: OnceASecond::default(),
                askers: Vec::with_capacity(MAX_ASKERS),
                answers: Vec::with_capacity(MAX_ANSWERS),
                buffer: Vec::with_capacity(1024),
                addresses,
                plane,
                allowed,
                subscribers,
            },
            dropped: Arc::clone(&dropped),
        };
        let worker =
            Worker::start("osc", move |stop| server.run(&stop)).map_err(OscError::Thread)?;
        Ok(Self {
            address: local,
            dropped,
            early,
            _tcp: tcp.ok(),
            _worker: worker,
        })
    }

    /// The address that is listened to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Packets that the system threw away because they came faster than they were taken (on Linux; elsewhere 0).
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Actions of bundles that acted before their time, for too many were held.
    pub fn early(&self) -> u64 {
        self.early.load(Ordering::Relaxed)
    }
}

fn resolve(out: &str) -> Result<SocketAddr, OscError> {
    let first = out.to_socket_addrs().and_then(|mut all| {
        all.next()
            .ok_or_else(|| std::io::Error::other("it has no address"))
    });
    first.map_err(|source| OscError::Out {
        address: out.to_owned(),
        source,
    })
}

struct ServerThread {
    socket: Socket,
    receiver: Receiver,
    replies: Replies,
    dropped: Arc<AtomicU64>,
}

/// Replies and feedback to clients.
struct Replies {
    addresses: Arc<AddressMap>,
    plane: ControlPlane,
    allowed: Arc<AllowList>,
    subscribers: Subscribers,
    /// Where we listen ourselves.
    local: SocketAddr,
    /// Parameters of the whole state.
    state_answers: usize,
    rates: Askers,
    faults: OnceASecond,
    askers: Vec<SocketAddr>,
    answers: Vec<(ParamId, Scale)>,
    buffer: Vec<u8>,
}

impl ServerThread {
    fn run(mut self, stop: &StopSignal) {
        let mut packet = vec![0; MAX_PACKET];
        let (mut feedback_due, mut count_due) = (Instant::now(), Instant::now());
        while !stop.is_set() {
            let held = self.receiver.next_due().filter(|due| *due < feedback_due);
            let deadline = held.unwrap_or(feedback_due);
            match self.socket.receive(&mut packet, deadline, held.is_some()) {
                Ok(Some((length, from))) => self.handle(&packet[..length], from),
                Ok(None) => {}
                // An answer that found nobody is told here on some systems; the port is as good as before.
                Err(error) => {
                    tracing::debug!("OSC: {error}");
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            let now = Instant::now();
            self.receiver.release(now);
            if now >= feedback_due {
                feedback_due = now + FEEDBACK_INTERVAL;
                self.replies.send_changes(&self.socket, now);
            }
            if now >= count_due {
                count_due = now + COUNT_INTERVAL;
                self.count_dropped();
            }
        }
        self.count_dropped();
    }

    fn count_dropped(&self) {
        let dropped = self.socket.dropped().unwrap_or(0);
        let more = dropped.saturating_sub(self.dropped.swap(dropped, Ordering::Relaxed));
        if more > 0 {
            let text = format!(
                "OSC came too fast: the system threw {more} packets away (on Linux a larger net.core.rmem_max helps)"
            );
            self.replies.plane.notices.warn(text);
        }
    }

    fn handle(&mut self, packet: &[u8], from: SocketAddr) {
        let Self {
            replies,
            receiver,
            socket,
            ..
        } = self;
        if !replies.allowed.allows(from.ip(), &replies.plane.notices) {
            return;
        }
        let now = Instant::now();
        receiver.receive(packet, from, now, |ask| match ask {
            SenderRequest::Acted(action) => {
                replies
                    .subscribers
                    .note_action(from, action, &replies.plane.table, now);
            }
            SenderRequest::Query(param, scale) => replies.ask(param, scale),
            SenderRequest::QueryAll => replies.ask_all(from, now),
            SenderRequest::Subscribe(ask) => replies.subscribe(from, &ask, now),
            SenderRequest::Unsubscribe(port) => replies.subscribers.remove(from, port),
        });
        replies.answer(socket, from, now);
    }
}

/// Whether what is sent to an address comes to the socket that is bound to `local`.
fn is_ourselves(to: SocketAddr, local: SocketAddr) -> bool {
    let (to_ip, local_ip) = (to.ip().to_canonical(), local.ip().to_canonical());
    if to.port() != local.port() {
        return false;
    }
    if !local_ip.is_unspecified() {
        // What is sent to no address in particular goes to this machine.
        return to_ip == local_ip || (to_ip.is_unspecified() && local_ip.is_loopback());
    }
    // Only an address of this machine can be bound.
    to_ip.is_unspecified()
        || to_ip.is_loopback()
        || std::net::UdpSocket::bind(SocketAddr::new(to_ip, 0)).is_ok()
}

impl Replies {
    fn ask(&mut self, param: ParamId, scale: Scale) {
        if self.answers.len() < MAX_ANSWERS {
            self.answers.push((param, scale));
        }
    }

    /// Answers with the next changes: a flood of such questions is one answer.
    fn ask_all(&mut self, from: SocketAddr, now: Instant) {
        if self.askers.len() < MAX_ASKERS
            && !self.askers.contains(&from)
            && self.may_ask(from, self.state_answers, now)
        {
            self.askers.push(from);
        }
    }

    /// Takes a subscription, unless what it is sent would come back to us, or it asks too often for the whole state.
    fn subscribe(&mut self, from: SocketAddr, ask: &Subscription<'_>, now: Instant) {
        let to = ask.target(from);
        if is_ourselves(to, self.local) {
            return self.refuse(now, || {
                format!(
                    "OSC /subscribe of {from} is refused: latentloop itself listens on {to}, and would hear itself; name the port of another program"
                )
            });
        }
        if !self.may_ask(from, self.state_answers, now) {
            return;
        }
        let (table, addresses) = (&self.plane.table, &self.addresses);
        if !self.subscribers.add(from, ask, table, addresses, now) {
            self.refuse(now, || {
                format!(
                    "OSC /subscribe of {from} is refused: all who are told of changes are kept; /unsubscribe ends one"
                )
            });
        }
    }

    /// Whether so many answers are within the rate of an asker; where not, that is counted, and told once a second.
    fn may_ask(&mut self, from: SocketAddr, answers: usize, now: Instant) -> bool {
        let may = self.rates.take(from, answers, now);
        if !may {
            self.refuse(now, || {
                format!(
                    "{from} asks by OSC for more than is answered; ask less often, or /subscribe"
                )
            });
        }
        may
    }

    fn refuse(&mut self, now: Instant, words: impl FnOnce() -> String) {
        self.plane.inbox.refuse();
        if let Some(held_back) = self.faults.pass(now) {
            let more = match held_back {
                0 => String::new(),
                count => format!(" (and {count} more)"),
            };
            self.plane.notices.warn(format!("{}{more}", words()));
        }
    }

    fn answer(&mut self, socket: &Socket, to: SocketAddr, now: Instant) {
        if self.answers.is_empty() {
            return;
        }
        if !self.may_ask(to, self.answers.len(), now) {
            self.answers.clear();
        }
        for (param, scale) in self.answers.drain(..) {
            encode_answer(&mut self.buffer, &self.plane, &self.addresses, param, scale);
            socket.send(&self.buffer, to);
        }
    }

    fn send_changes(&mut self, socket: &Socket, now: Instant) {
        let Self {
            plane,
            addresses,
            buffer,
            ..
        } = self;
        self.subscribers
            .changes(&plane.table, &plane.values, now, |to, param, row, value| {
                encode(buffer, &[addresses.get(param)], osc_value(row, value));
                socket.send(buffer, to)
            });
        for to in self.askers.drain(..) {
            for (param, row) in plane.table.iter().filter(|(_, row)| has_value(row)) {
                encode(
                    buffer,
                    &[addresses.get(param)],
                    osc_value(row, plane.values.get(param)),
                );
                socket.send(buffer, to);
            }
        }
    }
}
