//! A film in the making: the engine before it, the file behind it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::RenderError;
use crate::engine::{Engine, Norm, ROWS, Rounding, sample_palette};
use crate::instrument::params::LOOK_PALETTE;
use crate::palette::{Oklab, Palette};
use crate::record::{Codec, Effort, RecordError, Settings, Sink, open_sink};
use crate::stage::user::ShaderRegistry;
use crate::stage::{
    Canvas, Composed, Compositor, EffectValues, Filter, Finished, OutputFrame, PostChain,
    Projection, Readback,
};

/// The form of a film.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RenderSettings {
    /// Pictures a second.
    pub fps: f64,
    /// Width and height in pixels; the engine's own where none is given.
    pub size: Option<(u32, u32)>,
    /// Which statistics batch norm uses; those that are played where none are given.
    pub norm: Option<Norm>,
    /// How pictures are coded; as the file's ending has it where none is given.
    pub codec: Option<Codec>,
    /// How values become bytes.
    pub rounding: Rounding,
    /// Which pictures of it are drawn; all where none are given.
    pub range: Option<FrameRange>,
}

/// Pictures in a row, counted from 0: the first one, and the one after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameRange {
    /// The first.
    pub from: u64,
    /// The one after the last; the film's end where none is given.
    pub to: Option<u64>,
}

/// What draws a model, and the colours of its footage where its file tells them.
pub type ModelEngine = (Box<dyn Engine>, Option<Palette>);

/// Latents to draw: by which statistics, for which picture, at which tick.
struct Placed {
    norm: Norm,
    number: u64,
    tick: u64,
}

/// A film in the making. It lies under another name until it is finished; dropped before, it leaves nothing.
pub struct OfflineRender {
    engine: Box<dyn Engine>,
    form: RenderSettings,
    z: Vec<f32>,
    /// Latents that were not drawn yet.
    placed: Option<Placed>,
    painted: Canvas,
    chain: PostChain,
    /// The newest picture as it is shown.
    readback: Readback,
    /// Whether a card was looked for: when the first picture with an effect came.
    looked_for_card: bool,
    /// The colours of the model's footage, or what it paints with; that is found out when the first picture asks for it.
    palette: Option<Oklab>,
    frame: OutputFrame,
    sink: Option<Box<dyn Sink>>,
    shown: u64,
    path: PathBuf,
    partial: PathBuf,
}

impl OfflineRender {
    /// Opens a film at `path`, whose ending says what it becomes; see [`open_sink`].
    ///
    /// # Errors
    /// When it cannot be written, or its size or rate is out of range. Nothing is left then.
    pub fn open(
        path: &Path,
        (engine, palette): ModelEngine,
        form: RenderSettings,
    ) -> Result<Self, RecordError> {
        let occupied = std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some());
        if occupied {
            return Err(RecordError::Occupied(path.to_owned()));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let partial = path.with_file_name(format!(".partial-{name}"));
        // What a killed run left of the same film.
        discard(&partial);
        let size = form.size.unwrap_or(engine.size());
        let settings = Settings {
            codec: form.codec,
            first: form.range.map_or(1, |range| range.from + 1),
            ..Settings::silent(size, form.fps, Effort::Offline)
        };
        let sink = open_sink(&partial, &settings).map_err(|error| renamed(error, path))?;
        Ok(Self {
            z: vec![0.0; ROWS * engine.latent()],
            placed: None,
            painted: Canvas::black(engine.size()),
            chain: PostChain::default(),
            readback: Readback::default(),
            looked_for_card: false,
            palette: palette.map(|palette| palette.oklab()),
            frame: OutputFrame::new(size, Filter::Edge, threads()),
            sink: Some(sink),
            shown: 0,
            path: path.to_owned(),
            partial,
            form,
            engine,
        })
    }

    /// Length of one row of latents.
    pub fn latent(&self) -> usize {
        self.engine.latent()
    }

    /// Which of so many pictures are drawn.
    pub(super) fn range(&self, of: u64) -> Result<Range<u64>, RenderError> {
        let Some(FrameRange { from, to }) = self.form.range else {
            return Ok(0..of);
        };
        let to = to.map_or(of, |to| to.min(of));
        if from < to {
            Ok(from..to)
        } else {
            Err(RenderError::Range { from, of })
        }
    }

    /// Pictures a second.
    pub fn fps(&self) -> f64 {
        self.form.fps
    }

    /// Size of the engine's frames, in pixels.
    pub(super) fn frame_size(&self) -> (u32, u32) {
        self.engine.size()
    }

    /// Goes on with another model. The film keeps its size.
    pub(super) fn change(&mut self, (engine, palette): ModelEngine) {
        self.z.resize(ROWS * engine.latent(), 0.0);
        self.placed = None;
        self.palette = palette.map(|palette| palette.oklab());
        self.engine = engine;
    }

    /// Takes the latents that `fill` writes, rows x latent, to be drawn for picture `number` by the statistics that are played.
    pub(super) fn set_latents(
        &mut self,
        played: Norm,
        (number, tick): (u64, u64),
        fill: impl FnOnce(&mut [f32]),
    ) {
        let norm = self.form.norm.unwrap_or(played);
        fill(&mut self.z[..norm.rows() * self.engine.latent()]);
        self.placed = Some(Placed { norm, number, tick });
    }

    /// Draws the latents that were placed into the compositor; those that were drawn already stay as they are.
    pub(super) fn draw(&mut self, compositor: &mut Compositor) -> Result<(), RenderError> {
        if let Some(Placed { norm, number, tick }) = self.placed.take() {
            self.paint(norm)?;
            compositor.take(&mut self.painted, number, tick);
        }
        Ok(())
    }

    fn paint(&mut self, norm: Norm) -> Result<(), RenderError> {
        let z = &self.z[..norm.rows() * self.engine.latent()];
        self.painted.resize(self.engine.size());
        self.engine
            .render_rgba(z, norm, self.form.rounding, &mut self.painted.rgba)?;
        Ok(())
    }

    /// The colours of the model, where the look asks for them.
    pub(super) fn palette(&mut self, values: &EffectValues) -> Result<Option<Oklab>, RenderError> {
        if values.f32(LOOK_PALETTE) != 0.0 && self.palette.is_none() {
            let palette = sample_palette(self.engine.as_mut())?;
            self.palette = palette.map(|palette| palette.oklab());
        }
        Ok(self.palette)
    }

    /// Adds the picture of latents to the film as the engine draws it.
    pub(super) fn show_plain(
        &mut self,
        norm: Norm,
        fill: impl FnOnce(&mut [f32]),
    ) -> Result<(), RenderError> {
        fill(&mut self.z[..norm.rows() * self.engine.latent()]);
        self.paint(norm)?;
        let painted = Finished::Cpu(&self.painted);
        let plain = Projection::default();
        self.readback.request(&painted, &plain, Instant::now());
        self.write(&plain)
    }

    /// Adds a composed picture to the film, with its look and the limiter. Where no card draws looks, that is said once, and
    /// the picture is plain.
    pub(super) fn show(&mut self, composed: &Composed) -> Result<(), RenderError> {
        self.finish_picture(composed)?;
        self.write(&composed.projections[0])
    }

    /// Finishes a composed picture as [`OfflineRender::show`] does, and leaves it out of the film.
    pub(super) fn pass(&mut self, composed: &Composed) -> Result<(), RenderError> {
        self.finish_picture(composed)?;
        let picture = self.readback.newest();
        self.frame.pass(picture, &composed.projections[0]);
        Ok(())
    }

    fn finish_picture(&mut self, composed: &Composed) -> Result<(), RenderError> {
        if composed.post.values.is_active() && !self.looked_for_card {
            self.looked_for_card = true;
            self.find_card();
        }
        let finished = self.chain.run(composed.canvas, &composed.post);
        self.readback
            .request(&finished, &composed.projections[0], Instant::now());
        self.readback.wait().ok_or(RenderError::Look)?;
        Ok(())
    }

    fn find_card(&mut self) {
        match crate::stage::EffectRenderer::headless() {
            Ok(look) => {
                let registry = Arc::new(ShaderRegistry::new(crate::report::Reporter::logging()));
                if let Err(error) = registry.read(crate::config::file("looks")) {
                    tracing::warn!("the film is made without your own passes: {error}");
                }
                self.chain.set_user_effects(registry);
                self.chain.take_gpu(look.waiting());
            }
            Err(error) => {
                tracing::warn!("the film is made without the preset's look: {error}");
            }
        }
    }

    fn write(&mut self, projection: &Projection) -> Result<(), RenderError> {
        let at = Duration::from_secs_f64(self.shown as f64 / self.form.fps);
        self.shown += 1;
        let Some(sink) = &mut self.sink else {
            return Ok(());
        };
        let picture = self.frame.draw(self.readback.newest(), projection);
        Ok(sink.picture(picture, at)?)
    }

    /// Closes the film and gives it its name.
    ///
    /// # Errors
    /// When it cannot be written; nothing is left then.
    pub fn finish(mut self) -> Result<(), RecordError> {
        if let Some(sink) = self.sink.take() {
            sink.finish()?;
        }
        let darkened = self.frame.darkened();
        if darkened > 0 {
            tracing::warn!(
                "{darkened} of {} pictures are darkened where they would have flashed too often",
                self.shown
            );
        }
        // A folder takes the place of an empty one only once that is gone.
        if self.partial.is_dir() {
            let _ = std::fs::remove_dir(&self.path);
        }
        std::fs::rename(&self.partial, &self.path).map_err(|error| RecordError::Write {
            doing: "finish",
            path: self.path.clone(),
            reason: error.to_string(),
        })
    }
}

impl Drop for OfflineRender {
    fn drop(&mut self) {
        if let Some(sink) = self.sink.take() {
            // It is thrown away: what cannot be closed is no loss.
            let _ = sink.finish();
        }
        discard(&self.partial);
    }
}

/// As many as there are cores: a film waits for nothing else.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn discard(partial: &Path) {
    // Where there is nothing there is nothing to discard.
    let _ = std::fs::remove_file(partial);
    let _ = std::fs::remove_dir_all(partial);
}

/// The name that the user gave, in place of the one that the film lies under until it is finished.
fn renamed(error: RecordError, to: &Path) -> RecordError {
    let path = to.to_owned();
    match error {
        RecordError::Format(_) => RecordError::Format(path),
        RecordError::Codec { codec, endings, .. } => RecordError::Codec {
            path,
            codec,
            endings,
        },
        RecordError::NoVideo(_) => RecordError::NoVideo(path),
        RecordError::Occupied(_) => RecordError::Occupied(path),
        RecordError::Encoder { codec, reason, .. } => RecordError::Encoder {
            path,
            codec,
            reason,
        },
        RecordError::Write { doing, reason, .. } => RecordError::Write {
            doing,
            path,
            reason,
        },
        other => other,
    }
}
