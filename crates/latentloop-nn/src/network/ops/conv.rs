//! Convolution and transposed convolution, 4 x 4, stride 2, padding 1, with bias.

use candle_core::{Result, Shape, Tensor};

use super::op3::{CpuOp3, Gradients, Op3};
use super::{map_of, with_slice};
use crate::network::kernel::{
    ConvShape, Direction, FeatureMap, channel_sums, strided, transposed, weight_gradient,
};

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
        return x.contiguous()?.apply_op3(
            weight,
            bias,
            Op3(Conv {
                direction: Direction::Strided,
                shape,
                needs,
            }),
        );
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
        return x.contiguous()?.apply_op3(
            weight,
            bias,
            Op3(Conv {
                direction: Direction::Transposed,
                shape,
                needs,
            }),
        );
    }
    let y = x
        .transpose(0, 1)?
        .contiguous()?
        .conv_transpose2d(weight, 1, 0, 2, 1)?;
    y.transpose(0, 1)?
        .contiguous()?
        .broadcast_add(&bias.reshape(((), 1, 1, 1))?)
}

/// The gradients that somebody asked for.
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
    direction: Direction,
    shape: ConvShape,
    needs: Needs,
}

impl Conv {
    /// The maps that go in and come out.
    fn maps(&self) -> [FeatureMap; 2] {
        let (coarse, fine) = (self.shape.coarse_map(), self.shape.fine_map());
        match self.direction {
            Direction::Strided => [fine, coarse],
            Direction::Transposed => [coarse, fine],
        }
    }
}

fn check(what: &str, numbers: usize, expected: usize) -> Result<()> {
    if numbers == expected {
        Ok(())
    } else {
        candle_core::bail!("{what}: {numbers} numbers, {expected} expected")
    }
}

impl CpuOp3 for Conv {
    fn name(&self) -> &'static str {
        match self.direction {
            Direction::Strided => "conv",
            Direction::Transposed => "conv-transposed",
        }
    }

    fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32]) -> Result<(Vec<f32>, Shape)> {
        let (shape, [from, to]) = (&self.shape, self.maps());
        check("a convolution's map", x.len(), from.len())?;
        check("a convolution's weights", weight.len(), shape.weight_len())?;
        check("a convolution's biases", bias.len(), to.channels)?;
        let y = match self.direction {
            Direction::Strided => strided(shape, x, weight, Some(bias)),
            Direction::Transposed => transposed(shape, x, weight, Some(bias)),
        };
        Ok((y, to.tensor_shape()))
    }

    fn backward(&self, [x, weight, _]: [&Tensor; 3], _y: &Tensor, dy: &[f32]) -> Result<Gradients> {
        let (shape, [_, to]) = (&self.shape, self.maps());
        // The input gradient of either convolution is the other one.
        let dx = self.needs.input.then(|| {
            with_slice(weight, |weight| {
                Ok(match self.direction {
                    Direction::Strided => transposed(shape, dy, weight, None),
                    Direction::Transposed => strided(shape, dy, weight, None),
                })
            })
        });
        let dw = self.needs.weight.then(|| {
            with_slice(x, |x| {
                Ok(match self.direction {
                    Direction::Strided => weight_gradient(shape, dy, x),
                    Direction::Transposed => weight_gradient(shape, x, dy),
                })
            })
        });
        let db = self.needs.weight.then(|| channel_sums(&to, dy));
        Ok([dx.transpose()?, dw.transpose()?, db])
    }
}
