//! A picture's textures: what is found out about it before it is enlarged.

use super::super::film::Exposure;
use super::super::projection::FilmEmulation;
use super::pipelines::{Finding, Pipelines};

/// Products of derivatives.
pub(super) const TENSORS: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
/// Linear light.
pub(super) const GLOW: wgpu::TextureFormat = wgpu::TextureFormat::R16Float;

pub(super) struct Planes {
    tensors: wgpu::TextureView,
    glow: [wgpu::TextureView; 2],
    picture_group: wgpu::BindGroup,
    glow_groups: [wgpu::BindGroup; 2],
    /// What the picture is enlarged from.
    pub(super) whole: wgpu::BindGroup,
}

impl Planes {
    pub(super) fn new(
        device: &wgpu::Device,
        pipelines: &Pipelines,
        numbers: &wgpu::Buffer,
        picture: &wgpu::TextureView,
        size: (u32, u32),
    ) -> Self {
        let plane = |size, format| {
            let usage =
                wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::RENDER_ATTACHMENT;
            let texture = texture(device, size, format, usage);
            texture.create_view(&wgpu::TextureViewDescriptor::default())
        };
        let tensors = plane(size, TENSORS);
        // The glow's size is the picture's matter alone.
        let glow_size = Exposure::new(&FilmEmulation::default(), size, size).glow_size(size);
        let glow = [plane(glow_size, GLOW), plane(glow_size, GLOW)];
        let numbers = numbers.as_entire_binding();
        let view = wgpu::BindingResource::TextureView;
        let seen = |of| {
            group(
                device,
                &pipelines.finding_layout,
                &[view(of), numbers.clone()],
            )
        };
        Self {
            picture_group: seen(picture),
            glow_groups: [seen(&glow[0]), seen(&glow[1])],
            whole: group(
                device,
                &pipelines.whole_layout,
                &[
                    view(picture),
                    wgpu::BindingResource::Sampler(&pipelines.sampler),
                    numbers.clone(),
                    view(&tensors),
                    view(&glow[0]),
                    view(&pipelines.tile),
                ],
            ),
            tensors,
            glow,
        }
    }

    /// Draws what is wanted of the edges and the glow.
    pub(super) fn prepare(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        pipelines: &Pipelines,
        edges: bool,
        glows: bool,
    ) {
        let mut find = |finding, from: &wgpu::BindGroup, to: &wgpu::TextureView| {
            let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                label: Some("analyse"),
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: to,
                    depth_slice: None,
                    resolve_target: None,
                    ops: wgpu::Operations::default(),
                })],
                ..Default::default()
            });
            pass.set_pipeline(pipelines.finding(finding));
            pass.set_bind_group(0, from, &[]);
            pass.draw(0..3, 0..1);
        };
        if edges {
            find(Finding::Directions, &self.picture_group, &self.tensors);
        }
        if glows {
            find(Finding::Highlights, &self.picture_group, &self.glow[0]);
            find(Finding::Across, &self.glow_groups[0], &self.glow[1]);
            find(Finding::Down, &self.glow_groups[1], &self.glow[0]);
        }
    }
}

fn group(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    resources: &[wgpu::BindingResource],
) -> wgpu::BindGroup {
    let mut entries = Vec::with_capacity(resources.len());
    for (number, resource) in resources.iter().enumerate() {
        entries.push(wgpu::BindGroupEntry {
            binding: number as u32,
            resource: resource.clone(),
        });
    }
    device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: Some("picture"),
        layout,
        entries: &entries,
    })
}

pub(super) fn texture(
    device: &wgpu::Device,
    size: (u32, u32),
    format: wgpu::TextureFormat,
    usage: wgpu::TextureUsages,
) -> wgpu::Texture {
    device.create_texture(&wgpu::TextureDescriptor {
        label: Some("picture"),
        size: extent(size),
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage,
        view_formats: &[],
    })
}

pub(super) fn extent((width, height): (u32, u32)) -> wgpu::Extent3d {
    wgpu::Extent3d {
        width,
        height,
        depth_or_array_layers: 1,
    }
}
