//! `--overwrite`: what is there already is replaced only by who says so.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use anyhow::bail;

/// Whether what a command writes may take the place of what is there.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct OverwriteArgs {
    /// Replace what is at --output already; without it a terminal is asked, and anything else refused
    #[arg(long)]
    overwrite: bool,
}

impl OverwriteArgs {
    /// Lets a command write a file: where there is none, or one that may be replaced. Pipes and devices are written to, not replaced.
    ///
    /// # Errors
    /// When a file is there that is to stay.
    pub(super) fn permit(self, file: &Path) -> anyhow::Result<()> {
        let holds = |found: std::fs::Metadata| found.is_file() && found.len() > 0;
        self.permit_where(file.metadata().is_ok_and(holds), file)
    }

    /// The same for what the caller knows to be there, or not.
    ///
    /// # Errors
    /// As [`OverwriteArgs::permit`].
    pub(super) fn permit_where(self, is_taken: bool, output: &Path) -> anyhow::Result<()> {
        if self.overwrite || !is_taken {
            return Ok(());
        }
        let output = output.display();
        if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
            bail!(
                "{output} is there already and is left alone: give another --output, or --overwrite to replace it"
            );
        }
        let question = format!("{output} is there already. Replace it? [y/N] ");
        write!(std::io::stderr(), "{}", crate::quote::printable(&question))?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        if !["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
            bail!("{output} is left alone");
        }
        Ok(())
    }
}
