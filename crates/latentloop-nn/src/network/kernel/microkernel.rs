//! Micro-kernels: the inner and outer products that every convolution here is made of.

use pulp::{Arch, Simd, WithSimd};

/// The SIMD instruction set that a kernel runs on.
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
    pub(crate) fn run<Op: WithSimd>(self, op: Op) -> Op::Output {
        match self {
            Self::Best => Arch::new().dispatch(op),
            Self::Portable => pulp::Scalar128b.vectorize(op),
        }
    }

    /// Runs plain loops on them: the compiler makes vectors of what it can.
    #[inline(always)]
    pub fn run_plain(self, op: impl FnOnce()) {
        struct Plain<F>(F);
        impl<F: FnOnce()> WithSimd for Plain<F> {
            type Output = ();
            #[inline(always)]
            fn with_simd<S: Simd>(self, _simd: S) {
                (self.0)();
            }
        }
        self.run(Plain(op));
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
pub(crate) const VECTORS: usize = 2;
/// The same where the channels are an odd number of vectors: the 48 taps of a last layer.
pub(crate) const ODD_VECTORS: usize = 3;

/// The receptive field of one output position: `rows` runs of `run` numbers, `row_stride` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) rows: usize,
    pub(crate) run: usize,
    pub(crate) row_stride: usize,
}

impl Window {
    /// Numbers that one position sees.
    pub(crate) fn depth(&self) -> usize {
        self.rows * self.run
    }
}

/// Sums `weights` (the window's depth x `V` vectors of output channels) times what each of `N` positions sees.
///
/// # Safety
/// The window must lie in live memory from every position on, and the weights must be of that depth.
#[inline(always)]
pub(crate) unsafe fn window_products<S: Simd, const N: usize, const V: usize>(
    simd: S,
    window: Window,
    weights: *const f32,
    positions: [*const f32; N],
) -> [[S::f32s; V]; N] {
    let mut sums = [[simd.splat_f32s(0.0); V]; N];
    let mut weights = weights.cast::<S::f32s>();
    for row in 0..window.rows {
        let mut here = positions;
        for position in &mut here {
            *position = position.wrapping_add(row * window.row_stride);
        }
        for at in 0..window.run {
            // SAFETY: the caller vouches for weights and windows.
            unsafe {
                // Spelled out: loops over the vectors cost a tenth of the speed.
                let first = weights.read_unaligned();
                let second = weights.add(1).read_unaligned();
                let third = if V > VECTORS {
                    weights.add(2).read_unaligned()
                } else {
                    first
                };
                weights = weights.add(V);
                for n in 0..N {
                    let x = simd.splat_f32s(*here[n].add(at));
                    sums[n][0] = simd.mul_add_e_f32s(first, x, sums[n][0]);
                    sums[n][1] = simd.mul_add_e_f32s(second, x, sums[n][1]);
                    if V > VECTORS {
                        sums[n][2] = simd.mul_add_e_f32s(third, x, sums[n][2]);
                    }
                }
            }
        }
    }
    sums
}

/// Reads the first `count` numbers of a vector, zeros after them.
///
/// # Safety
/// They must lie in live memory.
#[inline(always)]
pub(crate) unsafe fn load<S: Simd>(simd: S, from: *const f32, count: usize) -> S::f32s {
    // SAFETY: the caller vouches for the numbers.
    unsafe {
        if count == S::F32_LANES {
            from.cast::<S::f32s>().read_unaligned()
        } else {
            simd.partial_load_f32s(std::slice::from_raw_parts(from, count))
        }
    }
}

/// Writes the first `count` numbers of a vector.
///
/// # Safety
/// They must lie in live memory that nobody else touches meanwhile.
#[inline(always)]
pub(crate) unsafe fn store<S: Simd>(simd: S, to: *mut f32, count: usize, vector: S::f32s) {
    // SAFETY: the caller vouches for the numbers.
    unsafe {
        if count == S::F32_LANES {
            to.cast::<S::f32s>().write_unaligned(vector);
        } else {
            simd.partial_store_f32s(std::slice::from_raw_parts_mut(to, count), vector);
        }
    }
}

/// Reads the first `count` numbers of some vectors, zeros after them.
///
/// # Safety
/// They must lie in live memory.
#[inline(always)]
pub(crate) unsafe fn load_vectors<S: Simd, const V: usize>(
    simd: S,
    from: *const f32,
    count: usize,
) -> [S::f32s; V] {
    let lanes = S::F32_LANES;
    let mut vectors = [simd.splat_f32s(0.0); V];
    for (v, vector) in vectors.iter_mut().enumerate() {
        let count = count.saturating_sub(v * lanes).min(lanes);
        // SAFETY: the caller vouches for the numbers.
        *vector = unsafe { load(simd, from.wrapping_add(v * lanes), count) };
    }
    vectors
}

/// Writes the first `count` numbers of some vectors.
///
/// # Safety
/// They must lie in live memory that nobody else touches meanwhile.
#[inline(always)]
pub(crate) unsafe fn store_vectors<S: Simd, const V: usize>(
    simd: S,
    to: *mut f32,
    count: usize,
    vectors: [S::f32s; V],
) {
    let lanes = S::F32_LANES;
    for (v, vector) in vectors.into_iter().enumerate() {
        let count = count.saturating_sub(v * lanes).min(lanes);
        // SAFETY: the caller vouches for the numbers.
        unsafe { store(simd, to.wrapping_add(v * lanes), count, vector) };
    }
}

/// A row of pixels over which a gradient of weights is summed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PixelRow {
    /// Where the row's first coarse pixel lies.
    pub(crate) coarse: *const f32,
    /// Where the first of the `N` numbers that meet it lies.
    pub(crate) fine: *const f32,
}

/// Adds the outer products of `channels` coarse channels (at most two vectors of them) and `N` neighbouring fine numbers,
/// over `count` pixels.
///
/// # Safety
/// `count` pixels must lie in live memory, `coarse_step` and `fine_step` numbers apart.
#[inline(always)]
pub(crate) unsafe fn add_outer_products<S: Simd, const N: usize>(
    simd: S,
    row: PixelRow,
    count: usize,
    [coarse_step, fine_step]: [usize; 2],
    channels: usize,
    sums: &mut [[S::f32s; VECTORS]; N],
) {
    let mut now = *sums;
    let (mut coarse, mut fine) = (row.coarse, row.fine);
    for _ in 0..count {
        // SAFETY: the caller vouches for the pixels.
        unsafe {
            let [first, second]: [S::f32s; VECTORS] = load_vectors(simd, coarse, channels);
            for (n, now) in now.iter_mut().enumerate() {
                let x = simd.splat_f32s(*fine.add(n));
                now[0] = simd.mul_add_e_f32s(first, x, now[0]);
                now[1] = simd.mul_add_e_f32s(second, x, now[1]);
            }
        }
        coarse = coarse.wrapping_add(coarse_step);
        fine = fine.wrapping_add(fine_step);
    }
    *sums = now;
}
