//! The picture that is shown, on the graphics card, where every output finds it.

use super::Canvas;

/// A picture that lies on the card.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) view: wgpu::TextureView,
    /// In pixels.
    pub(super) size: (u32, u32),
    /// Another one where it is another texture.
    pub(super) texture: u64,
}

/// The texture that pictures are copied to.
#[derive(Default)]
pub(super) struct Sheet {
    held: Option<(wgpu::Texture, Picture)>,
    made: u64,
}

impl Sheet {
    /// Copies a picture to the card. Makes a texture only where the size is another than before.
    pub(super) fn upload(
        &mut self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        canvas: &Canvas,
    ) -> &Picture {
        let (texture, picture) = match self.held.take() {
            Some(held) if held.1.size == canvas.size => self.held.insert(held),
            _ => {
                self.made += 1;
                self.held.insert(make(device, canvas.size, self.made))
            }
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

fn make(device: &wgpu::Device, size: (u32, u32), number: u64) -> (wgpu::Texture, Picture) {
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
        // The look's own textures have the even numbers.
        texture: 2 * number + 1,
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
