//! Fine maps to columns and back, and the sums of channels: steps of the convolutions, none with a backward pass of its own.

use candle_core::backend::BackendStorage;
use candle_core::cuda::WrapErr;
use candle_core::cuda::cudarc::driver::{CudaView, PushKernelArg};
use candle_core::{CpuStorage, CudaDevice, CudaStorage, CustomOp1, Layout, Result, Shape};

use super::{check, numbers, on_cards_alone, room, wrap};
use crate::cuda::{Kernel, PTX, flat, per_channel};

/// Channels, batch and coarse side of one convolution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Maps {
    pub(super) coarse: usize,
    pub(super) fine: usize,
    pub(super) batch: usize,
    pub(super) height: usize,
    pub(super) width: usize,
}

impl Maps {
    pub(super) fn columns(&self) -> usize {
        self.batch * self.height * self.width
    }

    pub(super) fn taps(&self) -> usize {
        self.fine * 16
    }

    /// Batch, height and width as kernels take them.
    pub(super) fn counts(&self) -> [u32; 3] {
        [self.batch as u32, self.height as u32, self.width as u32]
    }
}

/// `[fine, batch, 2h, 2w]` to columns `[fine * 16, batch * h * w]`. Has no backward pass of its own: it is part of one.
pub(super) struct Im2Col(pub(super) Maps);

/// Columns to the fine map. As [`Im2Col`].
pub(super) struct Col2Im(pub(super) Maps);

impl Col2Im {
    pub(super) fn run(
        &self,
        columns: &CudaView<f32>,
        bias: Option<&CudaView<f32>>,
        device: &CudaDevice,
    ) -> Result<(CudaStorage, Shape)> {
        let maps = &self.0;
        let places = maps.fine * maps.columns();
        let mut fine = room(device, 4 * places)?;
        let (channels, [batch, height, width]) = (maps.fine as u32, maps.counts());
        let config = flat(places);
        match bias {
            Some(bias) => {
                launch!(
                    device,
                    Kernel::Col2Im,
                    config,
                    [columns, bias, &mut fine, &channels, &batch, &height, &width]
                );
            }
            None => {
                // The kernel takes a null pointer for no biases.
                launch!(
                    device,
                    Kernel::Col2Im,
                    config,
                    [
                        columns, &0u64, &mut fine, &channels, &batch, &height, &width
                    ]
                );
            }
        }
        let shape = Shape::from((maps.fine, maps.batch, 2 * maps.height, 2 * maps.width));
        Ok((wrap(fine, device), shape))
    }
}

impl CustomOp1 for Im2Col {
    fn name(&self) -> &'static str {
        "im2col"
    }

    fn cpu_fwd(&self, _x: &CpuStorage, _layout: &Layout) -> Result<(CpuStorage, Shape)> {
        on_cards_alone(self.name())
    }

    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (maps, device) = (&self.0, x.device());
        let fine = numbers(x, layout)?;
        let places = maps.fine * maps.columns();
        check("an im2col's map", fine.len(), 4 * places)?;
        let mut columns = room(device, 16 * places)?;
        let (channels, [batch, height, width]) = (maps.fine as u32, maps.counts());
        launch!(
            device,
            Kernel::Im2Col,
            flat(places),
            [&fine, &mut columns, &channels, &batch, &height, &width]
        );
        let shape = Shape::from((maps.taps(), maps.columns()));
        Ok((wrap(columns, device), shape))
    }
}

impl CustomOp1 for Col2Im {
    fn name(&self) -> &'static str {
        "col2im"
    }

    fn cpu_fwd(&self, _x: &CpuStorage, _layout: &Layout) -> Result<(CpuStorage, Shape)> {
        on_cards_alone(self.name())
    }

    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let columns = numbers(x, layout)?;
        let expected = self.0.taps() * self.0.columns();
        check("a col2im's columns", columns.len(), expected)?;
        self.run(&columns, None, x.device())
    }
}

/// `[channels, …]` to the sum of each channel, `[channels]`.
pub(super) struct ChannelSums;

impl CustomOp1 for ChannelSums {
    fn name(&self) -> &'static str {
        "channel-sums"
    }

    fn cpu_fwd(&self, _x: &CpuStorage, _layout: &Layout) -> Result<(CpuStorage, Shape)> {
        on_cards_alone(self.name())
    }

    fn cuda_fwd(&self, x: &CudaStorage, layout: &Layout) -> Result<(CudaStorage, Shape)> {
        let (channels, device) = (layout.dims()[0], x.device());
        let map = numbers(x, layout)?;
        let count = map.len() / channels.max(1);
        let mut sums = room(device, channels)?;
        launch!(
            device,
            Kernel::ChannelSums,
            per_channel(channels, count),
            [&map, &mut sums, &(count as u32)]
        );
        Ok((wrap(sums, device), Shape::from(channels)))
    }
}
