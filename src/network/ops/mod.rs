//! The operations of both networks as candle custom ops with their own backward.
//!
//! Activations are channels-major, `[channels, batch, height, width]`, so that a convolution over the whole batch is one
//! matrix product and batch norm works on contiguous rows. On the CPU the kernels of this module run; on any other
//! device candle's own operations do, behind the same functions.

mod conv;
mod kernel;
mod norm;

pub use conv::{conv, conv_transposed};
pub use kernel::ConvShape;
pub(crate) use kernel::up_into;
pub use norm::{BatchStatistics, batch_norm_leaky, leaky_relu};

#[cfg(test)]
mod tests;

use candle_core::{CpuStorage, Layout, Result, Tensor, bail};

/// Runs `f` on the numbers of a contiguous f32 tensor in CPU memory.
pub(crate) fn with_slice<T>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
    let tensor = tensor.contiguous()?;
    let (storage, layout) = tensor.storage_and_layout();
    match &*storage {
        candle_core::Storage::Cpu(storage) => f(slice(storage, layout)?),
        _ => bail!("expected a tensor in CPU memory"),
    }
}

/// The numbers of a contiguous f32 storage.
fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => bail!(
            "expected a contiguous tensor, got strides {:?}",
            layout.stride()
        ),
    }
}
