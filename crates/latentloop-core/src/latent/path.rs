//! Interpolation from one keyframe to the next.

use serde::{Deserialize, Serialize};

/// The interpolation of latents between keyframes. States hold its variants by number: new ones come last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Path {
    /// Straight.
    #[default]
    Lerp,
    /// Along the great circle, row by row (Shoemake 1985).
    Slerp,
    /// Straight, each row's norm brought to the interpolated one.
    NormLerp,
    /// Catmull-Rom through the neighbours as well: no corner at a keyframe.
    Smooth,
}

impl Path {
    /// In the order of the parameter table's choices.
    pub const ALL: [Self; 4] = [Self::Lerp, Self::Slerp, Self::NormLerp, Self::Smooth];
    /// Their names.
    pub const NAMES: [&'static str; 4] = ["lerp", "slerp", "norm-lerp", "smooth"];
}

/// The easing of a segment: how evenly it is gone over. States hold its variants by number: new ones come last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ease {
    /// At an even pace.
    #[default]
    Linear,
    /// Slow at both keyframes: 3 w^2 - 2 w^3.
    Smooth,
}

impl Ease {
    /// In the order of the parameter table's choices.
    pub const ALL: [Self; 2] = [Self::Linear, Self::Smooth];
    /// Their names.
    pub const NAMES: [&'static str; 2] = ["linear", "smooth"];

    /// The weight of the later keyframe at `weight` of the way.
    pub fn apply(self, weight: f64) -> f64 {
        match self {
            Self::Linear => weight,
            Self::Smooth => weight * weight * (3.0 - 2.0 * weight),
        }
    }
}

/// One row between `b` and `c` at `weight` in 0..1; `a` comes before `b`, `d` after `c`.
pub fn interpolate(path: Path, [a, b, c, d]: [&[f64]; 4], weight: f64, out: &mut [f64]) {
    match path {
        Path::Lerp => lerp(b, c, weight, out),
        Path::Slerp => slerp(b, c, weight, out),
        Path::NormLerp => {
            lerp(b, c, weight, out);
            let wanted = norm(b) * (1.0 - weight) + norm(c) * weight;
            let found = norm(out);
            if found > 0.0 {
                out.iter_mut().for_each(|v| *v *= wanted / found);
            }
        }
        Path::Smooth => {
            let w = weight;
            let (w2, w3) = (w * w, w * w * w);
            let (ka, kb) = (-0.5 * w + w2 - 0.5 * w3, 1.0 - 2.5 * w2 + 1.5 * w3);
            let (kc, kd) = (0.5 * w + 2.0 * w2 - 1.5 * w3, -0.5 * w2 + 0.5 * w3);
            for (at, out) in out.iter_mut().enumerate() {
                *out = a[at] * ka + b[at] * kb + c[at] * kc + d[at] * kd;
            }
        }
    }
}

fn lerp(b: &[f64], c: &[f64], weight: f64, out: &mut [f64]) {
    for ((out, &b), &c) in out.iter_mut().zip(b).zip(c) {
        *out = b * (1.0 - weight) + c * weight;
    }
}

fn slerp(b: &[f64], c: &[f64], weight: f64, out: &mut [f64]) {
    let lengths = norm(b) * norm(c);
    let cosine = if lengths > 0.0 {
        (dot(b, c) / lengths).clamp(-1.0, 1.0)
    } else {
        1.0
    };
    let angle = libm::acos(cosine);
    let sine = libm::sin(angle);
    // Nearly parallel or opposite: the great circle is not determined.
    if sine < 1e-6 {
        return lerp(b, c, weight, out);
    }
    let (kb, kc) = (
        libm::sin((1.0 - weight) * angle) / sine,
        libm::sin(weight * angle) / sine,
    );
    for ((out, &b), &c) in out.iter_mut().zip(b).zip(c) {
        *out = b * kb + c * kc;
    }
}

fn norm(a: &[f64]) -> f64 {
    libm::sqrt(dot(a, a))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).fold(0.0, |sum, (&a, &b)| sum + a * b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_meets_its_keyframes() {
        let rows = [
            [1.0, 2.0, -1.0],
            [0.5, -1.0, 2.0],
            [-2.0, 0.25, 1.0],
            [3.0, 1.0, 0.0],
        ];
        let points = [0, 1, 2, 3].map(|row: usize| &rows[row][..]);
        for path in Path::ALL {
            for (weight, expected) in [(0.0, rows[1]), (1.0, rows[2])] {
                let mut out = [0.0; 3];
                interpolate(path, points, weight, &mut out);
                for (got, want) in out.iter().zip(expected) {
                    assert!((got - want).abs() < 1e-12, "{path:?} at {weight}: {out:?}");
                }
            }
        }
    }

    #[test]
    fn slerp_keeps_the_norm_of_equally_long_rows() {
        let (b, c) = ([3.0, 4.0, 0.0], [0.0, 0.0, 5.0]);
        let mut out = [0.0; 3];
        interpolate(Path::Slerp, [&b, &b, &c, &c], 0.3, &mut out);
        assert!((norm(&out) - 5.0).abs() < 1e-12);
        interpolate(Path::NormLerp, [&b, &b, &c, &c], 0.3, &mut out);
        assert!((norm(&out) - 5.0).abs() < 1e-12);
    }
}
