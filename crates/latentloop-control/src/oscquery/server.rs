//! The OSCQuery server, thread `oscquery`: answers one client after another; none of them can make it wait.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::announcement::Announcement;
use super::connection::Connection;
use super::reply::AddressSpace;
use crate::control::osc::{AddressMap, FEEDBACK_INTERVAL, Receiver};
use crate::control::{AllowList, ControlPlane};
use crate::worker::{StopSignal, Worker};

/// Clients at once.
const MAX_CONNECTIONS: usize = 32;
/// Of those, WebSockets: a request always finds room.
const MAX_WEB_SOCKETS: usize = 24;
/// How often clients are looked after, and how often new ones are accepted where there are none.
const BUSY: Duration = Duration::from_millis(4);
const IDLE: Duration = Duration::from_millis(25);

/// An error of starting the OSCQuery server.
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

/// An OSCQuery server on a TCP port, until dropped.
#[derive(Debug)]
pub struct QueryServer {
    address: SocketAddr,
    // Dropped first: nobody is to find what has ended.
    _announcement: Option<Announcement>,
    _worker: Worker,
}

impl QueryServer {
    /// Opens `address` (`HOST:PORT`; port 0 takes a free one), starts the thread `oscquery`, and tells the network of it where
    /// other machines can reach it. `osc` is where OSC is listened to.
    ///
    /// # Errors
    /// When the port is taken, the address means nothing, or the system gives no thread.
    pub fn start(
        address: &str,
        osc: SocketAddr,
        plane: ControlPlane,
        allowed: Arc<AllowList>,
    ) -> Result<Self, QueryError> {
        let bind = |source| QueryError::Bind {
            address: address.to_owned(),
            source,
        };
        let listener = TcpListener::bind(address).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let local = listener.local_addr().map_err(bind)?;
        let addresses = Arc::new(AddressMap::new(&plane.table));
        let announcement =
            (!local.ip().is_loopback()).then(|| Announcement::start(local, osc, &plane.notices));
        let server = ServerThread {
            receiver: Receiver::new(plane.clone(), Arc::clone(&addresses)),
            listener,
            osc,
            addresses,
            plane,
            allowed,
            connections: Vec::with_capacity(MAX_CONNECTIONS),
        };
        let worker =
            Worker::start("oscquery", move |stop| server.run(&stop)).map_err(QueryError::Thread)?;
        Ok(Self {
            address: local,
            _announcement: announcement.flatten(),
            _worker: worker,
        })
    }

    /// The address that is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

struct ServerThread {
    listener: TcpListener,
    osc: SocketAddr,
    addresses: Arc<AddressMap>,
    plane: ControlPlane,
    allowed: Arc<AllowList>,
    receiver: Receiver,
    connections: Vec<Connection>,
}

impl ServerThread {
    fn run(mut self, stop: &StopSignal) {
        let mut changes_due = Instant::now();
        while !stop.is_set() {
            let now = Instant::now();
            self.accept(now);
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
            stop.doze(rest);
        }
        for connection in &mut self.connections {
            if let Some(client) = connection.web_socket() {
                client.close();
            }
        }
    }

    /// Takes new clients. Where there is no room, the one whose request has taken longest gives way.
    fn accept(&mut self, now: Instant) {
        for _ in 0..MAX_CONNECTIONS {
            let (stream, from) = match self.listener.accept() {
                Ok(found) => found,
                Err(error) => {
                    if error.kind() != std::io::ErrorKind::WouldBlock {
                        tracing::debug!("OSCQuery: {error}");
                    }
                    return;
                }
            };
            if !self.allowed.allows(from.ip(), &self.plane.notices) {
                continue;
            }
            match Connection::new(stream, from, now) {
                Ok(connection) => {
                    if self.connections.len() >= MAX_CONNECTIONS
                        && let Some(oldest) = self
                            .connections
                            .iter()
                            .position(|other| !other.is_web_socket())
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
            plane,
            receiver,
            connections,
            osc,
            ..
        } = self;
        let (table, values) = (&*plane.table, &*plane.values);
        let space = AddressSpace {
            table,
            addresses,
            values,
            osc: *osc,
        };
        let mut web_sockets = connections
            .iter()
            .filter(|other| other.is_web_socket())
            .count();
        connections.retain_mut(|connection| {
            let before = connection.is_web_socket();
            if !connection.step(&space, web_sockets < MAX_WEB_SOCKETS, now) {
                return false;
            }
            if !before && connection.is_web_socket() {
                web_sockets += 1;
            }
            let from = connection.from;
            match connection.web_socket() {
                Some(client) => {
                    client.receive(from, receiver, &space, now)
                        && (!changes || client.send_changes(&space, now))
                }
                None => true,
            }
        });
    }
}
