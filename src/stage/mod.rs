//! Pictures on their way to a screen or a file.

mod canvas;
mod look;
mod scale;

#[cfg(feature = "live")]
mod gpu;
#[cfg(feature = "live")]
mod hud;
#[cfg(feature = "live")]
mod output;
#[cfg(feature = "live")]
mod pipe;
#[cfg(feature = "live")]
mod reader;
#[cfg(feature = "live")]
mod screen;
#[cfg(feature = "live")]
mod target;
#[cfg(feature = "live")]
mod upscale;

pub use canvas::{Canvas, blend_weight};
#[cfg(feature = "live")]
pub(crate) use gpu::{Gpu, acquire};
#[cfg(feature = "live")]
pub use gpu::{GpuError, adapters};
#[cfg(feature = "live")]
pub use hud::{Learn, Port, Readout};
pub use look::{Finish, Limiter, LookFrame, LookIds, LookValues, OwnIds, OwnValues, Palette};
#[cfg(feature = "live")]
pub use look::{Look, own};
#[cfg(feature = "live")]
pub use output::{Offscreen, Output, Shown};
#[cfg(feature = "live")]
pub use pipe::{Pipes, Tell};
pub use scale::Scaler;
#[cfg(feature = "live")]
pub use screen::{Screen, ScreenSize};
#[cfg(feature = "live")]
pub use target::Target;

/// How a picture meets a frame of another shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fit {
    /// All of the picture, with black beside it.
    #[default]
    Fit,
    /// All of the frame, the picture's edges cut off.
    Fill,
    /// All of both, the picture's shape given up.
    Stretch,
}

impl Fit {
    /// The fit of a value of `stage.fit`.
    pub fn of(value: f64) -> Self {
        match value as usize {
            0 => Self::Fit,
            1 => Self::Fill,
            _ => Self::Stretch,
        }
    }

    /// Width and height, in the frame's pixels, that the picture takes; it stands in the frame's middle.
    pub fn extent(self, picture: (u32, u32), frame: (u32, u32)) -> (f64, f64) {
        let (width, height) = (f64::from(picture.0), f64::from(picture.1));
        let (across, down) = (f64::from(frame.0) / width, f64::from(frame.1) / height);
        let factor = match self {
            Self::Fit => across.min(down),
            Self::Fill => across.max(down),
            Self::Stretch => return (f64::from(frame.0), f64::from(frame.1)),
        };
        (width * factor, height * factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_picture_meets_a_wide_screen() {
        let (picture, frame) = ((256, 256), (1920, 1080));
        assert_eq!(Fit::Fit.extent(picture, frame), (1080.0, 1080.0));
        assert_eq!(Fit::Fill.extent(picture, frame), (1920.0, 1920.0));
        assert_eq!(Fit::Stretch.extent(picture, frame), (1920.0, 1080.0));
        let names = crate::instrument::FITS;
        assert_eq!(names.len(), 3);
        assert_eq!(Fit::of(1.0), Fit::Fill);
    }
}
