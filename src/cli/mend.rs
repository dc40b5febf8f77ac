//! `latentloop mend`: recordings that were cut off end at their last whole fragment.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::quote::printable;
use crate::record::{Mended, RecordError, mend, read_back};

/// End recordings that a crash or a full disk cut off at their last whole part
///
/// Films in fragments (.mp4, .mov, as shows record them) and in clusters (.mkv, .webm) are cut behind the last part that is
/// whole, half a second at most; those without a duration are given one. Nothing is coded anew, and what is whole stays as it
/// is. A show does it by itself after a write that failed, and when it starts, for what a crash left behind.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The recordings
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// Runs `latentloop mend`.
///
/// # Errors
/// When one of the files could not be mended; the others are.
pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut failed = 0;
    for file in &args.files {
        match mend_one(file) {
            Ok(said) => super::say(format_args!("{}: {said}", file.display()))?,
            Err(error) => {
                failed += 1;
                eprintln!("error: {}", printable(&error.to_string()));
            }
        }
    }
    if failed > 0 {
        bail!("{failed} of {} could not be mended", args.files.len());
    }
    Ok(())
}

fn mend_one(file: &Path) -> Result<String, RecordError> {
    let done = match mend(file)? {
        Mended::Whole => "it is whole".to_owned(),
        Mended::Cut(0) => "it was given its end".to_owned(),
        Mended::Cut(bytes) => format!("{bytes} bytes behind its last whole part are cut off"),
    };
    Ok(match read_back(file) {
        Ok((pictures, duration)) => {
            format!(
                "{done}; {:.1} s, {pictures} pictures",
                duration.as_secs_f64()
            )
        }
        Err(RecordError::NoVideo(_)) => done,
        Err(RecordError::Nothing(_)) => format!("{done}; there is no picture in it"),
        Err(error) => return Err(error),
    })
}
