//! What the audience sees: outputs on one graphics card, and a card that is opened again where it is lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use winit::event_loop::OwnedDisplayHandle;

use super::gpu::Gpu;
use super::output_surface::{OutputSurface, Scene, State};
use super::surface_window::SurfaceWindow;
use super::upload::{Picture, UploadTexture};
use super::{
    DisplayTiming, EffectRenderer, Finished, GpuError, PostChain, PostFrame, Presentation,
    Presented, Presenter,
};
use crate::instrument::OUTPUTS;

/// Raised so many seconds after a card was opened, where this variable names them: as if the card were lost. For rehearsals and
/// tests.
const LOSE_AFTER: &str = "LATENTLOOP_LOSE_CARD_AFTER";

/// A card and the outputs on it.
pub struct GpuContext {
    name: String,
    device: wgpu::Device,
    queue: wgpu::Queue,
    /// Made with the card, for it takes its time; gone once the show has it.
    look: Option<EffectRenderer>,
    upload: UploadTexture,
    panels: Vec<OutputSurface>,
    panes: Vec<SurfaceWindow>,
    state: Arc<State>,
    /// Why an output shows nothing.
    pub refused: Vec<GpuError>,
}

impl GpuContext {
    /// Has what goes wrong on the card reported instead of logged.
    pub fn report_errors(&self, reporter: crate::report::Reporter) {
        super::gpu::report_errors(&self.device, reporter);
    }

    /// Opens the best card for some windows, the first of which it must show on. On macOS this must happen on the main thread.
    ///
    /// # Errors
    /// When no card can show on the first window.
    pub fn open(panes: &[SurfaceWindow], display: OwnedDisplayHandle) -> Result<Self, GpuError> {
        let instance = wgpu::Instance::new(
            wgpu::InstanceDescriptor::new_with_display_handle_from_env(Box::new(display)),
        );
        let surfaces = panes.iter().map(|pane| {
            instance
                .create_surface(Arc::clone(&pane.window))
                .map_err(|error| GpuError::Surface(error.to_string()))
        });
        let mut surfaces = surfaces.collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = surfaces
            .next()
            .ok_or_else(|| GpuError::Surface("there is no window".to_owned()))?;
        let gpu = Gpu::open(&instance, &first)?;
        let state = Arc::new(State::default());
        gpu.device.set_device_lost_callback({
            let state = Arc::clone(&state);
            move |_, _| state.lost.store(true, Ordering::Relaxed)
        });
        let mut refused = Vec::new();
        let mut panels = vec![OutputSurface::start(
            &gpu,
            first,
            &panes[0],
            Arc::clone(&state),
        )?];
        for (surface, pane) in surfaces.zip(&panes[1..]) {
            match OutputSurface::start(&gpu, surface, pane, Arc::clone(&state)) {
                Ok(panel) => panels.push(panel),
                Err(error) => refused.push(error),
            }
        }
        rehearse_loss(&gpu.device);
        let info = gpu.adapter.get_info();
        Ok(Self {
            name: format!("{} ({:?})", info.name, info.backend),
            look: Some(EffectRenderer::new(&gpu.device, &gpu.queue)),
            device: gpu.device,
            queue: gpu.queue,
            upload: UploadTexture::default(),
            panels,
            panes: panes.to_vec(),
            state,
            refused,
        })
    }

    /// Has the driver compile what looks need for pictures of that size, before a show begins.
    pub fn warm(&mut self, size: (u32, u32)) {
        if let Some(look) = &mut self.look {
            look.warm(size);
        }
    }

    /// What the card is called.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn rehearse_loss(device: &wgpu::Device) {
    let secs = std::env::var(LOSE_AFTER).ok();
    let Some(secs) = secs.and_then(|secs| secs.parse().ok()) else {
        return;
    };
    let device = device.clone();
    let after = move || {
        std::thread::sleep(Duration::from_secs_f64(secs));
        device.destroy();
    };
    // Without the thread nothing is rehearsed.
    let _ = std::thread::Builder::new()
        .name("rehearsal".into())
        .spawn(after);
}

/// Windows that show pictures.
pub struct WindowedOutput {
    name: String,
    /// None while a lost card is opened again.
    card: Option<GpuContext>,
    /// Takes a lost card to where another one is opened.
    give_back: Box<dyn Fn(GpuContext) + Send>,
    opened: Receiver<GpuContext>,
    /// Shown, and not told yet.
    came: Option<Presented>,
}

impl WindowedOutput {
    /// Shows on a card. Where it is lost it is handed to `give_back`; another one is awaited from `opened`.
    pub fn new(
        card: GpuContext,
        give_back: Box<dyn Fn(GpuContext) + Send>,
        opened: Receiver<GpuContext>,
    ) -> Self {
        Self {
            name: card.name.clone(),
            card: Some(card),
            give_back,
            opened,
            came: None,
        }
    }

    fn is_shut(&self) -> bool {
        self.card
            .as_ref()
            .is_some_and(|card| card.state.gate.is_shut())
    }

    fn first(&self) -> Option<&OutputSurface> {
        self.card.as_ref()?.panels.first()
    }
}

impl Presenter for WindowedOutput {
    fn supply(&mut self, chain: &mut PostChain, _: &PostFrame, _: (u32, u32)) -> bool {
        if let Ok(card) = self.opened.try_recv() {
            self.name.clone_from(&card.name);
            self.card = Some(card);
        }
        if let Some(look) = self.card.as_mut().and_then(|card| card.look.take()) {
            chain.take_gpu(look);
        }
        let is_lost = |card: &mut GpuContext| card.state.lost.load(Ordering::Relaxed);
        if let Some(card) = self.card.take_if(is_lost) {
            chain.lose_gpu();
            (self.give_back)(card);
        }
        !self.is_shut()
    }

    fn present(&mut self, finished: &Finished, presentation: &Presentation) {
        let is_shut = self.is_shut();
        let Some(card) = self.card.as_mut().filter(|_| !is_shut) else {
            return;
        };
        let picture = match finished {
            Finished::Gpu(frame) => Picture {
                view: frame.view.clone(),
                size: frame.size,
                texture: frame.id,
            },
            Finished::Cpu(canvas) => {
                let upload = card.upload.upload(&card.device, &card.queue, canvas);
                upload.clone()
            }
        };
        let Presentation {
            projections,
            readout,
            number,
            ..
        } = *presentation;
        for (at, panel) in card.panels.iter_mut().enumerate() {
            // The readout is the performer's: it stands on the first output alone.
            let readout = readout.filter(|_| at == 0);
            *panel.scene.input_buffer_mut() = Scene {
                picture: Some(picture.clone()),
                projection: projections.get(at).copied().unwrap_or_default(),
                readout: readout.cloned(),
                number,
            };
            panel.publish();
        }
    }

    fn presented(&mut self) -> Option<Presented> {
        let came = self.came.take();
        came.or_else(|| self.first()?.presented.try_recv().ok())
    }

    fn is_hidden(&self) -> bool {
        self.first().is_none_or(OutputSurface::is_hidden)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn output_sizes(&self) -> [(u32, u32); OUTPUTS] {
        let panes = self.card.as_ref().map_or(&[][..], |card| &card.panes);
        std::array::from_fn(|at| panes.get(at).map_or((0, 0), |pane| pane.size.get()))
    }

    fn timing(&self) -> DisplayTiming {
        let pane = self.card.as_ref().and_then(|card| card.panes.first());
        DisplayTiming {
            refresh: pane.and_then(|pane| pane.size.refresh()),
            waited: self.first().map_or(Duration::ZERO, OutputSurface::waited),
        }
    }

    fn wait_presented(&mut self, until: Instant) -> bool {
        let Some(panel) = self.first().filter(|_| self.came.is_none()) else {
            return false;
        };
        self.came = panel.presented.recv_deadline(until).ok();
        true
    }
}
