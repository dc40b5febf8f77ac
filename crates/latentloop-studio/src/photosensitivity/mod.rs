//! Flashes and patterns of a film, counted as the guidelines on photosensitive epilepsy define them.
//!
//! Every pixel of a film that is reduced to a third of a degree of view is followed from extreme to extreme. A *transition* is a
//! change of relative luminance by a tenth of the range where the darker state is below 0.80, or of a saturated red by 20 of 320; two
//! opposing ones are a flash (WCAG 2.2, "general flash and red flash thresholds"). What is counted, rule by rule:
//!
//! - [`Rule::General`] and [`Rule::Red`]: more than three flashes within a second over a quarter of the picture
//!   (ITU-R BT.1702-3; WCAG's own measure where the picture is all that is seen).
//! - [`Rule::GeneralField`] and [`Rule::RedField`]: the same over a quarter of any ten degrees of the field of view (WCAG 2.2, success
//!   criterion 2.3.1): of a square of a third of the picture each way, as at WCAG's reference distance.
//! - [`Rule::Moving`]: flashes that are somewhere else each time, added up over such a square.
//! - [`Rule::Extended`]: two flashes or more in every second, for longer than five seconds, over a quarter of the picture.
//! - [`Rule::Pattern`]: more than five pairs of light and dark stripes over a quarter of the picture (BT.1702-3, annex on regular
//!   patterns).
//!
//! This is an aid, and no certificate.

mod counter;
mod pattern;
mod plot;

pub use counter::{Counter, Verdict};
pub use plot::plot;

/// What a film is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// General flashes over a quarter of the picture.
    General,
    /// General flashes over a quarter of ten degrees.
    GeneralField,
    /// Red flashes over a quarter of the picture.
    Red,
    /// Red flashes over a quarter of ten degrees.
    RedField,
    /// Flashes that move.
    Moving,
    /// Flashing for longer than five seconds.
    Extended,
    /// Regular patterns.
    Pattern,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::General,
        Self::GeneralField,
        Self::Red,
        Self::RedField,
        Self::Moving,
        Self::Extended,
        Self::Pattern,
    ];

    /// What it says, for people.
    pub fn text(self) -> &'static str {
        match self {
            Self::General => "flashes over a quarter of the picture",
            Self::GeneralField => "flashes over a quarter of any ten degrees",
            Self::Red => "red flashes over a quarter of the picture",
            Self::RedField => "red flashes over a quarter of any ten degrees",
            Self::Moving => "flashes that move, added up over ten degrees",
            Self::Extended => "flashing for longer than five seconds",
            Self::Pattern => "stripes over a quarter of the picture",
        }
    }
}

#[cfg(test)]
mod tests;
