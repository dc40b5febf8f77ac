//! Minimal filtering: convolution and transposed convolution, 4 x 4, stride 2, padding 1, and the gradient of their weights, by
//! fewer products.
//!
//! Each output phase of a transposed convolution, and each input phase of a plain one, is a 2 x 2 convolution, of which m x m
//! neighbouring results take (m + 1)² products a channel where the plain way takes 4 m².
//!
//! Lavin and Gray 2016, <https://arxiv.org/abs/1509.09308>. The points are 0, 1 and infinity for m = 2; 0, 1, -1, 2 and
//! infinity for m = 4.

mod convolution;
mod gradient;

use pulp::Simd;

use super::microkernel::{load, store};

pub(crate) use convolution::Winograd;
pub(crate) use gradient::weight_gradient;

/// Results of a phase that are made together, along one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tile {
    /// 2 x 2 results by 9 products: 0.56 of the plain way's.
    Two,
    /// 4 x 4 results by 25 products: 0.39 of the plain way's.
    Four,
}

impl Tile {
    /// Results along one side.
    pub(crate) fn side(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
        }
    }

    /// Products along one side.
    fn points(self) -> usize {
        self.side() + 1
    }

    /// What two neighbouring taps are multiplied by and summed up to at every point.
    fn factors(self) -> &'static [[f32; 2]] {
        match self {
            Self::Two => &[[-1.0, 0.0], [1.0, 1.0], [0.0, 1.0]],
            Self::Four => &[
                [1.0 / 2.0, 0.0],
                [-1.0 / 2.0, -1.0 / 2.0],
                [-1.0 / 6.0, 1.0 / 6.0],
                [1.0 / 6.0, 1.0 / 3.0],
                [0.0, 1.0],
            ],
        }
    }
}

/// The direction of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Coarse map to fine map: a transposed convolution. Its phases are of the output, made apart.
    Transposed,
    /// Fine map to coarse map. Its phases are of the input, and summed up.
    Strided,
}

impl Direction {
    /// The taps of each phase along one side that meet two neighbouring inputs, in their order.
    fn taps(self) -> [[usize; 2]; 2] {
        match self {
            Self::Transposed => [[3, 1], [2, 0]],
            Self::Strided => [[0, 2], [1, 3]],
        }
    }

    /// Phases of the output, and of the input.
    fn phases(self) -> [usize; 2] {
        match self {
            Self::Transposed => [4, 1],
            Self::Strided => [1, 4],
        }
    }

    /// Pixels of the input, and of the output, from one pixel of the coarse map to the next.
    fn steps(self) -> [usize; 2] {
        match self {
            Self::Transposed => [1, 2],
            Self::Strided => [2, 1],
        }
    }
}

/// Writes what a tile sees at every point: point p of channel c goes to `to + p * point_step + c`.
///
/// # Safety
/// The window, its pixels `down` and `across` numbers apart, must lie in live memory, and so must the places.
#[inline(always)]
#[expect(
    clippy::needless_range_loop,
    reason = "bounds known at compile time keep the numbers in registers"
)]
unsafe fn input_at_points<S: Simd, const P: usize>(
    simd: S,
    corner: *const f32,
    [down, across]: [usize; 2],
    channels: usize,
    to: *mut f32,
    point_step: usize,
) {
    let mut channel = 0;
    while channel < channels {
        let count = S::F32_LANES.min(channels - channel);
        let mut points = [[simd.splat_f32s(0.0); P]; P];
        for x in 0..P {
            let mut column = [simd.splat_f32s(0.0); P];
            for (y, number) in column.iter_mut().enumerate() {
                let at = y * down + x * across + channel;
                // SAFETY: the caller vouches for the window.
                *number = unsafe { load(simd, corner.wrapping_add(at), count) };
            }
            let column = of_input(simd, column);
            for y in 0..P {
                points[y][x] = column[y];
            }
        }
        for (y, row) in points.into_iter().enumerate() {
            for (x, number) in of_input(simd, row).into_iter().enumerate() {
                let at = (y * P + x) * point_step + channel;
                // SAFETY: the caller vouches for the places.
                unsafe { store(simd, to.wrapping_add(at), count, number) };
            }
        }
        channel += count;
    }
}

/// Neighbouring inputs at every point.
#[inline(always)]
fn of_input<S: Simd, const P: usize>(simd: S, d: [S::f32s; P]) -> [S::f32s; P] {
    let mut out = d;
    if P == 3 {
        out[0] = simd.sub_f32s(d[1], d[0]);
        out[2] = simd.sub_f32s(d[2], d[1]);
    } else {
        let two = simd.splat_f32s(2.0);
        let apart = simd.sub_f32s(d[3], d[1]);
        let near = simd.sub_f32s(d[3], d[2]);
        out[0] = simd.mul_add_e_f32s(two, simd.sub_f32s(d[0], d[2]), apart);
        out[1] = simd.sub_f32s(near, simd.add_f32s(d[1], d[1]));
        out[2] = simd.mul_add_e_f32s(two, simd.sub_f32s(d[1], d[2]), near);
        out[3] = apart;
        out[4] = simd.sub_f32s(simd.sub_f32s(d[4], d[2]), simd.add_f32s(apart, apart));
    }
    out
}

/// Neighbouring results out of the products at every point.
#[inline(always)]
fn of_products<S: Simd, const P: usize, const M: usize>(simd: S, m: [S::f32s; P]) -> [S::f32s; M] {
    let mut out = [simd.splat_f32s(0.0); M];
    if P == 3 {
        out[0] = simd.add_f32s(m[0], m[1]);
        out[1] = simd.add_f32s(m[1], m[2]);
    } else {
        let (sum, difference) = (simd.add_f32s(m[1], m[2]), simd.sub_f32s(m[1], m[2]));
        let times = |factor, rest| simd.mul_add_e_f32s(simd.splat_f32s(factor), m[3], rest);
        out[0] = simd.add_f32s(simd.add_f32s(m[0], m[3]), sum);
        out[1] = times(2.0, difference);
        out[2] = times(4.0, sum);
        out[3] = times(8.0, simd.add_f32s(difference, m[4]));
    }
    out
}
