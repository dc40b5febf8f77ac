//! Render pipelines that cover their whole target: what every pass on the graphics card is drawn with.

/// A fragment shader over one triangle that covers the target. The vertices come from `cover` in `shaders/common.wgsl`.
pub(super) struct FullscreenPipeline<'a> {
    pub(super) layout: &'a wgpu::PipelineLayout,
    /// The module that has `cover`; none where `module` has it itself.
    pub(super) cover: Option<&'a wgpu::ShaderModule>,
    pub(super) module: &'a wgpu::ShaderModule,
    /// The fragment entry point.
    pub(super) entry: &'a str,
    /// What the module's `override` constants are set to.
    pub(super) constants: &'a [(&'a str, f64)],
    /// The formats of the targets, by location.
    pub(super) targets: &'a [wgpu::TextureFormat],
}

impl FullscreenPipeline<'_> {
    /// Has the driver make it. May take tens of milliseconds.
    pub(super) fn create(&self, device: &wgpu::Device) -> wgpu::RenderPipeline {
        let targets: Vec<_> = self
            .targets
            .iter()
            .map(|&format| Some(format.into()))
            .collect();
        device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
            label: Some(self.entry),
            layout: Some(self.layout),
            vertex: wgpu::VertexState {
                module: self.cover.unwrap_or(self.module),
                entry_point: Some("cover"),
                compilation_options: Default::default(),
                buffers: &[],
            },
            primitive: wgpu::PrimitiveState::default(),
            depth_stencil: None,
            multisample: wgpu::MultisampleState::default(),
            fragment: Some(wgpu::FragmentState {
                module: self.module,
                entry_point: Some(self.entry),
                compilation_options: wgpu::PipelineCompilationOptions {
                    constants: self.constants,
                    ..Default::default()
                },
                targets: &targets,
            }),
            multiview_mask: None,
            cache: None,
        })
    }
}

/// A shader module of WGSL that ships with the program.
pub(super) fn shader_module(device: &wgpu::Device, label: &str, wgsl: &str) -> wgpu::ShaderModule {
    device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(wgsl.into()),
    })
}
