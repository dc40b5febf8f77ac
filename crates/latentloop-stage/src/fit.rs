//! Where a picture lies in a frame.

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
    /// A pixel of the picture is one of the frame's; black beside it where it is smaller, cut off where it is larger.
    OneToOne,
}

/// The picture's upper left corner and its size, in the frame's pixels. The corner may lie outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) offset: (f64, f64),
    pub(super) extent: (f64, f64),
}

impl Fit {
    /// The fit of a value of `stage.fit`, an index into [`crate::instrument::params::Fit`].
    pub fn of(value: f64) -> Self {
        match value as usize {
            0 => Self::Fit,
            1 => Self::Fill,
            2 => Self::Stretch,
            _ => Self::OneToOne,
        }
    }

    /// Where a picture lies in the middle of a frame; sizes in pixels.
    pub(super) fn place(self, picture: (u32, u32), frame: (u32, u32)) -> Place {
        let (width, height) = (f64::from(picture.0), f64::from(picture.1));
        let (across, down) = (f64::from(frame.0) / width, f64::from(frame.1) / height);
        let scale = match self {
            Self::Fit => [across.min(down); 2],
            Self::Fill => [across.max(down); 2],
            Self::Stretch => [across, down],
            Self::OneToOne => [1.0; 2],
        };
        let extent = (width * scale[0], height * scale[1]);
        let corner = |frame: u32, extent: f64| {
            let middle = (f64::from(frame) - extent) / 2.0;
            // Pixels that fall between the frame's would be blurred.
            if self == Self::OneToOne {
                middle.floor()
            } else {
                middle
            }
        };
        Place {
            offset: (corner(frame.0, extent.0), corner(frame.1, extent.1)),
            extent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_picture_meets_a_wide_screen() {
        let (picture, frame) = ((256, 256), (1921, 1080));
        for (fit, offset, extent) in [
            (Fit::Fit, (420.5, 0.0), (1080.0, 1080.0)),
            (Fit::Fill, (0.0, -420.5), (1921.0, 1921.0)),
            (Fit::Stretch, (0.0, 0.0), (1921.0, 1080.0)),
            (Fit::OneToOne, (832.0, 412.0), (256.0, 256.0)),
        ] {
            assert_eq!(fit.place(picture, frame), Place { offset, extent });
        }
        let cut = Fit::OneToOne.place(picture, (101, 64));
        assert_eq!(cut.offset, (-78.0, -96.0));
        let names = <crate::instrument::params::Fit as crate::instrument::Choice>::NAMES;
        let fits: Vec<Fit> = (0..names.len()).map(|at| Fit::of(at as f64)).collect();
        assert_eq!(fits, [Fit::Fit, Fit::Fill, Fit::Stretch, Fit::OneToOne]);
    }
}
