//! The UDP socket, with a large receive buffer, and a count of the packets that the system dropped.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// Bytes that wait in the system while the thread is busy: a tenth of a second of 20,000 messages a second, many times over.
const BUFFER_BYTES: usize = 4 << 20;
/// The system counts its waits in steps of some milliseconds: the last of an exact wait are counted here.
const COARSE: Duration = Duration::from_millis(8);
/// How long the fine wait sleeps between its looks.
const FINE: Duration = Duration::from_micros(500);
/// A timeout of the system that is off by less is left as it is: every change is a call.
const SLACK: Duration = Duration::from_millis(3);

/// A UDP socket that is read with a deadline.
#[derive(Debug)]
pub(super) struct Socket {
    socket: UdpSocket,
    timeout: Duration,
    fine: bool,
}

impl Socket {
    /// Binds `HOST:PORT`.
    pub(super) fn bind(address: &str) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        // The system may grant less; then it drops sooner, and says so.
        if let Err(error) = socket2::SockRef::from(&socket).set_recv_buffer_size(BUFFER_BYTES) {
            tracing::debug!("OSC: no larger buffer: {error}");
        }
        let timeout = Duration::from_millis(33);
        socket.set_read_timeout(Some(timeout))?;
        Ok(Self {
            socket,
            timeout,
            fine: false,
        })
    }

    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Waits for a packet until about `deadline`, or, where it is to be `exact`, to half a millisecond; nothing where none came.
    pub(super) fn receive(
        &mut self,
        packet: &mut [u8],
        deadline: Instant,
        exact: bool,
    ) -> io::Result<Option<(usize, SocketAddr)>> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            self.set_fine(exact && left <= COARSE)?;
            if !self.fine {
                let early = if exact { 2 * SLACK } else { Duration::ZERO };
                self.set_timeout(left.saturating_sub(early).max(Duration::from_millis(1)))?;
            }
            match self.socket.recv_from(packet) {
                Ok(found) => return Ok(Some(found)),
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) => {}
                Err(error) => return Err(error),
            }
            let now = Instant::now();
            if now >= deadline || !exact {
                return Ok(None);
            }
            if self.fine {
                std::thread::sleep(FINE.min(deadline - now));
            }
        }
    }

    /// Sends a packet. False where that network cannot be reached; a full buffer, or nobody who listens, passes.
    pub(super) fn send(&self, bytes: &[u8], to: SocketAddr) -> bool {
        let Err(error) = self.socket.send_to(bytes, to) else {
            return true;
        };
        tracing::debug!("OSC to {to}: {error}");
        matches!(
            error.kind(),
            io::ErrorKind::WouldBlock
                | io::ErrorKind::ConnectionRefused
                | io::ErrorKind::ConnectionReset
        )
    }

    /// Packets that the system threw away because the thread did not take them in time; nothing where it does not tell.
    pub(super) fn dropped(&self) -> Option<u64> {
        super::dropped_packets::count(&self.socket)
    }

    fn set_fine(&mut self, fine: bool) -> io::Result<()> {
        if self.fine != fine {
            self.socket.set_nonblocking(fine)?;
            self.fine = fine;
        }
        Ok(())
    }

    fn set_timeout(&mut self, timeout: Duration) -> io::Result<()> {
        if timeout.abs_diff(self.timeout) > SLACK {
            self.socket.set_read_timeout(Some(timeout))?;
            self.timeout = timeout;
        }
        Ok(())
    }
}
