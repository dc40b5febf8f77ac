//! How a picture is thrown onto a frame: where it lies, what enlarges it, and what makes it film.

use super::fit::{Fit, Place};
use crate::instrument::preset::PresetError;
use crate::instrument::{Instrument, OUTPUTS, ParamId, TICKS_PER_SEC, Table};

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
pub struct Film {
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
    pub film: Film,
}

/// How a picture comes to its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Enlarge(Filter),
    /// Catmull-Rom, widened so that no pixel falls between the taps.
    Reduce,
}

impl Filter {
    /// The filter of a value of `stage.upscale`, an index into [`crate::instrument::params::Upscaling`]; none for `auto`.
    pub fn of(value: f64) -> Option<Self> {
        match value as usize {
            0 => None,
            1 => Some(Self::Nearest),
            2 => Some(Self::Bilinear),
            3 => Some(Self::CatmullRom),
            4 => Some(Self::Lanczos),
            _ => Some(Self::Edge),
        }
    }

    /// How this filter brings a picture to the size of its place.
    pub(super) fn way(self, picture: (u32, u32), place: &Place) -> Way {
        let scale = (
            place.extent.0 / f64::from(picture.0),
            place.extent.1 / f64::from(picture.1),
        );
        if self == Self::Nearest || scale == (1.0, 1.0) {
            // The other filters would not all leave pixels as they are.
            Way::Enlarge(Self::Nearest)
        } else if scale.0 < 1.0 || scale.1 < 1.0 {
            Way::Reduce
        } else {
            Way::Enlarge(self)
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

/// Where a projection's rows are in the table.
#[derive(Clone, Debug)]
pub struct ProjectionIds {
    fits: [ParamId; OUTPUTS],
    upscale: ParamId,
    halation: ParamId,
    halation_threshold: ParamId,
    halation_radius: ParamId,
    grain: ParamId,
    grain_size: ParamId,
}

impl ProjectionIds {
    /// Finds the rows.
    ///
    /// # Errors
    /// When the table has none.
    pub fn new(table: &Table) -> Result<Self, PresetError> {
        Ok(Self {
            fits: [
                table.find("stage.fit")?,
                table.find("stage.fit_2")?,
                table.find("stage.fit_3")?,
                table.find("stage.fit_4")?,
            ],
            upscale: table.find("stage.upscale")?,
            halation: table.find("stage.halation")?,
            halation_threshold: table.find("stage.halation_threshold")?,
            halation_radius: table.find("stage.halation_radius")?,
            grain: table.find("stage.grain")?,
            grain_size: table.find("stage.grain_size")?,
        })
    }

    /// What an instrument's rows hold now, for the first output and what is recorded. Grain is drawn from its time and `seed`.
    pub fn projection(&self, instrument: &Instrument, seed: u32) -> Projection {
        let value = |param| instrument.value(param) as f32;
        // A slewed value only comes near to nothing.
        let amount = |param| match value(param) {
            amount if amount < 5e-4 => 0.0,
            amount => amount,
        };
        let exposure = instrument.ticks() * EXPOSURES_PER_SEC / TICKS_PER_SEC;
        Projection {
            fit: Fit::of(instrument.value(self.fits[0])),
            filter: Filter::of(instrument.value(self.upscale)),
            film: Film {
                halation: amount(self.halation),
                halation_threshold: value(self.halation_threshold),
                halation_radius: value(self.halation_radius),
                grain: amount(self.grain),
                grain_size: value(self.grain_size),
                exposure: (exposure as u32) ^ seed.wrapping_mul(747_796_405),
            },
        }
    }

    /// The same for every output: they differ in their fits.
    pub fn projections(&self, instrument: &Instrument, seed: u32) -> [Projection; OUTPUTS] {
        let first = self.projection(instrument, seed);
        self.fits.map(|fit| Projection {
            fit: Fit::of(instrument.value(fit)),
            ..first
        })
    }
}
