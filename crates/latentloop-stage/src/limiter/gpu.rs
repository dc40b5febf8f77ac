//! The limiter of an output on the graphics card.

use super::super::pipeline::shader_module;
use super::{Moment, Pace, State};
use crate::instrument::TICKS_PER_SEC;

/// Where a limiter begins as late in a show, another one was before it, whose memory went with its card.
const LATE: u64 = 2 * TICKS_PER_SEC;

/// A limiter's memory on the card, and the pipeline that follows frames.
pub(in super::super) struct GpuLimiter {
    follow: wgpu::ComputePipeline,
    moment: wgpu::Buffer,
    follow_group: wgpu::BindGroup,
    /// The gains, for who draws the frame.
    pub(in super::super) gains: wgpu::BindGroup,
    pace: Pace,
    is_overlaid: bool,
}

/// The layouts of what a limiter binds: for who follows frames, and for who draws them.
pub(in super::super) struct LimiterLayouts {
    pub(in super::super) follow: wgpu::BindGroupLayout,
    pub(in super::super) gains: wgpu::BindGroupLayout,
}

impl LimiterLayouts {
    pub(in super::super) fn new(device: &wgpu::Device) -> Self {
        let entry = |binding, visibility, ty| wgpu::BindGroupLayoutEntry {
            binding,
            visibility,
            ty: wgpu::BindingType::Buffer {
                ty,
                has_dynamic_offset: false,
                min_binding_size: None,
            },
            count: None,
        };
        let layout = |entries: &[wgpu::BindGroupLayoutEntry]| {
            device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
                label: Some("limiter"),
                entries,
            })
        };
        let memory = |read_only| wgpu::BufferBindingType::Storage { read_only };
        Self {
            follow: layout(&[
                entry(
                    0,
                    wgpu::ShaderStages::COMPUTE,
                    wgpu::BufferBindingType::Uniform,
                ),
                entry(1, wgpu::ShaderStages::COMPUTE, memory(false)),
            ]),
            gains: layout(&[entry(0, wgpu::ShaderStages::FRAGMENT, memory(true))]),
        }
    }
}

impl GpuLimiter {
    /// A limiter whose frames are sampled from a group of that layout by `wgsl`, which includes `limiter.wgsl`.
    pub(in super::super) fn new(
        device: &wgpu::Device,
        frame: &wgpu::BindGroupLayout,
        layouts: &LimiterLayouts,
        wgsl: &str,
    ) -> Self {
        let buffer = |size: usize, usage| {
            device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("limiter"),
                size: size as u64,
                usage,
                mapped_at_creation: false,
            })
        };
        let moment = buffer(
            size_of::<Moment>(),
            wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        );
        // A buffer begins as zeros, as `State` does.
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC;
        let state = buffer(size_of::<State>(), usage);
        let group = |layout, buffers: &[&wgpu::Buffer]| {
            let mut entries = Vec::with_capacity(buffers.len());
            for (binding, buffer) in buffers.iter().enumerate() {
                entries.push(wgpu::BindGroupEntry {
                    binding: binding as u32,
                    resource: buffer.as_entire_binding(),
                });
            }
            device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: Some("limiter"),
                layout,
                entries: &entries,
            })
        };
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("limiter"),
            bind_group_layouts: &[Some(frame), Some(&layouts.follow)],
            immediate_size: 0,
        });
        Self {
            follow: device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
                label: Some("limiter"),
                layout: Some(&layout),
                module: &shader_module(device, "limiter", wgsl),
                entry_point: Some("follow"),
                compilation_options: Default::default(),
                cache: None,
            }),
            follow_group: group(&layouts.follow, &[&moment, &state]),
            gains: group(&layouts.gains, &[&state]),
            moment,
            pace: Pace::default(),
            is_overlaid: false,
        }
    }

    /// Says what the next frame meets; `is_overlaid` where something is laid over it that the limiter does not see.
    pub(in super::super) fn meet(
        &mut self,
        queue: &wgpu::Queue,
        tick: u64,
        limits: bool,
        is_overlaid: bool,
    ) {
        let has_changed = std::mem::replace(&mut self.is_overlaid, is_overlaid) != is_overlaid;
        let moment = Moment {
            overlaid: u32::from(has_changed),
            is_cautious: u32::from(tick >= LATE),
            ..self.pace.next(tick, limits)
        };
        queue.write_buffer(&self.moment, 0, bytemuck::bytes_of(&moment));
    }

    /// Follows the frame that a group shows.
    pub(in super::super) fn follow(
        &self,
        encoder: &mut wgpu::CommandEncoder,
        frame: &wgpu::BindGroup,
    ) {
        let mut pass = encoder.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        pass.set_pipeline(&self.follow);
        pass.set_bind_group(0, frame, &[]);
        pass.set_bind_group(1, &self.follow_group, &[]);
        pass.dispatch_workgroups(1, 1, 1);
    }
}
