//! Presets and models, opened, saved and watched beside the show.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::{Context, bail};

use super::Settings;
use crate::control::Notices;
use crate::engine::{Backend, Engine, EngineOptions, Winograd, open, painted_with};
use crate::files::write_atomic;
use crate::instrument::{Instrument, Preset, Recall, Table};
use crate::library::{self, Piece};
use crate::network::weights::GeneratorWeights;
use crate::palette::{Oklab, Palette};
use crate::take::Model;

/// The piece that a show begins with.
pub(super) struct First {
    pub(super) piece: Piece,
    pub(super) instrument: Instrument,
    pub(super) engine: Box<dyn Engine>,
    /// The colours of its model's footage, where the file tells them.
    pub(super) palette: Option<Oklab>,
}

impl First {
    pub(super) fn open(
        piece: Piece,
        settings: &Settings,
        table: &Arc<Table>,
    ) -> anyhow::Result<Self> {
        let weights = GeneratorWeights::load(&piece.model)?;
        let engine = open(&weights, &settings.engine)?;
        let instrument = Instrument::new(&piece.preset, Arc::clone(table), engine.latent())
            .with_context(|| format!("cannot play {}", piece.name))?;
        Ok(Self {
            piece,
            instrument,
            engine,
            palette: weights.palette.as_ref().map(Palette::oklab),
        })
    }
}

/// A model made ready.
pub(super) struct Played {
    pub(super) engine: Box<dyn Engine>,
    pub(super) model: Arc<Model>,
    /// The colours of its footage, where the file tells them.
    pub(super) palette: Option<Oklab>,
}

/// A piece made ready to play.
pub(super) struct Opened {
    pub(super) piece: Arc<Piece>,
    /// Nothing where only the model changes.
    pub(super) recall: Option<(Recall, Arc<Preset>)>,
    /// Nothing where the piece is played on the engine that is there.
    pub(super) played: Option<Played>,
}

/// Which preset is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// So many after the present one in its folder.
    Neighbour(isize),
    /// That place of the bank, counted from 0.
    Bank(usize),
    /// The one of that name.
    Named(Box<str>),
}

/// Opens and saves presets, and looks after the file of the one that plays.
pub(super) struct Pieces {
    engine_options: EngineOptions,
    table: Arc<Table>,
    /// Length of the present model's latents.
    latent: usize,
    notices: Arc<Notices>,
    watched: Option<(Arc<Piece>, Option<SystemTime>)>,
}

impl Pieces {
    pub(super) fn new(
        settings: &Settings,
        table: &Arc<Table>,
        latent: usize,
        notices: Arc<Notices>,
    ) -> Self {
        Self {
            engine_options: EngineOptions {
                // Measuring would take the processor from the show.
                winograd: match settings.engine.winograd {
                    Winograd::Auto => Winograd::Known,
                    other => other,
                },
                ..settings.engine.clone()
            },
            table: Arc::clone(table),
            latent,
            notices,
            watched: None,
        }
    }

    /// Looks after a piece's file from now on.
    pub(super) fn watch(&mut self, piece: Arc<Piece>) {
        let modified = piece.path.as_deref().and_then(modified);
        self.watched = Some((piece, modified));
    }

    /// The piece that plays, opened again where its file has changed.
    pub(super) fn changed(&mut self) -> Option<Opened> {
        let (piece, known) = self.watched.as_mut()?;
        let found = piece.path.as_deref().and_then(modified);
        // A file that is gone for a moment is one that is being written.
        if found.is_none() || found == *known {
            return None;
        }
        *known = found;
        let piece = Arc::clone(piece);
        let path = piece.path.clone()?;
        let opened = self.open(&path, &piece);
        if let Ok(opened) = &opened
            && opened.piece.preset == piece.preset
        {
            return None;
        }
        let mut opened = self.told(opened, "read again")?;
        opened.recall = opened
            .recall
            .map(|(recall, preset)| (recall.keeping_head(), preset));
        Some(opened)
    }

    /// Opens a preset.
    pub(super) fn preset(&mut self, which: &Which, present: &Piece) -> Option<Opened> {
        let opened = self
            .path(which, present)
            .and_then(|path| self.open(&path, present));
        self.told(opened, "playing")
    }

    /// Opens a model for the loop that plays.
    pub(super) fn model(&mut self, name: &str, present: &Piece) -> Option<Opened> {
        let opened = self.open_model(name, present);
        self.told(opened, "playing")
    }

    /// What the model of a piece paints with.
    pub(super) fn palette(&self, piece: &Piece) -> Option<Oklab> {
        let options = EngineOptions {
            // The show's own threads come first.
            backend: Backend::Cpu,
            threads: Some(1),
            ..self.engine_options.clone()
        };
        let palette = GeneratorWeights::load(&piece.model)
            .map_err(anyhow::Error::from)
            .and_then(|weights| Ok(open(&weights, &options)?))
            .and_then(|mut engine| Ok(painted_with(engine.as_mut())?));
        let palette = palette.unwrap_or_else(|error| {
            let model = piece.model.display();
            self.notices.warn(format!(
                "the colours of {model} are not found out: {error:#}"
            ));
            None
        });
        palette.as_ref().map(Palette::oklab)
    }

    /// Saves a preset of the present piece.
    pub(super) fn save(&mut self, name: &str, mut preset: Preset, piece: &Piece) {
        let model = model_of(piece, self.latent);
        preset.model = Some(model.name);
        preset.model_sha256 = Some(model.sha256);
        match self.write(name, &preset, piece) {
            Ok(path) => {
                if let Some((watched, known)) = &mut self.watched
                    && watched.path.as_deref() == Some(&path)
                {
                    *known = modified(&path);
                }
                self.notices.info(format!("saved {}", path.display()));
            }
            Err(error) => self
                .notices
                .warn(format!("the preset was not saved: {error:#}")),
        }
    }

    /// What was there under the same name is kept beside it.
    fn write(&self, name: &str, preset: &Preset, piece: &Piece) -> anyhow::Result<PathBuf> {
        let path = library::place_for(piece, name)?;
        let text = preset.to_toml()?;
        if path.exists() {
            let before = path.with_extension("toml.bak");
            std::fs::copy(&path, &before)
                .with_context(|| format!("cannot keep {}", before.display()))?;
        }
        write_atomic(&path, text.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }

    fn path(&self, which: &Which, present: &Piece) -> anyhow::Result<PathBuf> {
        let beside = match &present.path {
            Some(path) => path.clone(),
            None => library::first()?,
        };
        match which {
            Which::Neighbour(_) if present.path.is_none() => Ok(beside),
            Which::Neighbour(steps) => library::neighbour(&beside, *steps)
                .with_context(|| format!("there is no preset beside {}", beside.display())),
            Which::Named(name) => library::named_preset(&beside, name),
            Which::Bank(place) => {
                let mut bank = library::bank(&beside, &self.table);
                let found = bank.get_mut(*place).and_then(Option::take);
                found.with_context(|| format!("place {} of the bank is empty", place + 1))
            }
        }
    }

    /// Opens a preset; the engine only where its model is another than the present one.
    fn open(&mut self, path: &Path, present: &Piece) -> anyhow::Result<Opened> {
        let piece = library::preset(path, &self.table)?;
        if let Some(made_with) = &piece.preset.model_sha256
            && *made_with != piece.model_sha256
        {
            self.notices.warn(format!(
                "{} was saved with another model than {} is now: its pictures will differ",
                piece.name,
                piece.model.display()
            ));
        }
        let played = self.played(&piece, present)?;
        let latent = played
            .as_ref()
            .map_or(self.latent, |played| played.engine.latent());
        let recall = Recall::new(&piece.preset, &self.table, latent)
            .with_context(|| format!("cannot play {}", piece.name))?;
        self.latent = latent;
        let preset = Arc::new(piece.preset.clone());
        Ok(Opened {
            piece: Arc::new(piece),
            recall: Some((recall, preset)),
            played,
        })
    }

    fn open_model(&mut self, name: &str, present: &Piece) -> anyhow::Result<Opened> {
        let model = library::named_model(&present.model, name)?;
        let mut piece = Piece {
            model_sha256: crate::files::sha256(&model)?,
            model,
            ..present.clone()
        };
        piece.preset.model_sha256 = None;
        let played = self.played(&piece, present)?;
        if let Some(Played { engine, .. }) = &played
            && engine.latent() != self.latent
        {
            bail!(
                "{} takes latents of {} numbers, the loop has {}: load a preset of that model instead",
                piece.model.display(),
                engine.latent(),
                self.latent
            );
        }
        Ok(Opened {
            piece: Arc::new(piece),
            recall: None,
            played,
        })
    }

    fn played(&self, piece: &Piece, present: &Piece) -> anyhow::Result<Option<Played>> {
        if piece.model_sha256 == present.model_sha256 {
            return Ok(None);
        }
        let weights = GeneratorWeights::load(&piece.model)?;
        let engine = open(&weights, &self.engine_options)?;
        let model = model_of(piece, engine.latent());
        Ok(Some(Played {
            engine,
            model: Arc::new(model),
            palette: weights.palette.as_ref().map(Palette::oklab),
        }))
    }

    fn told(&self, opened: anyhow::Result<Opened>, what: &str) -> Option<Opened> {
        match opened {
            Ok(opened) => {
                let name = match opened.recall {
                    Some(_) => opened.piece.name.clone(),
                    None => opened.piece.model.display().to_string(),
                };
                self.notices.info(format!("{what} {name}"));
                Some(opened)
            }
            Err(error) => {
                self.notices.warn(format!("{error:#}"));
                None
            }
        }
    }
}

/// A piece's model, as a take names it.
pub(super) fn model_of(piece: &Piece, latent: usize) -> Model {
    let name = piece.model.file_name().unwrap_or_default();
    Model {
        name: name.to_string_lossy().into_owned(),
        sha256: piece.model_sha256.clone(),
        latent: latent as u32,
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}
