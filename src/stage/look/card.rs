//! The look on a graphics card: from a picture's bytes through the passes that do something, to a texture.

use std::time::Instant;

use super::finish::LookFrame;
use super::limiter::{State, shader_tick};
use super::pass::{Moment, Numbers, Pass, header};
use super::pipeline::{attachment, buffer, buffer_layout, group, pipeline};
use super::plane::{BYTES, Binding, LINEAR, Plane, Planes};
use super::readback::Readback;
use crate::instrument::TICKS_PER_SEC;
use crate::stage::gpu::Gpu;
use crate::stage::{Canvas, GpuError};

/// The passes' uniforms and the limiter's, one after the other.
const UNIFORMS: usize = Pass::ALL.len() + 1;
/// From one uniform to the next: what every card takes.
const STRIDE: usize = 256;

/// Draws looks.
pub struct Look {
    device: wgpu::Device,
    queue: wgpu::Queue,
    binding: Binding,
    pipelines: Vec<wgpu::RenderPipeline>,
    uniforms: wgpu::Buffer,
    uniform_group: wgpu::BindGroup,
    /// The uniforms' bytes on their way to the card.
    staged: Vec<u8>,
    decide: wgpu::ComputePipeline,
    limit: wgpu::RenderPipeline,
    memory: wgpu::Buffer,
    memory_groups: [wgpu::BindGroup; 2],
    planes: Option<Planes>,
    /// Counts every size that pictures have had.
    generation: u64,
    readback: Option<Readback>,
    /// Which of two planes is drawn into now.
    turn: usize,
    has_trail: bool,
    has_last: bool,
    last_tick: u64,
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
        let passes = Pass::ALL.iter().map(|pass| {
            let (text, name, entry) = pass.shader();
            pipeline(device, &plain, &module(name, text), entry, &[LINEAR])
        });
        let pipelines = passes.collect();
        let limiter = module("limiter", include_str!("../../../shaders/limiter.wgsl"));
        let decide = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some("decide"),
            layout: Some(&layout(Some(&memory_layouts[0]))),
            module: &limiter,
            entry_point: Some("decide"),
            compilation_options: Default::default(),
            cache: None,
        });
        let limit_layout = layout(Some(&memory_layouts[1]));
        let limit = pipeline(device, &limit_layout, &limiter, "limit", &[LINEAR, BYTES]);
        Self {
            device: device.clone(),
            queue: queue.clone(),
            binding,
            pipelines,
            uniforms,
            uniform_group,
            staged: vec![0; UNIFORMS * STRIDE],
            decide,
            limit,
            memory,
            memory_groups,
            planes: None,
            generation: 0,
            readback: None,
            turn: 0,
            has_trail: false,
            has_last: false,
            last_tick: 0,
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

    /// Draws a picture with a look. `before` is what was shown without this card until now, where that is so.
    pub(super) fn draw(
        &mut self,
        canvas: &Canvas,
        frame: &LookFrame,
        before: Option<(&State, &[u8])>,
    ) {
        if self
            .planes
            .as_ref()
            .is_none_or(|planes| planes.size != canvas.size)
        {
            self.planes = Some(Planes::new(&self.device, &self.binding, canvas.size));
            self.readback = None;
            self.generation += 1;
            self.has_trail = false;
            self.has_last = false;
        }
        let active = |pass: Pass| pass.is_active(&frame.values);
        self.has_trail &= active(Pass::Feedback);
        let mut goes_on_from_before = false;
        if let (Some((state, last)), Some(planes)) = (before, &self.planes) {
            self.queue
                .write_buffer(&self.memory, 0, bytemuck::bytes_of(state));
            if last.len() == canvas.rgba.len() {
                planes.before.fill(&self.queue, last, canvas.size);
                goes_on_from_before = true;
            }
            self.has_last = goes_on_from_before;
        }
        self.stage(canvas.size, frame);
        let Some(planes) = &self.planes else {
            return;
        };
        planes.input.fill(&self.queue, &canvas.rgba, canvas.size);
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut source = &planes.input;
        let mut free = 0;
        for (index, &pass) in Pass::ALL.iter().enumerate() {
            if !active(pass) {
                continue;
            }
            let (target, second) = match pass {
                Pass::Gather => (&planes.quarter, source),
                Pass::Bloom => (&planes.work[free], &planes.quarter),
                Pass::Feedback if self.has_trail => {
                    (&planes.trail[self.turn], &planes.trail[1 - self.turn])
                }
                Pass::Feedback => (&planes.trail[self.turn], source),
                _ => (&planes.work[free], source),
            };
            let mut drawing = begin(&mut encoder, &[target]);
            drawing.set_pipeline(&self.pipelines[index]);
            self.bind(&mut drawing, source, second, index);
            drawing.draw(0..3, 0..1);
            if pass == Pass::Gather {
                continue;
            }
            if pass != Pass::Feedback {
                free = 1 - free;
            }
            source = target;
        }
        let last = if goes_on_from_before {
            &planes.before
        } else {
            &planes.kept[1 - self.turn]
        };
        {
            let mut deciding = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            deciding.set_pipeline(&self.decide);
            deciding.set_bind_group(0, &source.group, &[]);
            deciding.set_bind_group(1, &last.group, &[]);
            deciding.set_bind_group(2, &self.uniform_group, &[offset(Pass::ALL.len())]);
            deciding.set_bind_group(3, &self.memory_groups[0], &[]);
            deciding.dispatch_workgroups(1, 1, 1);
        }
        {
            let mut drawing = begin(&mut encoder, &[&planes.kept[self.turn], &planes.output]);
            drawing.set_pipeline(&self.limit);
            self.bind(&mut drawing, source, last, Pass::ALL.len());
            drawing.set_bind_group(3, &self.memory_groups[1], &[]);
            drawing.draw(0..3, 0..1);
        }
        self.queue.submit([encoder.finish()]);
        self.turn = 1 - self.turn;
        self.has_last = true;
        self.has_trail = active(Pass::Feedback);
        self.last_tick = frame.tick;
    }

    /// Copies every uniform to the card.
    fn stage(&mut self, size: (u32, u32), frame: &LookFrame) {
        // Two pictures within a tick are one tick apart, and after a pause feedback does not leap.
        let passed = frame
            .tick
            .saturating_sub(self.last_tick)
            .clamp(1, TICKS_PER_SEC / 4);
        let moment = Moment {
            size,
            tick: frame.tick,
            passed,
            seed: frame.seed,
        };
        let mut put = |index: usize, numbers: Numbers| {
            let bytes: &[u8] = bytemuck::cast_slice(&numbers);
            self.staged[index * STRIDE..][..bytes.len()].copy_from_slice(bytes);
        };
        for (index, pass) in Pass::ALL.iter().enumerate() {
            if pass.is_active(&frame.values) {
                put(index, pass.numbers(&frame.values, &moment));
            }
        }
        let mut limits = header(&moment);
        limits[2] = f32::from_bits(shader_tick(frame.tick));
        limits[3] = f32::from_bits(u32::from(self.has_last));
        limits[4] = frame.brightness;
        limits[5] = if frame.limits() { 1.0 } else { 0.0 };
        limits[6] = if frame.blackout { 1.0 } else { 0.0 };
        put(Pass::ALL.len(), limits);
        self.queue.write_buffer(&self.uniforms, 0, &self.staged);
    }

    fn bind(&self, drawing: &mut wgpu::RenderPass, first: &Plane, second: &Plane, index: usize) {
        drawing.set_bind_group(0, &first.group, &[]);
        drawing.set_bind_group(1, &second.group, &[]);
        drawing.set_bind_group(2, &self.uniform_group, &[offset(index)]);
    }

    /// What was drawn last, its size, and a number that changes when it is another texture.
    pub(in crate::stage) fn output(&self) -> Option<(&wgpu::TextureView, (u32, u32), u64)> {
        let planes = self.planes.as_ref()?;
        Some((&planes.output.view, planes.size, self.generation))
    }

    /// Asks for what was drawn last and takes the newest picture that has come, without waiting; when that was asked for.
    pub(super) fn read(&mut self, canvas: &mut Canvas) -> Option<Instant> {
        let planes = self.planes.as_ref()?;
        let make = || Readback::new(&self.device, planes.size);
        let readback = self.readback.get_or_insert_with(make);
        // Where all buffers are on their way, the next picture is asked for.
        readback.ask(&self.device, &self.queue, &planes.output);
        // What the driver has to say comes with the next picture.
        let _ = self.device.poll(wgpu::PollType::Poll);
        readback.take(canvas)
    }

    /// Waits for what was drawn last: false where the card fails.
    pub(super) fn read_waiting(&mut self, canvas: &mut Canvas) -> bool {
        let Some(planes) = &self.planes else {
            return false;
        };
        let make = || Readback::new(&self.device, planes.size);
        let readback = self.readback.get_or_insert_with(make);
        readback.ask(&self.device, &self.queue, &planes.output)
            && self
                .device
                .poll(wgpu::PollType::wait_indefinitely())
                .is_ok()
            && readback.take(canvas).is_some()
    }
}

fn offset(index: usize) -> u32 {
    (index * STRIDE) as u32
}

fn begin<'a>(encoder: &'a mut wgpu::CommandEncoder, targets: &[&Plane]) -> wgpu::RenderPass<'a> {
    // At most two.
    let all = [targets.first(), targets.get(1)].map(|plane| plane.map(|plane| attachment(plane)));
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("look"),
        color_attachments: &all[..targets.len()],
        ..Default::default()
    })
}
