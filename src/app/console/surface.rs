//! The console's own surface: the output window never waits for it.

use std::sync::Arc;

use egui::{ClippedPrimitive, TexturesDelta};
use winit::event_loop::OwnedDisplayHandle;
use winit::window::Window;

use super::style;
use crate::stage::{Gpu, GpuError, acquire};

/// The console's surface, and the device that draws on it.
pub(super) struct Surface {
    window: Arc<Window>,
    surface: wgpu::Surface<'static>,
    device: wgpu::Device,
    queue: wgpu::Queue,
    config: wgpu::SurfaceConfiguration,
    renderer: egui_wgpu::Renderer,
    /// Whether the processor draws, which the show needs too.
    pub(super) is_slow: bool,
}

impl Surface {
    pub(super) fn open(window: Arc<Window>, display: OwnedDisplayHandle) -> Result<Self, GpuError> {
        let instance = wgpu::Instance::new(
            wgpu::InstanceDescriptor::new_with_display_handle_from_env(Box::new(display)),
        );
        let surface = instance
            .create_surface(Arc::clone(&window))
            .map_err(|error| GpuError::Surface(error.to_string()))?;
        let gpu = Gpu::open(&instance, &surface)?;
        let size = window.inner_size();
        let mut config = gpu.surface_config(&surface, (size.width, size.height))?;
        // The keys' thread must not wait for a display.
        config.present_mode = wgpu::PresentMode::AutoNoVsync;
        let Gpu {
            adapter,
            device,
            queue,
        } = gpu;
        surface.configure(&device, &config);
        let renderer = egui_wgpu::Renderer::new(
            &device,
            config.format,
            egui_wgpu::RendererOptions::default(),
        );
        Ok(Self {
            window,
            surface,
            device,
            queue,
            config,
            renderer,
            is_slow: adapter.get_info().device_type == wgpu::DeviceType::Cpu,
        })
    }

    /// The longest side that a texture may have.
    pub(super) fn max_texture_side(&self) -> usize {
        self.device.limits().max_texture_dimension_2d as usize
    }

    /// Draws what egui laid out. Where the window shows nothing, only textures are brought up to date.
    pub(super) fn draw(
        &mut self,
        shapes: &[ClippedPrimitive],
        textures: &mut TexturesDelta,
        scale: f32,
    ) {
        #[allow(
            clippy::iter_over_hash_type,
            reason = "textures do not depend on one another"
        )]
        for (id, deltas) in &textures.set {
            for delta in deltas {
                self.renderer
                    .update_texture(&self.device, &self.queue, *id, delta);
            }
        }
        if let Some(texture) = self.acquire() {
            self.render(&texture, shapes, scale);
            self.window.pre_present_notify();
            self.queue.present(texture);
        }
        #[allow(
            clippy::iter_over_hash_type,
            reason = "textures do not depend on one another"
        )]
        for id in &textures.free {
            self.renderer.free_texture(id);
        }
        textures.clear();
    }

    fn acquire(&mut self) -> Option<wgpu::SurfaceTexture> {
        let size = self.window.inner_size();
        if size.width == 0 || size.height == 0 {
            return None;
        }
        if (self.config.width, self.config.height) != (size.width, size.height) {
            (self.config.width, self.config.height) = (size.width, size.height);
            self.surface.configure(&self.device, &self.config);
        }
        let configure = || self.surface.configure(&self.device, &self.config);
        acquire(&self.surface, configure).ok()
    }

    fn render(&mut self, texture: &wgpu::SurfaceTexture, shapes: &[ClippedPrimitive], scale: f32) {
        let screen = egui_wgpu::ScreenDescriptor {
            size_in_pixels: [self.config.width, self.config.height],
            pixels_per_point: scale,
        };
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.renderer
            .update_buffers(&self.device, &self.queue, &mut encoder, shapes, &screen);
        let view = texture
            .texture
            .create_view(&wgpu::TextureViewDescriptor::default());
        let [red, green, blue, _] = style::GROUND
            .to_array()
            .map(|level| f64::from(level) / 255.0);
        {
            let mut pass = encoder
                .begin_render_pass(&wgpu::RenderPassDescriptor {
                    label: Some("console"),
                    color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                        view: &view,
                        depth_slice: None,
                        resolve_target: None,
                        ops: wgpu::Operations {
                            load: wgpu::LoadOp::Clear(wgpu::Color {
                                r: red,
                                g: green,
                                b: blue,
                                a: 1.0,
                            }),
                            store: wgpu::StoreOp::Store,
                        },
                    })],
                    ..Default::default()
                })
                .forget_lifetime();
            self.renderer.render(&mut pass, shapes, &screen);
        }
        self.queue.submit([encoder.finish()]);
    }
}
