//! The post chain, from the composed picture to the one that outputs show: effects where a graphics card draws them, and the master's
//! brightness.

use std::sync::Arc;

use super::upload::TextureId;
use super::{Canvas, EffectValues};
use crate::palette::Oklab;

/// The parameters of the post chain for one picture.
#[derive(Clone, Copy, Debug)]
pub struct PostFrame {
    /// The rows of the effects.
    pub values: EffectValues,
    /// The master's brightness, 0..=1; 0 in a blackout.
    pub brightness: f32,
    /// The time in ticks.
    pub tick: u64,
    /// What grain is drawn from.
    pub seed: u32,
    /// The colours of the model's footage, once they are known.
    pub palette: Option<Oklab>,
}

/// A finished picture, where it lies.
#[derive(Clone, Copy)]
pub enum Finished<'a> {
    /// In memory.
    Cpu(&'a Canvas),
    /// On the graphics card; [`super::Readback`] brings it into memory.
    Gpu(GpuFrame<'a>),
}

/// A picture in a texture.
#[derive(Clone, Copy)]
pub struct GpuFrame<'a> {
    pub(super) device: &'a wgpu::Device,
    pub(super) queue: &'a wgpu::Queue,
    pub(super) texture: &'a wgpu::Texture,
    pub(super) view: &'a wgpu::TextureView,
    /// In pixels.
    pub(super) size: (u32, u32),
    pub(super) id: TextureId,
}

/// Effects and brightness, one picture after the other.
#[derive(Default)]
pub struct PostChain {
    /// A picture that no card draws.
    dimmed: Canvas,
    gpu: Option<super::EffectRenderer>,
    /// Users' shaders.
    registry: Option<Arc<super::user::ShaderRegistry>>,
}

impl PostChain {
    /// A chain whose effects a card draws.
    pub fn with_gpu(renderer: super::EffectRenderer) -> Self {
        Self {
            gpu: Some(renderer),
            ..Self::default()
        }
    }

    /// From now on a card draws effects.
    pub fn take_gpu(&mut self, mut renderer: super::EffectRenderer) {
        if let Some(registry) = &self.registry {
            renderer.set_user_shaders(Arc::clone(registry));
        }
        self.gpu = Some(renderer);
    }

    /// From now on there are users' shaders among the effects.
    pub fn set_user_effects(&mut self, registry: Arc<super::user::ShaderRegistry>) {
        if let Some(gpu) = &mut self.gpu {
            gpu.set_user_shaders(Arc::clone(&registry));
        }
        self.registry = Some(registry);
    }

    /// The card is gone: until another one is taken pictures go without effects.
    pub fn lose_gpu(&mut self) {
        self.gpu = None;
    }

    /// Whether effects are drawn at all.
    pub fn has_gpu(&self) -> bool {
        self.gpu.is_some()
    }

    /// Whether [`PostChain::run`] would draw such a picture on the card.
    pub fn uses_gpu(&self, frame: &PostFrame) -> bool {
        self.gpu.is_some() && frame.values.is_active()
    }

    /// Finishes a composed, undimmed picture. Does not wait for the card. Allocates only where the size is another than before.
    pub fn run(&mut self, canvas: &Canvas, frame: &PostFrame) -> Finished<'_> {
        if frame.values.is_active()
            && let Some(gpu) = &mut self.gpu
        {
            gpu.draw(canvas, frame);
        }
        match self.gpu.as_ref().and_then(super::EffectRenderer::output) {
            Some(drawn) if frame.values.is_active() => Finished::Gpu(drawn),
            _ => {
                self.dimmed.copy_from(canvas);
                self.dimmed.dim(frame.brightness);
                Finished::Cpu(&self.dimmed)
            }
        }
    }
}
