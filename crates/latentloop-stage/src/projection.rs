//! How a picture is thrown onto a frame: where it lies, what enlarges it, and what makes it film.

use super::fit::{Fit, Placement};
use crate::instrument::params::{
    LOOK_LIMITER, STAGE_FIT, STAGE_FITS, STAGE_GRAIN, STAGE_GRAIN_SIZE, STAGE_HALATION,
    STAGE_HALATION_RADIUS, STAGE_HALATION_THRESHOLD, STAGE_UPSCALE, Upscaling,
};
use crate::instrument::{Instrument, OUTPUTS, TICKS_PER_SEC};

/// Grain changes so many times a second, as film's does.
const EXPOSURES_PER_SEC: u64 = 24;

/// What makes up a pixel of the frame from the picture's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter {
    /// The nearest pixel.
    Nearest,
    /// Two by two pixels, straight lines between them.
    Bilinear,
    /// Four by four (Catmull and Rom 1974; Keys 1981 with a = -0.5).
    CatmullRom,
    /// Six by six: sinc windowed by sinc (Duchon 1979), a = 3.
    Lanczos,
    /// Four by four, along edges where there are any.
    Edge,
}

/// What is done to a picture at the frame's size.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FilmEmulation {
    /// Strength of the halation, 0..=1.
    pub halation: f32,
    /// How bright a highlight must be for it, 0..=1.
    pub halation_threshold: f32,
    /// How far it reaches, 0..=1.
    pub halation_radius: f32,
    /// Strength of the grain, 0..=1.
    pub grain: f32,
    /// Its size, 1 being 35 mm film's.
    pub grain_size: f32,
    /// Which grain it is: another one for each 24th of a second.
    pub exposure: u32,
}

/// All that is needed to throw a picture onto a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Projection {
    /// How they meet.
    pub fit: Fit,
    /// What enlarges; none where that is left to who draws.
    pub filter: Option<Filter>,
    /// What comes after.
    pub film: FilmEmulation,
    /// Whether flashes are limited, and the time in ticks by which they are counted.
    pub limits: bool,
    /// See `limits`.
    pub tick: u64,
}

/// How a picture comes to its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resampling {
    Enlarge(Filter),
    /// Catmull-Rom, widened so that no pixel falls between the taps.
    Reduce,
}

impl Filter {
    /// The filter that `stage.upscale` names; none for `auto`.
    pub fn of(upscaling: Upscaling) -> Option<Self> {
        match upscaling {
            Upscaling::Auto => None,
            Upscaling::Nearest => Some(Self::Nearest),
            Upscaling::Bilinear => Some(Self::Bilinear),
            Upscaling::CatmullRom => Some(Self::CatmullRom),
            Upscaling::Lanczos => Some(Self::Lanczos),
            Upscaling::Edge => Some(Self::Edge),
        }
    }

    /// How this filter brings a picture to the size of its place.
    pub(super) fn way(self, picture: (u32, u32), place: &Placement) -> Resampling {
        let scale = (
            place.extent.0 / f64::from(picture.0),
            place.extent.1 / f64::from(picture.1),
        );
        if self == Self::Nearest || scale == (1.0, 1.0) {
            // The other filters would not all leave pixels as they are.
            Resampling::Enlarge(Self::Nearest)
        } else if scale.0 < 1.0 || scale.1 < 1.0 {
            Resampling::Reduce
        } else {
            Resampling::Enlarge(self)
        }
    }
}

impl Projection {
    /// A plain one, as a fit alone says.
    pub fn plain(fit: Fit) -> Self {
        Self {
            fit,
            ..Self::default()
        }
    }
}

impl Projection {
    /// What an instrument's rows hold now, for the first output and what is recorded. Grain is drawn from its time and `seed`.
    pub fn of(instrument: &Instrument, seed: u32) -> Self {
        let value = |param| instrument.get(param) as f32;
        // A slewed value only comes near to nothing.
        let amount = |param| match value(param) {
            amount if amount < 5e-4 => 0.0,
            amount => amount,
        };
        let exposure = instrument.ticks() * EXPOSURES_PER_SEC / TICKS_PER_SEC;
        Self {
            fit: instrument.get(STAGE_FIT),
            filter: Filter::of(instrument.get(STAGE_UPSCALE)),
            film: FilmEmulation {
                halation: amount(STAGE_HALATION),
                halation_threshold: value(STAGE_HALATION_THRESHOLD),
                halation_radius: value(STAGE_HALATION_RADIUS),
                grain: amount(STAGE_GRAIN),
                grain_size: value(STAGE_GRAIN_SIZE),
                exposure: (exposure as u32) ^ seed.wrapping_mul(747_796_405),
            },
            limits: instrument.get(LOOK_LIMITER),
            tick: instrument.ticks(),
        }
    }

    /// The same for every output: they differ in their fits.
    pub fn of_outputs(instrument: &Instrument, seed: u32) -> [Self; OUTPUTS] {
        let first = Self::of(instrument, seed);
        STAGE_FITS.map(|fit| Self {
            fit: instrument.get(fit),
            ..first
        })
    }
}
