//! Films of other light and other colours than a screen's, brought to sRGB: HLG and PQ (ITU-R BT.2100), and the primaries of BT.2020
//! and P3.
//!
//! Light is counted in reference white, 203 cd/m² (ITU-R BT.2408), which becomes white; what is brighter, a lamp or the sky, goes into
//! a soft shoulder above. FFmpeg's own facility for it, zscale, is left out of many builds and has no such shoulder.

use std::sync::OnceLock;

use ffmpeg_next::color::{Primaries, TransferCharacteristic};
use ffmpeg_next::frame;

use crate::light;

/// Reference white in cd/m² (ITU-R BT.2408).
const WHITE: f32 = 203.0;
/// Peak of the display that HLG is shown on, in cd/m², at which its system gamma is 1.2 (ITU-R BT.2100).
const HLG_PEAK: f32 = 1000.0;
/// Light above which the shoulder begins.
const KNEE: f32 = 0.85;
/// Entries of a table over 16 bits.
const LEVELS: usize = 1 << 16;
/// Index of the last of them.
const LAST: f32 = (LEVELS - 1) as f32;

const IDENTITY: [[f32; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Linear light of BT.2020 to that of BT.709 (ITU-R BT.2407).
const BT2020: [[f32; 3]; 3] = [
    [1.660_491, -0.587_641, -0.072_850],
    [-0.124_550, 1.132_9, -0.008_349],
    [-0.018_151, -0.100_579, 1.118_73],
];
/// Linear light of P3 with the white of D65 (SMPTE ST 432-1's primaries) to that of BT.709.
const P3: [[f32; 3]; 3] = [
    [1.224_94, -0.224_940, 0.0],
    [-0.042_057, 1.042_057, 0.0],
    [-0.019_638, -0.078_636, 1.098_274],
];

/// How levels stand for light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transfer {
    /// A screen's.
    Screen,
    /// Hybrid log-gamma.
    Hlg,
    /// Perceptual quantisation (SMPTE ST 2084).
    Pq,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gamut {
    Bt709,
    Bt2020,
    P3,
}

/// What has to be done with a film's colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Colour {
    transfer: Transfer,
    gamut: Gamut,
}

impl Colour {
    /// What a decoded picture says of itself; nothing is to be done where it says nothing.
    pub(super) fn of(frame: &frame::Video) -> Option<Self> {
        let transfer = match frame.color_transfer_characteristic() {
            TransferCharacteristic::ARIB_STD_B67 => Transfer::Hlg,
            TransferCharacteristic::SMPTE2084 => Transfer::Pq,
            _ => Transfer::Screen,
        };
        let gamut = match frame.color_primaries() {
            Primaries::BT2020 => Gamut::Bt2020,
            // The white of projectors is white as well.
            Primaries::SMPTE432 | Primaries::SMPTE431 => Gamut::P3,
            Primaries::Unspecified | Primaries::Reserved if transfer != Transfer::Screen => {
                Gamut::Bt2020
            }
            _ => Gamut::Bt709,
        };
        let colour = Self { transfer, gamut };
        (colour
            != Self {
                transfer: Transfer::Screen,
                gamut: Gamut::Bt709,
            })
        .then_some(colour)
    }

    /// Brings a line of pixels of 16 bits a channel, little-endian, to sRGB levels; a fourth channel, opacity, comes along.
    pub(super) fn line(self, line: &[u8], channels: usize, levels: &mut Vec<u8>) {
        match self.transfer {
            Transfer::Screen => {
                let table = screen();
                self.show(line, channels, levels, |pixel| {
                    pixel.map(|level| table[level])
                });
            }
            Transfer::Pq => {
                let table = pq();
                self.show(line, channels, levels, |pixel| {
                    pixel.map(|level| table[level])
                });
            }
            Transfer::Hlg => {
                let (table, gains) = (hlg(), hlg_gain());
                self.show(line, channels, levels, |pixel| {
                    let scene = pixel.map(|level| table[level]);
                    // The opto-optical transfer function takes the luminance of BT.2020.
                    let luminance = 0.2627 * scene[0] + 0.6780 * scene[1] + 0.0593 * scene[2];
                    let gain = gains[index(luminance.sqrt().sqrt())];
                    scene.map(|scene| scene * gain)
                });
            }
        }
    }

    fn show(
        self,
        line: &[u8],
        channels: usize,
        levels: &mut Vec<u8>,
        light: impl Fn([usize; 3]) -> [f32; 3],
    ) {
        let to_level = level_table();
        let rows = match self.gamut {
            Gamut::Bt709 => IDENTITY,
            Gamut::Bt2020 => BT2020,
            Gamut::P3 => P3,
        };
        for pixel in line.chunks_exact(2 * channels) {
            let channel =
                |at: usize| usize::from(u16::from_le_bytes([pixel[2 * at], pixel[2 * at + 1]]));
            let from = light([channel(0), channel(1), channel(2)]);
            // What a screen cannot show goes to the nearest side of what it can.
            let shown =
                rows.map(|row| (row[0] * from[0] + row[1] * from[1] + row[2] * from[2]).max(0.0));
            let brightest = shown[0].max(shown[1]).max(shown[2]);
            let gain = if brightest > KNEE && self.transfer != Transfer::Screen {
                shoulder(brightest) / brightest
            } else {
                1.0
            };
            levels.extend_from_slice(&shown.map(|shown| to_level[index(shown * gain)]));
            if channels == 4 {
                levels.push(pixel[7]);
            }
        }
    }
}

/// Where a table over 16 bits has a value of 0 or more; of what is above 1, the last place.
fn index(value: f32) -> usize {
    ((value * LAST + 0.5) as usize).min(LEVELS - 1)
}

/// Light above the knee brought below 1, along a hyperbola that goes on in the direction of what lies below, and comes as near to 1 as
/// one likes. White becomes level 246, the peak of HLG 254.
fn shoulder(light: f32) -> f32 {
    let room = 1.0 - KNEE;
    let above = (light - KNEE) / room;
    KNEE + room * above / (1.0 + above)
}

fn table(cell: &'static OnceLock<Vec<f32>>, light: impl Fn(f64) -> f64) -> &'static [f32] {
    cell.get_or_init(|| {
        let value = |at| at as f64 / (LEVELS - 1) as f64;
        (0..LEVELS).map(|at| light(value(at)) as f32).collect()
    })
}

fn screen() -> &'static [f32] {
    static TABLE: OnceLock<Vec<f32>> = OnceLock::new();
    table(&TABLE, light::to_linear)
}

/// Light of the scene, 0..=1, of HLG's signal (ITU-R BT.2100, table 5).
fn hlg() -> &'static [f32] {
    const A: f64 = 0.178_832_77;
    const B: f64 = 1.0 - 4.0 * A;
    static TABLE: OnceLock<Vec<f32>> = OnceLock::new();
    let c = 0.5 - A * (4.0 * A).ln();
    table(&TABLE, |signal| {
        if signal <= 0.5 {
            signal * signal / 3.0
        } else {
            (((signal - c) / A).exp() + B) / 12.0
        }
    })
}

/// Light of the display, in reference white, of PQ's signal (ITU-R BT.2100, table 4; SMPTE ST 2084).
fn pq() -> &'static [f32] {
    const M1: f64 = 2610.0 / 16384.0;
    const M2: f64 = 2523.0 / 4096.0 * 128.0;
    const C1: f64 = 3424.0 / 4096.0;
    const C2: f64 = 2413.0 / 4096.0 * 32.0;
    const C3: f64 = 2392.0 / 4096.0 * 32.0;
    static TABLE: OnceLock<Vec<f32>> = OnceLock::new();
    table(&TABLE, |signal| {
        let root = signal.powf(1.0 / M2);
        let share = (root - C1).max(0.0) / (C2 - C3 * root);
        10_000.0 * share.powf(1.0 / M1) / f64::from(WHITE)
    })
}

/// The gain of HLG's opto-optical transfer function, in reference white, by the fourth root of the scene's luminance: luminance to the
/// power of 0.2, times the peak.
fn hlg_gain() -> &'static [f32] {
    static TABLE: OnceLock<Vec<f32>> = OnceLock::new();
    table(&TABLE, |root| {
        root.powf(0.8) * f64::from(HLG_PEAK) / f64::from(WHITE)
    })
}

/// The sRGB level of linear light of 0..=1.
fn level_table() -> &'static [u8] {
    static TABLE: OnceLock<Vec<u8>> = OnceLock::new();
    TABLE.get_or_init(|| {
        (0..LEVELS)
            .map(|at| light::level(at as f32 / LAST).round() as u8)
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HLG: Colour = Colour {
        transfer: Transfer::Hlg,
        gamut: Gamut::Bt2020,
    };
    const PQ: Colour = Colour {
        transfer: Transfer::Pq,
        gamut: Gamut::Bt2020,
    };

    fn levels(colour: Colour, pixel: [u16; 3]) -> [u8; 3] {
        let mut levels = Vec::new();
        colour.line(&pixel.map(u16::to_le_bytes).concat(), 3, &mut levels);
        levels.try_into().unwrap()
    }

    fn grey(colour: Colour, signal: f64) -> u8 {
        let levels = levels(colour, [(signal * 65535.0).round() as u16; 3]);
        assert!(levels.iter().all(|level| level.abs_diff(levels[0]) <= 1));
        levels[1]
    }

    #[test]
    fn reference_white_is_white_and_brighter_light_has_room_above_it() {
        // BT.2408, table 1: 75 % of HLG and 58 % of PQ are 203 cd/m²; 38 % of each is 26 cd/m², grey of 18 %.
        for (colour, white, grey_card) in [(HLG, 0.75, 0.38), (PQ, 0.5807, 0.3802)] {
            assert_eq!(grey(colour, white), 246, "{colour:?}");
            let expected = light::level(26.0 / 203.0);
            let shown = f32::from(grey(colour, grey_card));
            assert!((shown - expected).abs() <= 2.0, "{colour:?}: {shown}");
            assert_eq!(grey(colour, 0.0), 0);
        }
        assert_eq!(grey(HLG, 1.0), 254);
        assert_eq!(grey(PQ, 1.0), 255);
        let levels: Vec<_> = (0..=100)
            .map(|at| grey(PQ, f64::from(at) / 100.0))
            .collect();
        assert!(levels.is_sorted());
    }

    /// From the primaries' and white's places in the chromaticity diagram to linear light of BT.709: SMPTE RP 177.
    fn to_bt709(primaries: [[f64; 2]; 3]) -> [[f64; 3]; 3] {
        let xyz = |[x, y]: [f64; 2]| [x / y, 1.0, (1.0 - x - y) / y];
        let white = xyz([0.3127, 0.3290]);
        let matrix = |primaries: [[f64; 2]; 3]| {
            let columns = primaries.map(xyz);
            let rows = [0, 1, 2].map(|row| columns.map(|column| column[row]));
            let gains = apply(inverse(rows), white);
            rows.map(|row| [row[0] * gains[0], row[1] * gains[1], row[2] * gains[2]])
        };
        let from = matrix(primaries);
        let back = inverse(matrix([[0.64, 0.33], [0.30, 0.60], [0.15, 0.06]]));
        let columns = [0, 1, 2].map(|column| apply(back, from.map(|row| row[column])));
        [0, 1, 2].map(|row| columns.map(|column| column[row]))
    }

    fn apply(rows: [[f64; 3]; 3], to: [f64; 3]) -> [f64; 3] {
        rows.map(|row| row[0] * to[0] + row[1] * to[1] + row[2] * to[2])
    }

    fn inverse(m: [[f64; 3]; 3]) -> [[f64; 3]; 3] {
        let minor = |r: usize, c: usize| {
            let (r1, r2, c1, c2) = ((r + 1) % 3, (r + 2) % 3, (c + 1) % 3, (c + 2) % 3);
            m[r1][c1] * m[r2][c2] - m[r1][c2] * m[r2][c1]
        };
        let determinant: f64 = (0..3).map(|c| m[0][c] * minor(0, c)).sum();
        [0, 1, 2].map(|r| [0, 1, 2].map(|c| minor(c, r) / determinant))
    }

    #[test]
    fn primaries_go_to_those_of_bt709_as_their_chromaticities_say() {
        let bt2020 = [[0.708, 0.292], [0.170, 0.797], [0.131, 0.046]];
        let p3 = [[0.680, 0.320], [0.265, 0.690], [0.150, 0.060]];
        for (given, primaries) in [(BT2020, bt2020), (P3, p3)] {
            for (given, expected) in given.iter().zip(to_bt709(primaries)) {
                for (given, expected) in given.iter().zip(expected) {
                    assert!((f64::from(*given) - expected).abs() < 1e-5, "{expected}");
                }
            }
        }
    }

    #[test]
    fn wide_colours_of_an_ordinary_screen_keep_their_greys() {
        for gamut in [Gamut::Bt2020, Gamut::P3] {
            let colour = Colour {
                transfer: Transfer::Screen,
                gamut,
            };
            for level in [0u8, 1, 16, 128, 200, 255] {
                assert_eq!(levels(colour, [u16::from(level) * 257; 3]), [level; 3]);
            }
        }
    }
}
