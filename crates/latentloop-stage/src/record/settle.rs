//! How a recording is told once its file is closed: what can be read back of it, not what was handed in.

use super::mend::{Mended, mend};
use super::{RecordError, Summary, read_back};

/// What the recording came to: after a failure its film is ended at its last whole fragment or cluster and read back.
pub(super) fn settle(
    outcome: Result<(), RecordError>,
    summary: Summary,
) -> Result<Summary, RecordError> {
    let path = &summary.path;
    let reason = match outcome {
        Err(reason @ RecordError::Nothing(_)) => return Err(reason),
        // Pictures in a folder are whole, each of them.
        Err(reason) if path.is_dir() => {
            return Err(RecordError::CutShort {
                reason: Box::new(reason),
                frames: summary.frames + summary.repeated,
                duration: summary.duration,
            });
        }
        Ok(()) if path.is_dir() => return Ok(summary),
        outcome => match (outcome, mend(path)) {
            (Ok(()), Ok(Mended::Whole)) => return Ok(summary),
            (Ok(()), Ok(Mended::Cut(bytes))) => {
                let reason = format!("{bytes} bytes of its end were not whole");
                RecordError::write("close", path, reason)
            }
            (Ok(()), Err(error)) => error,
            // Where not even the first fragment is whole, players may show a part of it.
            (Err(reason), _) => reason,
        },
    };
    Err(match read_back(path) {
        Ok((frames, duration)) => RecordError::CutShort {
            reason: Box::new(reason),
            frames,
            duration,
        },
        Err(_) => reason,
    })
}
