//! A step of Adam in one pass over each tensor.

use candle_core::cuda::WrapErr;
use candle_core::cuda::cudarc::driver::PushKernelArg;
use candle_core::{Result, Tensor};

use super::with_numbers;
use crate::cuda::{Kernel, PTX, flat};

/// The numbers of a step of Adam that are the same for every tensor.
#[derive(Clone, Copy, Debug)]
pub struct AdamStep {
    /// Learning rate, divided by 1 - beta1^step.
    pub rate: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// The square root of 1 - beta2^step.
    pub root: f32,
    /// Keeps the division finite.
    pub eps: f32,
}

/// Moves a parameter and its moments in place, wherever else their memory is looked at.
///
/// # Errors
/// When the shapes differ, the tensors are not contiguous f32 on a card, or the launch fails.
pub fn adam(
    step: &AdamStep,
    parameter: &Tensor,
    [first, second]: [&Tensor; 2],
    gradient: &Tensor,
) -> Result<()> {
    let device = parameter.device().as_cuda_device()?;
    let gradient = gradient.contiguous()?;
    let count = parameter.elem_count();
    for other in [first, second, &gradient] {
        super::check("a step of Adam", other.elem_count(), count)?;
    }
    let all = [parameter, first, second, &gradient];
    with_numbers(all, |[parameter, first, second, gradient]| {
        let AdamStep {
            rate,
            beta1,
            beta2,
            root,
            eps,
        } = step;
        launch!(
            device,
            Kernel::Adam,
            flat(count),
            [
                parameter,
                first,
                second,
                gradient,
                rate,
                beta1,
                beta2,
                root,
                eps,
                &(count as u32)
            ]
        );
        Ok(())
    })
}
