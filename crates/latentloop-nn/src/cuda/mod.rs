//! Our own kernels for NVIDIA cards, and what opening a card and launching on it take.
//!
//! `kernels.cu` is their source. `scripts/ptx.sh` compiles it into `kernels.ptx`, which the driver makes into code for the
//! card at hand; so building takes no compiler of our own kernels, and any card of compute capability 8.0 or later will do.

#[cfg(feature = "cuda")]
mod card;

#[cfg(feature = "cuda")]
pub use card::{CardError, training_device};
#[cfg(feature = "cuda")]
pub(crate) use card::{flat, open, per_channel};

/// Says that a test of the card did not run, which `LATENTLOOP_REQUIRE=cuda` forbids.
#[cfg(all(test, feature = "cuda"))]
pub(crate) fn skip(why: &dyn std::fmt::Display) {
    let required = std::env::var("LATENTLOOP_REQUIRE").unwrap_or_default();
    let is_required = required
        .split(',')
        .any(|name| ["cuda", "all"].contains(&name));
    assert!(!is_required, "LATENTLOOP_REQUIRE={required}, but {why}");
    println!("SKIPPED (needs cuda): {why}");
}

/// The compiled kernels.
pub(crate) const PTX: &str = include_str!("kernels.ptx");

/// Threads of a block of a flat launch, one thread a number.
pub(crate) const FLAT_THREADS: u32 = 256;

macro_rules! kernels {
    ($($kernel:ident = $name:literal,)*) => {
        /// A kernel of `kernels.cu`, where each is described.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kernel {
            $($kernel,)*
        }

        impl Kernel {
            /// Every kernel that can be launched from here.
            #[cfg(test)]
            const ALL: &[Self] = &[$(Self::$kernel,)*];

            /// What the PTX calls it.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$kernel => $name,)*
                }
            }
        }
    };
}

kernels! {
    Stem = "stem_f16",
    Col2ImHalf = "col2im_f16",
    BatchNorm = "batch_norm_f16",
    PictureRgba = "picture_rgba",
    PicturePlanes = "picture_planes",
    Im2Col = "im2col_f32",
    Col2Im = "col2im_f32",
    AddBias = "add_bias_f32",
    ChannelSums = "channel_sums_f32",
    BatchNormLeaky = "batch_norm_leaky_f32",
    BatchNormLeakyBackward = "batch_norm_leaky_backward_f32",
    Leaky = "leaky_f32",
    LeakyBackward = "leaky_backward_f32",
    Adam = "adam_f32",
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// What stands between `entry` and the next opening bracket, for every kernel of the PTX.
    fn entries() -> Vec<&'static str> {
        let after = PTX.split(".visible .entry ").skip(1);
        after.filter_map(|text| text.split('(').next()).collect()
    }

    #[test]
    fn every_kernel_that_is_launched_is_an_entry_of_the_ptx() {
        let mut launched: Vec<_> = Kernel::ALL.iter().map(|kernel| kernel.name()).collect();
        let mut compiled = entries();
        launched.sort_unstable();
        compiled.sort_unstable();
        assert_eq!(launched, compiled);
    }

    #[test]
    fn the_ptx_is_that_of_the_source() {
        let digest = Sha256::digest(include_bytes!("kernels.cu"));
        let digest = crate::files::hex(&digest);
        let first = PTX.lines().next().unwrap();
        assert!(
            first.ends_with(&format!("SHA-256 of the source: {digest}")),
            "kernels.cu has changed since kernels.ptx was made: run scripts/ptx.sh"
        );
    }

    #[test]
    fn the_ptx_runs_on_every_card_from_8_0_on_and_on_older_drivers() {
        assert!(PTX.contains("\n.version 7.4\n"));
        assert!(PTX.contains("\n.target sm_80\n"));
    }

    #[test]
    fn the_launch_bounds_hold_the_flat_launch() {
        let source = include_str!("kernels.cu");
        let bound = |threads: u32| {
            source
                .matches(&format!("__launch_bounds__({threads})"))
                .count()
        };
        assert_eq!(bound(FLAT_THREADS) + bound(1024), Kernel::ALL.len());
    }
}
