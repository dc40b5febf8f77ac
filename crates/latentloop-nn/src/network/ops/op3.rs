//! candle's custom operation of three tensors, in terms of numbers on the processor.

use candle_core::{CpuStorage, CustomOp3, Layout, Result, Shape, Tensor};

use super::{slice, with_slice};

/// Gradients of the three operands, those that somebody asked for.
pub(super) type Gradients = [Option<Vec<f32>>; 3];

/// An operation of feature maps, weights and biases.
pub(super) trait CpuOp3: Send + Sync {
    fn name(&self) -> &'static str;

    /// The result and its shape.
    fn forward(&self, x: &[f32], weight: &[f32], bias: &[f32]) -> Result<(Vec<f32>, Shape)>;

    /// The gradients of the operands, `dy` being that of the result `y`.
    fn backward(&self, operands: [&Tensor; 3], y: &Tensor, dy: &[f32]) -> Result<Gradients>;
}

/// [`CpuOp3`] as candle takes it.
pub(super) struct Op3<T>(pub(super) T);

impl<T: CpuOp3> CustomOp3 for Op3<T> {
    fn name(&self) -> &'static str {
        self.0.name()
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
        let (y, shape) = self.0.forward(
            slice(x, x_layout)?,
            slice(weight, weight_layout)?,
            slice(bias, bias_layout)?,
        )?;
        Ok((CpuStorage::F32(y), shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        bias: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let operands = [x, weight, bias];
        let [dx, dw, db] = with_slice(gradient, |dy| self.0.backward(operands, y, dy))?;
        let tensor = |numbers: Option<Vec<f32>>, of: &Tensor| {
            numbers
                .map(|numbers| Tensor::from_vec(numbers, of.shape(), x.device()))
                .transpose()
        };
        Ok((tensor(dx, x)?, tensor(dw, weight)?, tensor(db, bias)?))
    }
}
