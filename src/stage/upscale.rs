//! The pass that enlarges the picture to the screen, on the graphics card.

use super::Fit;
use super::sheet::Picture;

/// The picture on the card, and the pipeline of `shaders/upscale.wgsl`.
pub(super) struct Upscale {
    pipeline: wgpu::RenderPipeline,
    layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
    placing: wgpu::Buffer,
    /// The picture on the card, and the number of its texture.
    picture: Option<(u64, wgpu::BindGroup)>,
}

/// The shader's uniform.
#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Placing {
    offset: [f32; 2],
    extent: [f32; 2],
}

impl Upscale {
    /// The pass for a target of that format. Where the card is the processor itself, Catmull-Rom's nine taps a pixel would
    /// take the time that the engine needs: it filters bilinearly.
    pub(super) fn new(
        device: &wgpu::Device,
        format: wgpu::TextureFormat,
        drawn_on_processor: bool,
    ) -> Self {
        let filter = if drawn_on_processor {
            "bilinear"
        } else {
            "catmull_rom"
        };
        let layout = bind_group_layout(device);
        Self {
            pipeline: pipeline(device, &layout, format, filter),
            layout,
            sampler: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("picture"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..Default::default()
            }),
            placing: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("placing"),
                size: size_of::<Placing>() as u64,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            }),
            picture: None,
        }
    }

    /// Takes a picture that lies on the card, to be placed in a `frame` of so many pixels.
    pub(super) fn take(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        picture: &Picture,
        fit: Fit,
        frame: (u32, u32),
    ) {
        let Picture {
            view,
            size,
            texture,
        } = picture;
        if !matches!(&self.picture, Some((known, _)) if known == texture) {
            self.picture = Some((*texture, self.bind(device, view)));
        }
        self.place(queue, *size, fit, frame);
    }

    fn place(&self, queue: &wgpu::Queue, size: (u32, u32), fit: Fit, frame: (u32, u32)) {
        let (across, down) = fit.extent(size, frame);
        let middle = |frame: u32, extent: f64| ((f64::from(frame) - extent) / 2.0) as f32;
        let placing = Placing {
            offset: [middle(frame.0, across), middle(frame.1, down)],
            extent: [across as f32, down as f32],
        };
        queue.write_buffer(&self.placing, 0, bytemuck::bytes_of(&placing));
    }

    /// Draws the picture that was taken last, if there is one.
    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass) {
        if let Some((_, group)) = &self.picture {
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.draw(0..3, 0..1);
        }
    }

    fn bind(&self, device: &wgpu::Device, view: &wgpu::TextureView) -> wgpu::BindGroup {
        let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
        device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("picture"),
            layout: &self.layout,
            entries: &[
                entry(0, wgpu::BindingResource::TextureView(view)),
                entry(1, wgpu::BindingResource::Sampler(&self.sampler)),
                entry(2, self.placing.as_entire_binding()),
            ],
        })
    }
}

fn bind_group_layout(device: &wgpu::Device) -> wgpu::BindGroupLayout {
    let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
        binding,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty,
        count: None,
    };
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some("upscale"),
        entries: &[
            entry(
                0,
                wgpu::BindingType::Texture {
                    sample_type: wgpu::TextureSampleType::Float { filterable: true },
                    view_dimension: wgpu::TextureViewDimension::D2,
                    multisampled: false,
                },
            ),
            entry(
                1,
                wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering),
            ),
            entry(
                2,
                wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: None,
                },
            ),
        ],
    })
}

fn pipeline(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    format: wgpu::TextureFormat,
    filter: &str,
) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::include_wgsl!("../../shaders/upscale.wgsl"));
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some("upscale"),
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some("upscale"),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("cover"),
            compilation_options: Default::default(),
            buffers: &[],
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some(filter),
            compilation_options: Default::default(),
            targets: &[Some(format.into())],
        }),
        multiview_mask: None,
        cache: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::sheet::Sheet;
    use crate::stage::{Canvas, Scaler};

    /// Draws a picture into a frame on whatever card there is.
    fn drawn(canvas: &Canvas, fit: Fit, frame: (u32, u32), on_processor: bool) -> Vec<u8> {
        let instance =
            wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let adapter = pollster::block_on(instance.request_adapter(&Default::default())).unwrap();
        let (device, queue) =
            pollster::block_on(adapter.request_device(&Default::default())).unwrap();
        let format = wgpu::TextureFormat::Rgba8Unorm;
        let mut upscale = Upscale::new(&device, format, on_processor);
        let mut sheet = Sheet::default();
        let picture = sheet.upload(&device, &queue, canvas);
        upscale.take(&device, &queue, picture, fit, frame);
        let size = wgpu::Extent3d {
            width: frame.0,
            height: frame.1,
            depth_or_array_layers: 1,
        };
        let target = device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size,
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let view = target.create_view(&Default::default());
        let mut encoder = device.create_command_encoder(&Default::default());
        {
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: Default::default(),
                })],
                ..Default::default()
            });
            upscale.draw(&mut pass);
        }
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(frame.0 * frame.1 * 4),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(frame.0 * 4),
            rows_per_image: None,
        };
        let into = wgpu::TexelCopyBufferInfo {
            buffer: &buffer,
            layout,
        };
        encoder.copy_texture_to_buffer(target.as_image_copy(), into, size);
        queue.submit([encoder.finish()]);
        buffer
            .slice(..)
            .map_async(wgpu::MapMode::Read, |mapped| mapped.unwrap());
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        buffer.slice(..).get_mapped_range().unwrap().to_vec()
    }

    #[test]
    fn the_card_and_the_processor_enlarge_alike() {
        let mut canvas = Canvas::black((32, 32));
        for (at, byte) in canvas.rgba.iter_mut().enumerate() {
            let (x, y) = (at / 4 % 32, at / 128);
            let wave = ((x * x + 3 * y) as f64 / 17.0 + (at % 4) as f64).sin();
            *byte = if at % 4 == 3 {
                255
            } else {
                (127.0 + 90.0 * wave) as u8
            };
        }
        for (fit, frame) in [
            (Fit::Fit, (192, 96)),
            (Fit::Fill, (128, 64)),
            (Fit::Stretch, (192, 160)),
        ] {
            let mut expected = vec![0; (frame.0 * frame.1 * 4) as usize];
            Scaler::new(canvas.size, frame, fit).scale(&canvas.rgba, &mut expected);
            let worst = |on_processor| {
                let seen = drawn(&canvas, fit, frame, on_processor);
                let pairs = seen.iter().zip(&expected);
                pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap()
            };
            assert!(worst(false) <= 4, "{fit:?}: {} levels", worst(false));
            // The plainer filter is another picture, so the comparison can tell.
            assert!(worst(true) > 8, "{fit:?}");
        }
    }
}
