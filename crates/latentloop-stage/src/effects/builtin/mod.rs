//! The effects that come with the program, a file each, with its WGSL beside it. A new one needs its rows in the table of parameters,
//! its name among [`PASSES`], its files, and its line in [`EFFECTS`].

mod bloom;
mod chromatic;
mod colour;
mod displace;
mod feedback;
mod grain;
mod kaleidoscope;
mod mirror;
mod palette;
mod strobe;
mod tilt;
mod transition;
mod user;
mod vignette;

pub(super) use transition::TRANSITION;
pub(super) use user::USER_MIX;

use super::effect::Effect;
use crate::instrument::PASSES;
use crate::instrument::params::is_same_name;

const ALL: [Effect; PASSES.len()] = [
    tilt::TILT,
    displace::DISPLACE,
    mirror::MIRROR,
    kaleidoscope::KALEIDOSCOPE,
    TRANSITION,
    feedback::FEEDBACK,
    palette::PALETTE,
    colour::COLOUR,
    bloom::BLOOM,
    chromatic::CHROMATIC,
    user::slot::<0>(),
    user::slot::<1>(),
    user::slot::<2>(),
    user::slot::<3>(),
    vignette::VIGNETTE,
    grain::GRAIN,
    strobe::STROBE,
];

/// The effects in their usual order, which is that of their names in [`PASSES`]. The limiter comes after them.
pub(super) static EFFECTS: [Effect; PASSES.len()] = ALL;

/// Most effects of a fused pass: as many as are pointwise.
pub(super) const MAX_FUSED: usize = pointwise();

const fn pointwise() -> usize {
    let (mut at, mut count) = (0, 0);
    while at < ALL.len() {
        count += ALL[at].is_pointwise as usize;
        at += 1;
    }
    count
}

/// A preset names effects by [`PASSES`], and here they are drawn: each must stand in its place.
const _: () = {
    let mut at = 0;
    while at < ALL.len() {
        assert!(
            is_same_name(ALL[at].name, PASSES[at]),
            "an effect is not in its place"
        );
        at += 1;
    }
};
