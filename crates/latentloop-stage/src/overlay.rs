//! The readout over the picture, laid out and drawn.

use super::hud::Readout;

/// The heads-up display of one output.
pub(super) struct Overlay {
    egui: egui::Context,
    renderer: egui_wgpu::Renderer,
}

/// A readout that was laid out.
pub(super) struct Laid {
    shapes: Vec<egui::ClippedPrimitive>,
    screen: egui_wgpu::ScreenDescriptor,
}

impl Overlay {
    pub(super) fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let options = egui_wgpu::RendererOptions::default();
        Self {
            egui: egui::Context::default(),
            renderer: egui_wgpu::Renderer::new(device, format, options),
        }
    }

    /// Lays a readout out for a screen of so many pixels, `scale` pixels a point.
    pub(super) fn lay_out(
        &mut self,
        (device, queue): (&wgpu::Device, &wgpu::Queue),
        encoder: &mut wgpu::CommandEncoder,
        (width, height): (u32, u32),
        scale: f32,
        readout: &Readout,
    ) -> Laid {
        let points = egui::Vec2::new(width as f32, height as f32) / scale;
        let area = egui::Rect::from_min_size(egui::Pos2::ZERO, points);
        self.egui.set_pixels_per_point(scale);
        let input = egui::RawInput {
            screen_rect: Some(area),
            ..Default::default()
        };
        let mut output = self
            .egui
            .run_ui(input, |ui| readout.paint(ui.painter(), area));
        #[allow(
            clippy::iter_over_hash_type,
            reason = "textures do not depend on one another"
        )]
        for (id, deltas) in &output.textures_delta.set {
            for delta in deltas {
                self.renderer.update_texture(device, queue, *id, delta);
            }
        }
        #[allow(
            clippy::iter_over_hash_type,
            reason = "textures do not depend on one another"
        )]
        for id in &output.textures_delta.free {
            self.renderer.free_texture(id);
        }
        output.textures_delta.clear();
        let shapes = self.egui.tessellate(output.shapes, scale);
        let screen = egui_wgpu::ScreenDescriptor {
            size_in_pixels: [width, height],
            pixels_per_point: scale,
        };
        self.renderer
            .update_buffers(device, queue, encoder, &shapes, &screen);
        Laid { shapes, screen }
    }

    /// Draws what was laid out last.
    pub(super) fn draw(&self, pass: &mut wgpu::RenderPass<'static>, laid: &Laid) {
        self.renderer.render(pass, &laid.shapes, &laid.screen);
    }
}
