//! One output: a window's surface, drawn on a thread of its own. Whatever its display does, the show does not wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use triple_buffer::{Input, Output, triple_buffer};

use super::Projection;
use super::gpu::{Gpu, GpuError, NoTexture, acquire};
use super::hud::Readout;
use super::overlay::Overlay;
use super::presenter::Presented;
use super::reconfigure_gate::ReconfigureGate;
use super::surface_window::SurfaceWindow;
use super::upload::Picture;
use super::upscale::{GpuHandles, Upscale};

/// How long the thread dozes where nobody wakes it.
const DOZE: Duration = Duration::from_millis(100);
/// A surface that gives nothing for so long is opened again with its card.
const PATIENCE: Duration = Duration::from_millis(500);
/// A card that others have just handed something to is asked again after that time, so many times.
const RESTING: Duration = Duration::from_millis(2);
const RESTS: u32 = 100;
/// Pictures that were shown and not asked for yet.
const UNTOLD: usize = 64;
/// From one time that a readout comes to the next, at least: it would flash.
const READOUT_INTERVAL: Duration = Duration::from_millis(500);

/// What an output is to show.
#[derive(Clone, Debug, Default)]
pub(super) struct Scene {
    pub(super) picture: Option<Picture>,
    pub(super) projection: Projection,
    pub(super) readout: Option<Readout>,
    /// The request that it was drawn from.
    pub(super) number: u64,
}

/// What all outputs of a card share.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Raised where the card, or one of its surfaces, is gone.
    pub(super) lost: AtomicBool,
    pub(super) gate: ReconfigureGate,
}

/// The show's end of an output.
pub(super) struct OutputSurface {
    pub(super) scene: Input<Scene>,
    /// What has been shown.
    pub(super) presented: Receiver<Presented>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    closing: AtomicBool,
    hidden: AtomicBool,
    /// How long the display made the last picture wait, in nanoseconds.
    waited: AtomicU64,
}

impl OutputSurface {
    /// Configures a surface for a window and starts its thread.
    pub(super) fn start(
        gpu: &Gpu,
        surface: wgpu::Surface<'static>,
        pane: &SurfaceWindow,
        state: Arc<State>,
    ) -> Result<Self, GpuError> {
        let (width, height) = pane.size.get();
        let mut config = gpu.surface_config(&surface, (width, height))?;
        config.present_mode = wgpu::PresentMode::Fifo;
        // What a hand does is seen one picture later, not two.
        config.desired_maximum_frame_latency = 1;
        surface.configure(&gpu.device, &config);

        let (scene, scenes) = triple_buffer(&Scene::default());
        let (tell, presented) = bounded(UNTOLD);
        let shared = Arc::new(Shared::default());
        let handles = GpuHandles {
            device: &gpu.device,
            queue: &gpu.queue,
        };
        let present_thread = PresentThread {
            upscale: Upscale::new(handles, config.format, gpu.is_processor()),
            overlay: Overlay::new(&gpu.device, config.format),
            readout: ReadoutGate::default(),
            device: gpu.device.clone(),
            queue: gpu.queue.clone(),
            pane: pane.clone(),
            surface,
            config,
            scenes,
            tell,
            failing: None,
            state,
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new()
            .name("output".into())
            .spawn(move || present_thread.run())
            .map_err(|error| GpuError::Surface(error.to_string()))?;
        Ok(Self {
            scene,
            presented,
            shared,
            thread: Some(thread),
        })
    }

    /// Has the scene that was written shown.
    pub(super) fn publish(&mut self) {
        self.scene.publish();
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    /// Whether there is nothing to show on: the window is hidden, or the display does not answer.
    pub(super) fn is_hidden(&self) -> bool {
        self.shared.hidden.load(Ordering::Relaxed)
    }

    /// How long the display made the last picture wait.
    pub(super) fn waited(&self) -> Duration {
        Duration::from_nanos(self.shared.waited.load(Ordering::Relaxed))
    }
}

impl Drop for OutputSurface {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

/// Lets a readout come as often as it may. The limiter of flashes does not see it.
#[derive(Default)]
struct ReadoutGate {
    came: Option<Instant>,
    is_there: bool,
}

impl ReadoutGate {
    fn admit<'a>(&mut self, readout: &'a Option<Readout>, now: Instant) -> Option<&'a Readout> {
        let is_early = self
            .came
            .is_some_and(|came| now.saturating_duration_since(came) < READOUT_INTERVAL);
        let admitted = readout.as_ref().filter(|_| self.is_there || !is_early);
        if admitted.is_some() && !self.is_there {
            self.came = Some(now);
        }
        self.is_there = admitted.is_some();
        admitted
    }
}

/// The thread's end.
struct PresentThread {
    pane: SurfaceWindow,
    surface: wgpu::Surface<'static>,
    device: wgpu::Device,
    queue: wgpu::Queue,
    config: wgpu::SurfaceConfiguration,
    upscale: Upscale,
    overlay: Overlay,
    readout: ReadoutGate,
    scenes: Output<Scene>,
    tell: Sender<Presented>,
    /// Since when the surface has given nothing.
    failing: Option<Instant>,
    state: Arc<State>,
    shared: Arc<Shared>,
}

impl PresentThread {
    fn run(mut self) {
        while !self.shared.closing.load(Ordering::Relaxed) {
            if self.state.lost.load(Ordering::Relaxed) || !self.scenes.updated() {
                std::thread::park_timeout(DOZE);
                continue;
            }
            if self.state.gate.is_shut() {
                std::thread::sleep(RESTING);
                continue;
            }
            let shown = self.show();
            self.shared.hidden.store(!shown, Ordering::Relaxed);
            if !shown {
                // A hidden window waits for nothing: then the show keeps its own pace.
                self.shared.waited.store(0, Ordering::Relaxed);
                self.scenes.update();
            }
        }
    }

    /// Shows the newest scene; false where there is nothing to show it on.
    fn show(&mut self) -> bool {
        if !self.follow() {
            return false;
        }
        let begun = Instant::now();
        let configure = || {
            self.configure();
        };
        let texture = match acquire(&self.surface, configure) {
            Ok(texture) => texture,
            Err(NoTexture::Hidden) => return false,
            Err(NoTexture::Lost) => {
                if self.failing.get_or_insert(begun).elapsed() > PATIENCE {
                    self.state.lost.store(true, Ordering::Relaxed);
                }
                return false;
            }
        };
        self.failing = None;
        let waited = begun.elapsed();
        // Taken only now: what came while the display made this picture wait is newer.
        self.scenes.update();
        let view = texture
            .texture
            .create_view(&wgpu::TextureViewDescriptor::default());
        self.draw(&view);
        let begun = Instant::now();
        self.pane.window.pre_present_notify();
        self.queue.present(texture);
        let waited = waited + begun.elapsed();
        self.shared
            .waited
            .store(waited.as_nanos() as u64, Ordering::Relaxed);
        let presented = Presented {
            number: self.scenes.peek_output_buffer().number,
            at: Instant::now(),
        };
        // Nobody asks where the show is over.
        let _ = self.tell.try_send(presented);
        true
    }

    /// Follows the window's size; false where there is nothing to draw on.
    fn follow(&mut self) -> bool {
        let (width, height) = self.pane.size.get();
        if width == 0 || height == 0 {
            return false;
        }
        let before = (self.config.width, self.config.height);
        if before != (width, height) {
            (self.config.width, self.config.height) = (width, height);
            if !self.configure() {
                // Tried again with the next picture.
                (self.config.width, self.config.height) = before;
                return false;
            }
        }
        true
    }

    /// Makes the surface anew; false where the card does not come to rest.
    fn configure(&self) -> bool {
        let Some(_shut) = self.state.gate.shut() else {
            return false;
        };
        for _ in 0..RESTS {
            let scope = self.device.push_error_scope(wgpu::ErrorFilter::Validation);
            self.surface.configure(&self.device, &self.config);
            if pollster::block_on(scope.pop()).is_none() {
                return true;
            }
            // Somebody handed it something just before the gate was shut.
            std::thread::sleep(RESTING);
        }
        false
    }

    /// Draws the scene into a surface's texture.
    fn draw(&mut self, view: &wgpu::TextureView) {
        let scene = self.scenes.peek_output_buffer();
        let readout = self.readout.admit(&scene.readout, Instant::now());
        let frame = (self.config.width, self.config.height);
        let (device, queue) = (&self.device, &self.queue);
        if let Some(picture) = &scene.picture {
            let handles = GpuHandles { device, queue };
            let projection = &scene.projection;
            self.upscale
                .take(handles, picture, projection, frame, readout.is_some());
        }
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        self.upscale.prepare(&mut encoder);
        let laid = readout.map(|readout| {
            let scale = self.pane.size.scale();
            let card = (device, queue);
            self.overlay
                .lay_out(card, &mut encoder, frame, scale, readout)
        });
        {
            let mut pass = encoder
                .begin_render_pass(&wgpu::RenderPassDescriptor {
                    label: Some("output"),
                    color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                        view,
                        depth_slice: None,
                        resolve_target: None,
                        ops: wgpu::Operations {
                            load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                            store: wgpu::StoreOp::Store,
                        },
                    })],
                    ..Default::default()
                })
                .forget_lifetime();
            self.upscale.draw(&mut pass);
            if let Some(laid) = &laid {
                self.overlay.draw(&mut pass, laid);
            }
        }
        self.queue.submit([encoder.finish()]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readout_that_is_switched_on_and_off_comes_twice_a_second() {
        let (mut gate, begun) = (ReadoutGate::default(), Instant::now());
        let (on, off) = (Some(Readout::default()), None);
        let mut came = 0;
        let mut was_there = false;
        // Ten times a second, at sixty pictures a second, for two seconds.
        for number in 0..120u64 {
            let readout = if (number / 3).is_multiple_of(2) {
                &on
            } else {
                &off
            };
            let now = begun + Duration::from_millis(number * 1000 / 60);
            let is_there = gate.admit(readout, now).is_some();
            came += usize::from(is_there && !was_there);
            was_there = is_there;
        }
        assert_eq!(came, 4);
        // One that stays is there in the end.
        let now = begun + Duration::from_secs(3);
        assert!(gate.admit(&on, now).is_some());
        assert!(gate.admit(&on, now).is_some(), "and is left there");
    }
}
