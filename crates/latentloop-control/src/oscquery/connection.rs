//! One client: its request, its answer, and its WebSocket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::listener::Listener;
use super::reply::{Reply, Space, reply};
use super::request::{Head, HeadError};

/// How long a client may take over its request, and over its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client that asks, is answered, or listens. Nothing here waits.
pub(super) struct Connection {
    pub(super) from: SocketAddr,
    pub(super) until: Instant,
    stage: Stage,
}

enum Stage {
    Asks(TcpStream, Vec<u8>),
    Answered(TcpStream, Vec<u8>, usize),
    /// What lies beyond the request's head belongs to the WebSocket.
    Opens(TcpStream, Vec<u8>, usize, Vec<u8>),
    /// All was sent; the client closes first, so that nothing of it is lost.
    Leaves(TcpStream),
    Listens(Box<Listener>),
    Gone,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, from: SocketAddr, now: Instant) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let alive = socket2::TcpKeepalive::new().with_time(Duration::from_secs(30));
        socket2::SockRef::from(&stream).set_tcp_keepalive(&alive)?;
        Ok(Self {
            from,
            until: now + PATIENCE,
            stage: Stage::Asks(stream, Vec::new()),
        })
    }

    /// The WebSocket, once it is one.
    pub(super) fn listener(&mut self) -> Option<&mut Listener> {
        match &mut self.stage {
            Stage::Listens(listener) => Some(listener),
            _ => None,
        }
    }

    pub(super) fn listens(&self) -> bool {
        matches!(self.stage, Stage::Listens(_) | Stage::Opens(..))
    }

    /// Goes on as far as it can without waiting. False where the connection is over.
    pub(super) fn step(&mut self, space: &Space<'_>, may_listen: bool, now: Instant) -> bool {
        if !self.listens() && now >= self.until {
            return false;
        }
        loop {
            match std::mem::replace(&mut self.stage, Stage::Gone) {
                Stage::Asks(mut stream, mut asked) => {
                    let mut bytes = [0; 2048];
                    let read = stream.read(&mut bytes);
                    let count = match read {
                        Ok(0) => return false,
                        Ok(count) => count,
                        Err(error) if waits(&error) => {
                            self.stage = Stage::Asks(stream, asked);
                            return true;
                        }
                        Err(_) => return false,
                    };
                    asked.extend_from_slice(&bytes[..count]);
                    self.stage = match Head::parse(&asked) {
                        Ok(None) => Stage::Asks(stream, asked),
                        Ok(Some(head)) => match reply(Ok(&head), space) {
                            Reply::Last(answer) => Stage::Answered(stream, answer, 0),
                            Reply::Socket(answer) if may_listen => {
                                Stage::Opens(stream, answer, 0, asked.split_off(head.length))
                            }
                            Reply::Socket(_) => Stage::Answered(stream, super::reply::full(), 0),
                        },
                        Err(error) => answered(stream, error, space),
                    };
                }
                Stage::Answered(mut stream, answer, mut sent) => {
                    match send(&mut stream, &answer, &mut sent) {
                        Sent::All => {
                            let _ = stream.shutdown(std::net::Shutdown::Write);
                            self.stage = Stage::Leaves(stream);
                        }
                        Sent::Some => {
                            self.stage = Stage::Answered(stream, answer, sent);
                            return true;
                        }
                        Sent::Failed => return false,
                    }
                }
                Stage::Opens(mut stream, answer, mut sent, rest) => {
                    match send(&mut stream, &answer, &mut sent) {
                        Sent::All => {
                            self.stage =
                                Stage::Listens(Box::new(Listener::new(stream, rest, space.table)));
                        }
                        Sent::Some => {
                            self.stage = Stage::Opens(stream, answer, sent, rest);
                            return now < self.until;
                        }
                        Sent::Failed => return false,
                    }
                }
                // What it still sends is thrown away, a little at a time.
                Stage::Leaves(mut stream) => {
                    let going_on = match stream.read(&mut [0; 2048]) {
                        Ok(count) => count > 0,
                        Err(error) => waits(&error),
                    };
                    self.stage = Stage::Leaves(stream);
                    return going_on;
                }
                listens @ Stage::Listens(_) => {
                    self.stage = listens;
                    return true;
                }
                Stage::Gone => return false,
            }
        }
    }
}

fn answered(stream: TcpStream, error: HeadError, space: &Space<'_>) -> Stage {
    match reply(Err(error), space) {
        Reply::Last(answer) | Reply::Socket(answer) => Stage::Answered(stream, answer, 0),
    }
}

enum Sent {
    All,
    Some,
    Failed,
}

fn send(stream: &mut TcpStream, bytes: &[u8], sent: &mut usize) -> Sent {
    while *sent < bytes.len() {
        match stream.write(&bytes[*sent..]) {
            Ok(0) => return Sent::Failed,
            Ok(count) => *sent += count,
            Err(error) if waits(&error) => return Sent::Some,
            Err(_) => return Sent::Failed,
        }
    }
    Sent::All
}

fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
