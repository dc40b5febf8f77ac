//! Textures that passes draw into and read.

/// Linear light between the passes.
pub(super) const LINEAR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
/// The picture's bytes as they are.
pub(super) const BYTES: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
/// The picture's bytes, read as linear light.
const SRGB: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8UnormSrgb;

/// A texture, and what binds it.
pub(super) struct Plane {
    pub(super) texture: wgpu::Texture,
    pub(super) view: wgpu::TextureView,
    pub(super) group: wgpu::BindGroup,
}

/// What textures are bound with.
pub(super) struct Binding {
    pub(super) layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
}

/// Every texture that pictures of one size need.
pub(super) struct Planes {
    pub(super) size: (u32, u32),
    pub(super) input: Plane,
    /// The picture that another path showed last.
    pub(super) before: Plane,
    pub(super) work: [Plane; 2],
    /// What feedback goes on from.
    pub(super) trail: [Plane; 2],
    /// What a performer's own pass draws, before it is mixed in.
    pub(super) own: Plane,
    /// The picture at the last keyframe.
    pub(super) held: Plane,
    /// The bright parts, a quarter of the size.
    pub(super) quarter: Plane,
    /// What the limiter goes on from.
    pub(super) kept: [Plane; 2],
    pub(super) output: Plane,
}

impl Binding {
    pub(super) fn new(device: &wgpu::Device) -> Self {
        let visibility = wgpu::ShaderStages::FRAGMENT | wgpu::ShaderStages::COMPUTE;
        let entry = |binding, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility,
            ty,
            count: None,
        };
        let texture = wgpu::BindingType::Texture {
            sample_type: wgpu::TextureSampleType::Float { filterable: true },
            view_dimension: wgpu::TextureViewDimension::D2,
            multisampled: false,
        };
        let sampler = wgpu::BindingType::Sampler(wgpu::SamplerBindingType::Filtering);
        Self {
            layout: device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some("look texture"),
                entries: &[entry(0, texture), entry(1, sampler)],
            }),
            // What a turned or shifted picture lacks at its edges is its mirror image.
            sampler: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("look"),
                address_mode_u: wgpu::AddressMode::MirrorRepeat,
                address_mode_v: wgpu::AddressMode::MirrorRepeat,
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..Default::default()
            }),
        }
    }

    fn plane(&self, device: &wgpu::Device, size: (u32, u32), format: wgpu::TextureFormat) -> Plane {
        let usage = if format == SRGB {
            wgpu::TextureUsages::COPY_DST
        } else {
            wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC
        };
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("look"),
            size: extent(size),
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage: usage | wgpu::TextureUsages::TEXTURE_BINDING,
            view_formats: &[],
        });
        let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
        let entry = |binding, resource| wgpu::BindGroupEntry { binding, resource };
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("look texture"),
            layout: &self.layout,
            entries: &[
                entry(0, wgpu::BindingResource::TextureView(&view)),
                entry(1, wgpu::BindingResource::Sampler(&self.sampler)),
            ],
        });
        Plane {
            texture,
            view,
            group,
        }
    }
}

impl Planes {
    pub(super) fn new(device: &wgpu::Device, binding: &Binding, size: (u32, u32)) -> Self {
        let plane = |size, format| binding.plane(device, size, format);
        let pair = || [plane(size, LINEAR), plane(size, LINEAR)];
        Self {
            size,
            input: plane(size, SRGB),
            before: plane(size, SRGB),
            work: pair(),
            trail: pair(),
            own: plane(size, LINEAR),
            held: plane(size, LINEAR),
            quarter: plane((size.0.div_ceil(4), size.1.div_ceil(4)), LINEAR),
            kept: pair(),
            output: plane(size, BYTES),
        }
    }
}

impl Plane {
    /// Copies a picture's bytes to the card.
    pub(super) fn fill(&self, queue: &wgpu::Queue, rgba: &[u8], size: (u32, u32)) {
        let rows = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(size.0 * 4),
            rows_per_image: None,
        };
        queue.write_texture(self.texture.as_image_copy(), rgba, rows, extent(size));
    }
}

pub(super) fn extent((width, height): (u32, u32)) -> wgpu::Extent3d {
    wgpu::Extent3d {
        width,
        height,
        depth_or_array_layers: 1,
    }
}
