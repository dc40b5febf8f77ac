//! Files: written whole or not at all, opened without waiting, read within bounds, told apart by their SHA-256.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the one place of the core that touches the disk"
)]

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Most bytes that a text file for people may have: presets, takes, keys and the like.
pub const MAX_TEXT_BYTES: u64 = 4 << 20;

/// Atomic write: under a temporary name beside the file, synced, and renamed.
///
/// # Errors
/// What the system says; the temporary file is removed then, and what stood there before is untouched.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let part = path.with_file_name(name);
    let written = File::create(&part).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written
        .and_then(|()| fs::rename(&part, path))
        .inspect_err(|_| {
            let _ = fs::remove_file(&part);
        })
}

/// Opens a plain file to read it. Never waits: what a name stands for is the choice of whoever fills the folder, and a pipe that
/// nobody writes into would hold up whoever opens it, a device without an end whoever reads it.
///
/// # Errors
/// When it cannot be opened, or is a folder, a pipe, a socket or a device.
pub fn open(path: &Path) -> io::Result<File> {
    // A device may do something when it is opened: it is not.
    plain(&fs::metadata(path)?)?;
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Another may have come in its place. On a plain file it changes nothing.
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    let file = options.open(path)?;
    plain(&file.metadata()?)?;
    Ok(file)
}

/// Whether it is a plain file.
fn plain(found: &Metadata) -> io::Result<()> {
    if found.is_file() {
        return Ok(());
    }
    if found.is_dir() {
        let reason = "it is a folder, not a file";
        return Err(io::Error::new(ErrorKind::IsADirectory, reason));
    }
    Err(io::Error::new(
        ErrorKind::InvalidInput,
        format!(
            "it is no plain file, but {}; put a plain one there",
            kind(found)
        ),
    ))
}

#[cfg(unix)]
fn kind(found: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match found.file_type() {
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn kind(_: &Metadata) -> &'static str {
    "a pipe or a device"
}

/// Reads a plain file of `limit` bytes at most; `what` names its kind for people, as in "more than any preset".
///
/// # Errors
/// When it cannot be opened ([`open`]) or read, or is larger.
pub fn read_limited(path: &Path, limit: u64, what: &str) -> io::Result<Vec<u8>> {
    let too_large = |length: &dyn std::fmt::Display| {
        let reason = format!("it has {length} bytes, more than any {what}");
        io::Error::new(ErrorKind::FileTooLarge, reason)
    };
    let file = open(path)?;
    let length = file.metadata()?.len();
    if length > limit {
        return Err(too_large(&length));
    }
    // What grows meanwhile, or is made by the system, has another length than it says.
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(&format_args!("more than {limit}")));
    }
    Ok(bytes)
}

/// Reads a text file of `limit` bytes at most, without its byte order mark; `what` names its kind for people, as in "more than any preset".
///
/// # Errors
/// As [`read_limited`], and where it is not UTF-8.
pub fn read_text_limited(path: &Path, limit: u64, what: &str) -> io::Result<String> {
    let mut text = String::from_utf8(read_limited(path, limit, what)?).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let reason = format!("it is no text in UTF-8: byte {at} belongs to no letter");
        io::Error::new(ErrorKind::InvalidData, reason)
    })?;
    let mark = text.len() - without_mark(&text).len();
    text.drain(..mark);
    Ok(text)
}

/// A text without the byte order mark that editors put before it.
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// What a folder holds, in no order. Names that begin with a dot are passed over: so macOS names what it leaves beside each file on a
/// stick, and everybody what is not for people.
///
/// # Errors
/// When it cannot be read.
pub fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// SHA-256 of a whole file, in hexadecimal digits.
///
/// # Errors
/// When it cannot be read.
pub fn sha256(file: &Path) -> io::Result<String> {
    let mut source = open(file)?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0u8; 1 << 16];
    loop {
        match source.read(&mut buffer)? {
            0 => return Ok(hex(&hash.finalize())),
            length => hash.update(&buffer[..length]),
        }
    }
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_long_is_refused_by_its_kind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        fs::write(&path, "12345").unwrap();
        assert_eq!(read_text_limited(&path, 5, "keys.toml").unwrap(), "12345");
        let error = read_text_limited(&path, 4, "keys.toml").unwrap_err();
        assert_eq!(error.to_string(), "it has 5 bytes, more than any keys.toml");
        fs::write(&path, [0xff]).unwrap();
        assert!(read_text_limited(&path, 4, "keys.toml").is_err());
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        fs::write(&path, "\u{feff}a\u{feff}").unwrap();
        assert_eq!(read_text_limited(&path, 9, "keys").unwrap(), "a\u{feff}");
        fs::write(&path, "\u{feff}").unwrap();
        assert_eq!(read_text_limited(&path, 9, "keys").unwrap(), "");
    }

    #[test]
    fn names_that_begin_with_a_dot_are_not_listed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.toml", "._a.toml", ".a", "b"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let mut found = list(folder.path()).unwrap();
        found.sort();
        assert_eq!(found, ["a.toml", "b"].map(|name| folder.path().join(name)));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_plain_file_is_refused_at_once_and_called_what_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let [pipe, socket, link] = ["pipe", "socket", "link"].map(|name| folder.path().join(name));
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        let fifo = rustix::fs::FileType::Fifo;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, fifo, mode, 0).unwrap();
        let _bound = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for (path, kind) in [
            (pipe.as_path(), "a named pipe"),
            (&socket, "a socket"),
            (&link, "a device"),
            (folder.path(), "a folder"),
        ] {
            // Where one of these waited, the test would not end.
            let said = [
                open(path).unwrap_err(),
                read_text_limited(path, 64, "take").unwrap_err(),
                sha256(path).unwrap_err(),
            ]
            .map(|error| error.to_string());
            assert!(said.iter().all(|said| said.contains(kind)), "{said:?}");
        }
        // What the system makes while it is read has no length.
        assert!(read_text_limited(Path::new("/proc/self/status"), 1 << 16, "take").is_ok());
        let long = read_text_limited(Path::new("/proc/self/status"), 4, "take").unwrap_err();
        assert_eq!(
            long.to_string(),
            "it has more than 4 bytes, more than any take"
        );
    }

    #[test]
    fn a_write_that_fails_leaves_no_part_and_what_stood_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_atomic(&path, b"1").unwrap();
        write_atomic(&path, b"2").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"2");
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert!(write_atomic(&taken, b"3").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn the_sum_of_a_file_is_sha_256() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        fs::write(&path, "abc").unwrap();
        // FIPS 180-4's example.
        assert!(
            sha256(&path)
                .unwrap()
                .starts_with("ba7816bf8f01cfea414140de5dae2223")
        );
    }
}
