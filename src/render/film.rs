//! A film in the making: the engine before it, the file behind it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::RenderError;
use crate::engine::{Bytes, Engine, Norm, ROWS, painted_with};
use crate::palette::{Oklab, Palette};
use crate::record::{Codec, Effort, RecordError, Settings, Sink, open_sink};
use crate::stage::own::Shelf;
use crate::stage::{Canvas, Crossfade, Filter, Finish, LookFrame, LookValues, Projection, Scaler};

/// The form of a film.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Form {
    /// Pictures a second.
    pub fps: f64,
    /// Width and height in pixels; the engine's own where none is given.
    pub size: Option<(u32, u32)>,
    /// Which statistics batch norm uses; those that are played where none are given.
    pub norm: Option<Norm>,
    /// How pictures are coded; as the file's ending has it where none is given.
    pub codec: Option<Codec>,
    /// How values become bytes.
    pub bytes: Bytes,
    /// Which pictures of it are drawn; all where none are given.
    pub range: Option<Pictures>,
}

/// Pictures in a row, counted from 0: the first one, and the one after the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pictures {
    /// The first.
    pub from: u64,
    /// The one after the last; the film's end where none is given.
    pub to: Option<u64>,
}

/// What draws a model, and the colours of its footage where its file tells them.
pub type Painter = (Box<dyn Engine>, Option<Palette>);

/// A film in the making. It lies under another name until it is finished; dropped before, it leaves nothing.
pub struct Film {
    engine: Box<dyn Engine>,
    form: Form,
    /// Width and height of the film.
    size: (u32, u32),
    z: Vec<f32>,
    /// The norm of latents that were not drawn yet.
    placed: Option<Norm>,
    painted: Vec<u8>,
    canvas: Canvas,
    crossfade: Crossfade,
    /// What draws the look; made when the first picture with a look comes.
    finish: Finish,
    looked_for_card: bool,
    /// The colours of the model's footage, or what it paints with; that is found out when the first picture asks for it.
    palette: Option<Oklab>,
    scaler: Scaler,
    frame: Canvas,
    sink: Option<Box<dyn Sink>>,
    shown: u64,
    path: PathBuf,
    partial: PathBuf,
}

impl Film {
    /// Opens a film at `path`, whose ending says what it becomes; see [`open_sink`].
    ///
    /// # Errors
    /// When it cannot be written, or its size or rate is out of range. Nothing is left then.
    pub fn open(path: &Path, (engine, palette): Painter, form: Form) -> Result<Self, RecordError> {
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
        let bytes = |(width, height): (u32, u32)| width as usize * height as usize * 4;
        Ok(Self {
            z: vec![0.0; ROWS * engine.latent()],
            placed: None,
            painted: vec![0; bytes(engine.size())],
            size,
            canvas: Canvas::black(engine.size()),
            crossfade: Crossfade::default(),
            finish: Finish::default(),
            looked_for_card: false,
            palette: palette.map(|palette| palette.oklab()),
            scaler: Scaler::new(Filter::Edge, threads()),
            frame: Canvas::black(size),
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
        let Some(Pictures { from, to }) = self.form.range else {
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

    /// Goes on with another model, whose pictures take `length` ticks from tick `now` on to fade in. The film keeps
    /// its size.
    pub(super) fn change(
        &mut self,
        (engine, palette): Painter,
        now: u64,
        length: u64,
    ) -> Result<(), RenderError> {
        let (width, height) = engine.size();
        // The last picture, which a film that begins later did not need until now.
        self.draw()?;
        let last = Canvas {
            size: self.engine.size(),
            rgba: std::mem::take(&mut self.painted),
        };
        self.crossfade.begin(&last, (width, height), now, length);
        self.z.resize(ROWS * engine.latent(), 0.0);
        self.placed = None;
        self.painted = vec![0; width as usize * height as usize * 4];
        self.canvas = Canvas::black((width, height));
        self.palette = palette.map(|palette| palette.oklab());
        self.engine = engine;
        Ok(())
    }

    /// Takes the latents that `fill` writes, rows x latent, to be drawn by the statistics that are played.
    pub(super) fn place(&mut self, played: Norm, fill: impl FnOnce(&mut [f32])) {
        let norm = self.form.norm.unwrap_or(played);
        fill(&mut self.z[..norm.rows() * self.engine.latent()]);
        self.placed = Some(norm);
    }

    /// Draws the latents that were placed; those that were drawn already stay as they are.
    pub(super) fn draw(&mut self) -> Result<(), RenderError> {
        if let Some(norm) = self.placed.take() {
            let z = &self.z[..norm.rows() * self.engine.latent()];
            self.engine
                .paint(z, norm, self.form.bytes, &mut self.painted)?;
        }
        Ok(())
    }

    /// The colours of the model, where the look asks for them.
    pub(super) fn palette(&mut self, values: &LookValues) -> Result<Option<Oklab>, RenderError> {
        if values.palette != 0.0 && self.palette.is_none() {
            let palette = painted_with(self.engine.as_mut())?;
            self.palette = palette.map(|palette| palette.oklab());
        }
        Ok(self.palette)
    }

    /// Adds what was drawn last to the film as it is.
    pub(super) fn show_plain(&mut self, projection: &Projection) -> Result<(), RenderError> {
        self.canvas.compose(&self.painted, &self.painted, 1.0, 1.0);
        self.write(projection)
    }

    /// Adds what was drawn last to the film, with its look and the limiter. Where no card draws looks, that is said once, and
    /// the picture is plain.
    pub(super) fn show(
        &mut self,
        look: &LookFrame,
        projection: &Projection,
    ) -> Result<(), RenderError> {
        self.pass(look)?;
        self.write(projection)
    }

    /// Finishes what was drawn last as [`Film::show`] does, and leaves it out of the film.
    pub(super) fn pass(&mut self, look: &LookFrame) -> Result<(), RenderError> {
        if look.values.is_active() && !self.looked_for_card {
            self.looked_for_card = true;
            self.find_card();
        }
        let lit = if self.finish.dims(&look.values) {
            1.0
        } else {
            look.brightness
        };
        self.canvas.compose(&self.painted, &self.painted, 1.0, 1.0);
        self.crossfade.apply(&mut self.canvas, look.tick);
        if lit < 1.0 {
            self.canvas.dim(lit);
        }
        let on_card = self.finish.finish(&mut self.canvas, look);
        if on_card && !self.read_back() {
            return Err(RenderError::Look);
        }
        Ok(())
    }

    fn read_back(&mut self) -> bool {
        self.finish.read_waiting(&mut self.canvas)
    }

    fn find_card(&mut self) {
        match crate::stage::Look::headless() {
            Ok(look) => {
                let shelf = Arc::new(Shelf::new(crate::report::Reporter::logging()));
                if let Err(error) = shelf.read(crate::config::file("looks")) {
                    tracing::warn!("the film is made without your own passes: {error}");
                }
                self.finish.wear(shelf);
                self.finish.take_card(look.waiting());
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
        let (from, to) = (self.engine.size(), self.size);
        let picture = if from == to {
            &self.canvas.rgba
        } else {
            self.scaler.scale(&self.canvas, &mut self.frame, projection);
            &self.frame.rgba
        };
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

impl Drop for Film {
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
