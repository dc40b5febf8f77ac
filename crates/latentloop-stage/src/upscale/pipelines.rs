//! What enlarging is made of, whatever the picture: layouts, pipelines, the tile of grain.

use super::super::film::{SIDE, Tile};
use super::super::limiter::LimiterLayouts;
use super::super::pipeline::{FullscreenPipeline, shader_module};
use super::super::projection::{Filter, Resampling};
use super::{GpuHandles, planes};

const ANALYSE: &str = concat!(
    include_str!("../shaders/common.wgsl"),
    include_str!("projection.wgsl"),
    include_str!("analyse.wgsl"),
);
const UPSCALE: &str = concat!(
    include_str!("../shaders/common.wgsl"),
    include_str!("projection.wgsl"),
    include_str!("frame.wgsl"),
    include_str!("../limiter/limiter.wgsl"),
    include_str!("upscale.wgsl"),
);
/// The limiter, and the frame that it looks at.
pub(super) const LIMITER: &str = concat!(
    include_str!("../shaders/common.wgsl"),
    include_str!("projection.wgsl"),
    include_str!("frame.wgsl"),
    include_str!("../limiter/limiter.wgsl"),
);

/// What is found out about a picture, an entry point of `analyse.wgsl` each.
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

/// Ways to a size, in the order of their entry points in `upscale.wgsl`.
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
    pub(super) limiter_layouts: LimiterLayouts,
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
        let analyse = shader_module(device, "analyse", ANALYSE);
        let upscale = shader_module(device, "upscale", UPSCALE);
        let finding = |(entry, format)| {
            let layouts = [Some(&finding_layout)];
            pipeline(device, &layouts, (&analyse, entry), &[], format)
        };
        let limiter_layouts = LimiterLayouts::new(device);
        // Groups 0 and 2: group 1 is the limiter's own, who does not draw.
        let drawn = [Some(&whole_layout), None, Some(&limiter_layouts.gains)];
        let ways = |constants: &[(&str, f64)]| {
            WAYS.map(|(_, entry)| pipeline(device, &drawn, (&upscale, entry), constants, format))
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
            limiter_layouts,
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
        visibility: wgpu::ShaderStages::FRAGMENT | wgpu::ShaderStages::COMPUTE,
        ty,
        count: None,
    };
    let entries: Vec<_> = bindings.iter().enumerate().map(entry).collect();
    device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
        label: Some(label),
        entries: &entries,
    })
}

/// A pipeline of a fragment entry point.
fn pipeline(
    device: &wgpu::Device,
    layouts: &[Option<&wgpu::BindGroupLayout>],
    (module, entry): (&wgpu::ShaderModule, &str),
    constants: &[(&str, f64)],
    format: wgpu::TextureFormat,
) -> wgpu::RenderPipeline {
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(entry),
        bind_group_layouts: layouts,
        immediate_size: 0,
    });
    let pipeline = FullscreenPipeline {
        layout: &layout,
        cover: None,
        module,
        entry,
        constants,
        targets: &[format],
    };
    pipeline.create(device)
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use wgpu::naga::TypeInner;
    use wgpu::naga::front::wgsl::parse_str;
    use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

    use super::super::ProjectionUniform;
    use super::*;

    #[test]
    fn the_shaders_are_valid_and_have_the_uniform_as_it_is_written() {
        macro_rules! offsets {
            ($($field:ident),*) => {
                [$((stringify!($field), offset_of!(ProjectionUniform, $field) as u32)),*]
            };
        }
        let expected = offsets!(
            offset,
            extent,
            grain_shift,
            grain_step,
            grain,
            halation,
            threshold,
            sigma,
            block,
            frame
        );
        for wgsl in [ANALYSE, UPSCALE, LIMITER] {
            let module =
                parse_str(wgsl).unwrap_or_else(|error| panic!("{}", error.emit_to_string(wgsl)));
            Validator::new(ValidationFlags::all(), Capabilities::empty())
                .validate(&module)
                .unwrap_or_else(|error| panic!("{}", error.emit_to_string(wgsl)));
            let mut types = module.types.iter().map(|(_, ty)| ty);
            let uniform = types.find(|ty| ty.name.as_deref() == Some("Projection"));
            let TypeInner::Struct { members, span } = &uniform.unwrap().inner else {
                panic!("the projection is no struct");
            };
            assert_eq!(*span as usize, size_of::<ProjectionUniform>());
            let found: Vec<_> = members
                .iter()
                .map(|member| (member.name.as_deref().unwrap(), member.offset))
                .collect();
            assert_eq!(found, expected);
        }
    }
}
