//! Textures that effects draw into and read.

/// Linear light between the passes.
pub(super) const LINEAR: wgpu::TextureFormat = wgpu::TextureFormat::Rgba16Float;
/// The picture's bytes as they are.
pub(super) const BYTES: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
/// The picture's bytes, read as linear light.
const SRGB: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8UnormSrgb;

/// A texture, and what binds it.
pub(super) struct RenderTexture {
    pub(super) texture: wgpu::Texture,
    pub(super) view: wgpu::TextureView,
    pub(super) group: wgpu::BindGroup,
}

/// The layout and the sampler that every texture is bound with.
pub(super) struct TextureBinding {
    pub(super) layout: wgpu::BindGroupLayout,
    sampler: wgpu::Sampler,
}

/// Every texture that pictures of one size need.
pub(super) struct RenderTextures {
    pub(super) size: (u32, u32),
    pub(super) input: RenderTexture,
    /// Drawn into in turn, from effect to effect.
    pub(super) ping_pong: [RenderTexture; 2],
    /// What feedback goes on from, and what it draws.
    pub(super) feedback: [RenderTexture; 2],
    /// What a user's shader draws, before it is mixed in.
    pub(super) user: RenderTexture,
    /// The picture at the last keyframe.
    pub(super) keyframe: RenderTexture,
    /// What an effect's prefilter draws, a quarter of the size.
    pub(super) quarter: RenderTexture,
    /// What was shown last, and what is shown now, linear light.
    pub(super) shown: [RenderTexture; 2],
    pub(super) output: RenderTexture,
}

impl TextureBinding {
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
                label: Some("effect texture"),
                entries: &[entry(0, texture), entry(1, sampler)],
            }),
            // What a turned or shifted picture lacks at its edges is its mirror image.
            sampler: device.create_sampler(&wgpu::SamplerDescriptor {
                label: Some("effects"),
                address_mode_u: wgpu::AddressMode::MirrorRepeat,
                address_mode_v: wgpu::AddressMode::MirrorRepeat,
                mag_filter: wgpu::FilterMode::Linear,
                min_filter: wgpu::FilterMode::Linear,
                ..Default::default()
            }),
        }
    }

    fn texture(
        &self,
        device: &wgpu::Device,
        size: (u32, u32),
        format: wgpu::TextureFormat,
    ) -> RenderTexture {
        let usage = if format == SRGB {
            wgpu::TextureUsages::COPY_DST
        } else {
            wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC
        };
        let texture = device.create_texture(&wgpu::TextureDescriptor {
            label: Some("effects"),
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
            label: Some("effect texture"),
            layout: &self.layout,
            entries: &[
                entry(0, wgpu::BindingResource::TextureView(&view)),
                entry(1, wgpu::BindingResource::Sampler(&self.sampler)),
            ],
        });
        RenderTexture {
            texture,
            view,
            group,
        }
    }
}

impl RenderTextures {
    pub(super) fn new(device: &wgpu::Device, binding: &TextureBinding, size: (u32, u32)) -> Self {
        let texture = |size, format| binding.texture(device, size, format);
        let pair = || [texture(size, LINEAR), texture(size, LINEAR)];
        Self {
            size,
            input: texture(size, SRGB),
            ping_pong: pair(),
            feedback: pair(),
            user: texture(size, LINEAR),
            keyframe: texture(size, LINEAR),
            quarter: texture((size.0.div_ceil(4), size.1.div_ceil(4)), LINEAR),
            shown: pair(),
            output: texture(size, BYTES),
        }
    }
}

impl RenderTexture {
    /// Copies a picture's bytes to the card.
    pub(super) fn upload(&self, queue: &wgpu::Queue, rgba: &[u8], size: (u32, u32)) {
        let rows = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(size.0 * 4),
            rows_per_image: None,
        };
        queue.write_texture(self.texture.as_image_copy(), rgba, rows, extent(size));
    }

    pub(super) fn attachment(&self) -> wgpu::RenderPassColorAttachment<'_> {
        wgpu::RenderPassColorAttachment {
            view: &self.view,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                store: wgpu::StoreOp::Store,
            },
        }
    }
}

pub(super) fn extent((width, height): (u32, u32)) -> wgpu::Extent3d {
    wgpu::Extent3d {
        width,
        height,
        depth_or_array_layers: 1,
    }
}
