//! Batch norm with the leaky ReLU after it, and the leaky ReLU alone.

use std::sync::{Arc, Mutex};

use candle_core::backend::BackendStorage;
use candle_core::cuda::WrapErr;
use candle_core::cuda::cudarc::driver::{CudaSlice, PushKernelArg};
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Tensor, bail,
};

use super::super::norm::BatchStatistics;
use super::{numbers, on_cards_alone, room, tensor, with_numbers, wrap};
use crate::cuda::{Kernel, PTX, flat, per_channel};
use crate::network::spec::{BATCH_NORM_EPS, LEAKY_SLOPE};

/// Means, then biased variances, `[2, channels]`: written by the forward pass, read by the backward pass.
type Statistics = Arc<Mutex<Option<CudaSlice<f32>>>>;

/// [`super::super::batch_norm_leaky`] on a card. Waits for the card, for the statistics to come over.
pub(in crate::network::ops) fn batch_norm_leaky(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
) -> Result<(Tensor, BatchStatistics)> {
    let (y, statistics) = normalise(x, weight, bias)?;
    let device = x.device().as_cuda_device()?;
    let mut mean = with_statistics(&statistics, |numbers| device.clone_dtoh(numbers))?;
    let channels = mean.len() / 2;
    let variance = mean.split_off(channels);
    let count = x.elem_count() / channels;
    Ok((
        y,
        BatchStatistics {
            mean,
            variance,
            count,
        },
    ))
}

/// [`super::super::normalised_leaky`] on a card. Waits for nothing.
pub(in crate::network::ops) fn normalised_leaky(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
) -> Result<Tensor> {
    Ok(normalise(x, weight, bias)?.0)
}

fn normalise(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<(Tensor, Statistics)> {
    let (channels, ..) = x.dims4()?;
    if x.elem_count() == 0 || weight.dims() != [channels] || bias.dims() != [channels] {
        bail!(
            "batch norm of {:?} by {:?} with biases {:?} does not fit",
            x.dims(),
            weight.dims(),
            bias.dims()
        );
    }
    let statistics = Statistics::default();
    let op = BatchNormLeaky {
        statistics: Arc::clone(&statistics),
    };
    Ok((x.contiguous()?.apply_op3(weight, bias, op)?, statistics))
}

fn with_statistics<T>(
    statistics: &Statistics,
    f: impl FnOnce(&CudaSlice<f32>) -> Result<T>,
) -> Result<T> {
    let numbers = statistics
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    match &*numbers {
        Some(numbers) => f(numbers),
        None => bail!("batch norm's backward pass came before its forward pass"),
    }
}

/// [`super::super::leaky_relu`] on a card.
pub(in crate::network::ops) fn leaky_relu(x: &Tensor) -> Result<Tensor> {
    x.contiguous()?.apply_op1(Leaky)
}

struct BatchNormLeaky {
    statistics: Statistics,
}

impl CustomOp3 for BatchNormLeaky {
    fn name(&self) -> &'static str {
        "batch-norm-leaky"
    }

    fn cpu_fwd(
        &self,
        _x: &CpuStorage,
        _x_layout: &Layout,
        _weight: &CpuStorage,
        _weight_layout: &Layout,
        _bias: &CpuStorage,
        _bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        on_cards_alone(self.name())
    }

    fn cuda_fwd(
        &self,
        x: &CudaStorage,
        x_layout: &Layout,
        weight: &CudaStorage,
        weight_layout: &Layout,
        bias: &CudaStorage,
        bias_layout: &Layout,
    ) -> Result<(CudaStorage, Shape)> {
        let device = x.device();
        let (weight, bias) = (numbers(weight, weight_layout)?, numbers(bias, bias_layout)?);
        let x = numbers(x, x_layout)?;
        let channels = weight.len();
        let count = x.len() / channels;
        let mut y = room(device, x.len())?;
        let mut statistics = room(device, 2 * channels)?;
        launch!(
            device,
            Kernel::BatchNormLeaky,
            per_channel(channels, count),
            [
                &x,
                &weight,
                &bias,
                &mut y,
                &mut statistics,
                &BATCH_NORM_EPS,
                &LEAKY_SLOPE,
                &(count as u32)
            ]
        );
        *self
            .statistics
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(statistics);
        Ok((wrap(y, device), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.detach().contiguous()?;
        let device = x.device().as_cuda_device()?;
        let channels = weight.elem_count();
        let count = x.elem_count() / channels;
        let mut dx = room(device, x.elem_count())?;
        let mut parameters = room(device, 2 * channels)?;
        with_numbers([x, y, &gradient, weight], |[x, y, dy, weight]| {
            with_statistics(&self.statistics, |statistics| {
                launch!(
                    device,
                    Kernel::BatchNormLeakyBackward,
                    per_channel(channels, count),
                    [
                        x,
                        y,
                        dy,
                        weight,
                        statistics,
                        &mut dx,
                        &mut parameters,
                        &BATCH_NORM_EPS,
                        &LEAKY_SLOPE,
                        &(count as u32)
                    ]
                );
                Ok(())
            })
        })?;
        let parameters = tensor(parameters, device, (2, channels));
        let parameter = |of: &Tensor, place: usize| match of.track_op() {
            true => Ok(Some(parameters.get(place)?)),
            false => Result::Ok(None),
        };
        let (dw, db) = (parameter(weight, 0)?, parameter(bias, 1)?);
        Ok((Some(tensor(dx, device, x.shape())), dw, db))
    }
}

struct Leaky;

impl CustomOp1 for Leaky {
    fn name(&self) -> &'static str {
        "leaky-relu"
    }

    fn cpu_fwd(&self, _x: &CpuStorage, _layout: &Layout) -> Result<(CpuStorage, Shape)> {
        on_cards_alone(self.name())
    }

    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let device = x.device();
        let x = numbers(x, layout)?;
        let count = x.len();
        let mut y = room(device, count)?;
        launch!(
            device,
            Kernel::Leaky,
            flat(count),
            [&x, &mut y, &LEAKY_SLOPE, &(count as u32)]
        );
        Ok((wrap(y, device), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let gradient = gradient.detach().contiguous()?;
        let device = x.device().as_cuda_device()?;
        let count = x.elem_count();
        let mut dx = room(device, count)?;
        with_numbers([y, &gradient], |[y, dy]| {
            launch!(
                device,
                Kernel::LeakyBackward,
                flat(count),
                [y, dy, &mut dx, &LEAKY_SLOPE, &(count as u32)]
            );
            Ok(())
        })?;
        Ok(Some(tensor(dx, device, x.shape())))
    }
}
