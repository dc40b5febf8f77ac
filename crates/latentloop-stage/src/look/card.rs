//! The look on a graphics card: from a picture's bytes through the passes that do something, to a texture.

use std::sync::Arc;

use super::fused::{self, Run};
use super::own::Shelf;
use super::pass::{Numbers, Pass};
use super::pipeline::{buffer, buffer_layout, group, pipeline};
use super::plane::{BYTES, Binding, LINEAR, Planes};
use super::workshop::{Job, Made, OwnPass, Workshop};
use crate::instrument::OWN_PASSES;
use crate::stage::gpu::Gpu;
use crate::stage::limiter::State;
use crate::stage::upload::TextureId;
use crate::stage::{GpuError, GpuFrame};

/// Uniforms one after the other: those of the passes, then the limiter's, that of the picture at a keyframe, which is kept as it
/// is, and those of runs that are drawn in one go.
pub(super) const LIMITER: usize = Pass::ALL.len();
pub(super) const HOLD: usize = LIMITER + 1;
pub(super) const RUNS: usize = HOLD + 1;
const UNIFORMS: usize = RUNS + fused::LONGEST / 2;
/// From one uniform to the next: a multiple of what every card takes.
pub(super) const STRIDE: usize = 512;
/// Runs whose pipelines are kept.
const FUSED: usize = 16;

/// Draws looks.
pub struct Look {
    pub(super) device: wgpu::Device,
    pub(super) queue: wgpu::Queue,
    pub(super) binding: Binding,
    /// By [`Pass::place`]; none for a performer's own.
    pub(super) pipelines: Vec<Option<wgpu::RenderPipeline>>,
    pub(super) gather: wgpu::RenderPipeline,
    pub(super) mix: wgpu::RenderPipeline,
    pub(super) fused: Vec<(Run, Option<wgpu::RenderPipeline>)>,
    /// The run whose pipeline is being made.
    pub(super) asked: Option<Run>,
    pub(super) own: [Option<OwnPass>; OWN_PASSES],
    pub(super) workshop: Option<Workshop>,
    pub(super) fuses: bool,
    pub(super) waits: bool,
    pub(super) uniforms: wgpu::Buffer,
    pub(super) uniform_group: wgpu::BindGroup,
    /// The uniforms' bytes on their way to the card.
    pub(super) staged: Vec<u8>,
    pub(super) decide: wgpu::ComputePipeline,
    pub(super) limit: wgpu::RenderPipeline,
    pub(super) memory: wgpu::Buffer,
    pub(super) memory_groups: [wgpu::BindGroup; 2],
    pub(super) planes: Option<Planes>,
    /// Which texture the finished pictures are drawn into.
    pub(super) output: TextureId,
    /// Which of two planes is drawn into now.
    pub(super) turn: usize,
    pub(super) has_trail: bool,
    pub(super) has_last: bool,
    pub(super) last_tick: u64,
    pub(super) head: Head,
}

/// What of the play head a transition depends on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Head {
    /// Where it stood when the last picture was drawn.
    pub(super) position: Option<f32>,
    /// Which way it came to the present segment: 1 or -1.
    pub(super) direction: f32,
    /// Whether the picture at the last keyframe was kept.
    pub(super) holds: bool,
}

impl Look {
    /// A look on a card that is open already.
    pub fn new(device: &wgpu::Device, queue: &wgpu::Queue) -> Self {
        let binding = Binding::new(device);
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
            size: wgpu::BufferSize::new(size_of::<Numbers>() as u64),
        };
        let uniform_group = group(
            device,
            &uniform_layout,
            0,
            wgpu::BindingResource::Buffer(uniform),
        );
        let memory = buffer(device, size_of::<State>(), wgpu::BufferUsages::STORAGE);
        let memory_layouts = [
            buffer_layout(
                device,
                0,
                wgpu::ShaderStages::COMPUTE,
                wgpu::BufferBindingType::Storage { read_only: false },
            ),
            buffer_layout(
                device,
                1,
                wgpu::ShaderStages::FRAGMENT,
                wgpu::BufferBindingType::Storage { read_only: true },
            ),
        ];
        let memory_group = |binding: usize| {
            let layout = &memory_layouts[binding];
            group(device, layout, binding as u32, memory.as_entire_binding())
        };
        let memory_groups = [memory_group(0), memory_group(1)];
        let layout = |last: Option<&wgpu::BindGroupLayout>| {
            let first = [&binding.layout, &binding.layout, &uniform_layout];
            let all: Vec<_> = first.into_iter().chain(last).map(Some).collect();
            device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
                label: Some("look"),
                bind_group_layouts: &all,
                immediate_size: 0,
            })
        };
        let plain = layout(None);
        let module = |name: &str, text: &str| {
            device.create_shader_module(wgpu::ShaderModuleDescriptor {
                label: Some(name),
                source: wgpu::ShaderSource::Wgsl(text.into()),
            })
        };
        let pass = |text: &str, name: &str, entry: &str| {
            let module = module(name, text);
            pipeline(device, &plain, (&module, &module), entry, &[LINEAR])
        };
        let pipelines = Pass::ALL.iter().map(|one| {
            let shader = one.shader();
            shader.map(|(text, name, entry)| pass(text, name, entry))
        });
        let pipelines = pipelines.collect();
        let bloom = include_str!("../../../../shaders/bloom.wgsl");
        let blend = include_str!("../../../../shaders/mix.wgsl");
        let limiter = module("limiter", include_str!("../../../../shaders/limiter.wgsl"));
        let decide = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("decide"),
            layout: Some(&layout(Some(&memory_layouts[0]))),
            module: &limiter,
            entry_point: Some("decide"),
            compilation_options: Default::default(),
            cache: None,
        });
        let limit_layout = layout(Some(&memory_layouts[1]));
        let limit = pipeline(
            device,
            &limit_layout,
            (&limiter, &limiter),
            "limit",
            &[LINEAR, BYTES],
        );
        let workshop = Workshop::start(device.clone(), plain.clone(), limiter.clone());
        let workshop = workshop
            .map_err(|error| tracing::warn!("cannot start the thread that makes shaders: {error}"));
        Self {
            device: device.clone(),
            queue: queue.clone(),
            pipelines,
            gather: pass(bloom, "bloom", "gather"),
            mix: pass(blend, "mix", "blend"),
            binding,
            fused: Vec::with_capacity(FUSED),
            asked: None,
            own: Default::default(),
            workshop: workshop.ok(),
            fuses: true,
            waits: false,
            uniforms,
            uniform_group,
            staged: vec![0; UNIFORMS * STRIDE],
            decide,
            limit,
            memory,
            memory_groups,
            planes: None,
            output: TextureId::new(),
            turn: 0,
            has_trail: false,
            has_last: false,
            last_tick: 0,
            head: Head::default(),
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

    /// Draws every pass by itself, to hold what is drawn in one go against.
    #[must_use]
    pub fn one_by_one(self) -> Self {
        Self {
            fuses: false,
            ..self
        }
    }

    /// A look on the best card there is, without a screen.
    ///
    /// # Errors
    /// When there is none, or it cannot be opened.
    pub fn headless() -> Result<Self, GpuError> {
        let gpu = Gpu::open_headless()?;
        Ok(Self::new(&gpu.device, &gpu.queue))
    }

    /// From now on a performer's own passes are drawn too.
    pub(crate) fn wear(&mut self, shelf: Arc<Shelf>) {
        self.order(Job::Wear(shelf));
        if self.waits && self.order(Job::Say) {
            while let Some(made) = self.workshop.as_ref().and_then(Workshop::wait) {
                if matches!(made, Made::Said) {
                    return;
                }
                self.keep(made);
            }
        }
    }

    fn order(&self, job: Job) -> bool {
        let workshop = self.workshop.as_ref();
        workshop.is_some_and(|workshop| workshop.ask(job))
    }

    /// Takes what the workshop has made, without waiting.
    pub(super) fn take_made(&mut self) {
        while let Some(made) = self.workshop.as_ref().and_then(Workshop::take) {
            self.keep(made);
        }
    }

    fn keep(&mut self, made: Made) {
        match made {
            Made::Fused(run, pipeline) => {
                if self.fused.len() == FUSED
                    && let (_, Some(oldest)) = self.fused.remove(0)
                {
                    self.order(Job::Discard(oldest));
                }
                self.fused.push((run, pipeline));
                self.asked = None;
            }
            Made::Own(place, pass) => {
                if let Some(before) = std::mem::replace(&mut self.own[place], pass) {
                    self.order(Job::Discard(before.pipeline));
                }
            }
            Made::Said => {}
        }
    }

    /// Where the pipeline of a run is among [`Look::fused`]; nothing where it is still being made, or the card refuses it.
    pub(super) fn find_fused(&mut self, run: Run) -> Option<usize> {
        if !self.fuses || !run.is_worth_it() {
            return None;
        }
        loop {
            if let Some(at) = self.fused.iter().position(|(known, _)| *known == run) {
                return self.fused[at].1.is_some().then_some(at);
            }
            // One after the other: a run that is no longer wanted when it comes is asked for again when it is.
            if self.asked.is_none() && self.order(Job::Fuse(run)) {
                self.asked = Some(run);
            }
            if !self.waits || self.asked.is_none() {
                return None;
            }
            let made = self.workshop.as_ref().and_then(Workshop::wait)?;
            self.keep(made);
        }
    }

    /// What was drawn last.
    pub(crate) fn output(&self) -> Option<GpuFrame<'_>> {
        let planes = self.planes.as_ref()?;
        Some(GpuFrame {
            device: &self.device,
            queue: &self.queue,
            texture: &planes.output.texture,
            view: &planes.output.view,
            size: planes.size,
            id: self.output,
        })
    }
}
