//! The convolutions.
//!
//! Maps are channels first, `[channels, batch, height, width]`; fine and coarse ones share weights laid out as
//! `[coarse, fine, 4, 4]`, which are the matrix W of `[coarse, fine * 16]`. Down is W · im2col(fine), up is
//! col2im(Wᵀ · coarse); each is the other's backward pass, and the weights' gradient is coarse · im2col(fine)ᵀ. Columns are
//! made anew for the backward pass, not kept.

use candle_core::backend::BackendStorage;
use candle_core::cuda::WrapErr;
use candle_core::cuda::cudarc::driver::PushKernelArg;
use candle_core::{
    CpuStorage, CudaStorage, CustomOp1, CustomOp3, Layout, Result, Shape, Tensor, bail,
};

use super::columns::{ChannelSums, Col2Im, Im2Col, Maps};
use super::{numbers, on_cards_alone};
use crate::cuda::{Kernel, PTX, flat};

/// The gradients that somebody asked for.
#[derive(Clone, Copy, Debug)]
struct Needs {
    input: bool,
    weight: bool,
    bias: bool,
}

impl Needs {
    fn of(input: &Tensor, weight: &Tensor, bias: &Tensor) -> Self {
        Self {
            input: input.track_op(),
            weight: weight.track_op(),
            bias: bias.track_op(),
        }
    }
}

/// [`super::super::conv()`] on a card.
pub(in crate::network::ops) fn conv(x: &Tensor, weight: &Tensor, bias: &Tensor) -> Result<Tensor> {
    let (channels, batch, height, width) = x.dims4()?;
    let (coarse, fine) = sides(weight)?;
    if channels != fine || bias.dims() != [coarse] || height % 2 + width % 2 > 0 {
        bail!(
            "a convolution of {:?} by {:?} with biases {:?} does not fit",
            x.dims(),
            weight.dims(),
            bias.dims()
        );
    }
    let maps = Maps {
        coarse,
        fine,
        batch,
        height: height / 2,
        width: width / 2,
    };
    let needs = Needs::of(x, weight, bias);
    x.contiguous()?
        .apply_op3(&weight.contiguous()?, bias, Conv { maps, needs })
}

/// [`super::super::conv_transposed()`] on a card.
pub(in crate::network::ops) fn conv_transposed(
    x: &Tensor,
    weight: &Tensor,
    bias: &Tensor,
) -> Result<Tensor> {
    let (channels, batch, height, width) = x.dims4()?;
    let (coarse, fine) = sides(weight)?;
    if channels != coarse || bias.dims() != [fine] {
        bail!(
            "a transposed convolution of {:?} by {:?} with biases {:?} does not fit",
            x.dims(),
            weight.dims(),
            bias.dims()
        );
    }
    let maps = Maps {
        coarse,
        fine,
        batch,
        height,
        width,
    };
    let needs = Needs::of(x, weight, bias);
    x.contiguous()?
        .apply_op3(&weight.contiguous()?, bias, ConvTransposed { maps, needs })
}

/// Channels of the coarse and of the fine map.
fn sides(weight: &Tensor) -> Result<(usize, usize)> {
    match weight.dims() {
        &[coarse, fine, 4, 4] => Ok((coarse, fine)),
        other => bail!("weights {other:?} where [coarse, fine, 4, 4] was expected"),
    }
}

struct Conv {
    maps: Maps,
    needs: Needs,
}

struct ConvTransposed {
    maps: Maps,
    needs: Needs,
}

/// The gradients of a weight and of a bias, where they were asked for, from the coarse map, the fine map's columns and the
/// gradient of what the bias was added to.
fn parameters(
    (needs, weight): (Needs, &Tensor),
    coarse: &Tensor,
    columns: impl FnOnce() -> Result<Tensor>,
    gradient: &Tensor,
) -> Result<(Option<Tensor>, Option<Tensor>)> {
    let dw = match needs.weight {
        true => Some(coarse.matmul(&columns()?.t()?)?.reshape(weight.shape())?),
        false => None,
    };
    let db = match needs.bias {
        true => Some(gradient.apply_op1_no_bwd(&ChannelSums)?),
        false => None,
    };
    Ok((dw, db))
}

impl CustomOp3 for Conv {
    fn name(&self) -> &'static str {
        "conv"
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
        let (maps, device) = (&self.maps, x.device());
        let (columns, shape) = Im2Col(*maps).cuda_fwd(x, x_layout)?;
        let matrix = (maps.coarse, maps.taps());
        let mut y = weight.matmul(
            &columns,
            (1, maps.coarse, maps.columns(), maps.taps()),
            &Layout::contiguous_with_offset(matrix, weight_layout.start_offset()),
            &Layout::contiguous(shape),
        )?;
        let bias = numbers(bias, bias_layout)?;
        let (channels, count) = (maps.coarse as u32, maps.columns() as u32);
        let config = flat(maps.coarse * maps.columns());
        let map = y.as_cuda_slice_mut::<f32>()?;
        launch!(
            device,
            Kernel::AddBias,
            config,
            [map, &bias, &channels, &count]
        );
        let shape = Shape::from((maps.coarse, maps.batch, maps.height, maps.width));
        Ok((y, shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let maps = self.maps;
        let dy = gradient.detach().contiguous()?;
        let dy = dy.reshape((maps.coarse, maps.columns()))?;
        let dx = match self.needs.input {
            true => {
                let matrix = weight.detach().reshape((maps.coarse, maps.taps()))?;
                Some(matrix.t()?.matmul(&dy)?.apply_op1_no_bwd(&Col2Im(maps))?)
            }
            false => None,
        };
        let columns = || x.apply_op1_no_bwd(&Im2Col(maps));
        let (dw, db) = parameters((self.needs, weight), &dy, columns, &dy)?;
        Ok((dx, dw, db))
    }
}

impl CustomOp3 for ConvTransposed {
    fn name(&self) -> &'static str {
        "conv-transposed"
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
        let (maps, device) = (&self.maps, x.device());
        let matrix = (maps.coarse, maps.taps());
        let map = (maps.coarse, maps.columns());
        let columns = weight.matmul(
            x,
            (1, maps.taps(), maps.columns(), maps.coarse),
            &Layout::contiguous_with_offset(matrix, weight_layout.start_offset())
                .transpose(0, 1)?,
            &Layout::contiguous_with_offset(map, x_layout.start_offset()),
        )?;
        let columns = columns.as_cuda_slice::<f32>()?.as_view();
        let bias = numbers(bias, bias_layout)?;
        Col2Im(*maps).run(&columns, Some(&bias), device)
    }

    fn bwd(
        &self,
        x: &Tensor,
        weight: &Tensor,
        _bias: &Tensor,
        _y: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let maps = self.maps;
        let dy = gradient.detach().contiguous()?;
        // The columns of the gradient serve both.
        let columns = dy.apply_op1_no_bwd(&Im2Col(maps))?;
        let dx = match self.needs.input {
            true => {
                let matrix = weight.detach().reshape((maps.coarse, maps.taps()))?;
                Some(matrix.matmul(&columns)?.reshape(x.shape())?)
            }
            false => None,
        };
        let coarse = x.detach().reshape((maps.coarse, maps.columns()))?;
        let (dw, db) = parameters((self.needs, weight), &coarse, || Ok(columns), &dy)?;
        Ok((dx, dw, db))
    }
}
