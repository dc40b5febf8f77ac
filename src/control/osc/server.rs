//! The socket, its thread, and what is sent back.

use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rosc::{OscMessage, OscPacket, OscType};

use super::decoder::{Decoder, Request};
use super::packet::messages;
use crate::control::notices::OnceASecond;
use crate::control::{Inbox, Notices, Values};
use crate::instrument::{Action, Kind, ParamId, Table};

/// Feedback goes out this often.
const FEEDBACK_INTERVAL: Duration = Duration::from_nanos(1_000_000_000 / 30);
/// How long a parameter is not sent to whoever sets it: until the show has surely taken the value.
const QUIET: Duration = Duration::from_millis(250);
/// The largest packet that UDP carries.
const MAX_PACKET: usize = 65_535;
/// Parsing walks nesting without recursion; this is for what lies below.
const STACK_BYTES: usize = 8 << 20;

/// Why OSC is not listened to.
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

/// Listens on a UDP port until dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
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
        table: Arc<Table>,
        inbox: Arc<Inbox>,
        values: Arc<Values>,
        notices: Arc<Notices>,
    ) -> Result<Self, OscError> {
        let bind = |source| OscError::Bind {
            address: address.to_owned(),
            source,
        };
        let out = out.map(|out| {
            let first = out.to_socket_addrs().and_then(|mut all| {
                all.next()
                    .ok_or_else(|| std::io::Error::other("it has no address"))
            });
            first.map_err(|source| OscError::Out {
                address: out.to_owned(),
                source,
            })
        });
        let out = out.transpose()?;
        let socket = UdpSocket::bind(address).map_err(bind)?;
        socket
            .set_read_timeout(Some(FEEDBACK_INTERVAL))
            .map_err(bind)?;
        let local = socket.local_addr().map_err(bind)?;
        let closing = Arc::new(AtomicBool::new(false));
        let listener = Listener {
            socket,
            closing: Arc::clone(&closing),
            decoder: Decoder::new(&table),
            out: out.map(|address| Out {
                address,
                known: vec![f64::NAN; table.len()],
                quiet_until: vec![Instant::now(); table.len()],
                due: Instant::now(),
            }),
            faults: OnceASecond::default(),
            table,
            inbox,
            values,
            notices,
        };
        let thread = std::thread::Builder::new()
            .name("osc".into())
            .stack_size(STACK_BYTES)
            .spawn(move || listener.run())
            .map_err(OscError::Thread)?;
        Ok(Self {
            address: local,
            closing,
            thread: Some(thread),
        })
    }

    /// The address that is listened to.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

struct Listener {
    socket: UdpSocket,
    closing: Arc<AtomicBool>,
    decoder: Decoder,
    out: Option<Out>,
    faults: OnceASecond,
    table: Arc<Table>,
    inbox: Arc<Inbox>,
    values: Arc<Values>,
    notices: Arc<Notices>,
}

/// Where changes are sent, and what is known there.
struct Out {
    address: SocketAddr,
    known: Vec<f64>,
    quiet_until: Vec<Instant>,
    due: Instant,
}

impl Listener {
    fn run(mut self) {
        let mut packet = vec![0; MAX_PACKET];
        while !self.closing.load(Ordering::Relaxed) {
            match self.socket.recv_from(&mut packet) {
                Ok((length, from)) => self.receive(&packet[..length], from),
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) => {}
                // An answer that found nobody is told here on some systems; the port is as good as before.
                Err(error) => {
                    tracing::debug!("OSC: {error}");
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            self.send_changes();
        }
    }

    fn receive(&mut self, packet: &[u8], from: SocketAddr) {
        let at = self.inbox.now();
        let now = Instant::now();
        let mut faults = Vec::new();
        messages(packet, |outcome| {
            let request = outcome
                .map_err(|error| {
                    format!(
                        "an OSC packet of {} bytes from {from}: {error}",
                        packet.len()
                    )
                })
                .and_then(|message| self.decoder.request(&message, &self.table, now));
            match request {
                Ok(Request::Do(action)) => {
                    note(&mut self.out, from, &action);
                    self.inbox.put(action, at);
                }
                Ok(Request::Ask(param)) => {
                    let answer = message_of(&self.table, param, self.values.get(param));
                    send(&self.socket, from, answer);
                }
                Ok(Request::AskAll) => {
                    for (param, row) in self.table.iter() {
                        if !matches!(row.kind, Kind::Trigger | Kind::Text) {
                            let answer = message_of(&self.table, param, self.values.get(param));
                            send(&self.socket, from, answer);
                        }
                    }
                }
                Ok(Request::Nothing) => {}
                Err(fault) => {
                    self.inbox.refuse();
                    // One packet can hold thousands of them.
                    if faults.len() < 2 {
                        faults.push(fault);
                    }
                }
            }
        });
        for fault in faults {
            if let Some(held_back) = self.faults.pass(now) {
                let more = if held_back > 0 {
                    format!(" (and {held_back} more)")
                } else {
                    String::new()
                };
                self.notices.warn(format!("{fault}{more}"));
            }
        }
    }

    fn send_changes(&mut self) {
        let Some(out) = &mut self.out else {
            return;
        };
        let now = Instant::now();
        if now < out.due {
            return;
        }
        out.due = now + FEEDBACK_INTERVAL;
        for (param, row) in self.table.iter() {
            let value = self.values.get(param);
            let known = &mut out.known[usize::from(param.0)];
            let quiet = now < out.quiet_until[usize::from(param.0)];
            if matches!(row.kind, Kind::Trigger | Kind::Text) || quiet || value == *known {
                continue;
            }
            *known = value;
            send(
                &self.socket,
                out.address,
                message_of(&self.table, param, value),
            );
        }
    }
}

/// What the receiver of changes sets itself it knows: it is not told again.
fn note(out: &mut Option<Out>, from: SocketAddr, action: &Action) {
    if let (Some(out), Action::Set { param, value }) = (out, action)
        && out.address.ip() == from.ip()
    {
        out.known[usize::from(param.0)] = *value;
        out.quiet_until[usize::from(param.0)] = Instant::now() + QUIET;
    }
}

fn message_of(table: &Table, param: ParamId, value: f64) -> OscMessage {
    let row = table.row(param);
    let argument = match row.kind {
        Kind::Float => OscType::Float(value as f32),
        _ => OscType::Int(value as i32),
    };
    OscMessage {
        addr: format!("/{}", row.name.replace('.', "/")),
        args: vec![argument],
    }
}

fn send(socket: &UdpSocket, to: SocketAddr, message: OscMessage) {
    let sent = rosc::encoder::encode(&OscPacket::Message(message))
        .map_err(|error| error.to_string())
        .and_then(|bytes| {
            socket
                .send_to(&bytes, to)
                .map_err(|error| error.to_string())
        });
    if let Err(error) = sent {
        tracing::debug!("OSC to {to}: {error}");
    }
}
