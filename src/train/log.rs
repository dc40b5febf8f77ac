//! The run's log: a line of CSV a step.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::Losses;

const HEADER: &str = "step,epoch,discriminator_loss,generator_loss";

/// A CSV file of losses that goes on where a resumed run goes on.
#[derive(Debug)]
pub(super) struct Log {
    file: BufWriter<File>,
}

impl Log {
    /// Opens the log of a run that has done `step` steps: lines of later steps, of a run that was cut off, are dropped.
    pub(super) fn open(path: &Path, step: u64) -> io::Result<Self> {
        let mut kept = String::from(HEADER);
        kept.push('\n');
        if step > 0
            && let Ok(text) = fs::read_to_string(path)
        {
            let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
            for line in whole.lines().skip(1) {
                let number = line
                    .split(',')
                    .next()
                    .and_then(|field| field.parse::<u64>().ok());
                if number.is_some_and(|number| number <= step) {
                    kept.push_str(line);
                    kept.push('\n');
                }
            }
        }
        let mut file = BufWriter::new(File::create(path)?);
        file.write_all(kept.as_bytes())?;
        Ok(Self { file })
    }

    pub(super) fn write(&mut self, step: u64, epoch: u64, losses: Losses) -> io::Result<()> {
        writeln!(
            self.file,
            "{step},{epoch},{:.6},{:.6}",
            losses.discriminator, losses.generator
        )
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
