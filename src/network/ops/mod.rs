//! The operations of both networks as candle custom ops with their own backward.
//!
//! Activations are channels-major, `[channels, batch, height, width]`, so that a convolution over the whole batch is one
//! matrix product and batch norm works on contiguous rows. On the CPU and on NVIDIA cards kernels of our own run; on any
//! other device candle's operations do, behind the same functions.

mod conv;
#[cfg(feature = "cuda")]
pub(crate) mod cuda;
mod kernel;
mod norm;

pub use conv::{conv, conv_transposed};
pub use kernel::ConvShape;
pub(crate) use kernel::up_into;
pub use norm::{BatchStatistics, batch_norm_leaky, leaky_relu};

#[cfg(test)]
mod tests;

use candle_core::{CpuStorage, Layout, Result, Tensor, bail};

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
