//! Values of options that are one of a few names: the library's enumerations, as clap reads and explains them.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::engine::{Backend, EngineOptions, Norm, Winograd};

/// An enumeration that an option takes.
pub(super) trait OptionValue: Copy + Send + Sync + 'static {
    /// What each value is called, how it may be called besides, and its line of help.
    const VALUES: &'static [(&'static [&'static str], Self, &'static str)];
}

/// The parser of an option that takes one of [`OptionValue::VALUES`].
pub(super) fn one_of<T: OptionValue>() -> impl TypedValueParser<Value = T> {
    let values = T::VALUES.iter().filter_map(|(names, _, help)| {
        let (name, aliases) = names.split_first()?;
        Some(
            PossibleValue::new(*name)
                .aliases(aliases.iter().copied())
                .help(*help),
        )
    });
    PossibleValuesParser::new(values).try_map(|name| {
        let known = T::VALUES
            .iter()
            .find(|(names, ..)| names.contains(&name.as_str()));
        known
            .map(|&(_, value, _)| value)
            .ok_or("it is none of the values")
    })
}

macro_rules! option_values {
    ($($type:ty { $($names:expr => $value:ident, $help:literal;)* })*) => {$(
        impl OptionValue for $type {
            const VALUES: &'static [(&'static [&'static str], Self, &'static str)] =
                &[$((&$names, Self::$value, $help)),*];
        }
    )*};
}

option_values! {
    Backend {
        ["auto"] => Auto, "The best there is";
        ["cpu"] => Cpu, "The processor";
        ["cuda"] => Cuda, "An NVIDIA card (needs a build with `--features cuda`)";
        ["metal"] => Metal, "An Apple GPU (needs a build with `--features metal`)";
    }
    Norm {
        ["running"] => Running, "Those gathered in training: one row is drawn";
        ["batch"] => Batch, "Those of the eight rows drawn together, as the reference work does";
    }
    Winograd {
        ["auto"] => Auto, "Wherever it is faster on this machine: measured when a model is first played, and kept";
        ["off"] => Off, "Nowhere: every layer as it is written, the same numbers on every run";
    }
    crate::network::recipe::Name {
        ["study"] => Study, "The reference work to the letter";
        ["steady"] => Steady, "What the trials in models/README.md found best on small footage";
    }
    crate::network::recipe::Initial {
        ["pytorch"] => Pytorch, "PyTorch's defaults: uniform in ±1/sqrt(fan in)";
        ["dcgan"] => Dcgan, "The DCGAN paper's: normal with deviation 0.02; batch norm's weights normal around 1 (Radford et al. 2015, <https://arxiv.org/abs/1511.06434>)";
        ["bilinear"] => Bilinear, "PyTorch's, but the generator's transposed convolutions begin as doublings by bilinear interpolation, each pair of channels times one number (Long et al. 2015, <https://arxiv.org/abs/1411.4038>)";
    }
    crate::network::checkpoint::Precision {
        ["f16"] => F16, "Half: convolution and stem weights in 16 bits, the few others in 32";
        ["f32"] => F32, "Single";
    }
    crate::network::import::LastActivation {
        ["tanh"] => Tanh, "The hyperbolic tangent: pictures in -1..1";
        ["sigmoid"] => Sigmoid, "The logistic function: pictures in 0..1";
        ["none", "identity"] => None, "Nothing: pictures in -1..1, and what lies outside goes to the nearest end";
    }
    crate::record::Codec {
        ["h264"] => H264, "H.264: plays everywhere";
        ["h265"] => H265, "H.265: half of its size, slower";
        ["ffv1"] => Ffv1, "FFV1: every pixel as it was drawn";
        ["vp9"] => Vp9, "VP9: for the web";
        ["av1"] => Av1, "AV1: half of VP9's size at its best, here as quick as VP9";
        ["prores"] => Prores, "ProRes 422 HQ: for editing";
        ["png"] => Png, "PNG pictures in a folder";
    }
}

#[cfg(feature = "live")]
option_values! {
    crate::record::Encoders {
        ["auto"] => Auto, "The graphics card's where one opens, the processor's where none does";
        ["software"] => Software, "The processor's: the same file everywhere";
        ["hardware"] => Hardware, "The graphics card's; where none opens, the processor's, and it is said";
    }
    crate::record::FpsMode {
        ["vfr", "variable"] => Vfr, "Variable: each picture at the time at which it was shown";
        ["cfr", "constant"] => Cfr, "Constant: exactly --fps pictures a second of the clock; where the show was late, the last one again";
    }
}

#[cfg(feature = "video")]
option_values! {
    crate::footage::Fit {
        ["squash"] => Squash, "All of the picture, its aspect not kept, as in the reference work";
        ["crop"] => Crop, "The middle square";
        ["pad"] => Pad, "All of the picture, with black beside or above it";
    }
    crate::footage::Format {
        ["jpg"] => Jpg, "JPEG of quality 95";
        ["png"] => Png, "PNG";
    }
    crate::footage::Matrix {
        ["bt601"] => Bt601, "ITU-R BT.601: what OpenCV writes, and FFmpeg where it makes YUV of RGB and is not told which, at any size";
        ["bt709"] => Bt709, "ITU-R BT.709: what cameras and editing programs write in HD";
    }
}

/// A colour as an option takes it: `#rrggbb`, or `black` or `white`.
///
/// # Errors
/// When it is none of these.
pub(super) fn colour(text: &str) -> Result<[u8; 3], String> {
    let digits = match text {
        "black" => "000000",
        "white" => "ffffff",
        _ => text.strip_prefix('#').unwrap_or(text),
    };
    u32::from_str_radix(digits, 16)
        .ok()
        .filter(|_| digits.len() == 6 && !digits.starts_with('+'))
        .map(|number| {
            let [_, colour @ ..] = number.to_be_bytes();
            colour
        })
        .ok_or_else(|| "a colour is black, white or six hexadecimal digits, as #102030".to_owned())
}

/// How pictures are taken out of a folder, as a command's options.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct ReadingArgs {
    /// Take the pictures of sub-folders too, as where each class has one
    #[arg(long)]
    recursive: bool,
    /// What lies behind transparent pixels: black, white or #rrggbb
    #[arg(long, value_parser = colour, default_value = "black", value_name = "COLOUR")]
    pub(super) background: [u8; 3],
}

impl ReadingArgs {
    pub(super) fn reading(self) -> crate::pictures::Reading {
        crate::pictures::Reading {
            recursive: self.recursive,
            background: self.background,
        }
    }
}

/// What draws, as a command's options.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct EngineArgs {
    /// What draws
    #[arg(long, value_parser = one_of::<Backend>(), default_value = "auto")]
    engine: Backend,
    /// Threads of the processor
    #[arg(long)]
    pub(super) threads: Option<usize>,
    /// Minimal filtering on the processor (Winograd's) [default: auto to play and to bench, off elsewhere]
    #[arg(long, value_parser = one_of::<Winograd>())]
    winograd: Option<Winograd>,
}

impl EngineArgs {
    /// The engine's options; no minimal filtering where none is asked for.
    pub(super) fn options(&self) -> EngineOptions {
        self.options_or(Winograd::Off)
    }

    /// The engine's options; minimal filtering `otherwise` where nothing is asked for.
    pub(super) fn options_or(&self, otherwise: Winograd) -> EngineOptions {
        EngineOptions {
            backend: self.engine,
            threads: self.threads,
            winograd: self.winograd.unwrap_or(otherwise),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::import::LastActivation;

    #[derive(Debug, clap::Parser)]
    struct Asked {
        #[arg(long, value_parser = one_of::<LastActivation>())]
        end: LastActivation,
    }

    #[test]
    fn colours_are_names_or_six_hexadecimal_digits() {
        assert_eq!(colour("white"), Ok([255; 3]));
        assert_eq!(colour("#1020f0"), Ok([16, 32, 240]));
        assert_eq!(colour("1020f0"), Ok([16, 32, 240]));
        for wrong in ["", "#fff", "+10203", "-10203", "grün", "#1020f00"] {
            assert!(colour(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_name_and_alias_is_read_and_others_are_told_what_there_is() {
        use clap::Parser;
        for (names, value, _) in LastActivation::VALUES {
            for name in *names {
                let asked = Asked::try_parse_from(["a", "--end", name]).unwrap();
                assert_eq!(asked.end, *value);
            }
        }
        let error = Asked::try_parse_from(["a", "--end", "softmax"]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("[possible values: tanh, sigmoid, none]"),
            "{error}"
        );
    }
}
