//! The output window's surface: the picture enlarged by the graphics card, the readout over it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use winit::event_loop::OwnedDisplayHandle;
use winit::window::Window;

use super::gpu::{Gpu, acquire};
use super::hud::{self, Readout};
use super::own::Shelf;
use super::upscale::Upscale;
use super::{Canvas, Finish, Fit, GpuError, Look, LookFrame, LookValues, Output, Shown};

/// What the window's thread tells the show about the window, without a lock.
#[derive(Debug, Default)]
pub struct ScreenSize {
    /// Width in the upper half, height in the lower.
    pixels: AtomicU64,
    /// Pixels a point, as bits of an f32.
    scale: AtomicU32,
    /// Pictures a second of the monitor, in thousandths; 0 where it is not known.
    refresh_millihertz: AtomicU32,
}

impl ScreenSize {
    /// Notes the window's size in pixels.
    pub fn set(&self, width: u32, height: u32) {
        let both = u64::from(width) << 32 | u64::from(height);
        self.pixels.store(both, Ordering::Relaxed);
    }

    /// Notes how many pixels a point has.
    pub fn set_scale(&self, scale: f32) {
        self.scale.store(scale.to_bits(), Ordering::Relaxed);
    }

    /// Notes the monitor's rate in thousandths of a hertz.
    pub fn set_refresh(&self, millihertz: Option<u32>) {
        self.refresh_millihertz
            .store(millihertz.unwrap_or(0), Ordering::Relaxed);
    }

    fn get(&self) -> (u32, u32) {
        let both = self.pixels.load(Ordering::Relaxed);
        ((both >> 32) as u32, both as u32)
    }

    fn scale(&self) -> f32 {
        f32::from_bits(self.scale.load(Ordering::Relaxed)).clamp(0.5, 8.0)
    }
}

/// A window that shows pictures.
pub struct Screen {
    name: String,
    window: Arc<Window>,
    wanted: Arc<ScreenSize>,
    surface: wgpu::Surface<'static>,
    device: wgpu::Device,
    queue: wgpu::Queue,
    config: wgpu::SurfaceConfiguration,
    upscale: Upscale,
    finish: Finish,
    on_card: bool,
    egui: egui::Context,
    egui_renderer: egui_wgpu::Renderer,
    /// How long the display made the last picture wait.
    waited: Duration,
}

impl Screen {
    /// Opens the best graphics card for a window. On macOS this must happen on the main thread.
    ///
    /// # Errors
    /// When no card can show on the window.
    pub fn open(
        window: Arc<Window>,
        display: OwnedDisplayHandle,
        wanted: Arc<ScreenSize>,
    ) -> Result<Self, GpuError> {
        let instance = wgpu::Instance::new(
            wgpu::InstanceDescriptor::new_with_display_handle_from_env(Box::new(display)),
        );
        let surface = instance
            .create_surface(Arc::clone(&window))
            .map_err(|error| GpuError::Surface(error.to_string()))?;
        let Gpu {
            adapter,
            device,
            queue,
        } = Gpu::open(&instance, &surface)?;
        let (width, height) = wanted.get();
        let mut config = surface
            .get_default_config(&adapter, width.max(1), height.max(1))
            .ok_or_else(|| GpuError::Surface("the card knows no format for it".to_owned()))?;
        // The picture's bytes are what a screen expects: no conversion on the way.
        let formats = surface.get_capabilities(&adapter).formats;
        if let Some(plain) = formats.iter().find(|format| {
            matches!(
                format,
                wgpu::TextureFormat::Bgra8Unorm | wgpu::TextureFormat::Rgba8Unorm
            )
        }) {
            config.format = *plain;
        }
        config.present_mode = wgpu::PresentMode::Fifo;
        config.desired_maximum_frame_latency = 2;
        surface.configure(&device, &config);

        let info = adapter.get_info();
        let drawn_on_processor = info.device_type == wgpu::DeviceType::Cpu;
        let upscale = Upscale::new(&device, config.format, drawn_on_processor);
        let egui_renderer = egui_wgpu::Renderer::new(
            &device,
            config.format,
            egui_wgpu::RendererOptions::default(),
        );
        Ok(Self {
            name: format!("{} ({:?})", info.name, info.backend),
            window,
            wanted,
            surface,
            finish: Finish::with(Look::new(&device, &queue)),
            on_card: false,
            device,
            queue,
            config,
            upscale,
            egui: egui::Context::default(),
            egui_renderer,
            waited: Duration::ZERO,
        })
    }

    /// Follows the window's size; false where there is nothing to draw on.
    fn follow(&mut self) -> bool {
        let (width, height) = self.wanted.get();
        if width == 0 || height == 0 {
            return false;
        }
        if (self.config.width, self.config.height) != (width, height) {
            (self.config.width, self.config.height) = (width, height);
            self.surface.configure(&self.device, &self.config);
        }
        true
    }

    /// Draws the picture and the readout into a surface's texture.
    fn draw(&mut self, view: &wgpu::TextureView, readout: Option<&Readout>) {
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let overlay = readout.map(|readout| self.lay_out(readout, &mut encoder));
        {
            let mut pass = encoder
                .begin_render_pass(&wgpu::RenderPassDescriptor {
                    label: Some("output"),
                    color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                        view,
                        depth_slice: None,
                        resolve_target: None,
                        ops: wgpu::Operations {
                            load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                            store: wgpu::StoreOp::Store,
                        },
                    })],
                    ..Default::default()
                })
                .forget_lifetime();
            self.upscale.draw(&mut pass);
            if let Some((shapes, screen)) = &overlay {
                self.egui_renderer.render(&mut pass, shapes, screen);
            }
        }
        self.queue.submit([encoder.finish()]);
    }

    fn lay_out(
        &mut self,
        readout: &Readout,
        encoder: &mut wgpu::CommandEncoder,
    ) -> (Vec<egui::ClippedPrimitive>, egui_wgpu::ScreenDescriptor) {
        let scale = self.wanted.scale();
        let points = egui::Vec2::new(self.config.width as f32, self.config.height as f32) / scale;
        let area = egui::Rect::from_min_size(egui::Pos2::ZERO, points);
        self.egui.set_pixels_per_point(scale);
        let input = egui::RawInput {
            screen_rect: Some(area),
            ..Default::default()
        };
        let mut output = self
            .egui
            .run_ui(input, |ui| hud::paint(ui.painter(), area, readout));
        #[allow(
            clippy::iter_over_hash_type,
            reason = "textures do not depend on one another"
        )]
        for (id, deltas) in &output.textures_delta.set {
            for delta in deltas {
                self.egui_renderer
                    .update_texture(&self.device, &self.queue, *id, delta);
            }
        }
        #[allow(
            clippy::iter_over_hash_type,
            reason = "textures do not depend on one another"
        )]
        for id in &output.textures_delta.free {
            self.egui_renderer.free_texture(id);
        }
        output.textures_delta.clear();
        let shapes = self.egui.tessellate(output.shapes, scale);
        let screen = egui_wgpu::ScreenDescriptor {
            size_in_pixels: [self.config.width, self.config.height],
            pixels_per_point: scale,
        };
        self.egui_renderer
            .update_buffers(&self.device, &self.queue, encoder, &shapes, &screen);
        (shapes, screen)
    }
}

impl Output for Screen {
    fn show(
        &mut self,
        picture: &mut Canvas,
        fit: Fit,
        readout: Option<&Readout>,
        look: &LookFrame,
    ) -> Shown {
        // Also where the window is hidden: what is recorded goes on.
        self.on_card = self.finish.finish(picture, look);
        // A hidden window waits for nothing: then the show keeps its own pace.
        self.waited = Duration::ZERO;
        if !self.follow() {
            return Shown::No;
        }
        let begun = std::time::Instant::now();
        let Some(texture) = acquire(&self.surface, &self.device, &self.config) else {
            return Shown::No;
        };
        self.waited = begun.elapsed();
        let frame = (self.config.width, self.config.height);
        let (device, queue) = (&self.device, &self.queue);
        match self.finish.output() {
            Some(output) if self.on_card => self.upscale.borrow(device, queue, output, fit, frame),
            _ => self.upscale.upload(device, queue, picture, fit, frame),
        }
        let view = texture
            .texture
            .create_view(&wgpu::TextureViewDescriptor::default());
        self.draw(&view, readout);
        let begun = std::time::Instant::now();
        self.window.pre_present_notify();
        self.queue.present(texture);
        self.waited += begun.elapsed();
        Shown::Yes
    }

    fn dims(&self, look: &LookValues) -> bool {
        self.finish.dims(look)
    }

    fn wear(&mut self, shelf: Arc<Shelf>) {
        self.finish.wear(shelf);
    }

    fn read(&mut self, picture: &mut Canvas, look: &LookFrame) {
        self.finish.read(picture, look);
    }

    fn name(&self) -> &str {
        &self.name
    }

    /// Where the monitor's rate is the show's, and its waiting was seen.
    fn paces(&self, interval: Duration) -> bool {
        let refresh = f64::from(self.wanted.refresh_millihertz.load(Ordering::Relaxed)) / 1000.0;
        let close = (refresh * interval.as_secs_f64() - 1.0).abs() < 0.05;
        close && self.waited > interval / 8
    }
}
