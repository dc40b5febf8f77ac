//! Opening a card, and the shapes of launches.

use std::sync::Arc;

use candle_core::Device;
use candle_core::cuda::cudarc::driver::{CudaContext, CudaModule, DriverError, LaunchConfig};
use thiserror::Error;

use super::{FLAT_THREADS, PTX};

/// The first compute capability that the kernels are compiled for.
const CAPABILITY: (i32, i32) = (8, 0);
/// Most threads of a flat launch: kernels count them in 32 bits, the last block's excess included.
const MOST: usize = 1 << 31;

/// Why no card was opened, or something was too large for one.
#[derive(Debug, Error)]
pub enum CardError {
    /// The bindings could not load a library of CUDA.
    #[error("the CUDA libraries could not be loaded")]
    Libraries,
    /// The driver sees no card, or cannot be used.
    #[error("no CUDA card could be opened ({0})")]
    Open(String),
    /// The kernels do not run on it.
    #[error(
        "the card {name} has compute capability {}.{}, and {}.{} or later is needed", .found.0, .found.1, CAPABILITY.0, CAPABILITY.1
    )]
    Old {
        /// What the driver calls it.
        name: String,
        /// Its compute capability.
        found: (i32, i32),
    },
    /// The kernels were not accepted.
    #[error("the card's driver did not take the kernels ({0})")]
    Kernels(DriverError),
    /// The kernels count in 32 bits.
    #[error("{0} numbers at once are too many for the kernels; take a smaller batch")]
    Size(usize),
}

/// Opens the first card and loads the kernels.
///
/// # Errors
/// When there is no card, no driver for it, or it is too old.
pub(crate) fn open() -> Result<(Arc<CudaContext>, Arc<CudaModule>), CardError> {
    let context = quietly(|| CudaContext::new(0))?.map_err(|e| CardError::Open(e.to_string()))?;
    check(&context)?;
    let module = context
        .load_module(PTX.into())
        .map_err(CardError::Kernels)?;
    Ok((context, module))
}

/// The first card as a candle device with a stream of its own, for training.
///
/// # Errors
/// As [`open`].
#[allow(
    unsafe_code,
    reason = "candle's bookkeeping between streams is switched off, for there is one stream"
)]
pub fn training_device() -> Result<Device, CardError> {
    let device = quietly(|| Device::new_cuda_with_stream(0))?;
    let device = device.map_err(|error| CardError::Open(error.to_string()))?;
    if let Device::Cuda(card) = &device {
        check(card.cuda_stream().context())?;
        // SAFETY: every tensor of this device lives and is used on the one stream that was opened with it.
        unsafe { card.disable_event_tracking() };
    }
    Ok(device)
}

/// Bindings that open libraries while the program runs panic where one is missing; candle's present ones are linked
/// instead, and then this catches nothing.
fn quietly<T>(open: impl FnOnce() -> T + std::panic::UnwindSafe) -> Result<T, CardError> {
    std::panic::catch_unwind(open).map_err(|_panic| CardError::Libraries)
}

fn check(context: &CudaContext) -> Result<(), CardError> {
    let unknown = |error: DriverError| CardError::Open(error.to_string());
    let found = context.compute_capability().map_err(unknown)?;
    if found < CAPABILITY {
        let name = context.name().map_err(unknown)?;
        return Err(CardError::Old { name, found });
    }
    Ok(())
}

/// A launch of one thread for each of `numbers`.
///
/// # Errors
/// When the kernels could not count them.
pub(crate) fn flat(numbers: usize) -> Result<LaunchConfig, CardError> {
    if numbers >= MOST {
        return Err(CardError::Size(numbers));
    }
    Ok(LaunchConfig {
        grid_dim: ((numbers as u32).div_ceil(FLAT_THREADS).max(1), 1, 1),
        block_dim: (FLAT_THREADS, 1, 1),
        shared_mem_bytes: 0,
    })
}

/// A launch of one block for each of `channels`, each of `count` numbers: whole warps, and four numbers a thread where
/// there are as many.
///
/// # Errors
/// As [`flat`].
pub(crate) fn per_channel(channels: usize, count: usize) -> Result<LaunchConfig, CardError> {
    if channels >= MOST || count >= MOST {
        return Err(CardError::Size(channels.max(count)));
    }
    let threads = (count as u32)
        .div_ceil(4)
        .next_power_of_two()
        .clamp(32, 1024);
    Ok(LaunchConfig {
        grid_dim: (channels as u32, 1, 1),
        block_dim: (threads, 1, 1),
        shared_mem_bytes: 0,
    })
}
