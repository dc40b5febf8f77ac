//! The operations on NVIDIA cards: our kernels around cuBLAS's matrix products, each with its own backward pass.

#![allow(
    unsafe_code,
    reason = "launches hand pointers to kernels that the compiler cannot see into"
)]

/// Launches a kernel on the device's stream: pointers and numbers in the order of its parameters.
///
/// The caller vouches for what the kernel's description asks of them.
macro_rules! launch {
    ($device:expr, $kernel:expr, $config:expr, [$($argument:expr),+ $(,)?]) => {{
        let config = $config.map_err(candle_core::Error::wrap)?;
        let function = $device.get_or_load_custom_func($kernel.name(), "latentloop", PTX)?;
        // SAFETY: the buffers were made for these shapes on this device, arguments stand in the order and have the
        // types of the kernel's parameters, and everything on the device happens in the order of its one stream.
        unsafe { function.builder()$(.arg($argument))+.launch(config) }.w()?;
    }};
}

mod adam;
mod columns;
mod conv;
mod norm;

pub use adam::{AdamStep, adam};
pub(super) use conv::{conv, conv_transposed};
pub(super) use norm::{batch_norm_leaky, leaky_relu, normalised_leaky};

use candle_core::cuda::cudarc::driver::{CudaSlice, CudaView};
use candle_core::op::BackpropOp;
use candle_core::{CudaDevice, CudaStorage, Layout, Result, Shape, Storage, Tensor, bail};

/// The numbers of a contiguous f32 storage.
fn numbers<'a>(storage: &'a CudaStorage, layout: &Layout) -> Result<CudaView<'a, f32>> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(storage.as_cuda_slice::<f32>()?.slice(start..end)),
        None => bail!(
            "expected a contiguous tensor, got strides {:?}",
            layout.stride()
        ),
    }
}

/// Runs `f` on the numbers of contiguous f32 tensors on a card.
fn with_numbers<T, const N: usize>(
    tensors: [&Tensor; N],
    f: impl FnOnce([&CudaView<f32>; N]) -> Result<T>,
) -> Result<T> {
    let places = tensors.map(Tensor::storage_and_layout);
    let mut views = Vec::with_capacity(N);
    for (storage, layout) in &places {
        match &**storage {
            Storage::Cuda(storage) => views.push(numbers(storage, layout)?),
            _ => bail!("expected a tensor on a CUDA card"),
        }
    }
    f(std::array::from_fn(|place| &views[place]))
}

/// A tensor that no graph knows of.
fn tensor(numbers: CudaSlice<f32>, device: &CudaDevice, shape: impl Into<Shape>) -> Tensor {
    Tensor::from_storage(
        Storage::Cuda(wrap(numbers, device)),
        shape,
        BackpropOp::none(),
        false,
    )
}

/// Room for `count` numbers that a kernel is about to write, every one.
fn room(device: &CudaDevice, count: usize) -> Result<CudaSlice<f32>> {
    // SAFETY: nobody reads them before the kernel that the caller launches next has written them.
    unsafe { device.alloc::<f32>(count) }
}

fn wrap(numbers: CudaSlice<f32>, device: &CudaDevice) -> CudaStorage {
    CudaStorage::wrap_cuda_slice(numbers, device.clone())
}

fn on_cards_alone<T>(name: &str) -> Result<T> {
    bail!("{name} of this kind runs on CUDA alone")
}

fn check(what: &str, numbers: usize, expected: usize) -> Result<()> {
    if numbers == expected {
        Ok(())
    } else {
        bail!("{what}: {numbers} numbers, {expected} expected")
    }
}

#[cfg(test)]
mod tests;
