//! Batch norm over the batch's own statistics with the leaky ReLU that follows it, and the leaky ReLU alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{CpuStorage, CustomOp1, D, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::op3::{CpuOp3, Gradients, Op3};
use super::{map_of, slice, with_slice};
use crate::network::kernel::{
    Epilogue, FeatureMap, Instructions, Moments, NormBackward, activate, fold, moments,
    moments_scratch, tanh_in_place,
};
use crate::network::spec::{BATCH_NORM_EPS, LEAKY_SLOPE};

/// Mean and biased variance of every channel over a batch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchStatistics {
    /// A mean a channel.
    pub mean: Vec<f32>,
    /// A variance a channel, divided by the count, not by one less.
    pub variance: Vec<f32>,
    /// Numbers a channel that they were taken over.
    pub count: usize,
}

/// Batch norm with the batch's statistics, then leaky ReLU (slope 0.2): `x` are maps, `weight` and `bias` `[channels]`. The
/// statistics come back beside the result.
///
/// Ioffe and Szegedy 2015, <https://arxiv.org/abs/1502.03167>.
///
/// # Errors
/// When the shapes do not fit.
pub fn batch_norm_leaky(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
) -> Result<(Tensor, BatchStatistics)> {
    #[cfg(feature = "cuda")]
    if x.device().is_cuda() {
        return super::cuda::batch_norm_leaky(x, weight, bias);
    }
    if x.device().is_cpu() {
        let map = map_of(x)?;
        let seen = Arc::new(Mutex::new(Moments::default()));
        let op = BatchNormLeaky {
            map,
            seen: Arc::clone(&seen),
        };
        let y = x.contiguous()?.apply_op3(weight, bias, Op3(op))?;
        let seen = locked(&seen).clone();
        let statistics = BatchStatistics {
            mean: seen.mean,
            variance: seen.variance,
            count: map.pixels(),
        };
        return Ok((y, statistics));
    }
    let rows = x.flatten_from(1)?;
    let mean = rows.mean_keepdim(D::Minus1)?;
    let centred = rows.broadcast_sub(&mean)?;
    let variance = centred.sqr()?.mean_keepdim(D::Minus1)?;
    let normal = centred.broadcast_div(&(&variance + f64::from(BATCH_NORM_EPS))?.sqrt()?)?;
    let scaled = normal
        .broadcast_mul(&weight.reshape(((), 1))?)?
        .broadcast_add(&bias.reshape(((), 1))?)?;
    let statistics = BatchStatistics {
        mean: mean.detach().flatten_all()?.to_vec1()?,
        variance: variance.detach().flatten_all()?.to_vec1()?,
        count: rows.dim(1)?,
    };
    Ok((leaky_relu(&scaled.reshape(x.shape())?)?, statistics))
}

/// x where it is positive, 0.2 x elsewhere.
///
/// # Errors
/// When the tensor is not f32.
pub fn leaky_relu(x: &Tensor) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if x.device().is_cuda() {
        return super::cuda::leaky_relu(x);
    }
    if x.device().is_cpu() {
        return x.contiguous()?.apply_op1(LeakyRelu);
    }
    x.relu()? - (x.neg()?.relu()? * f64::from(LEAKY_SLOPE))?
}

/// What a lock holds, also where a thread died with it: the numbers are written in one go.
fn locked(moments: &Mutex<Moments>) -> MutexGuard<'_, Moments> {
    moments.lock().unwrap_or_else(PoisonError::into_inner)
}

struct BatchNormLeaky {
    map: FeatureMap,
    seen: Arc<Mutex<Moments>>,
}

impl CpuOp3 for BatchNormLeaky {
    fn name(&self) -> &'static str {
        "batch-norm-leaky"
    }

    fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32]) -> Result<(Vec<f32>, Shape)> {
        let map = &self.map;
        if weight.len() != map.channels || bias.len() != map.channels {
            candle_core::bail!(
                "batch norm: {} weights and {} biases for {} channels",
                weight.len(),
                bias.len(),
                map.channels
            );
        }
        let mut seen = locked(&self.seen);
        let mut scratch = vec![0.0; moments_scratch(map)];
        moments(Instructions::Best, map, x, &mut scratch, &mut seen);
        let (scale, shift): (Vec<f32>, Vec<f32>) = (0..map.channels)
            .map(|c| {
                fold(
                    weight[c],
                    bias[c],
                    seen.mean[c],
                    seen.variance[c],
                    BATCH_NORM_EPS,
                )
            })
            .unzip();
        let epilogue = Epilogue {
            scale: Some(&scale),
            shift: Some(&shift),
            slope: LEAKY_SLOPE,
        };
        let mut y = vec![0.0f32; x.len()];
        activate(Instructions::Best, map, x, &mut y, epilogue);
        Ok((y, map.tensor_shape()))
    }

    fn backward(
        &self,
        [x, weight, bias]: [&Tensor; 3],
        y: &Tensor,
        dy: &[f32],
    ) -> Result<Gradients> {
        let seen = locked(&self.seen);
        let [dx, dw, db] = with_slice(x, |x| {
            with_slice(y, |y| {
                with_slice(weight, |weight| {
                    let backward = NormBackward {
                        x,
                        y,
                        dy,
                        moments: &seen,
                        weight,
                        slope: LEAKY_SLOPE,
                    };
                    Ok(backward.run(Instructions::Best, &self.map))
                })
            })
        })?;
        Ok([
            Some(dx),
            weight.track_op().then_some(dw),
            bias.track_op().then_some(db),
        ])
    }
}

/// The hyperbolic tangent.
///
/// # Errors
/// When the tensor is not f32.
pub fn tanh(x: &Tensor) -> Result<Tensor> {
    if x.device().is_cpu() {
        return x.contiguous()?.apply_op1(Tanh);
    }
    x.tanh()
}

struct Tanh;

impl CustomOp1 for Tanh {
    fn name(&self) -> &'static str {
        "tanh"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let mut y = slice(x, layout)?.to_vec();
        y.par_chunks_mut(1 << 14)
            .for_each(|y| tanh_in_place(Instructions::Best, y));
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        pointwise(x, y, gradient, |y, dy| dy * (1.0 - y * y))
    }
}

/// The gradient of an activation that its result tells: `f(y, dy)` of every number.
fn pointwise(
    x: &Tensor,
    y: &Tensor,
    gradient: &Tensor,
    f: impl Fn(f32, f32) -> f32 + Sync,
) -> Result<Option<Tensor>> {
    let dx: Vec<f32> = with_slice(y, |y| {
        with_slice(gradient, |dy| {
            let pairs = y.par_iter().with_min_len(1 << 14).zip(dy);
            Ok(pairs.map(|(&y, &dy)| f(y, dy)).collect())
        })
    })?;
    Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
}

struct LeakyRelu;

impl CustomOp1 for LeakyRelu {
    fn name(&self) -> &'static str {
        "leaky-relu"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = slice(x, layout)?
            .par_iter()
            .with_min_len(1 << 14)
            .map(|&x| x.max(x * LEAKY_SLOPE))
            .collect();
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        pointwise(
            x,
            y,
            gradient,
            |y, dy| if y > 0.0 { dy } else { dy * LEAKY_SLOPE },
        )
    }
}
