//! Which statistics batch norm uses, and so how many rows of latents a picture takes.

use super::ROWS;

/// The statistics that batch norm uses.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Norm {
    /// Those gathered in training: one row is drawn.
    #[default]
    Running,
    /// Those of the eight rows drawn together, as the reference work does.
    Batch,
}

impl Norm {
    /// In the order of the parameter table's choices.
    pub const ALL: [Self; 2] = [Self::Running, Self::Batch];
    /// Their names.
    pub const NAMES: [&'static str; 2] = ["running", "batch"];

    /// Rows of latents that one picture takes: 1 or [`ROWS`].
    pub fn rows(self) -> usize {
        match self {
            Self::Running => 1,
            Self::Batch => ROWS,
        }
    }
}
