//! The inner product that every convolution here is made of.

use pulp::{Arch, Simd, WithSimd};

/// The vector instructions that a product runs on.
#[derive(Clone, Copy, Debug, Default)]
pub enum Instructions {
    /// The widest that the processor has, found at run time: AVX-512, AVX2 with FMA, NEON.
    #[default]
    Best,
    /// None in particular: what any processor does.
    Portable,
}

impl Instructions {
    /// Runs `op` on them.
    #[inline(always)]
    pub(super) fn run<Op: WithSimd>(self, op: Op) -> Op::Output {
        match self {
            Self::Best => Arch::new().dispatch(op),
            Self::Portable => pulp::Scalar128b.vectorize(op),
        }
    }

    /// Output channels of one panel of weights.
    pub fn panel_channels(self) -> usize {
        struct Width;
        impl WithSimd for Width {
            type Output = usize;
            #[inline(always)]
            fn with_simd<S: Simd>(self, _simd: S) -> usize {
                VECTORS * S::F32_LANES
            }
        }
        self.run(Width)
    }

    /// Their name, for people.
    pub fn name(self) -> &'static str {
        match self.panel_channels() / VECTORS {
            16 => "avx512",
            8 => "avx2",
            _ if matches!(self, Self::Portable) => "portable",
            _ => "simd128",
        }
    }
}

/// Vectors of output channels that a product sums at once.
pub(super) const VECTORS: usize = 2;

/// Which numbers of the input one output position sees: `rows` runs of `run` numbers, `row_stride` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) rows: usize,
    pub(super) run: usize,
    pub(super) row_stride: usize,
}

impl Window {
    /// Numbers that one position sees.
    pub(super) fn depth(&self) -> usize {
        self.rows * self.run
    }
}

/// Sums `weights` (the window's depth x 2 vectors of output channels) times what each of `N` positions sees, on top of
/// `start`.
///
/// # Safety
/// The window must lie in live memory from every position on, and the weights must be of that depth.
#[inline(always)]
pub(super) unsafe fn along_window<S: Simd, const N: usize>(
    simd: S,
    window: Window,
    weights: *const f32,
    positions: [*const f32; N],
    start: [S::f32s; VECTORS],
) -> [[S::f32s; VECTORS]; N] {
    let mut sums = [start; N];
    let mut weights = weights.cast::<S::f32s>();
    for row in 0..window.rows {
        let positions = positions.map(|p| p.wrapping_add(row * window.row_stride));
        for at in 0..window.run {
            // SAFETY: the caller vouches for weights and windows.
            unsafe {
                let first = weights.read_unaligned();
                let second = weights.add(1).read_unaligned();
                weights = weights.add(VECTORS);
                for n in 0..N {
                    let x = simd.splat_f32s(*positions[n].add(at));
                    sums[n][0] = simd.mul_add_e_f32s(first, x, sums[n][0]);
                    sums[n][1] = simd.mul_add_e_f32s(second, x, sums[n][1]);
                }
            }
        }
    }
    sums
}

/// Rows of positions over which a gradient of weights is summed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// Where the row's first coarse pixel lies.
    pub(super) coarse: *const f32,
    /// Where the first of the `N` numbers that meet it lies.
    pub(super) fine: *const f32,
}

/// Adds the outer products of `channels` coarse channels (at most two vectors of them) and `N` neighbouring fine numbers,
/// over `count` pixels.
///
/// # Safety
/// `count` pixels must lie in live memory, `coarse_step` and `fine_step` numbers apart.
#[inline(always)]
pub(super) unsafe fn along_pixels<S: Simd, const N: usize>(
    simd: S,
    run: Run,
    count: usize,
    [coarse_step, fine_step]: [usize; 2],
    channels: usize,
    sums: &mut [[S::f32s; VECTORS]; N],
) {
    let lanes = S::F32_LANES;
    let mask = [0, 1].map(|vector| {
        let end = channels.saturating_sub(vector * lanes).min(lanes);
        simd.mask_between_m32s(0, end as u32)
    });
    let mut now = *sums;
    let (mut coarse, mut fine) = (run.coarse, run.fine);
    for _ in 0..count {
        // SAFETY: the caller vouches for the pixels.
        unsafe {
            let first = simd.mask_load_ptr_f32s(mask[0], coarse);
            let second = simd.mask_load_ptr_f32s(mask[1], coarse.wrapping_add(lanes));
            for n in 0..N {
                let x = simd.splat_f32s(*fine.add(n));
                now[n][0] = simd.mul_add_e_f32s(first, x, now[n][0]);
                now[n][1] = simd.mul_add_e_f32s(second, x, now[n][1]);
            }
        }
        coarse = coarse.wrapping_add(coarse_step);
        fine = fine.wrapping_add(fine_step);
    }
    *sums = now;
}
