//! Activation buffers: what a plan writes into, and the forward pass through them.

#![allow(
    unsafe_code,
    reason = "rows of one picture written from several threads"
)]

use super::Rounding;
use super::plan::{Affine, Plan};
use crate::network::kernel::{
    Epilogue, FeatureMap, Moments, UnsafeSlice, activate_in_place, moments, moments_scratch,
};

/// The activations of a forward pass; grown where more rows are drawn than ever before, and never shrunk.
#[derive(Default)]
pub(super) struct Buffers {
    /// What each layer takes.
    pub(super) maps: Vec<Vec<f32>>,
    pub(super) scratch: Vec<f32>,
    /// What a batch norm saw, and what it makes of it.
    seen: Moments,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// Where batch norm's statistics come from: folded into the weights before, or from the batch itself.
#[derive(Clone, Copy)]
pub(super) enum StatsSource<'a> {
    Folded(&'a Affine),
    Batch,
}

impl Buffers {
    pub(super) fn new(plan: &Plan) -> Self {
        Self {
            maps: vec![Vec::new(); plan.layers.len()],
            ..Self::default()
        }
    }

    /// The forward pass up to what the last layer takes; calls `made` with the number of every map when it is there.
    pub(super) fn forward(
        &mut self,
        plan: &Plan,
        z: &[f32],
        rows: usize,
        source: StatsSource,
        mut made: impl FnMut(usize),
    ) {
        let Self {
            maps,
            scratch,
            seen,
            scale,
            shift,
        } = self;
        let mut needed = plan.picture_scratch(rows);
        for (layer, numbers) in plan.layers.iter().zip(maps.iter_mut()) {
            let map = FeatureMap {
                batch: rows,
                ..layer.map
            };
            if numbers.len() < map.len() {
                numbers.resize(map.len(), 0.0);
            }
            needed = needed.max(moments_scratch(&map));
        }
        if scratch.len() < needed {
            scratch.resize(needed, 0.0);
        }
        for (index, layer) in plan.layers.iter().enumerate() {
            let affine = match source {
                StatsSource::Folded(affine) => Some(affine),
                StatsSource::Batch => None,
            };
            let map = FeatureMap {
                batch: rows,
                ..layer.map
            };
            let (before, after) = maps.split_at_mut(index);
            let to = &mut after[0][..map.len()];
            match index.checked_sub(1) {
                None => plan.stem(z, rows, to, affine),
                Some(from) => {
                    let from = FeatureMap {
                        batch: rows,
                        ..plan.layers[from].map
                    };
                    plan.layer(
                        index - 1,
                        rows,
                        &before[index - 1][..from.len()],
                        to,
                        affine,
                    );
                }
            }
            if affine.is_some() {
                plan.bend(index, to);
                made(index);
                continue;
            }
            let epilogue = match &layer.norm {
                Some(norm) => {
                    moments(plan.instructions, &map, to, scratch, seen);
                    norm.fold_all(seen, scale, shift);
                    Epilogue {
                        scale: Some(&scale[..]),
                        shift: Some(&shift[..]),
                        slope: layer.slope,
                    }
                }
                None => Epilogue {
                    slope: layer.slope,
                    ..Epilogue::bias(None)
                },
            };
            activate_in_place(plan.instructions, &map, to, epilogue);
            plan.bend(index, to);
            made(index);
        }
    }

    /// Renders the first picture as RGBA, `rgba` being height x width x 4.
    pub(super) fn render_rgba(&mut self, plan: &Plan, rounding: Rounding, rgba: &mut [u8]) {
        let Some((from, layer)) = self.maps.last().zip(plan.layers.last()) else {
            return;
        };
        let out = UnsafeSlice::new(rgba);
        let width = 4 * plan.size;
        plan.picture(
            1,
            &from[..layer.map.len()],
            &mut self.scratch,
            |_, y, line| {
                plan.end(line);
                // SAFETY: row y of the picture is written by this call alone.
                let row = unsafe { out.slice(y * width, width) };
                plan.instructions.run_plain(|| rounding.pack(line, row));
            },
        );
    }
}
