//! What a plan writes into, and the drawing of rows and pictures there.

#![allow(
    unsafe_code,
    reason = "rows of one picture written from several threads"
)]

use super::Bytes;
use super::plan::{Affine, Plan};
use crate::network::kernel::{
    Finish, Map, Moments, activate_in_place, moments, moments_scratch, tanh_in_place,
};

/// What the plan writes into; grown where more rows are drawn than ever before, and never shrunk.
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

/// Whose statistics batch norm uses.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
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

    /// Draws up to what the last layer takes, and calls `made` with the number of every map when it is there.
    pub(super) fn draw(
        &mut self,
        plan: &Plan,
        z: &[f32],
        rows: usize,
        source: Source,
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
            let map = Map {
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
                Source::Folded(affine) => Some(affine),
                Source::Batch => None,
            };
            let map = Map {
                batch: rows,
                ..layer.map
            };
            let (before, after) = maps.split_at_mut(index);
            let to = &mut after[0][..map.len()];
            match index.checked_sub(1) {
                None => plan.stem(z, rows, to, affine),
                Some(from) => {
                    let from = Map {
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
                made(index);
                continue;
            }
            let finish = match &layer.norm {
                Some(norm) => {
                    moments(plan.instructions, &map, to, scratch, seen);
                    norm.fold_all(seen, scale, shift);
                    Finish {
                        scale: Some(&scale[..]),
                        shift: Some(&shift[..]),
                        slope: layer.slope,
                    }
                }
                None => Finish {
                    slope: layer.slope,
                    ..Finish::bias(None)
                },
            };
            activate_in_place(plan.instructions, &map, to, finish);
            made(index);
        }
    }

    /// The first picture as bytes.
    pub(super) fn paint(&mut self, plan: &Plan, bytes: Bytes, rgba: &mut [u8]) {
        let Some((from, layer)) = self.maps.last().zip(plan.layers.last()) else {
            return;
        };
        let out = Pixels(rgba.as_mut_ptr());
        let size = plan.size;
        plan.picture(
            1,
            &from[..layer.map.len()],
            &mut self.scratch,
            |_, y, line| {
                tanh_in_place(plan.instructions, line);
                // SAFETY: row y of the picture is written by this call alone, and the picture has `size` rows of it.
                let row = unsafe { out.row(y, size) };
                plan.instructions.run_plain(|| bytes.pack(line, row));
            },
        );
    }
}

/// A picture whose rows several threads write.
#[derive(Clone, Copy)]
struct Pixels(*mut u8);

// SAFETY: every user writes rows that no other task writes, and the picture outlives the parallel loop.
unsafe impl Send for Pixels {}
// SAFETY: as above.
unsafe impl Sync for Pixels {}

impl Pixels {
    /// Row `y` of a picture `width` pixels wide.
    ///
    /// # Safety
    /// It must lie in the picture, and nobody else may touch it meanwhile.
    unsafe fn row<'a>(self, y: usize, width: usize) -> &'a mut [u8] {
        // SAFETY: the caller vouches for it.
        unsafe { std::slice::from_raw_parts_mut(self.0.wrapping_add(4 * y * width), 4 * width) }
    }
}
