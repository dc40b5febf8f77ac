//! Numbers that begin where a line of the cache does, so that no vector of them lies in two lines.

use bytemuck::{Pod, Zeroable};

/// A line of the cache.
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C, align(64))]
pub(crate) struct CacheLine([f32; 16]);

impl CacheLine {
    /// The first `count` numbers of `lines`, which grow where they are too few.
    pub(crate) fn numbers(lines: &mut Vec<Self>, count: usize) -> &mut [f32] {
        let needed = (count * size_of::<f32>()).div_ceil(size_of::<Self>());
        if lines.len() < needed {
            lines.resize(needed, Self::zeroed());
        }
        &mut bytemuck::cast_slice_mut(lines)[..count]
    }
}
