//! Parameters that are one of a few named values.

use crate::latent::{Ease, Norm, Path};

/// An enumeration that a parameter can hold. Files and messages name its values, the table numbers them.
pub trait Choice: Copy + PartialEq + Sized + 'static {
    /// Every value, in the table's order.
    const ALL: &'static [Self];
    /// The values' names, in the same order.
    const NAMES: &'static [&'static str];

    /// The value of a number in the table; the last where there are fewer.
    fn from_index(index: usize) -> Self {
        Self::ALL[index.min(Self::ALL.len() - 1)]
    }

    /// Its number in the table.
    fn index(self) -> usize {
        let found = Self::ALL.iter().position(|value| *value == self);
        found.unwrap_or_default()
    }

    /// Its name.
    fn name(self) -> &'static str {
        Self::NAMES[self.index()]
    }

    /// The value of that name.
    fn from_name(name: &str) -> Option<Self> {
        let found = Self::NAMES.iter().position(|own| *own == name);
        found.map(Self::from_index)
    }
}

/// Enumerations with the names of their values; the first is the default.
macro_rules! choices {
    ($(
        $(#[$doc:meta])*
        $choice:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal,)* }
    )*) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $choice { $($(#[$variant_doc])* $variant,)* }

        impl Choice for $choice {
            const ALL: &'static [Self] = &[$(Self::$variant,)*];
            const NAMES: &'static [&'static str] = &[$($name,)*];
        }

        impl Default for $choice {
            fn default() -> Self {
                Self::ALL[0]
            }
        }
    )* };
}

choices! {
    /// The mode of the loop: how the play head goes over it.
    LoopMode {
        /// Round and round.
        Loop = "loop",
        /// Back and forth.
        PingPong = "ping-pong",
    }

    /// The unit that `beat.rate` counts in.
    BeatUnit {
        /// Keyframes a beat.
        Beat = "beat",
        /// Keyframes a bar.
        Bar = "bar",
    }

    /// The quantisation of triggers: what they wait for.
    Quantise {
        /// Nothing.
        Off = "off",
        /// The next beat.
        Beat = "beat",
        /// The next bar.
        Bar = "bar",
    }

    /// The clock that the beat follows.
    BeatSource {
        /// The instrument's own.
        Internal = "internal",
        /// MIDI clock.
        Midi = "midi",
        /// Ableton Link.
        Link = "link",
    }

    /// The mode of the record arm: what the start and the stop of a recording wait for.
    ArmMode {
        /// Nothing.
        Off = "off",
        /// The play head's passing the loop's start.
        Loop = "loop",
        /// The first beat of a bar.
        Bar = "bar",
    }

    /// The fit of a picture into a frame of another aspect ratio.
    Fit {
        /// Letterboxed: all of the picture, with black beside it.
        Fit = "fit",
        /// Cropped: all of the frame, the picture's edges cut off.
        Fill = "fill",
        /// Stretched: all of both, the picture's aspect ratio given up.
        Stretch = "stretch",
        /// A pixel of the picture is one of the frame's; black beside it where it is smaller, cut off where it is larger.
        OneToOne = "1:1",
    }

    /// The filter that enlarges a picture.
    Upscaling {
        /// Whatever suits what draws.
        Auto = "auto",
        /// The nearest pixel.
        Nearest = "nearest",
        /// Two by two pixels, straight lines between them.
        Bilinear = "bilinear",
        /// Four by four (Catmull and Rom 1974; Keys 1981 with a = -0.5).
        CatmullRom = "catmull-rom",
        /// Six by six: sinc windowed by sinc (Duchon 1979), a = 3.
        Lanczos = "lanczos",
        /// Four by four, along edges where there are any.
        Edge = "edge",
    }

    /// The axes along which a picture is mirrored.
    Mirror {
        /// None.
        Off = "off",
        /// The left half onto the right.
        Horizontal = "horizontal",
        /// The upper half onto the lower.
        Vertical = "vertical",
        /// Both.
        Both = "both",
    }

    /// Segments of the kaleidoscope.
    Segments {
        /// No kaleidoscope.
        Off = "off",
        /// 3.
        Three = "3",
        /// 4.
        Four = "4",
        /// 5.
        Five = "5",
        /// 6.
        Six = "6",
        /// 8.
        Eight = "8",
        /// 10.
        Ten = "10",
        /// 12.
        Twelve = "12",
    }

    /// The transition from one keyframe's picture to the next one's.
    Transition {
        /// None: the latents alone change.
        Off = "off",
        /// A cross-dissolve.
        Dissolve = "dissolve",
        /// A wipe.
        Wipe = "wipe",
        /// A zoom.
        Zoom = "zoom",
        /// A dip to black.
        Dip = "dip",
    }
}

impl Segments {
    /// How many they are; 1 without a kaleidoscope.
    pub fn count(self) -> u32 {
        [1, 3, 4, 5, 6, 8, 10, 12][self as usize]
    }
}

impl Choice for Path {
    const ALL: &'static [Self] = &Self::ALL;
    const NAMES: &'static [&'static str] = &Self::NAMES;
}

impl Choice for Ease {
    const ALL: &'static [Self] = &Self::ALL;
    const NAMES: &'static [&'static str] = &Self::NAMES;
}

impl Choice for Norm {
    const ALL: &'static [Self] = &Self::ALL;
    const NAMES: &'static [&'static str] = &Self::NAMES;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip<C: Choice + std::fmt::Debug>() {
        assert_eq!(C::ALL.len(), C::NAMES.len());
        for (index, &value) in C::ALL.iter().enumerate() {
            assert_eq!((value.index(), C::from_index(index)), (index, value));
            assert_eq!(C::from_name(value.name()), Some(value));
        }
        assert_eq!(C::from_index(99), *C::ALL.last().unwrap());
        assert_eq!(C::from_name("no such"), None);
    }

    #[test]
    fn choices_are_found_by_number_and_by_name() {
        round_trip::<Path>();
        round_trip::<Norm>();
        round_trip::<Fit>();
        round_trip::<Upscaling>();
        for segments in Segments::ALL {
            let name = segments.name();
            let count = name.parse().unwrap_or(1);
            assert_eq!(segments.count(), count, "{name}");
        }
    }
}
