//! The passes of the look: which of them do something, with which numbers, from which shader.

use super::LookValues;
use crate::instrument::TICKS_PER_SEC;

/// The passes, in their order; the limiter comes after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    Tilt,
    Displace,
    Mirror,
    Kaleidoscope,
    Feedback,
    Colour,
    /// The bright parts, a quarter of the size.
    Gather,
    Bloom,
    Chromatic,
    Vignette,
    Grain,
    Strobe,
}

/// What a pass needs to know besides the values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// The picture's size in pixels.
    pub(super) size: (u32, u32),
    /// The time in ticks.
    pub(super) tick: u64,
    /// Ticks since the last picture.
    pub(super) passed: u64,
    /// What grain is drawn from.
    pub(super) seed: u32,
}

/// A shader's uniform: size, tick and seed, then its own numbers.
pub(super) type Numbers = [f32; 16];

impl Pass {
    pub(super) const ALL: [Self; 12] = [
        Self::Tilt,
        Self::Displace,
        Self::Mirror,
        Self::Kaleidoscope,
        Self::Feedback,
        Self::Colour,
        Self::Gather,
        Self::Bloom,
        Self::Chromatic,
        Self::Vignette,
        Self::Grain,
        Self::Strobe,
    ];

    /// The shader's text, its name and the entry point in it.
    pub(super) fn shader(self) -> (&'static str, &'static str, &'static str) {
        macro_rules! wgsl {
            ($name:literal, $entry:literal) => {
                (
                    include_str!(concat!("../../../shaders/", $name, ".wgsl")),
                    $name,
                    $entry,
                )
            };
        }
        match self {
            Self::Tilt => wgsl!("tilt", "tilt"),
            Self::Displace => wgsl!("displace", "displace"),
            Self::Mirror => wgsl!("mirror", "mirror"),
            Self::Kaleidoscope => wgsl!("kaleidoscope", "kaleidoscope"),
            Self::Feedback => wgsl!("feedback", "feedback"),
            Self::Colour => wgsl!("colour", "colour"),
            Self::Gather => wgsl!("bloom", "gather"),
            Self::Bloom => wgsl!("bloom", "add"),
            Self::Chromatic => wgsl!("chromatic", "chromatic"),
            Self::Vignette => wgsl!("vignette", "vignette"),
            Self::Grain => wgsl!("grain", "grain"),
            Self::Strobe => wgsl!("strobe", "strobe"),
        }
    }

    /// Whether the pass changes a picture at all, at any time.
    pub(super) fn is_active(self, v: &LookValues) -> bool {
        match self {
            Self::Tilt => v.tilt != 0.0 || v.crop != 0.0,
            Self::Displace => v.displace != 0.0,
            Self::Mirror => v.mirror != 0.0,
            Self::Kaleidoscope => v.kaleidoscope != 0.0,
            Self::Feedback => v.feedback != 0.0,
            Self::Colour => {
                [v.lift, v.hue] != [0.0; 2]
                    || [v.gamma, v.gain, v.contrast, v.saturation] != [1.0; 4]
            }
            Self::Gather | Self::Bloom => v.bloom != 0.0,
            Self::Chromatic => v.chromatic != 0.0,
            Self::Vignette => v.vignette != 0.0,
            Self::Grain => v.grain != 0.0,
            Self::Strobe => v.strobe != 0.0,
        }
    }

    /// The shader's uniform.
    pub(super) fn numbers(self, v: &LookValues, at: &Moment) -> Numbers {
        let secs = at.passed as f32 / TICKS_PER_SEC as f32;
        let own: &[f32] = match self {
            // The last tenth of the way would show single pixels.
            Self::Tilt => &[v.tilt.to_radians(), 1.0 - 0.9 * v.crop],
            Self::Displace => &[0.25 * v.displace],
            Self::Mirror => {
                let ways = v.mirror as u8;
                &[f32::from(ways & 1), f32::from(ways >> 1)]
            }
            Self::Kaleidoscope => &[segments(v.kaleidoscope), v.kaleidoscope_turn.to_radians()],
            Self::Feedback => &[
                // A share is one at thirty pictures a second; at another rate as much is left after a second.
                libm::powf(0.98 * v.feedback, 30.0 * secs),
                libm::powf(1.0 - 0.5 * v.feedback_decay, 30.0 * secs),
                libm::powf(2.0, v.feedback_zoom * secs),
                (v.feedback_rotate * secs).to_radians(),
                (v.feedback_hue * secs).to_radians(),
            ],
            Self::Colour => &[
                v.lift,
                1.0 / v.gamma,
                v.gain,
                v.contrast,
                v.saturation,
                v.hue.to_radians(),
            ],
            Self::Gather | Self::Bloom => &[
                v.bloom,
                // Half way up looks half as bright.
                v.bloom_threshold * v.bloom_threshold,
                0.25 * v.bloom_radius * at.size.0.min(at.size.1) as f32,
                v.bloom_warmth,
            ],
            Self::Chromatic => &[0.05 * v.chromatic],
            Self::Vignette => &[3.0 * v.vignette],
            Self::Grain => &[0.3 * v.grain, v.grain_size],
            Self::Strobe => &[if is_dark(v.strobe_rate, at.tick) {
                1.0 - v.strobe
            } else {
                1.0
            }],
        };
        let mut numbers = header(at);
        numbers[4..4 + own.len()].copy_from_slice(own);
        numbers
    }
}

/// What every uniform begins with.
pub(super) fn header(at: &Moment) -> Numbers {
    let mut numbers = [0.0; 16];
    numbers[0] = at.size.0 as f32;
    numbers[1] = at.size.1 as f32;
    numbers[2] = f32::from_bits(at.tick as u32);
    numbers[3] = f32::from_bits(at.seed);
    numbers
}

/// How many segments a value of `look.kaleidoscope` stands for.
fn segments(index: f32) -> f32 {
    let name = crate::instrument::SEGMENTS.get(index as usize);
    name.and_then(|name| name.parse().ok()).unwrap_or(1.0)
}

/// Whether a strobe is in the dark half of its period.
fn is_dark(rate: f32, tick: u64) -> bool {
    let periods = tick as f64 / TICKS_PER_SEC as f64 * f64::from(rate);
    periods - libm::floor(periods) >= 0.5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strobe_is_dark_for_half_of_each_period() {
        let dark = (0..480).filter(|&tick| is_dark(4.0, tick)).count();
        assert_eq!(dark, 240);
        assert!(!is_dark(4.0, 0) && is_dark(4.0, 60) && !is_dark(4.0, 120));
    }

    #[test]
    fn every_choice_of_the_kaleidoscope_is_a_number_of_segments() {
        let all: Vec<f32> = (0..8).map(|index| segments(index as f32)).collect();
        assert_eq!(all, [1.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0]);
    }

    #[test]
    fn with_defaults_no_pass_is_active() {
        let neutral = LookValues::default();
        assert!(Pass::ALL.iter().all(|pass| !pass.is_active(&neutral)));
        assert!(!neutral.is_active());
    }

    /// Every shader, checked without a graphics card.
    #[test]
    fn every_shader_is_a_whole_and_valid_module() {
        use wgpu::naga::front::wgsl::parse_str;
        use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/shaders");
        let mut seen = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let module = parse_str(&text)
                .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(&text, &name)));
            Validator::new(ValidationFlags::all(), Capabilities::empty())
                .validate(&module)
                .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(&text, &name)));
            assert!(text.starts_with("// "), "{name} has a header");
            seen.push((name, text));
        }
        for pass in Pass::ALL {
            let (text, name, entry) = pass.shader();
            assert!(seen.contains(&(name.to_owned(), text.to_owned())), "{name}");
            assert!(text.contains(&format!("fn {entry}(")), "{name} has {entry}");
        }
        assert!(seen.iter().any(|(name, _)| name == "limiter"));
    }
}
