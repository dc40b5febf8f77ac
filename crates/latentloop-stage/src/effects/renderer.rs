//! The effect renderer: from a picture's bytes through the effects that are active to a texture.

use std::sync::Arc;

use super::binding::{buffer, buffer_layout, group};
use super::builtin::{EFFECTS, MAX_FUSED, USER_MIX};
use super::compiler::{Compiled, PipelineCompiler, Request, UserPipeline};
use super::effect::{Effect, SecondInput, UNIFORM_LEN};
use super::fused::FusedPass;
use super::shader;
use super::texture::{BYTES, LINEAR, RenderTextures, TextureBinding};
use super::user::ShaderRegistry;
use super::watchdog::{Limits, Watchdog};
use crate::instrument::OWN_PASSES;
use crate::stage::gpu::Gpu;
use crate::stage::pipeline::{FullscreenPipeline, shader_module};
use crate::stage::upload::TextureId;
use crate::stage::{GpuError, GpuFrame};

/// Uniforms one after the other: those of the effects, then the last pass's, that of a copy, and those of fused passes.
pub(super) const FINISH: usize = EFFECTS.len();
pub(super) const COPY: usize = FINISH + 1;
pub(super) const FUSED: usize = COPY + 1;
const UNIFORMS: usize = FUSED + MAX_FUSED / 2;
/// Bytes from one uniform to the next: a multiple of what every card takes.
pub(super) const STRIDE: usize = 512;
/// Fused passes whose pipelines are kept.
const MAX_KEPT: usize = 16;

/// Draws effects on a graphics card.
pub struct EffectRenderer {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) binding: TextureBinding,
    /// In the order of [`EFFECTS`].
    pub(super) pipelines: Vec<EffectPipelines>,
    /// Mixes what a user's shader has drawn into the picture, or copies the picture.
    pub(super) mix: wgpu::RenderPipeline,
    /// None where the card refuses a pass.
    pub(super) fused: Vec<(FusedPass, Option<wgpu::RenderPipeline>)>,
    /// The fused pass whose pipeline is being compiled.
    compiling: Option<FusedPass>,
    pub(super) user: [Option<UserPipeline>; OWN_PASSES],
    pub(super) registry: Option<Arc<ShaderRegistry>>,
    pub(super) watchdog: Watchdog,
    compiler: Option<PipelineCompiler>,
    fuses: bool,
    pub(super) waits: bool,
    pub(super) uniforms: wgpu::Buffer,
    pub(super) uniform_group: wgpu::BindGroup,
    /// The uniforms' bytes on their way to the card.
    pub(super) staged: Vec<u8>,
    /// The last pass.
    pub(super) finish: wgpu::RenderPipeline,
    pub(super) textures: Option<RenderTextures>,
    /// Which texture the finished pictures are drawn into.
    pub(super) output: TextureId,
    /// Which of two textures is drawn into now.
    pub(super) turn: usize,
    pub(super) has_feedback: bool,
    pub(super) last_tick: u64,
    pub(super) head: PlayHead,
}

/// The pipelines of an effect.
pub(super) struct EffectPipelines {
    /// None where a user's shader draws.
    pub(super) effect: Option<wgpu::RenderPipeline>,
    /// Where it reads what it has prefiltered.
    pub(super) prefilter: Option<wgpu::RenderPipeline>,
}

/// The play head, as far as a transition depends on it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PlayHead {
    /// Where it stood when the last picture was drawn.
    pub(super) position: Option<f32>,
    /// Which way it came to the present segment: 1 or -1.
    pub(super) direction: f32,
    /// Whether there is a picture at the last keyframe.
    pub(super) has_keyframe: bool,
}

impl EffectRenderer {
    /// A renderer on a card that is open already.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let binding = TextureBinding::new(device);
        let uniform_layout = buffer_layout(
            device,
            0,
            wgpu::ShaderStages::FRAGMENT | wgpu::ShaderStages::COMPUTE,
            wgpu::BufferBindingType::Uniform,
        );
        let uniforms = buffer(device, UNIFORMS * STRIDE, wgpu::BufferUsages::UNIFORM);
        let uniform = wgpu::BufferBinding {
            buffer: &uniforms,
            offset: 0,
            size: wgpu::BufferSize::new(size_of::<[f32; UNIFORM_LEN]>() as u64),
        };
        let uniform_group = group(
            device,
            &uniform_layout,
            0,
            wgpu::BindingResource::Buffer(uniform),
        );
        let layouts = [&binding.layout, &binding.layout, &uniform_layout];
        let plain = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("look"),
            bind_group_layouts: &layouts.map(Some),
            immediate_size: 0,
        });
        let finish_module = shader_module(device, "finish", shader::FINISH);
        let effect = |label: &str, wgsl: String| {
            let pipeline = FullscreenPipeline {
                layout: &plain,
                cover: Some(&finish_module),
                module: &shader_module(device, label, &wgsl),
                entry: shader::ENTRY,
                constants: &[],
                targets: &[LINEAR],
            };
            pipeline.create(device)
        };
        let pipelines = |one: &Effect| {
            let is_prefiltered = one.second == SecondInput::Prefiltered;
            let is_user = matches!(one.second, SecondInput::User(_));
            EffectPipelines {
                effect: (!is_user).then(|| effect(one.name, shader::single(one))),
                prefilter: is_prefiltered.then(|| effect(one.name, shader::prefilter(one))),
            }
        };
        let finish = FullscreenPipeline {
            layout: &plain,
            cover: None,
            module: &finish_module,
            entry: "finish",
            constants: &[],
            targets: &[LINEAR, BYTES],
        };
        let compiler =
            PipelineCompiler::start(device.clone(), plain.clone(), finish_module.clone()).map_err(
                |error| tracing::warn!("cannot start the thread that makes shaders: {error}"),
            );
        Self {
            device: device.clone(),
            queue: queue.clone(),
            pipelines: EFFECTS.iter().map(pipelines).collect(),
            mix: effect("mix", shader::single(&USER_MIX)),
            binding,
            fused: Vec::with_capacity(MAX_KEPT),
            compiling: None,
            user: Default::default(),
            registry: None,
            watchdog: Watchdog::new(Limits::default()),
            compiler: compiler.ok(),
            fuses: true,
            waits: false,
            uniforms,
            uniform_group,
            staged: vec![0; UNIFORMS * STRIDE],
            finish: finish.create(device),
            textures: None,
            output: TextureId::new(),
            turn: 0,
            has_feedback: false,
            last_tick: 0,
            head: PlayHead::default(),
        }
    }

    /// Waits for shaders where a show would go on without them: for films, whose pictures must not depend on how fast they come.
    #[must_use]
    pub fn waiting(self) -> Self {
        Self {
            waits: true,
            ..self
        }
    }

    /// Draws every effect in a pass of its own, to compare with fused passes.
    #[must_use]
    pub fn one_by_one(self) -> Self {
        Self {
            fuses: false,
            ..self
        }
    }

    /// With other limits of what users' shaders may cost.
    #[cfg(test)]
    #[must_use]
    pub(super) fn limited(self, limits: Limits) -> Self {
        Self {
            watchdog: Watchdog::new(limits),
            ..self
        }
    }

    /// A renderer on the best card there is, without a screen.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub fn headless() -> Result<Self, GpuError> {
        let gpu = Gpu::open_headless()?;
        Ok(Self::new(&gpu.device, &gpu.queue))
    }

    /// From now on users' shaders are drawn too.
    pub(crate) fn set_user_shaders(&mut self, registry: Arc<ShaderRegistry>) {
        self.registry = Some(Arc::clone(&registry));
        self.request(Request::Follow(registry));
        if self.waits && self.request(Request::Flush) {
            while let Some(compiled) = self.compiler.as_ref().and_then(PipelineCompiler::wait) {
                if matches!(compiled, Compiled::Flushed) {
                    return;
                }
                self.keep(compiled);
            }
        }
    }

    fn request(&self, request: Request) -> bool {
        let compiler = self.compiler.as_ref();
        compiler.is_some_and(|compiler| compiler.ask(request))
    }

    /// Takes what the compiler has done, without waiting.
    pub(super) fn take_compiled(&mut self) {
        while let Some(compiled) = self.compiler.as_ref().and_then(PipelineCompiler::take) {
            self.keep(compiled);
        }
    }

    fn keep(&mut self, compiled: Compiled) {
        match compiled {
            Compiled::Fused(pass, pipeline) => {
                if self.fused.len() == MAX_KEPT
                    && let (_, Some(oldest)) = self.fused.remove(0)
                {
                    self.request(Request::Drop(oldest));
                }
                self.fused.push((pass, pipeline));
                self.compiling = None;
            }
            Compiled::User(slot, pipeline) => self.put(slot, pipeline),
            Compiled::Flushed => {}
        }
    }

    /// Fills a slot for users' shaders, or empties it.
    pub(super) fn put(&mut self, slot: usize, pipeline: Option<UserPipeline>) {
        if let Some(before) = std::mem::replace(&mut self.user[slot], pipeline) {
            self.request(Request::Drop(before.pipeline));
        }
    }

    /// Where the pipeline of a fused pass is in [`EffectRenderer::fused`]; nothing where it is still being compiled, or the card
    /// refuses it.
    pub(super) fn find_fused(&mut self, pass: FusedPass) -> Option<usize> {
        if !self.fuses || !pass.is_worth_it() {
            return None;
        }
        loop {
            if let Some(at) = self.fused.iter().position(|(known, _)| *known == pass) {
                return self.fused[at].1.is_some().then_some(at);
            }
            // One after the other: a pass that is no longer wanted when it comes is asked for again when it is.
            if self.compiling.is_none() && self.request(Request::Fuse(pass)) {
                self.compiling = Some(pass);
            }
            if !self.waits || self.compiling.is_none() {
                return None;
            }
            let compiled = self.compiler.as_ref().and_then(PipelineCompiler::wait)?;
            self.keep(compiled);
        }
    }

    /// What was drawn last.
    pub(crate) fn output(&self) -> Option<GpuFrame<'_>> {
        let textures = self.textures.as_ref()?;
        Some(GpuFrame {
            device: &self.device,
            queue: &self.queue,
            texture: &textures.output.texture,
            view: &textures.output.view,
            size: textures.size,
            id: self.output,
        })
    }
}
