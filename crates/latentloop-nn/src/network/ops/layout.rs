//! Memory layout of feature maps in a tensor.

use candle_core::{CpuStorage, CustomOp1, Layout, Result, Shape, Tensor, bail};

use super::{slice, with_slice};
use crate::network::kernel::{BORDER, FeatureMap, interleave, planes};

/// Lays out planes, `[batch, channels, height, width]`, as maps.
///
/// # Errors
/// When the device fails.
pub fn to_maps(planes: &Tensor) -> Result<Tensor> {
    let (batch, channels, height, width) = planes.dims4()?;
    if !planes.device().is_cpu() {
        return planes.transpose(0, 1)?.contiguous();
    }
    let map = FeatureMap {
        batch,
        height,
        width,
        channels,
        border: BORDER,
    };
    planes.contiguous()?.apply_op1(Interleave(map))
}

/// Takes maps apart into planes, `[batch, channels, height, width]`: the way back of [`to_maps`].
///
/// # Errors
/// When the device fails.
pub fn from_maps(maps: &Tensor) -> Result<Tensor> {
    if !maps.device().is_cpu() {
        return maps.transpose(0, 1)?.contiguous();
    }
    maps.contiguous()?.apply_op1(Planes(map_of(maps)?))
}

/// The maps in a tensor on the processor.
pub(super) fn map_of(maps: &Tensor) -> Result<FeatureMap> {
    match maps.dims4()? {
        (batch, height, width, channels) if height > 2 * BORDER && width > 2 * BORDER => {
            Ok(FeatureMap {
                batch,
                height: height - 2 * BORDER,
                width: width - 2 * BORDER,
                channels,
                border: BORDER,
            })
        }
        _ => bail!("{:?} is no shape of feature maps", maps.dims()),
    }
}

struct Interleave(FeatureMap);

struct Planes(FeatureMap);

impl FeatureMap {
    /// The shape of the tensor that holds them.
    pub(super) fn tensor_shape(&self) -> Shape {
        let (height, width) = (self.height + 2 * self.border, self.width + 2 * self.border);
        Shape::from((self.batch, height, width, self.channels))
    }

    fn planes_shape(&self) -> Shape {
        Shape::from((self.batch, self.channels, self.height, self.width))
    }
}

impl CustomOp1 for Interleave {
    fn name(&self) -> &'static str {
        "to-maps"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let numbers = interleave(&self.0, slice(x, layout)?);
        Ok((CpuStorage::F32(numbers), self.0.tensor_shape()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let numbers = with_slice(gradient, |dy| Ok(planes(&self.0, dy)))?;
        Ok(Some(Tensor::from_vec(numbers, x.shape(), x.device())?))
    }
}

impl CustomOp1 for Planes {
    fn name(&self) -> &'static str {
        "from-maps"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let numbers = planes(&self.0, slice(x, layout)?);
        Ok((CpuStorage::F32(numbers), self.0.planes_shape()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let numbers = with_slice(gradient, |dy| Ok(interleave(&self.0, dy)))?;
        Ok(Some(Tensor::from_vec(numbers, x.shape(), x.device())?))
    }
}
