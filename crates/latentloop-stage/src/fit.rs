//! Where a picture lies in a frame.

pub use crate::instrument::params::Fit;

/// The picture's upper left corner and its size, in the frame's pixels. The corner may lie outside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Placement {
    pub(super) offset: (f64, f64),
    pub(super) extent: (f64, f64),
}

impl Placement {
    /// Where a picture lies in the middle of a frame; sizes in pixels.
    pub(super) fn of(fit: Fit, picture: (u32, u32), frame: (u32, u32)) -> Self {
        let (width, height) = (f64::from(picture.0), f64::from(picture.1));
        let (across, down) = (f64::from(frame.0) / width, f64::from(frame.1) / height);
        let scale = match fit {
            Fit::Fit => [across.min(down); 2],
            Fit::Fill => [across.max(down); 2],
            Fit::Stretch => [across, down],
            Fit::OneToOne => [1.0; 2],
        };
        let extent = (width * scale[0], height * scale[1]);
        let corner = |frame: u32, extent: f64| {
            let middle = (f64::from(frame) - extent) / 2.0;
            // Pixels that fall between the frame's would be blurred.
            if fit == Fit::OneToOne {
                middle.floor()
            } else {
                middle
            }
        };
        Self {
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
            assert_eq!(
                Placement::of(fit, picture, frame),
                Placement { offset, extent }
            );
        }
        let cut = Placement::of(Fit::OneToOne, picture, (101, 64));
        assert_eq!(cut.offset, (-78.0, -96.0));
    }
}
