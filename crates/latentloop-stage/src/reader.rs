//! The far end of a raw stream: somebody who reads a pipe, or listens for TCP.

use std::io::{self, ErrorKind, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use super::target::Target;

/// No write waits longer than this before it is asked whether to go on.
const PATIENCE: Duration = Duration::from_millis(100);
/// A TCP receiver has this long to answer, and is tried again as often.
const ANSWER: Duration = Duration::from_secs(1);
/// A pipe that nobody reads is looked at this often.
const LOOK: Duration = Duration::from_millis(200);

/// Somebody who reads.
pub(super) enum Reader {
    #[cfg(unix)]
    Stdout(std::fs::File),
    #[cfg(not(unix))]
    Stdout(io::Stdout),
    #[cfg(unix)]
    Fifo(std::fs::File),
    Tcp(TcpStream),
}

impl Reader {
    /// Finds the reader of a target, if there is one now.
    pub(super) fn open(target: &Target) -> io::Result<Self> {
        match target {
            Target::Stdout => stdout(),
            #[cfg(unix)]
            Target::Fifo(path) => Ok(Self::Fifo(unix::fifo(path)?)),
            #[cfg(not(unix))]
            Target::Fifo(_) => Err(io::Error::new(
                ErrorKind::Unsupported,
                "this system has no named pipes that can be opened so; use tcp://HOST:PORT",
            )),
            Target::Tcp(address) => Ok(Self::Tcp(receiver(address)?)),
        }
    }

    /// How long to wait before a target that has no reader is tried again.
    pub(super) fn again(target: &Target) -> Duration {
        match target {
            Target::Tcp(_) => ANSWER,
            _ => LOOK,
        }
    }

    /// Writes all of it, however long the reader takes, unless `gives_up` says to end.
    pub(super) fn write_all(
        &mut self,
        mut bytes: &[u8],
        mut gives_up: impl FnMut() -> bool,
    ) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
            if gives_up() && !bytes.is_empty() {
                return Err(ErrorKind::TimedOut.into());
            }
        }
        Ok(())
    }

    /// Writes what the reader has room for, and waits for that no longer than [`PATIENCE`].
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            #[cfg(unix)]
            Self::Stdout(pipe) => unix::write_blocking(pipe, bytes),
            #[cfg(not(unix))]
            Self::Stdout(stdout) => stdout.write(bytes),
            #[cfg(unix)]
            Self::Fifo(pipe) => match pipe.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    unix::wait(pipe)?;
                    Err(error)
                }
                written => written,
            },
            Self::Tcp(stream) => stream.write(bytes),
        }
    }
}

#[cfg(unix)]
fn stdout() -> io::Result<Reader> {
    use std::os::fd::AsFd;
    let own = io::stdout().as_fd().try_clone_to_owned()?;
    Ok(Reader::Stdout(own.into()))
}

#[cfg(not(unix))]
fn stdout() -> io::Result<Reader> {
    Ok(Reader::Stdout(io::stdout()))
}

fn receiver(address: &str) -> io::Result<TcpStream> {
    let mut refused = io::Error::new(ErrorKind::NotFound, "the name has no address");
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, ANSWER) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                stream.set_write_timeout(Some(PATIENCE))?;
                return Ok(stream);
            }
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

#[cfg(unix)]
mod unix {
    use std::fs::{File, OpenOptions};
    use std::io::{self, ErrorKind, Write};
    use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
    use std::path::Path;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use rustix::fs::OFlags;

    use super::PATIENCE;

    /// Into a pipe that has any room at all so much can be written without waiting (`PIPE_BUF`, pipe(7)).
    const AT_ONCE: usize = 4096;

    /// A named pipe that somebody reads; opening it waits for nobody.
    pub(super) fn fifo(path: &Path) -> io::Result<File> {
        if !std::fs::metadata(path)?.file_type().is_fifo() {
            let text = "it is no named pipe; make one with mkfifo";
            return Err(io::Error::new(ErrorKind::InvalidInput, text));
        }
        OpenOptions::new()
            .write(true)
            .custom_flags(OFlags::NONBLOCK.bits() as i32)
            .open(path)
            .map_err(|error| match error.raw_os_error() {
                Some(number) if number == rustix::io::Errno::NXIO.raw_os_error() => {
                    io::Error::new(ErrorKind::NotConnected, "nobody reads it")
                }
                _ => error,
            })
    }

    /// Writes into a pipe that blocks, which others may have opened as well, without being blocked.
    pub(super) fn write_blocking(pipe: &mut File, bytes: &[u8]) -> io::Result<usize> {
        if !wait(pipe)? {
            return Err(ErrorKind::WouldBlock.into());
        }
        pipe.write(&bytes[..bytes.len().min(AT_ONCE)])
    }

    /// Waits until there is room; false where there is none so soon.
    pub(super) fn wait(pipe: &File) -> io::Result<bool> {
        let patience = Timespec {
            tv_sec: 0,
            tv_nsec: PATIENCE.subsec_nanos().into(),
        };
        let ready = poll(&mut [PollFd::new(pipe, PollFlags::OUT)], Some(&patience))?;
        Ok(ready > 0)
    }
}
