//! Batch norm over the batch's own statistics with the leaky ReLU that follows it, and the leaky ReLU alone.

use std::sync::{Arc, Mutex};

use candle_core::{CpuStorage, CustomOp1, CustomOp3, D, Layout, Result, Shape, Tensor};
use rayon::prelude::*;

use super::{slice, with_slice};
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

/// Batch norm with the batch's statistics, then leaky ReLU (slope 0.2): `x` is `[channels, batch, h, w]`, `weight` and `bias`
/// `[channels]`. The statistics come back beside the result.
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
        let statistics = Arc::new(Mutex::new(BatchStatistics::default()));
        let op = BatchNormLeaky {
            statistics: Arc::clone(&statistics),
        };
        let y = x.contiguous()?.apply_op3(weight, bias, op)?;
        let statistics = statistics
            .lock()
            .map_or_else(|poisoned| poisoned.into_inner().clone(), |s| s.clone());
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

fn leaky(x: f32) -> f32 {
    if x > 0.0 { x } else { x * LEAKY_SLOPE }
}

struct BatchNormLeaky {
    statistics: Arc<Mutex<BatchStatistics>>,
}

impl CustomOp3 for BatchNormLeaky {
    fn name(&self) -> &'static str {
        "batch-norm-leaky"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        weight: &CpuStorage,
        weight_layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, weight, bias) = (
            slice(x, x_layout)?,
            slice(weight, weight_layout)?,
            slice(bias, bias_layout)?,
        );
        let channels = weight.len();
        if channels == 0 || bias.len() != channels || !x.len().is_multiple_of(channels) {
            candle_core::bail!(
                "batch norm: {} numbers for {channels} channels and {} biases",
                x.len(),
                bias.len()
            );
        }
        let count = x.len() / channels;
        let mut y = vec![0.0f32; x.len()];
        let (mean, variance): (Vec<f32>, Vec<f32>) = x
            .par_chunks_exact(count)
            .zip(y.par_chunks_exact_mut(count))
            .enumerate()
            .map(|(channel, (x, y))| {
                let (mean, variance) = moments(x);
                let scale = weight[channel] / (variance + BATCH_NORM_EPS).sqrt();
                let shift = bias[channel] - mean * scale;
                for (y, &x) in y.iter_mut().zip(x) {
                    *y = leaky(x * scale + shift);
                }
                (mean, variance)
            })
            .unzip();
        if let Ok(mut statistics) = self.statistics.lock() {
            *statistics = BatchStatistics {
                mean,
                variance,
                count,
            };
        }
        Ok((CpuStorage::F32(y), x_layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let statistics = self
            .statistics
            .lock()
            .map_or_else(|poisoned| poisoned.into_inner().clone(), |s| s.clone());
        let mut dx = vec![0.0f32; x.elem_count()];
        let count = statistics.count;
        let sums: Vec<(f32, f32)> = with_slice(x, |x| {
            with_slice(y, |y| {
                with_slice(gradient, |dy| {
                    with_slice(weight, |weight| {
                        Ok(dx
                            .par_chunks_exact_mut(count)
                            .enumerate()
                            .map(|(channel, dx)| {
                                let span = channel * count..(channel + 1) * count;
                                let row = Row {
                                    x: &x[span.clone()],
                                    y: &y[span.clone()],
                                    dy: &dy[span],
                                };
                                row.backward(
                                    statistics.mean[channel],
                                    statistics.variance[channel],
                                    weight[channel],
                                    dx,
                                )
                            })
                            .collect())
                    })
                })
            })
        })?;
        let (dw, db): (Vec<f32>, Vec<f32>) = sums.into_iter().unzip();
        let device = x.device();
        Ok((
            Some(Tensor::from_vec(dx, x.shape(), device)?),
            weight
                .track_op()
                .then(|| Tensor::from_vec(dw, weight.shape(), device))
                .transpose()?,
            bias.track_op()
                .then(|| Tensor::from_vec(db, bias.shape(), device))
                .transpose()?,
        ))
    }
}

/// One channel's numbers in the backward pass.
struct Row<'a> {
    x: &'a [f32],
    y: &'a [f32],
    dy: &'a [f32],
}

impl Row<'_> {
    /// Writes the input's gradient; returns those of the channel's weight and bias.
    fn backward(&self, mean: f32, variance: f32, weight: f32, dx: &mut [f32]) -> (f32, f32) {
        let inverse = 1.0 / (variance + BATCH_NORM_EPS).sqrt();
        for (dx, (&y, &dy)) in dx.iter_mut().zip(self.y.iter().zip(self.dy)) {
            // The slope is positive, so the result has the sign of what went into the activation.
            *dx = if y > 0.0 { dy } else { dy * LEAKY_SLOPE };
        }
        let db = sum(dx, |g| g);
        let dw: f64 = dx
            .chunks(512)
            .zip(self.x.chunks(512))
            .map(|(g, x)| {
                let mut lanes = [0.0f32; 512];
                for (lane, (&g, &x)) in lanes.iter_mut().zip(g.iter().zip(x)) {
                    *lane = g * ((x - mean) * inverse);
                }
                sum(&lanes[..g.len()], |v| v)
            })
            .sum();
        let count = self.x.len() as f32;
        let (scale, mean_db, mean_dw) = (weight * inverse, db as f32 / count, dw as f32 / count);
        for (dx, &x) in dx.iter_mut().zip(self.x) {
            *dx = scale * (*dx - mean_db - (x - mean) * inverse * mean_dw);
        }
        (dw as f32, db as f32)
    }
}

/// Sums `f` of every number in sixteen lanes, carried over to f64 before f32 loses bits.
fn sum(x: &[f32], f: impl Fn(f32) -> f32) -> f64 {
    const LANES: usize = 16;
    let mut total = 0.0f64;
    for block in x.chunks(LANES * 64) {
        let mut lanes = [0.0f32; LANES];
        let whole = block.chunks_exact(LANES);
        let rest: f32 = whole.remainder().iter().map(|&v| f(v)).sum();
        for chunk in whole {
            for (lane, &v) in lanes.iter_mut().zip(chunk) {
                *lane += f(v);
            }
        }
        total += f64::from(lanes.iter().sum::<f32>() + rest);
    }
    total
}

/// Mean and biased variance.
fn moments(x: &[f32]) -> (f32, f32) {
    let count = x.len() as f64;
    let mean = (sum(x, |v| v) / count) as f32;
    (mean, (sum(x, |v| (v - mean) * (v - mean)) / count) as f32)
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
            .map(|&x| leaky(x))
            .collect();
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let dx: Vec<f32> = with_slice(y, |y| {
            with_slice(gradient, |dy| {
                Ok(y.par_iter()
                    .with_min_len(1 << 14)
                    .zip(dy)
                    .map(|(&y, &dy)| if y > 0.0 { dy } else { dy * LEAKY_SLOPE })
                    .collect())
            })
        })?;
        Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
    }
}
