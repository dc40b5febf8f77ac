//! The pass that enlarges the picture to the frame, on the graphics card.

mod pipelines;
mod planes;

use super::Canvas;
use super::film::Exposure;
use super::projection::{Filter, Projection, Way};
use pipelines::Pipelines;
use planes::Planes;

/// The picture on the card, and the pipelines of `shaders/analyse.wgsl` and `shaders/upscale.wgsl`.
pub(super) struct Upscale {
    pipelines: Pipelines,
    auto: Filter,
    numbers: wgpu::Buffer,
    /// A picture that was uploaded.
    picture: Option<Picture>,
    /// A picture that lies on the card already, and the number of its texture.
    borrowed: Option<(u64, Planes)>,
    shows_borrowed: bool,
    way: Way,
    halates: bool,
}

struct Picture {
    texture: wgpu::Texture,
    planes: Planes,
}

/// The shaders' uniform.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Numbers {
    offset: [f32; 2],
    extent: [f32; 2],
    grain_shift: [u32; 2],
    grain_step: u32,
    grain: f32,
    halation: f32,
    threshold: f32,
    sigma: f32,
    block: u32,
}

/// What is drawn on.
#[derive(Clone, Copy)]
pub(super) struct Card<'a> {
    pub(super) device: &'a wgpu::Device,
    pub(super) queue: &'a wgpu::Queue,
}

impl Upscale {
    /// The pass for a target of that format. Left to itself it follows edges; where the card is the processor itself, that would
    /// take the time that the engine needs, and it filters bilinearly.
    pub(super) fn new(card: Card, format: wgpu::TextureFormat, drawn_on_processor: bool) -> Self {
        Self {
            pipelines: Pipelines::new(card, format),
            auto: if drawn_on_processor {
                Filter::Bilinear
            } else {
                Filter::Edge
            },
            numbers: card.device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("projection"),
                size: size_of::<Numbers>() as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
            picture: None,
            borrowed: None,
            shows_borrowed: false,
            way: Way::Enlarge(Filter::Nearest),
            halates: false,
        }
    }

    /// Copies a picture to the card, to be placed in a `frame` of so many pixels.
    pub(super) fn upload(
        &mut self,
        card: Card,
        canvas: &Canvas,
        projection: &Projection,
        frame: (u32, u32),
    ) {
        let picture = match &self.picture {
            Some(picture) if picture.planes.size == canvas.size => picture,
            _ => {
                let texture = planes::bytes(card.device, canvas.size);
                let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
                let planes = Planes::new(
                    card.device,
                    &self.pipelines,
                    &self.numbers,
                    &view,
                    canvas.size,
                );
                self.picture.insert(Picture { texture, planes })
            }
        };
        planes::write(card.queue, &picture.texture, &canvas.rgba, canvas.size);
        self.shows_borrowed = false;
        self.place(card.queue, canvas.size, projection, frame);
    }

    /// Takes a picture that lies on the card already: a view of it, its size, and a number that changes when it is another.
    pub(super) fn borrow(
        &mut self,
        card: Card,
        (view, size, number): (&wgpu::TextureView, (u32, u32), u64),
        projection: &Projection,
        frame: (u32, u32),
    ) {
        let is_known = |(known, _): &(u64, Planes)| *known == number;
        if !self.borrowed.as_ref().is_some_and(is_known) {
            let planes = Planes::new(card.device, &self.pipelines, &self.numbers, view, size);
            self.borrowed = Some((number, planes));
        }
        self.shows_borrowed = true;
        self.place(card.queue, size, projection, frame);
    }

    fn place(
        &mut self,
        queue: &wgpu::Queue,
        size: (u32, u32),
        projection: &Projection,
        frame: (u32, u32),
    ) {
        let place = projection.fit.place(size, frame);
        let exposure = Exposure::new(&projection.film, size, frame);
        self.way = projection.filter.unwrap_or(self.auto).way(size, &place);
        self.halates = exposure.halation > 0.0;
        let numbers = Numbers {
            offset: [place.offset.0 as f32, place.offset.1 as f32],
            extent: [place.extent.0 as f32, place.extent.1 as f32],
            grain_shift: exposure.shift,
            grain_step: exposure.step,
            grain: exposure.grain,
            halation: exposure.halation,
            threshold: exposure.threshold,
            sigma: exposure.sigma,
            block: exposure.block,
        };
        queue.write_buffer(&self.numbers, 0, bytemuck::bytes_of(&numbers));
    }

    fn planes(&self) -> Option<&Planes> {
        if self.shows_borrowed {
            self.borrowed.as_ref().map(|(_, planes)| planes)
        } else {
            self.picture.as_ref().map(|picture| &picture.planes)
        }
    }

    /// Finds out, at the picture's own size, what the filter and the halation need.
    pub(super) fn prepare(&self, encoder: &mut wgpu::CommandEncoder) {
        if let Some(planes) = self.planes() {
            let follows_edges = self.way == Way::Enlarge(Filter::Edge);
            planes.prepare(encoder, &self.pipelines, follows_edges, self.halates);
        }
    }

    /// Draws the picture that was uploaded or borrowed last, and prepared, if there is one.
    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass) {
        if let Some(planes) = self.planes() {
            pass.set_pipeline(self.pipelines.way(self.way));
            pass.set_bind_group(0, &planes.whole, &[]);
            pass.draw(0..3, 0..1);
        }
    }
}

#[cfg(test)]
mod tests;
