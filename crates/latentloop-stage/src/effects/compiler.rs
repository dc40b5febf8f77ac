//! The pipeline compiler: a thread on which the driver makes pipelines, so that the show never waits for one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::effect::KnobRanges;
use super::fused::FusedPass;
use super::shader;
use super::texture::LINEAR;
use super::user::{STACK, ShaderRegistry, UserShader};
use crate::instrument::OWN_PASSES;
use crate::stage::pipeline::{FullscreenPipeline, shader_module};

/// Requests and pipelines that can wait.
const WAITING: usize = 32;
/// The registry is looked at this often.
const INTERVAL: Duration = Duration::from_millis(50);

/// What the compiler is asked for.
pub(super) enum Request {
    /// Compile the shader of a fused pass.
    Fuse(FusedPass),
    /// Compile what a registry has, now and whenever it changes.
    Follow(Arc<ShaderRegistry>),
    /// Answer when all that was asked for before is done.
    Flush,
    /// Drop a pipeline, which takes the driver time.
    Drop(wgpu::RenderPipeline),
}

/// What the compiler has done.
pub(super) enum Compiled {
    /// The pipeline of a fused pass; none where the card refuses it.
    Fused(FusedPass, Option<wgpu::RenderPipeline>),
    /// What a slot for users' shaders holds now.
    User(usize, Option<UserPipeline>),
    /// All that was asked for before is done.
    Flushed,
}

/// A user's shader, compiled.
pub(super) struct UserPipeline {
    pub(super) pipeline: wgpu::RenderPipeline,
    pub(super) ranges: KnobRanges,
    pub(super) shader: Arc<UserShader>,
    /// Whether it costs too much to be drawn on pictures of the present size.
    pub(super) is_too_much: bool,
}

/// The renderer's end of the compiler.
pub(super) struct PipelineCompiler {
    requests: Option<Sender<Request>>,
    compiled: Receiver<Compiled>,
    thread: Option<JoinHandle<()>>,
}

impl PipelineCompiler {
    /// Starts the thread. `layout` is that of every effect, `cover` has the vertex entry point.
    pub(super) fn start(
        device: wgpu::Device,
        layout: wgpu::PipelineLayout,
        cover: wgpu::ShaderModule,
    ) -> std::io::Result<Self> {
        let (requests, inbox) = bounded(WAITING);
        let (outbox, compiled) = bounded(WAITING);
        let worker = Worker {
            device,
            layout,
            cover,
            followed: None,
            compiled: outbox,
        };
        let thread = std::thread::Builder::new()
            .name("look-shaders".into())
            .stack_size(STACK)
            .spawn(move || worker.run(&inbox))?;
        Ok(Self {
            requests: Some(requests),
            compiled,
            thread: Some(thread),
        })
    }

    /// Asks for something; false where too much waits.
    pub(super) fn ask(&self, request: Request) -> bool {
        let requests = self.requests.as_ref();
        let sent = requests.map(|requests| requests.try_send(request));
        matches!(sent, Some(Ok(())))
    }

    /// What is ready, if anything is.
    pub(super) fn take(&self) -> Option<Compiled> {
        self.compiled.try_recv().ok()
    }

    /// Waits for what is ready next; nothing where the thread has ended.
    pub(super) fn wait(&self) -> Option<Compiled> {
        self.compiled.recv().ok()
    }
}

impl Drop for PipelineCompiler {
    fn drop(&mut self) {
        self.requests = None;
        // Nobody takes what is still handed over.
        while self.compiled.recv().is_ok() {}
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

struct Worker {
    device: wgpu::Device,
    layout: wgpu::PipelineLayout,
    cover: wgpu::ShaderModule,
    followed: Option<Followed>,
    compiled: Sender<Compiled>,
}

/// A registry, and what of it was compiled.
struct Followed {
    registry: Arc<ShaderRegistry>,
    version: Option<u64>,
    shaders: [Option<Arc<UserShader>>; OWN_PASSES],
}

impl Worker {
    fn run(mut self, inbox: &Receiver<Request>) {
        loop {
            let request = match self.followed {
                None => inbox.recv().map_err(RecvTimeoutError::from),
                Some(_) => inbox.recv_timeout(INTERVAL),
            };
            let goes_on = match request {
                Ok(request) => self.answer(request),
                Err(RecvTimeoutError::Timeout) => self.follow(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// False where nobody takes what is compiled.
    fn answer(&mut self, request: Request) -> bool {
        match request {
            Request::Fuse(fused) => {
                let targets = if fused.has_feedback() { 2 } else { 1 };
                let wgsl = shader::fused(fused.effects());
                let compiled = self.compile("fused", &wgsl, shader::ENTRY, targets);
                if let Err(error) = &compiled {
                    tracing::warn!("passes are drawn one by one: {error}");
                }
                self.send(Compiled::Fused(fused, compiled.ok()))
            }
            Request::Follow(registry) => {
                self.followed = Some(Followed {
                    registry,
                    version: None,
                    shaders: Default::default(),
                });
                self.follow()
            }
            Request::Flush => self.follow() && self.send(Compiled::Flushed),
            Request::Drop(pipeline) => {
                drop(pipeline);
                true
            }
        }
    }

    fn send(&self, compiled: Compiled) -> bool {
        self.compiled.send(compiled).is_ok()
    }

    /// Compiles what has changed in the registry.
    fn follow(&mut self) -> bool {
        let Some(mut followed) = self.followed.take() else {
            return true;
        };
        let version = followed.registry.version();
        let mut goes_on = true;
        if followed.version != Some(version) {
            followed.version = Some(version);
            for slot in 0..OWN_PASSES {
                let shader = followed.registry.shader(slot);
                let known = &mut followed.shaders[slot];
                if shader.as_ref().map(Arc::as_ptr) != known.as_ref().map(Arc::as_ptr) {
                    goes_on &= self.change(slot, shader.as_ref(), &followed.registry);
                    followed.shaders[slot] = shader;
                }
            }
        }
        self.followed = Some(followed);
        goes_on
    }

    fn change(
        &self,
        slot: usize,
        shader: Option<&Arc<UserShader>>,
        registry: &ShaderRegistry,
    ) -> bool {
        let Some(shader) = shader else {
            return self.send(Compiled::User(slot, None));
        };
        match self.compile(&shader.name, &shader.wgsl, &shader.entry, 1) {
            Ok(pipeline) => {
                let compiled = UserPipeline {
                    pipeline,
                    ranges: shader.ranges(),
                    shader: Arc::clone(shader),
                    is_too_much: false,
                };
                self.send(Compiled::User(slot, Some(compiled)))
            }
            Err(error) => {
                registry.warn(format!(
                    "{}: the graphics card refuses it: {error}; what was drawn before goes on",
                    shader.path.display()
                ));
                true
            }
        }
    }

    fn compile(
        &self,
        name: &str,
        wgsl: &str,
        entry: &str,
        targets: usize,
    ) -> Result<wgpu::RenderPipeline, String> {
        let scopes = [
            wgpu::ErrorFilter::Validation,
            wgpu::ErrorFilter::Internal,
            wgpu::ErrorFilter::OutOfMemory,
        ]
        .map(|filter| self.device.push_error_scope(filter));
        let compile = || {
            let pipeline = FullscreenPipeline {
                layout: &self.layout,
                cover: Some(&self.cover),
                module: &shader_module(&self.device, name, wgsl),
                entry,
                constants: &[],
                targets: &[LINEAR; 2][..targets],
            };
            pipeline.create(&self.device)
        };
        // What is too much for a driver must not end the thread either.
        let compiled = catch_unwind(AssertUnwindSafe(compile));
        // The last one that was pushed comes first.
        let errors = scopes
            .into_iter()
            .rev()
            .map(|scope| pollster::block_on(scope.pop()));
        match errors.collect::<Vec<_>>().into_iter().flatten().next() {
            None => compiled.map_err(|_panic| "its driver failed".to_owned()),
            Some(error) => Err(error.to_string()),
        }
    }
}
