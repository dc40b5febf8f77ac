//! The thread that makes pipelines for a look: what takes a driver its time is done beside the show.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::fused::Run;
use super::own::{STACK, Shelf, Source};
use super::pass::Ranges;
use super::pipeline::pipeline;
use super::plane::LINEAR;
use crate::instrument::OWN_PASSES;

/// Jobs and pipelines that can wait.
const WAITING: usize = 32;
/// The shelf is looked at this often.
const INTERVAL: Duration = Duration::from_millis(50);

/// What the thread is asked for.
pub(super) enum Job {
    /// Make the pipeline of a run.
    Fuse(Run),
    /// Make pipelines of what stands on a shelf, from now on.
    Wear(Arc<Shelf>),
    /// Say when all of this is done.
    Say,
    /// Throw away what takes time to throw away.
    Discard(wgpu::RenderPipeline),
}

/// What the thread hands over.
pub(super) enum Made {
    /// The pipeline of a run; none where the card refuses it.
    Fused(Run, Option<wgpu::RenderPipeline>),
    /// What a place holds now.
    Own(usize, Option<OwnPass>),
    /// All that was asked for before is done.
    Said,
}

/// A performer's own pass, made ready.
pub(super) struct OwnPass {
    pub(super) pipeline: wgpu::RenderPipeline,
    pub(super) ranges: Ranges,
}

/// The look's end of the thread.
pub(super) struct Workshop {
    jobs: Option<Sender<Job>>,
    made: Receiver<Made>,
    thread: Option<JoinHandle<()>>,
}

impl Workshop {
    /// Starts the thread. `layout` is what every pass is bound by, `cover` has the vertex entry point.
    pub(super) fn start(
        device: wgpu::Device,
        layout: wgpu::PipelineLayout,
        cover: wgpu::ShaderModule,
    ) -> std::io::Result<Self> {
        let (jobs, inbox) = bounded(WAITING);
        let (made, outbox) = bounded(WAITING);
        let bench = Bench {
            device,
            layout,
            cover,
            shelf: None,
            made,
        };
        let thread = std::thread::Builder::new()
            .name("look-shaders".into())
            .stack_size(STACK)
            .spawn(move || bench.run(&inbox))?;
        Ok(Self {
            jobs: Some(jobs),
            made: outbox,
            thread: Some(thread),
        })
    }

    /// Asks for something; false where too much waits.
    pub(super) fn ask(&self, job: Job) -> bool {
        let sent = self.jobs.as_ref().map(|jobs| jobs.try_send(job));
        matches!(sent, Some(Ok(())))
    }

    /// What is ready, if anything is.
    pub(super) fn take(&self) -> Option<Made> {
        self.made.try_recv().ok()
    }

    /// Waits for what is ready next; nothing where the thread has ended.
    pub(super) fn wait(&self) -> Option<Made> {
        self.made.recv().ok()
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        self.jobs = None;
        // Nobody takes what is still handed over.
        while self.made.recv().is_ok() {}
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

struct Bench {
    device: wgpu::Device,
    layout: wgpu::PipelineLayout,
    cover: wgpu::ShaderModule,
    shelf: Option<Worn>,
    made: Sender<Made>,
}

/// A shelf, and what of it was made.
struct Worn {
    shelf: Arc<Shelf>,
    version: Option<u64>,
    sources: [Option<Arc<Source>>; OWN_PASSES],
}

impl Bench {
    fn run(mut self, inbox: &Receiver<Job>) {
        loop {
            let job = match self.shelf {
                None => inbox.recv().map_err(RecvTimeoutError::from),
                Some(_) => inbox.recv_timeout(INTERVAL),
            };
            let goes_on = match job {
                Ok(job) => self.work(job),
                Err(RecvTimeoutError::Timeout) => self.follow(),
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if !goes_on {
                return;
            }
        }
    }

    /// False where nobody takes what is made.
    fn work(&mut self, job: Job) -> bool {
        match job {
            Job::Fuse(run) => {
                let count = if run.has_feedback() { 2 } else { 1 };
                let made = self.make("fused", &run.text(), "fused", count);
                if let Err(error) = &made {
                    tracing::warn!("passes are drawn one by one: {error}");
                }
                self.hand(Made::Fused(run, made.ok()))
            }
            Job::Wear(shelf) => {
                self.shelf = Some(Worn {
                    shelf,
                    version: None,
                    sources: Default::default(),
                });
                self.follow()
            }
            Job::Say => self.follow() && self.hand(Made::Said),
            Job::Discard(pipeline) => {
                drop(pipeline);
                true
            }
        }
    }

    fn hand(&self, made: Made) -> bool {
        self.made.send(made).is_ok()
    }

    /// Makes what has changed on the shelf.
    fn follow(&mut self) -> bool {
        let Some(mut worn) = self.shelf.take() else {
            return true;
        };
        let version = worn.shelf.version();
        let mut goes_on = true;
        if worn.version != Some(version) {
            worn.version = Some(version);
            for place in 0..OWN_PASSES {
                let source = worn.shelf.source(place);
                if !is_same(&source, &worn.sources[place]) {
                    goes_on &= self.change(place, source.as_deref(), &worn.shelf);
                    worn.sources[place] = source;
                }
            }
        }
        self.shelf = Some(worn);
        goes_on
    }

    fn change(&self, place: usize, source: Option<&Source>, shelf: &Shelf) -> bool {
        let Some(source) = source else {
            return self.hand(Made::Own(place, None));
        };
        match self.make(&source.name, &source.text, &source.entry, 1) {
            Ok(pipeline) => {
                let ranges = source.ranges();
                self.hand(Made::Own(place, Some(OwnPass { pipeline, ranges })))
            }
            Err(error) => {
                shelf.warn(format!(
                    "{}: the graphics card refuses it: {error}; what was drawn before goes on",
                    source.path.display()
                ));
                true
            }
        }
    }

    fn make(
        &self,
        name: &str,
        text: &str,
        entry: &str,
        count: usize,
    ) -> Result<wgpu::RenderPipeline, String> {
        let scopes = [
            wgpu::ErrorFilter::Validation,
            wgpu::ErrorFilter::Internal,
            wgpu::ErrorFilter::OutOfMemory,
        ]
        .map(|filter| self.device.push_error_scope(filter));
        let formats = &[LINEAR; 2][..count];
        let make = || {
            let source = wgpu::ShaderSource::Wgsl(text.into());
            let module = self
                .device
                .create_shader_module(wgpu::ShaderModuleDescriptor {
                    label: Some(name),
                    source,
                });
            let modules = (&self.cover, &module);
            pipeline(&self.device, &self.layout, modules, entry, formats)
        };
        // What is too much for a driver must not end the thread either.
        let made = catch_unwind(AssertUnwindSafe(make));
        // The last one that was pushed comes first.
        let errors = scopes
            .into_iter()
            .rev()
            .map(|scope| pollster::block_on(scope.pop()));
        match errors.collect::<Vec<_>>().into_iter().flatten().next() {
            None => made.map_err(|_panic| "its driver failed".to_owned()),
            Some(error) => Err(error.to_string()),
        }
    }
}

fn is_same(a: &Option<Arc<Source>>, b: &Option<Arc<Source>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}
