//! Batch statistics of a generator's norms: computed step by step between frames, and interpolated.

use super::ROWS;
use super::plan::Plan;
use crate::network::kernel::{
    Epilogue, FeatureMap, Moments, activate_in_place, moments, moments_scratch,
};

/// Batch statistics: mean and biased variance of every channel, norm after norm.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchStats(pub(super) Vec<Moments>);

impl BatchStats {
    /// Channels of all norms together.
    pub(super) fn channels(&self) -> usize {
        self.0.iter().map(|seen| seen.mean.len()).sum()
    }

    /// Becomes the weighted sum of `parts`; the weights sum up to 1.
    ///
    /// Variances are interpolated by their logarithms, so that they stay above zero however the weights overshoot.
    pub fn interpolate(&mut self, parts: &[(f32, &Self)]) {
        let Some((_, first)) = parts.first() else {
            return;
        };
        self.0.resize(first.0.len(), Moments::default());
        for (norm, out) in self.0.iter_mut().enumerate() {
            let channels = first.0[norm].mean.len();
            out.mean.clear();
            out.variance.clear();
            for channel in 0..channels {
                let sum = |of: &dyn Fn(&Moments) -> f32| -> f32 {
                    parts
                        .iter()
                        .map(|(weight, part)| weight * of(&part.0[norm]))
                        .sum()
                };
                out.mean.push(sum(&|part| part.mean[channel]));
                let logarithm = sum(&|part| (part.variance[channel] + TINY).ln());
                out.variance.push((logarithm.exp() - TINY).max(0.0));
            }
        }
    }
}

/// Keeps the logarithm of a variance of zero finite; far below batch norm's own epsilon.
const TINY: f32 = 1e-8;

/// Computes the statistics of [`ROWS`] rows in steps of one row of one layer, so that a frame never waits for it longer than
/// for one layer.
#[derive(Default)]
pub(super) struct StatsProbe {
    z: Vec<f32>,
    /// The map that is made and the one before it, in turn.
    maps: [Vec<f32>; 2],
    scratch: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
    seen: BatchStats,
    /// The next step: a map and a row of it.
    next: Option<(usize, usize)>,
}

impl StatsProbe {
    /// Begins anew with these rows.
    pub(super) fn begin(&mut self, plan: &Plan, z: &[f32]) {
        self.z.clear();
        self.z.extend_from_slice(z);
        self.next = Some((0, 0));
        let norms = plan.layers.iter().filter(|layer| layer.norm.is_some());
        self.seen.0.resize(norms.count(), Moments::default());
        let map = |layer: &super::plan::Layer| FeatureMap {
            batch: ROWS,
            ..layer.map
        };
        let scratch = plan.layers.iter().map(|layer| moments_scratch(&map(layer)));
        self.scratch.resize(scratch.max().unwrap_or(0), 0.0);
    }

    /// Takes the next step, if there is one; the statistics after the last.
    pub(super) fn step(&mut self, plan: &Plan) -> Option<&BatchStats> {
        let (index, row) = self.next?;
        let layer = &plan.layers[index];
        let map = FeatureMap {
            batch: ROWS,
            ..layer.map
        };
        let [even, odd] = &mut self.maps;
        let (to, from) = if index.is_multiple_of(2) {
            (even, &*odd)
        } else {
            (odd, &*even)
        };
        if row == 0 {
            // The borders lie elsewhere in every map, and must be zeros.
            to.clear();
            to.resize(map.len(), 0.0);
        }
        let picture = &mut to[row * map.picture()..][..map.picture()];
        match index.checked_sub(1) {
            None => plan.stem(
                &self.z[row * plan.latent..][..plan.latent],
                1,
                picture,
                None,
            ),
            Some(before) => {
                let each = plan.layers[before].map.picture();
                plan.layer(before, 1, &from[row * each..][..each], picture, None);
            }
        }
        if row + 1 < ROWS {
            self.next = Some((index, row + 1));
            return None;
        }
        let epilogue = match &layer.norm {
            Some(norm) => {
                let before = plan.layers[..index].iter();
                let number = before.filter(|layer| layer.norm.is_some()).count();
                let seen = &mut self.seen.0[number];
                moments(plan.instructions, &map, to, &mut self.scratch, seen);
                norm.fold_all(seen, &mut self.scale, &mut self.shift);
                Epilogue {
                    scale: Some(&self.scale),
                    shift: Some(&self.shift),
                    slope: layer.slope,
                }
            }
            None => Epilogue {
                slope: layer.slope,
                ..Epilogue::bias(None)
            },
        };
        self.next = (index + 1 < plan.layers.len()).then_some((index + 1, 0));
        if self.next.is_none() {
            return Some(&self.seen);
        }
        activate_in_place(plan.instructions, &map, to, epilogue);
        plan.bend(index, to);
        None
    }
}
