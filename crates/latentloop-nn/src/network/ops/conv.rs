//! Convolution and transposed convolution, 4 x 4, stride 2, padding 1, with bias.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::{map_of, slice, with_slice};
use crate::network::kernel::{ConvShape, channel_sums, down, up, weight_gradient};

/// Fine to coarse: `x` are maps of `in` channels and even sides, `weight` is `[out, in, 4, 4]`, `bias` `[out]`; the result are
/// maps of `out` channels and half the sides.
///
/// # Errors
/// When the shapes do not fit or a side is odd.
pub fn conv(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if x.device().is_cuda() {
        return super::cuda::conv(x, weight, bias);
    }
    if x.device().is_cpu() {
        let map = map_of(x)?;
        let (coarse, fine, _, _) = weight.dims4()?;
        let shape = ConvShape {
            coarse,
            fine,
            batch: map.batch,
            height: map.height / 2,
            width: map.width / 2,
        };
        let needs = Needs::of(x, weight);
        return x
            .contiguous()?
            .apply_op3(weight, bias, Conv { shape, needs });
    }
    let y = x
        .transpose(0, 1)?
        .contiguous()?
        .conv2d(weight, 1, 2, 1, 1)?;
    y.transpose(0, 1)?
        .contiguous()?
        .broadcast_add(&bias.reshape(((), 1, 1, 1))?)
}

/// Coarse to fine: `x` are maps of `in` channels, `weight` is `[in, out, 4, 4]`, `bias` `[out]`; the result are maps of `out`
/// channels and twice the sides.
///
/// # Errors
/// When the shapes do not fit.
pub fn conv_transposed(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    #[cfg(feature = "cuda")]
    if x.device().is_cuda() {
        return super::cuda::conv_transposed(x, weight, bias);
    }
    if x.device().is_cpu() {
        let map = map_of(x)?;
        let (coarse, fine, _, _) = weight.dims4()?;
        let shape = ConvShape {
            coarse,
            fine,
            batch: map.batch,
            height: map.height,
            width: map.width,
        };
        let needs = Needs::of(x, weight);
        return x
            .contiguous()?
            .apply_op3(weight, bias, ConvTransposed { shape, needs });
    }
    let y = x
        .transpose(0, 1)?
        .contiguous()?
        .conv_transpose2d(weight, 1, 0, 2, 1)?;
    y.transpose(0, 1)?
        .contiguous()?
        .broadcast_add(&bias.reshape(((), 1, 1, 1))?)
}

/// Which gradients somebody asked for.
#[derive(Clone, Copy, Debug)]
struct Needs {
    input: bool,
    weight: bool,
}

impl Needs {
    fn of(x: &Tensor, weight: &Tensor) -> Self {
        Self {
            input: x.track_op(),
            weight: weight.track_op(),
        }
    }
}

struct Conv {
    shape: ConvShape,
    needs: Needs,
}

struct ConvTransposed {
    shape: ConvShape,
    needs: Needs,
}

fn check(what: &str, numbers: usize, expected: usize) -> Result<()> {
    if numbers == expected {
        Ok(())
    } else {
        candle_core::bail!("{what}: {numbers} numbers, {expected} expected")
    }
}

impl CustomOp3 for Conv {
    fn name(&self) -> &'static str {
        "conv"
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
        let shape = &self.shape;
        check("a convolution's picture", x.len(), shape.fine_map().len())?;
        check("a convolution's weights", weight.len(), shape.weight_len())?;
        check("a convolution's biases", bias.len(), shape.coarse)?;
        let y = down(shape, x, weight, Some(bias));
        Ok((CpuStorage::F32(y), shape.coarse_map().tensor_shape()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let shape = &self.shape;
        with_slice(gradient, |dy| {
            let dx = match self.needs.input {
                true => Some(Tensor::from_vec(
                    with_slice(weight, |weight| Ok(up(shape, dy, weight, None)))?,
                    x.shape(),
                    x.device(),
                )?),
                false => None,
            };
            if !self.needs.weight {
                return Ok((dx, None, None));
            }
            let dw = with_slice(x, |x| Ok(weight_gradient(shape, dy, x)))?;
            let db = channel_sums(&shape.coarse_map(), dy);
            Ok((
                dx,
                Some(Tensor::from_vec(dw, weight.shape(), x.device())?),
                Some(Tensor::from_vec(db, bias.shape(), x.device())?),
            ))
        })
    }
}

impl CustomOp3 for ConvTransposed {
    fn name(&self) -> &'static str {
        "conv-transposed"
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
        let shape = &self.shape;
        check(
            "a transposed convolution's map",
            x.len(),
            shape.coarse_map().len(),
        )?;
        check(
            "a transposed convolution's weights",
            weight.len(),
            shape.weight_len(),
        )?;
        check("a transposed convolution's biases", bias.len(), shape.fine)?;
        let y = up(shape, x, weight, Some(bias));
        Ok((CpuStorage::F32(y), shape.fine_map().tensor_shape()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let shape = &self.shape;
        let tensor =
            |numbers, like: &Tensor| Tensor::from_vec(numbers, like.shape(), like.device());
        with_slice(gradient, |dy| {
            let dx = match self.needs.input {
                true => Some(tensor(
                    with_slice(weight, |weight| Ok(down(shape, dy, weight, None)))?,
                    x,
                )?),
                false => None,
            };
            if !self.needs.weight {
                return Ok((dx, None, None));
            }
            let dw = with_slice(x, |x| Ok(weight_gradient(shape, x, dy)))?;
            Ok((
                dx,
                Some(tensor(dw, weight)?),
                Some(tensor(channel_sums(&shape.fine_map(), dy), bias)?),
            ))
        })
    }
}
