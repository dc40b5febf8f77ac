//! The post chain, from the composed picture to the one that is shown: effects where a graphics card draws them, the master's
//! brightness, and the limiter of flashes, always last.

use std::sync::Arc;

use super::limiter::{Limiter, Rule};
use super::upload::TextureId;
use super::{Canvas, EffectValues, Visible};
use crate::instrument::params::LOOK_LIMITER;
use crate::palette::Oklab;

/// How long the card goes on after the last effect has become neutral, in ticks. By then the processor's limiter has seen as
/// much as the card's has.
const GRACE: u64 = 2 * crate::instrument::TICKS_PER_SEC;

/// The parameters of the post chain for one picture.
#[derive(Clone, Copy, Debug)]
pub struct PostFrame {
    /// The rows of the effects.
    pub values: EffectValues,
    /// The master's brightness, 0..=1; 0 in a blackout.
    pub brightness: f32,
    /// Whether the master is blacked out.
    pub blackout: bool,
    /// The time in ticks.
    pub tick: u64,
    /// What grain is drawn from.
    pub seed: u32,
    /// The colours of the model's footage, once they are known.
    pub palette: Option<Oklab>,
    /// What of the picture is seen, for the limiter.
    pub visible: Visible,
}

impl PostFrame {
    /// Whether flashes are limited.
    pub(super) fn limits(&self) -> bool {
        self.values.get(LOOK_LIMITER)
    }
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

/// Effects, brightness and limiter, one picture after the other. What they remember (feedback, what has flashed) goes on from
/// the processor to a card and back.
#[derive(Default)]
pub struct PostChain {
    limiter: Limiter,
    gpu: Option<super::EffectRenderer>,
    /// Whether the last picture was finished on the card.
    on_gpu: bool,
    last_active: u64,
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
        (self.gpu, self.on_gpu) = (Some(renderer), false);
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
        self.on_gpu = false;
    }

    /// Whether effects are drawn at all.
    pub fn has_gpu(&self) -> bool {
        self.gpu.is_some()
    }

    /// Whether [`PostChain::run`] would draw such a picture on the card.
    pub fn uses_gpu(&self, frame: &PostFrame) -> bool {
        self.gpu.is_some() && (self.on_gpu || frame.values.is_active())
    }

    /// Finishes a composed, undimmed picture. Does not wait for the card. Allocates only where the size is another than before.
    pub fn run(&mut self, canvas: &Canvas, frame: &PostFrame) -> Finished<'_> {
        if self.run_on_gpu(canvas, frame)
            && let Some(drawn) = self.gpu.as_ref().and_then(super::EffectRenderer::output)
        {
            return Finished::Gpu(drawn);
        }
        Finished::Cpu(self.limiter.limit(canvas, frame.brightness, rule(frame)))
    }

    fn run_on_gpu(&mut self, canvas: &Canvas, frame: &PostFrame) -> bool {
        let Some(gpu) = &mut self.gpu else {
            return false;
        };
        let active = frame.values.is_active();
        if active {
            self.last_active = frame.tick;
        }
        let waits = self.on_gpu && frame.tick.saturating_sub(self.last_active) < GRACE;
        if !active && !waits {
            self.on_gpu = false;
            return false;
        }
        if active {
            let before = (!self.on_gpu).then(|| self.limiter.memory());
            gpu.draw(canvas, frame, before);
        } else {
            // Dimmed as the processor does, which goes on from here.
            let limiter = &mut self.limiter;
            let dimmed = limiter.watch(canvas, frame.brightness, rule(frame));
            let full = PostFrame {
                brightness: 1.0,
                ..*frame
            };
            gpu.draw(dimmed, &full, None);
        }
        self.on_gpu = true;
        true
    }
}

fn rule(frame: &PostFrame) -> Rule {
    Rule {
        tick: frame.tick,
        limits: frame.limits(),
        darkens: frame.blackout,
        visible: frame.visible,
    }
}
