//! Files of models read into memory, but not before their beginnings tell that they are any.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use safetensors::tensor::Metadata;

use super::impostor::impostor;
use crate::files;

/// Bytes by which a file is known.
const HEAD: usize = 4096;
/// Bytes of the number at the beginning of a safetensors file: the length of its header.
const NUMBER: usize = 8;
/// Largest header that safetensors has.
const MAX_HEADER: u64 = 100_000_000;

/// Why a file was not read.
#[derive(Debug)]
pub(super) enum Unread {
    /// The system refused.
    System(io::Error),
    /// It is none of those that are read.
    Content(String),
}

impl From<io::Error> for Unread {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

/// Reads the file of a model, of `limit` bytes at most. Its first bytes are given to `refusal`, which may tell why it is not
/// to be read; then, where it is a safetensors file, its header is held to its length; and only then it is read whole.
///
/// `what` names its kind for people, as in "more than any model".
///
/// # Errors
/// When the system refuses, or the file is no plain one, is too large, is refused or is not as long as its header says.
pub(super) fn read(
    path: &Path,
    limit: u64,
    what: &str,
    refusal: impl Fn(&[u8]) -> Option<String>,
) -> Result<Vec<u8>, Unread> {
    let mut file = files::open(path)?;
    let length = file.metadata()?.len();
    if length > limit {
        return Err(Unread::Content(format!(
            "it has {length} bytes, more than any {what}"
        )));
    }
    let mut bytes = Vec::new();
    (&mut file).take(HEAD as u64).read_to_end(&mut bytes)?;
    if let Some(reason) = impostor(&bytes).or_else(|| refusal(&bytes)) {
        return Err(Unread::Content(reason));
    }
    if is_safetensors(&bytes) {
        header(&mut file, &mut bytes, length).map_err(|reason| match reason {
            Unread::Content(reason) => Unread::Content(format!(
                "it is no whole safetensors file ({reason}); copy it again"
            )),
            system => system,
        })?;
    }
    // A file that grows meanwhile is refused where it is parsed.
    let rest = length.saturating_sub(bytes.len() as u64) + 1;
    bytes.reserve_exact(usize::try_from(rest).unwrap_or(usize::MAX));
    file.take(rest).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether a file that begins so is a safetensors file: a number, and a JSON object.
pub(super) fn is_safetensors(head: &[u8]) -> bool {
    head.get(NUMBER) == Some(&b'{')
}

/// Reads the header, and holds what it says to the file's length.
fn header(file: &mut File, bytes: &mut Vec<u8>, length: u64) -> Result<(), Unread> {
    let mut number = [0; NUMBER];
    number.copy_from_slice(&bytes[..NUMBER]);
    let end = u64::from_le_bytes(number).saturating_add(NUMBER as u64);
    if end > length.min(MAX_HEADER) {
        return Err(Unread::Content(format!(
            "its header ends at byte {end} of {length}"
        )));
    }
    let missing = end.saturating_sub(bytes.len() as u64);
    file.take(missing).read_to_end(bytes)?;
    let text = bytes.get(NUMBER..end as usize).unwrap_or_default();
    let header: Metadata =
        serde_json::from_slice(text).map_err(|error| Unread::Content(error.to_string()))?;
    let tensors = header.tensors();
    let tensors = tensors.values().map(|info| info.data_offsets.1 as u64);
    let whole = tensors.max().unwrap_or(0).saturating_add(end);
    if whole != length {
        return Err(Unread::Content(format!(
            "it has {length} bytes, and its header tells of {whole}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A file of nothing but a beginning and holes.
    fn sparse(begins: &[u8], length: u64) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), begins).unwrap();
        file.as_file().set_len(length).unwrap();
        file
    }

    fn refused(begins: &[u8], length: u64) -> String {
        let file = sparse(begins, length);
        let refusal =
            |head: &[u8]| (!is_safetensors(head)).then(|| "it is no safetensors file".to_owned());
        match read(file.path(), 8 << 30, "model", refusal) {
            Err(Unread::Content(reason)) => reason,
            other => panic!("{:?}", other.map(|bytes| bytes.len())),
        }
    }

    #[test]
    fn a_large_file_that_is_no_model_is_refused_by_its_beginning() {
        // Were they read whole, the test would take minutes and all memory.
        let gigabytes = 8_200_000_000;
        assert!(refused(b"", gigabytes).contains("no safetensors file"));
        let pointer = b"version https://git-lfs.github.com/spec/v1\n";
        assert!(refused(pointer, gigabytes).contains("Git LFS pointer"));
        let header = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
        assert!(refused(&header("{}"), gigabytes).contains("tells of 10"));
        assert!(refused(&header("{\"a\":"), gigabytes).contains("EOF"));
        let long = [&[0xff; 8], &b"{"[..]].concat();
        assert!(refused(&long, gigabytes).contains("its header ends at byte"));
        assert!(refused(b"", 9 << 30).contains("more than any model"));
    }

    #[test]
    fn a_whole_file_is_read_and_a_longer_or_shorter_one_is_not() {
        let text = r#"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]}}"#;
        let whole = [
            &(text.len() as u64).to_le_bytes(),
            text.as_bytes(),
            &[1, 2, 3],
        ]
        .concat();
        let length = whole.len() as u64;
        let read = |length| {
            let file = sparse(&whole, length);
            read(file.path(), 1 << 30, "model", |_| None)
        };
        assert_eq!(read(length).unwrap(), whole);
        for length in [length - 1, length + 1] {
            assert!(matches!(read(length), Err(Unread::Content(_))), "{length}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_plain_file_is_refused_at_once() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("model.safetensors");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [link.as_path(), Path::new("/dev/zero")] {
            match read(path, 1 << 30, "model", |_| None) {
                Err(Unread::System(error)) => assert!(error.to_string().contains("no plain file")),
                other => panic!("{other:?}"),
            }
        }
        let folder = read(place.path(), 1 << 30, "model", |_| None);
        assert!(matches!(folder, Err(Unread::System(_))));
    }
}
