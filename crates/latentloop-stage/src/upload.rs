//! Textures with pictures on the graphics card, where every output finds them.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Canvas;

/// Identity of a texture, whoever made it: no two of a process are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TextureId(u64);

impl TextureId {
    /// The identity of another texture.
    pub(super) fn new() -> Self {
        static MADE: AtomicU64 = AtomicU64::new(0);
        Self(MADE.fetch_add(1, Ordering::Relaxed))
    }
}

/// A picture in a texture.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) view: wgpu::TextureView,
    /// In pixels.
    pub(super) size: (u32, u32),
    pub(super) texture: TextureId,
}

/// The texture that pictures are uploaded to.
#[derive(Default)]
pub(super) struct UploadTexture(Option<(wgpu::Texture, Picture)>);

impl UploadTexture {
    /// Copies a picture to the card. Makes a texture only where the size is another than before.
    pub(super) fn upload(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        canvas: &Canvas,
    ) -> &Picture {
        let (texture, picture) = match self.0.take() {
            Some(held) if held.1.size == canvas.size => self.0.insert(held),
            _ => self.0.insert(make(device, canvas.size)),
        };
        let (width, height) = canvas.size;
        let rows = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(width * 4),
            rows_per_image: None,
        };
        queue.write_texture(
            texture.as_image_copy(),
            &canvas.rgba,
            rows,
            extent(width, height),
        );
        picture
    }
}

fn make(device: &wgpu::Device, size: (u32, u32)) -> (wgpu::Texture, Picture) {
    let texture = device.create_texture(&wgpu::TextureDescriptor {
        label: Some("picture"),
        size: extent(size.0, size.1),
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
        view_formats: &[],
    });
    let view = texture.create_view(&wgpu::TextureViewDescriptor::default());
    let picture = Picture {
        view,
        size,
        texture: TextureId::new(),
    };
    (texture, picture)
}

fn extent(width: u32, height: u32) -> wgpu::Extent3d {
    wgpu::Extent3d {
        width,
        height,
        depth_or_array_layers: 1,
    }
}
