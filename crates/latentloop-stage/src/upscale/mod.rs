//! The pass that enlarges the picture to the frame, on the graphics card.

mod pipelines;
mod planes;

use super::film::Exposure;
use super::fit::Placement;
use super::limiter::GpuLimiter;
use super::projection::{Filter, Projection, Resampling};
use super::upload::{Picture, TextureId};
use pipelines::Pipelines;
use planes::Planes;

/// The picture on the card, and the pipelines of `analyse.wgsl` and `upscale.wgsl`.
pub(super) struct Upscale {
    pipelines: Pipelines,
    auto: Filter,
    numbers: wgpu::Buffer,
    /// What is made of the picture, and the number of its texture.
    planes: Option<(TextureId, Planes)>,
    way: Resampling,
    halates: bool,
    has_film: bool,
    limiter: GpuLimiter,
}

/// Where the picture lies in the frame, and what makes it film: `Projection` of `projection.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct ProjectionUniform {
    offset: [f32; 2],
    extent: [f32; 2],
    grain_shift: [u32; 2],
    grain_step: u32,
    grain: f32,
    halation: f32,
    threshold: f32,
    sigma: f32,
    block: u32,
    frame: [f32; 2],
}

/// What is drawn on.
#[derive(Clone, Copy)]
pub(super) struct GpuHandles<'a> {
    pub(super) device: &'a wgpu::Device,
    pub(super) queue: &'a wgpu::Queue,
}

impl Upscale {
    /// The pass for a target of that format. Left to itself it follows edges; where the card is the processor itself, that would
    /// take the time that the engine needs, and it filters bilinearly.
    pub(super) fn new(
        card: GpuHandles,
        format: wgpu::TextureFormat,
        drawn_on_processor: bool,
    ) -> Self {
        let pipelines = Pipelines::new(card, format);
        let (frame, limiter) = (&pipelines.whole_layout, &pipelines.limiter_layouts);
        Self {
            limiter: GpuLimiter::new(card.device, frame, limiter, pipelines::LIMITER),
            pipelines,
            auto: if drawn_on_processor {
                Filter::Bilinear
            } else {
                Filter::Edge
            },
            numbers: card.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("projection"),
                size: size_of::<ProjectionUniform>() as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
            planes: None,
            way: Resampling::Enlarge(Filter::Nearest),
            halates: false,
            has_film: false,
        }
    }

    /// Takes a picture that lies on the card, to be placed in a `frame` of so many pixels. `is_overlaid`: something will be laid
    /// over it.
    pub(super) fn take(
        &mut self,
        card: GpuHandles,
        picture: &Picture,
        projection: &Projection,
        frame: (u32, u32),
        is_overlaid: bool,
    ) {
        let Picture {
            view,
            size,
            texture,
        } = picture;
        if !matches!(&self.planes, Some((known, _)) if known == texture) {
            let planes = Planes::new(card.device, &self.pipelines, &self.numbers, view, *size);
            self.planes = Some((*texture, planes));
        }
        self.place(card.queue, *size, projection, frame);
        let (tick, limits) = (projection.tick, projection.limits);
        self.limiter.meet(card.queue, tick, limits, is_overlaid);
    }

    fn place(
        &mut self,
        queue: &wgpu::Queue,
        size: (u32, u32),
        projection: &Projection,
        frame: (u32, u32),
    ) {
        let place = Placement::of(projection.fit, size, frame);
        let exposure = Exposure::new(&projection.film, size, frame);
        self.way = projection.filter.unwrap_or(self.auto).way(size, &place);
        self.halates = exposure.halation > 0.0;
        self.has_film = self.halates || exposure.grain > 0.0;
        let numbers = ProjectionUniform {
            offset: [place.offset.0 as f32, place.offset.1 as f32],
            extent: [place.extent.0 as f32, place.extent.1 as f32],
            grain_shift: exposure.shift,
            grain_step: exposure.step,
            grain: exposure.grain,
            halation: exposure.halation,
            threshold: exposure.threshold,
            sigma: exposure.sigma,
            block: exposure.block,
            frame: [frame.0 as f32, frame.1 as f32],
        };
        queue.write_buffer(&self.numbers, 0, bytemuck::bytes_of(&numbers));
    }

    fn planes(&self) -> Option<&Planes> {
        self.planes.as_ref().map(|(_, planes)| planes)
    }

    /// Finds out, at the picture's own size, what the filter and the halation need, and how much of its flashes may be shown.
    pub(super) fn prepare(&self, encoder: &mut wgpu::CommandEncoder) {
        if let Some(planes) = self.planes() {
            let follows_edges = self.way == Resampling::Enlarge(Filter::Edge);
            planes.prepare(encoder, &self.pipelines, follows_edges, self.halates);
            self.limiter.follow(encoder, &planes.whole);
        }
    }

    /// Draws the picture that was taken last, and prepared, if there is one.
    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass) {
        if let Some(planes) = self.planes() {
            pass.set_pipeline(self.pipelines.way(self.way, self.has_film));
            pass.set_bind_group(0, &planes.whole, &[]);
            pass.set_bind_group(2, &self.limiter.gains, &[]);
            pass.draw(0..3, 0..1);
        }
    }
}

#[cfg(test)]
mod tests;
