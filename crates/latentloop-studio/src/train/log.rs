//! The run's log: a line of CSV a step.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::Path;

use super::Losses;
use crate::files::read_text_limited;
use crate::score::Scores;

/// Most bytes of a log that are read: millions of steps.
const MAX_BYTES: u64 = 1 << 30;
const HEADER: &str = "step,epoch,discriminator_loss,generator_loss,\
    palette_distance,diversity,sharpness,coverage,nearest,evenness";

/// A CSV file of losses and scores that goes on where a resumed run goes on.
#[derive(Debug)]
pub(super) struct Log {
    file: BufWriter<File>,
}

impl Log {
    /// Opens the log of a run that has done `step` steps: lines of later steps, of a run that was cut off, are dropped.
    pub(super) fn open(path: &Path, step: u64) -> io::Result<Self> {
        let mut kept = String::from(HEADER);
        kept.push('\n');
        let before = match read_text_limited(path, MAX_BYTES, "log") {
            // Writing into a pipe would wait for whoever reads it.
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::InvalidInput | ErrorKind::IsADirectory
                ) =>
            {
                return Err(error);
            }
            read => read.ok().filter(|_| step > 0),
        };
        if let Some(text) = before {
            let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
            for line in whole.lines().skip(1) {
                let number = line
                    .split(',')
                    .next()
                    .and_then(|field| field.parse::<u64>().ok());
                if number.is_some_and(|number| number <= step) {
                    kept.push_str(line);
                    // Lines of a version that had no scores.
                    for _ in line.matches(',').count()..HEADER.matches(',').count() {
                        kept.push(',');
                    }
                    kept.push('\n');
                }
            }
        }
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(kept.as_bytes())?;
        Ok(Self { file })
    }

    /// Writes a step's line; the fields of scores stay empty where there are none.
    pub(super) fn write(
        &mut self,
        step: u64,
        epoch: u64,
        losses: Losses,
        scores: Option<&Scores>,
    ) -> io::Result<()> {
        write!(
            self.file,
            "{step},{epoch},{:.6},{:.6}",
            losses.discriminator, losses.generator
        )?;
        match scores {
            Some(scores) => writeln!(
                self.file,
                ",{:.6},{:.6},{:.6},{:.6},{:.6},{:.6}",
                scores.palette_distance,
                scores.diversity,
                scores.sharpness,
                scores.coverage,
                scores.nearest,
                scores.evenness
            ),
            None => writeln!(self.file, ",,,,,,"),
        }
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
