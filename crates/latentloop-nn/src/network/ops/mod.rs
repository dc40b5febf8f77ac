//! The operations of both networks as candle custom ops with their own backward.
//!
//! A stack of feature maps is one tensor, and how its numbers lie is this module's affair: on the processor channels last with
//! a border of zeros, `[batch, height + 2, width + 2, channels]`, which the kernels of [`super::kernel`] read in order; on any
//! other device channels first, `[channels, batch, height, width]`, so that a convolution over the whole batch is one matrix
//! product. On NVIDIA cards kernels of our own surround it, elsewhere candle's operations run behind the same functions.
//! [`to_maps`] and [`from_maps`] lead in and out.

mod augment;
mod conv;
#[cfg(feature = "cuda")]
pub mod cuda;
mod layout;
mod norm;
mod op3;

pub use augment::{Augmentation, augment};
pub use conv::{conv, conv_transposed};
pub use layout::{from_maps, to_maps};
pub use norm::{BatchStatistics, batch_norm_leaky, leaky_relu, tanh};

#[cfg(test)]
mod tests;

use candle_core::{CpuStorage, Layout, Result, Tensor, bail};

use layout::map_of;

/// [`batch_norm_leaky`] where nobody asks for the statistics; on a card there is then nothing to wait for.
///
/// # Errors
/// When the shapes do not fit.
pub fn normalised_leaky(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if x.device().is_cuda() {
        return cuda::normalised_leaky(x, weight, bias);
    }
    Ok(batch_norm_leaky(x, weight, bias)?.0)
}

/// Runs `f` on the numbers of a contiguous f32 tensor in CPU memory.
pub fn with_slice<T>(tensor: &Tensor, f: impl FnOnce(&[f32]) -> Result<T>) -> Result<T> {
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
