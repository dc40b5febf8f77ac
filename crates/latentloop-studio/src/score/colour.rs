//! Colours as people tell them apart.

use crate::light;

/// CIE L*a*b* of a colour of sRGB levels in 0..255, white being D65.
///
/// The distance of two such colours is their Delta E (CIE 1976); about 2.3 is just noticeable.
/// sRGB after IEC 61966-2-1, L*a*b* after CIE 15:2004.
pub(super) fn lab(levels: [f64; 3]) -> [f64; 3] {
    let [red, green, blue] = levels.map(|level| light::to_linear(level / 255.0));
    let x = 0.4124564 * red + 0.3575761 * green + 0.1804375 * blue;
    let y = 0.2126729 * red + 0.7151522 * green + 0.0721750 * blue;
    let z = 0.0193339 * red + 0.1191920 * green + 0.9503041 * blue;
    // White is what the matrix makes of it, so that greys have no hue.
    let (x, y, z) = (curve(x / 0.95047), curve(y / 1.0000001), curve(z / 1.08883));
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// Delta E of two colours in L*a*b*.
pub(super) fn difference(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    let squares = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b));
    libm::sqrt(squares.sum())
}

fn curve(value: f64) -> f64 {
    const KNEE: f64 = 6.0 / 29.0;
    if value > KNEE * KNEE * KNEE {
        libm::cbrt(value)
    } else {
        value / (3.0 * KNEE * KNEE) + 4.0 / 29.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_colours_have_their_known_coordinates() {
        for (levels, expected) in [
            ([0.0, 0.0, 0.0], [0.0, 0.0, 0.0]),
            ([255.0, 255.0, 255.0], [100.0, 0.0, 0.0]),
            ([119.0, 119.0, 119.0], [50.03, 0.0, 0.0]),
            ([5.0, 5.0, 5.0], [1.37, 0.0, 0.0]),
            ([255.0, 0.0, 0.0], [53.24, 80.09, 67.20]),
            ([0.0, 255.0, 0.0], [87.73, -86.18, 83.18]),
            ([0.0, 0.0, 255.0], [32.30, 79.19, -107.86]),
        ] {
            let found = lab(levels);
            assert!(
                difference(&found, &expected) < 0.02,
                "{levels:?}: {found:?} instead of {expected:?}"
            );
        }
    }
}
