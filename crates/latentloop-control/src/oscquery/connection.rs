//! HTTP connections: request, reply, and WebSocket.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::reply::{AddressSpace, Reply, reply};
use super::request::{Head, HeadError};
use super::web_socket::WebSocketClient;

/// How long a client may take over its request, and over its answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A client's connection. Nothing here waits.
pub(super) struct Connection {
    pub(super) from: SocketAddr,
    pub(super) until: Instant,
    stage: Stage,
}

/// The stage of a connection.
enum Stage {
    /// The request is being read.
    Request(TcpStream, Vec<u8>),
    /// The reply is being sent, after which the connection closes.
    Reply(TcpStream, Vec<u8>, usize),
    /// The handshake is being sent; what lies beyond the request's head belongs to the WebSocket.
    Handshake(TcpStream, Vec<u8>, usize, Vec<u8>),
    /// All was sent; the client closes first, so that nothing of it is lost.
    Closing(TcpStream),
    WebSocket(Box<WebSocketClient>),
    Closed,
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
            stage: Stage::Request(stream, Vec::new()),
        })
    }

    /// The WebSocket, once it is one.
    pub(super) fn web_socket(&mut self) -> Option<&mut WebSocketClient> {
        match &mut self.stage {
            Stage::WebSocket(client) => Some(client),
            _ => None,
        }
    }

    pub(super) fn is_web_socket(&self) -> bool {
        matches!(self.stage, Stage::WebSocket(_) | Stage::Handshake(..))
    }

    /// Goes on as far as it can without waiting. False where the connection is over.
    pub(super) fn step(&mut self, space: &AddressSpace<'_>, may_open: bool, now: Instant) -> bool {
        if !self.is_web_socket() && now >= self.until {
            return false;
        }
        loop {
            match std::mem::replace(&mut self.stage, Stage::Closed) {
                Stage::Request(mut stream, mut asked) => {
                    let mut bytes = [0; 2048];
                    let read = stream.read(&mut bytes);
                    let count = match read {
                        Ok(0) => return false,
                        Ok(count) => count,
                        Err(error) if waits(&error) => {
                            self.stage = Stage::Request(stream, asked);
                            return true;
                        }
                        Err(_) => return false,
                    };
                    asked.extend_from_slice(&bytes[..count]);
                    self.stage = match Head::parse(&asked) {
                        Ok(None) => Stage::Request(stream, asked),
                        Ok(Some(head)) => match reply(Ok(&head), space) {
                            Reply::Last(answer) => Stage::Reply(stream, answer, 0),
                            Reply::Socket(answer) if may_open => {
                                Stage::Handshake(stream, answer, 0, asked.split_off(head.length))
                            }
                            Reply::Socket(_) => Stage::Reply(stream, super::reply::full(), 0),
                        },
                        Err(error) => answered(stream, error, space),
                    };
                }
                Stage::Reply(mut stream, answer, mut sent) => {
                    match send(&mut stream, &answer, &mut sent) {
                        Sent::All => {
                            let _ = stream.shutdown(std::net::Shutdown::Write);
                            self.stage = Stage::Closing(stream);
                        }
                        Sent::Some => {
                            self.stage = Stage::Reply(stream, answer, sent);
                            return true;
                        }
                        Sent::Failed => return false,
                    }
                }
                Stage::Handshake(mut stream, answer, mut sent, rest) => {
                    match send(&mut stream, &answer, &mut sent) {
                        Sent::All => {
                            self.stage = Stage::WebSocket(Box::new(WebSocketClient::new(
                                stream,
                                rest,
                                space.table,
                            )));
                        }
                        Sent::Some => {
                            self.stage = Stage::Handshake(stream, answer, sent, rest);
                            return now < self.until;
                        }
                        Sent::Failed => return false,
                    }
                }
                // What it still sends is thrown away, a little at a time.
                Stage::Closing(mut stream) => {
                    let going_on = match stream.read(&mut [0; 2048]) {
                        Ok(count) => count > 0,
                        Err(error) => waits(&error),
                    };
                    self.stage = Stage::Closing(stream);
                    return going_on;
                }
                open @ Stage::WebSocket(_) => {
                    self.stage = open;
                    return true;
                }
                Stage::Closed => return false,
            }
        }
    }
}

fn answered(stream: TcpStream, error: HeadError, space: &AddressSpace<'_>) -> Stage {
    match reply(Err(error), space) {
        Reply::Last(answer) | Reply::Socket(answer) => Stage::Reply(stream, answer, 0),
    }
}

/// How much of a reply was sent.
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
