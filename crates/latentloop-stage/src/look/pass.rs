//! The passes of the look: which of them do something, with which numbers, from which shader.

use super::LookValues;
use crate::instrument::params::{Segments, Transition};
use crate::instrument::{Choice, OWN_KNOBS, OWN_PASSES, PASSES, TICKS_PER_SEC};
use crate::palette::Oklab;

/// Least and greatest value of each knob of a performer's own pass.
pub(super) type Ranges = [[f32; 2]; OWN_KNOBS.len()];

/// The passes, in their usual order; see [`crate::instrument::PASSES`]. The limiter comes after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    Tilt,
    Displace,
    Mirror,
    Kaleidoscope,
    Transition,
    Feedback,
    Palette,
    Colour,
    /// Its bright parts are gathered first, in a quarter of the size.
    Bloom,
    Chromatic,
    /// A performer's own, by its place.
    Own(usize),
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
    /// What the model paints with.
    pub(super) palette: Option<Oklab>,
    /// Which way the play head walks: 1 or -1.
    pub(super) direction: f32,
    /// Ranges of the knobs of the performer's own passes; none where a place is empty.
    pub(super) ranges: [Option<Ranges>; OWN_PASSES],
}

/// Numbers of a shader's uniform.
pub(super) const NUMBERS: usize = 80;
/// A shader's uniform: size, tick and seed, then its own numbers.
pub(super) type Numbers = [f32; NUMBERS];
/// Where a shader's own numbers begin.
pub(super) const HEADER: usize = 4;

impl Pass {
    pub(super) const ALL: [Self; PASSES.len()] = [
        Self::Tilt,
        Self::Displace,
        Self::Mirror,
        Self::Kaleidoscope,
        Self::Transition,
        Self::Feedback,
        Self::Palette,
        Self::Colour,
        Self::Bloom,
        Self::Chromatic,
        Self::Own(0),
        Self::Own(1),
        Self::Own(2),
        Self::Own(3),
        Self::Vignette,
        Self::Grain,
        Self::Strobe,
    ];

    /// Its place in [`Pass::ALL`].
    pub(super) fn place(self) -> usize {
        Self::ALL.iter().position(|pass| *pass == self).unwrap_or(0)
    }

    /// The shader's text, its name and the entry point in it; nothing for a performer's own.
    pub(super) fn shader(self) -> Option<(&'static str, &'static str, &'static str)> {
        macro_rules! wgsl {
            ($name:literal, $entry:literal) => {
                Some((
                    include_str!(concat!("../../../../shaders/", $name, ".wgsl")),
                    $name,
                    $entry,
                ))
            };
        }
        match self {
            Self::Tilt => wgsl!("tilt", "tilt"),
            Self::Displace => wgsl!("displace", "displace"),
            Self::Mirror => wgsl!("mirror", "mirror"),
            Self::Kaleidoscope => wgsl!("kaleidoscope", "kaleidoscope"),
            Self::Transition => wgsl!("transition", "transition"),
            Self::Feedback => wgsl!("feedback", "feedback"),
            Self::Palette => wgsl!("palette", "palette"),
            Self::Colour => wgsl!("colour", "colour"),
            Self::Bloom => wgsl!("bloom", "add"),
            Self::Chromatic => wgsl!("chromatic", "chromatic"),
            Self::Own(_) => None,
            Self::Vignette => wgsl!("vignette", "vignette"),
            Self::Grain => wgsl!("grain", "grain"),
            Self::Strobe => wgsl!("strobe", "strobe"),
        }
    }

    /// Whether what it draws at a point depends on nothing of the picture but that point, so that it can be drawn together
    /// with others.
    pub(super) fn is_pointwise(self) -> bool {
        matches!(
            self,
            Self::Feedback
                | Self::Palette
                | Self::Colour
                | Self::Vignette
                | Self::Grain
                | Self::Strobe
        )
    }

    /// Whether the pass changes a picture at all, at any time.
    pub(super) fn is_active(self, v: &LookValues, at: &Moment) -> bool {
        match self {
            Self::Palette => v.palette != 0.0 && at.palette.is_some(),
            Self::Own(place) => v.own[place].amount != 0.0 && at.ranges[place].is_some(),
            pass => pass.is_asked_for(v),
        }
    }

    /// Whether its rows are other than neutral.
    pub(super) fn is_asked_for(self, v: &LookValues) -> bool {
        match self {
            Self::Tilt => v.tilt != 0.0 || v.crop != 0.0,
            Self::Displace => v.displace != 0.0,
            Self::Mirror => v.mirror != 0.0,
            Self::Kaleidoscope => v.kaleidoscope != 0.0,
            Self::Transition => v.transition != 0.0 && v.transition_amount != 0.0,
            Self::Feedback => v.feedback != 0.0,
            Self::Palette => v.palette != 0.0,
            Self::Colour => {
                [v.lift, v.hue] != [0.0; 2]
                    || [v.gamma, v.gain, v.contrast, v.saturation] != [1.0; 4]
            }
            Self::Bloom => v.bloom != 0.0,
            Self::Chromatic => v.chromatic != 0.0,
            Self::Own(place) => v.own[place].amount != 0.0,
            Self::Vignette => v.vignette != 0.0,
            Self::Grain => v.grain != 0.0,
            Self::Strobe => v.strobe != 0.0,
        }
    }

    /// The shader's uniform.
    pub(super) fn numbers(self, v: &LookValues, at: &Moment) -> Numbers {
        let mut numbers = header(at);
        self.own_numbers(v, at, &mut numbers[HEADER..]);
        numbers
    }

    /// Writes the shader's own numbers; returns how many there are.
    pub(super) fn own_numbers(self, v: &LookValues, at: &Moment, out: &mut [f32]) -> usize {
        let secs = at.passed as f32 / TICKS_PER_SEC as f32;
        let mut put = |numbers: &[f32]| {
            out[..numbers.len()].copy_from_slice(numbers);
            numbers.len()
        };
        match self {
            // The last tenth of the way would show single pixels.
            Self::Tilt => put(&[v.tilt.to_radians(), 1.0 - 0.9 * v.crop]),
            Self::Displace => put(&[0.25 * v.displace]),
            Self::Mirror => {
                let ways = v.mirror as u8;
                put(&[f32::from(ways & 1), f32::from(ways >> 1)])
            }
            Self::Kaleidoscope => {
                put(&[segments(v.kaleidoscope), v.kaleidoscope_turn.to_radians()])
            }
            Self::Transition => put(&transition(v, at.direction)),
            Self::Feedback => put(&[
                // A share is one at thirty pictures a second; at another rate as much is left after a second.
                libm::powf(0.98 * v.feedback, 30.0 * secs),
                libm::powf(1.0 - 0.5 * v.feedback_decay, 30.0 * secs),
                libm::powf(2.0, v.feedback_zoom * secs),
                (v.feedback_rotate * secs).to_radians(),
                (v.feedback_hue * secs).to_radians(),
            ]),
            Self::Palette => {
                put(&[v.palette, 0.0, 0.0, 0.0]);
                let colours = at.palette.unwrap_or_default();
                for (out, colour) in out[4..].chunks_exact_mut(4).zip(&colours) {
                    out[..3].copy_from_slice(colour);
                }
                4 + 4 * colours.len()
            }
            Self::Colour => put(&[
                v.lift,
                1.0 / v.gamma,
                v.gain,
                v.contrast,
                v.saturation,
                v.hue.to_radians(),
            ]),
            Self::Bloom => put(&[
                v.bloom,
                // Half way up looks half as bright.
                v.bloom_threshold * v.bloom_threshold,
                0.25 * v.bloom_radius * at.size.0.min(at.size.1) as f32,
                v.bloom_warmth,
            ]),
            Self::Chromatic => put(&[0.05 * v.chromatic]),
            Self::Own(place) => {
                let own = &v.own[place];
                let ranges = at.ranges[place].unwrap_or_default();
                for ((out, range), knob) in out.iter_mut().zip(ranges).zip(own.knobs) {
                    *out = range[0] + (range[1] - range[0]) * knob;
                }
                out[OWN_KNOBS.len()] = own.amount;
                OWN_KNOBS.len() + 1
            }
            Self::Vignette => put(&[3.0 * v.vignette]),
            Self::Grain => put(&[0.3 * v.grain, v.grain_size]),
            Self::Strobe => put(&[if is_dark(v.strobe_rate, at.tick) {
                1.0 - v.strobe
            } else {
                1.0
            }]),
        }
    }
}

/// What every uniform begins with.
pub(super) fn header(at: &Moment) -> Numbers {
    let mut numbers = [0.0; NUMBERS];
    numbers[0] = at.size.0 as f32;
    numbers[1] = at.size.1 as f32;
    numbers[2] = f32::from_bits(at.tick as u32);
    numbers[3] = f32::from_bits(at.seed);
    numbers
}

/// How, how much of it has gone, which way, and how dark.
fn transition(v: &LookValues, direction: f32) -> [f32; 4] {
    let way = v.transition as u32;
    let phase = v.position - libm::floorf(v.position);
    let walked = if direction < 0.0 { 1.0 - phase } else { phase };
    let is_dip = Transition::from_index(way as usize) == Transition::Dip;
    let gone = if is_dip {
        walked
    } else {
        (walked / v.transition_amount).min(1.0)
    };
    [f32::from_bits(way), gone, direction, v.transition_amount]
}

/// How many segments a value of `look.kaleidoscope` stands for.
fn segments(index: f32) -> f32 {
    Segments::from_index(index as usize).count() as f32
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

    fn moment() -> Moment {
        Moment {
            size: (64, 64),
            tick: 0,
            passed: 16,
            seed: 0,
            palette: Some(crate::stage::look::tests::amber()),
            direction: 1.0,
            ranges: [Some(Ranges::default()); OWN_PASSES],
        }
    }

    #[test]
    fn with_defaults_no_pass_is_active() {
        let neutral = LookValues::default();
        let is_active = |pass: &Pass| pass.is_active(&neutral, &moment());
        assert!(!Pass::ALL.iter().any(is_active));
        assert!(!neutral.is_active());
    }

    #[test]
    fn every_pass_is_in_its_usual_place_and_has_room_for_its_numbers() {
        for (at, pass) in Pass::ALL.into_iter().enumerate() {
            let name = format!("{pass:?}").to_lowercase();
            let name = match pass {
                Pass::Own(place) => format!("own.{}", place + 1),
                _ => name,
            };
            assert_eq!(PASSES[at], name);
            assert_eq!(pass.place(), at);
            pass.numbers(&LookValues::default(), &moment());
        }
    }

    #[test]
    fn a_transition_follows_the_play_head_whichever_way_it_walks() {
        let mut v = LookValues {
            transition: 1.0,
            transition_amount: 0.5,
            position: 3.25,
            ..LookValues::default()
        };
        assert_eq!(transition(&v, 1.0)[1], 0.5);
        assert_eq!(transition(&v, -1.0)[1], 1.0);
        v.transition = 4.0;
        assert_eq!(transition(&v, 1.0)[1..], [0.25, 1.0, 0.5]);
    }

    /// Every shader, checked without a graphics card.
    #[test]
    fn every_shader_is_a_whole_and_valid_module() {
        use wgpu::naga::front::wgsl::parse_str;
        use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shaders");
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
        for (text, name, entry) in Pass::ALL.into_iter().filter_map(Pass::shader) {
            assert!(seen.contains(&(name.to_owned(), text.to_owned())), "{name}");
            assert!(text.contains(&format!("fn {entry}(")), "{name} has {entry}");
        }
        assert!(seen.iter().any(|(name, _)| name == "limiter"));
    }
}
