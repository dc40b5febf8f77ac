//! What enlarging is made of, whatever the picture: layouts, pipelines, the tile of grain.

use super::super::film::{SIDE, Tile};
use super::super::projection::{Filter, Resampling};
use super::{GpuHandles, planes};

/// What is found out about a picture, an entry point of `shaders/analyse.wgsl` each.
#[derive(Clone, Copy)]
pub(super) enum Finding {
    Directions,
    Highlights,
    Across,
    Down,
}

const FINDINGS: [(&str, wgpu::TextureFormat); 4] = [
    ("directions", planes::TENSORS),
    ("highlights", planes::GLOW),
    ("across", planes::GLOW),
    ("down", planes::GLOW),
];

/// Ways to a size, in the order of their entry points in `shaders/upscale.wgsl`.
const WAYS: [(Resampling, &str); 6] = [
    (Resampling::Enlarge(Filter::Nearest), "nearest"),
    (Resampling::Enlarge(Filter::Bilinear), "bilinear"),
    (Resampling::Enlarge(Filter::CatmullRom), "catmull_rom"),
    (Resampling::Enlarge(Filter::Lanczos), "lanczos"),
    (Resampling::Enlarge(Filter::Edge), "edge"),
    (Resampling::Reduce, "reduce"),
];

pub(super) struct Pipelines {
    /// A picture to be looked at, and the numbers.
    pub(super) finding_layout: wgpu::BindGroupLayout,
    /// A picture and all that was found out about it.
    pub(super) whole_layout: wgpu::BindGroupLayout,
    pub(super) sampler: wgpu::Sampler,
    pub(super) tile: wgpu::TextureView,
    findings: [wgpu::RenderPipeline; 4],
    /// All of them, so that none is made while a show runs.
    bare: [wgpu::RenderPipeline; 6],
    filmed: [wgpu::RenderPipeline; 6],
}

impl Pipelines {
    pub(super) fn new(card: GpuHandles, format: wgpu::TextureFormat) -> Self {
        let device = card.device;
        let finding_layout = layout(device, "picture to be looked at", &[TEXTURE, NUMBERS]);
        let bindings = [TEXTURE, SAMPLER, NUMBERS, TEXTURE, TEXTURE, TEXTURE];
        let whole_layout = layout(device, "picture to be enlarged", &bindings);
        let analyse =
            device.create_shader_module(wgpu::include_wgsl!("../../../../shaders/analyse.wgsl"));
        let upscale =
            device.create_shader_module(wgpu::include_wgsl!("../../../../shaders/upscale.wgsl"));
        let finding = |(entry, format)| {
            let shader = Shader {
                module: &analyse,
                entry,
                constants: &[],
            };
            pipeline(device, &finding_layout, shader, format)
        };
        let ways = |constants| {
            WAYS.map(|(_, entry)| {
                let shader = Shader {
                    module: &upscale,
                    entry,
                    constants,
                };
                pipeline(device, &whole_layout, shader, format)
            })
        };
        Self {
            sampler: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("picture"),
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..Default::default()
            }),
            tile: tile(card),
            findings: FINDINGS.map(finding),
            bare: ways(&[("FILM", 0.0)]),
            filmed: ways(&[("FILM", 1.0)]),
            finding_layout,
            whole_layout,
        }
    }

    pub(super) fn finding(&self, finding: Finding) -> &wgpu::RenderPipeline {
        &self.findings[finding as usize]
    }

    /// `has_film`: with halation or grain.
    pub(super) fn way(&self, way: Resampling, has_film: bool) -> &wgpu::RenderPipeline {
        let place = WAYS.iter().position(|(known, _)| *known == way);
        let ways = if has_film { &self.filmed } else { &self.bare };
        &ways[place.unwrap_or(0)]
    }
}

/// The tile of grain on the card.
fn tile(card: GpuHandles) -> wgpu::TextureView {
    let side = SIDE as u32;
    let size = (side, side);
    let usage = wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST;
    let texture = planes::texture(card.device, size, wgpu::TextureFormat::R8Snorm, usage);
    let rows = wgpu::TexelCopyBufferLayout {
        offset: 0,
        bytes_per_row: Some(side),
        rows_per_image: None,
    };
    let noise = bytemuck::cast_slice(&Tile::get().noise);
    let whole = planes::extent(size);
    card.queue
        .write_texture(texture.as_image_copy(), noise, rows, whole);
    texture.create_view(&wgpu::TextureViewDescriptor::default())
}

const TEXTURE: wgpu::BindingType = wgpu::BindingType::Texture {
    sample_type: wgpu::TextureSampleType::Float { filterable: true },
    view_dimension: wgpu::TextureViewDimension::D2,
    multisampled: false,
};
const SAMPLER: wgpu::BindingType = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
const NUMBERS: wgpu::BindingType = wgpu::BindingType::Buffer {
    ty: wgpu::BufferBindingType::Uniform,
    has_dynamic_offset: false,
    min_binding_size: None,
};

fn layout(
    device: &wgpu::Device,
    label: &str,
    bindings: &[wgpu::BindingType],
) -> wgpu::BindGroupLayout {
    let entry = |(number, &ty): (usize, &wgpu::BindingType)| wgpu::BindGroupLayoutEntry {
        binding: number as u32,
        visibility: wgpu::ShaderStages::FRAGMENT,
        ty,
        count: None,
    };
    let entries: Vec<_> = bindings.iter().enumerate().map(entry).collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some(label),
        entries: &entries,
    })
}

/// A fragment shader, and what it is specialised for.
struct Shader<'a> {
    module: &'a wgpu::ShaderModule,
    entry: &'a str,
    constants: &'a [(&'a str, f64)],
}

fn pipeline(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    shader: Shader,
    format: wgpu::TextureFormat,
) -> wgpu::RenderPipeline {
    let Shader {
        module,
        entry,
        constants,
    } = shader;
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(entry),
        bind_group_layouts: &[Some(layout)],
        immediate_size: 0,
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(entry),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module,
            entry_point: Some("cover"),
            compilation_options: Default::default(),
            buffers: &[],
        },
        primitive: wgpu::PrimitiveState::default(),
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module,
            entry_point: Some(entry),
            compilation_options: wgpu::PipelineCompilationOptions {
                constants,
                ..Default::default()
            },
            targets: &[Some(format.into())],
        }),
        multiview_mask: None,
        cache: None,
    })
}
