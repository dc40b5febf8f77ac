//! The thread that answers, one client after another: none of them can make it wait.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::announcement::Announcement;
use super::connection::Connection;
use super::listener::Stream;
use super::reply::Space;
use crate::control::osc::{Addresses, FEEDBACK_INTERVAL, Receiver, World};

/// Clients at once.
const MAX_CONNECTIONS: usize = 32;
/// Of those, WebSockets: a request always finds room.
const MAX_LISTENERS: usize = 24;
/// How often clients are looked after, and how often the door where there are none.
const BUSY: Duration = Duration::from_millis(4);
const IDLE: Duration = Duration::from_millis(25);

/// Why OSCQuery is not served.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The port could not be opened.
    #[error(
        "cannot serve OSCQuery on {address}: {source}; --oscquery HOST:PORT takes another, --oscquery none does without"
    )]
    Bind {
        /// As asked for.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system gives no thread.
    #[error("cannot start a thread for OSCQuery: {0}")]
    Thread(std::io::Error),
}

/// Serves OSCQuery on a TCP port until dropped.
#[derive(Debug)]
pub struct QueryServer {
    address: SocketAddr,
    closing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    announcement: Option<Announcement>,
}

impl QueryServer {
    /// Opens `address` (`HOST:PORT`; port 0 takes a free one), starts the thread `oscquery`, and tells the network of it where
    /// other machines can reach it. `osc` is where OSC is listened to.
    ///
    /// # Errors
    /// When the port is taken, the address means nothing, or the system gives no thread.
    pub fn start(address: &str, osc: SocketAddr, world: World) -> Result<Self, QueryError> {
        let bind = |source| QueryError::Bind {
            address: address.to_owned(),
            source,
        };
        let door = TcpListener::bind(address).map_err(bind)?;
        door.set_nonblocking(true).map_err(bind)?;
        let local = door.local_addr().map_err(bind)?;
        let closing = Arc::new(AtomicBool::new(false));
        let addresses = Arc::new(Addresses::new(&world.table));
        let announcement =
            (!local.ip().is_loopback()).then(|| Announcement::start(local, osc, &world.notices));
        let host = Host {
            receiver: Receiver::new(
                Arc::clone(&world.table),
                Arc::clone(&addresses),
                Arc::clone(&world.inbox),
                Arc::clone(&world.notices),
            ),
            door,
            osc,
            addresses,
            world,
            closing: Arc::clone(&closing),
            connections: Vec::with_capacity(MAX_CONNECTIONS),
        };
        let thread = std::thread::Builder::new()
            .name("oscquery".into())
            .spawn(move || host.run())
            .map_err(QueryError::Thread)?;
        Ok(Self {
            address: local,
            closing,
            thread: Some(thread),
            announcement: announcement.flatten(),
        })
    }

    /// The address that is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for QueryServer {
    fn drop(&mut self) {
        self.announcement = None;
        self.closing.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

struct Host {
    door: TcpListener,
    osc: SocketAddr,
    addresses: Arc<Addresses>,
    world: World,
    receiver: Receiver,
    closing: Arc<AtomicBool>,
    connections: Vec<Connection>,
}

impl Host {
    fn run(mut self) {
        let mut changes_due = Instant::now();
        while !self.closing.load(Ordering::Relaxed) {
            let now = Instant::now();
            self.let_in(now);
            let changes = now >= changes_due;
            if changes {
                changes_due = now + FEEDBACK_INTERVAL;
            }
            self.serve(changes, now);
            self.receiver.release(Instant::now());
            let rest = if self.connections.is_empty() {
                IDLE
            } else {
                BUSY
            };
            std::thread::sleep(rest);
        }
        for connection in &mut self.connections {
            if let Some(listener) = connection.listener() {
                listener.close();
            }
        }
    }

    /// Takes new clients. Where there is no room, the one whose request has taken longest gives way.
    fn let_in(&mut self, now: Instant) {
        for _ in 0..MAX_CONNECTIONS {
            let (stream, from) = match self.door.accept() {
                Ok(found) => found,
                Err(error) => {
                    if error.kind() != std::io::ErrorKind::WouldBlock {
                        tracing::debug!("OSCQuery: {error}");
                    }
                    return;
                }
            };
            if !self.world.guard.lets_in(from.ip(), &self.world.notices) {
                continue;
            }
            match Connection::new(stream, from, now) {
                Ok(connection) => {
                    if self.connections.len() >= MAX_CONNECTIONS
                        && let Some(oldest) =
                            self.connections.iter().position(|other| !other.listens())
                    {
                        self.connections.remove(oldest);
                    }
                    self.connections.push(connection);
                }
                Err(error) => tracing::debug!("OSCQuery, {from}: {error}"),
            }
        }
    }

    fn serve(&mut self, changes: bool, now: Instant) {
        let Self {
            addresses,
            world,
            receiver,
            connections,
            osc,
            ..
        } = self;
        let (table, values) = (&*world.table, &*world.values);
        let space = Space {
            table,
            addresses,
            values,
            osc: *osc,
        };
        let stream = Stream {
            table,
            addresses,
            values,
        };
        let mut listeners = connections.iter().filter(|other| other.listens()).count();
        connections.retain_mut(|connection| {
            let before = connection.listens();
            if !connection.step(&space, listeners < MAX_LISTENERS, now) {
                return false;
            }
            if !before && connection.listens() {
                listeners += 1;
            }
            let from = connection.from;
            match connection.listener() {
                Some(listener) => {
                    listener.take(from, receiver, &stream, now)
                        && (!changes || listener.send_changes(&stream, now))
                }
                None => true,
            }
        });
    }
}
