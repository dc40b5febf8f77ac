//! The loop of a run: steps, checkpoints, log, sheets, stop and resume.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{Device, Tensor};
use image::RgbImage;
use thiserror::Error;

use super::log::Log;
use super::memory::{advice, available, estimate};
use super::rng::{epoch_order, step_rng};
use super::scoring::Scoring;
use super::{DataError, Dataset, Losses, Trainer, Warning};
use crate::network::checkpoint::{Checkpoint, CheckpointError, ModelMetadata, Precision};
use crate::network::parameters::normals;
use crate::network::recipe::{Recipe, RecipeError};
use crate::network::spec::{Spec, SpecError};
use crate::pictures::Reading;
use crate::sheet;

/// The settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of pictures.
    pub pictures: PathBuf,
    /// How they are taken out of it.
    pub reading: Reading,
    /// The checkpoint to write.
    pub output: PathBuf,
    /// Side of the picture in pixels.
    pub size: usize,
    /// Width multiplier of every channel count.
    pub width: f64,
    /// Length of a latent.
    pub latent: usize,
    /// Pictures a step.
    pub batch: usize,
    /// How, beyond that.
    pub recipe: Recipe,
    /// How long.
    pub length: Length,
    /// Seed of every random number.
    pub seed: u64,
    /// Where the arithmetic runs.
    pub device: Device,
    /// Goes on from the checkpoint at `output`.
    pub resume: bool,
    /// Steps between checkpoints.
    pub checkpoint_every: u64,
    /// Steps between sample sheets; 0 draws none.
    pub sheet_every: u64,
    /// Steps between scores; 0 scores never.
    pub score_every: u64,
    /// The inference file to write at the end; beside the checkpoint where none is named.
    pub export: Option<PathBuf>,
    /// Numbers of the inference file.
    pub precision: Precision,
}

/// The length of a run, counted from its very first step, also when resumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Passes over the pictures, the last partial batch of each dropped.
    Epochs(u64),
    /// Steps.
    Steps(u64),
}

/// The progress of a run.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Steps done.
    pub step: u64,
    /// Steps in all.
    pub steps: u64,
    /// Losses of the last one.
    pub losses: Losses,
    /// What is to be said after it.
    pub warning: Option<Warning>,
}

/// The error of a run: why it ended early.
#[derive(Debug, Error)]
pub enum TrainError {
    /// No such network.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// No such recipe.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The pictures.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The device.
    #[error("training failed on its device: {0}")]
    Device(#[from] candle_core::Error),
    /// A log or a sheet could not be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The checkpoint was trained otherwise.
    #[error(
        "cannot resume {path}: its {what} is {stored}, this run asks for {asked}; give the same or start anew without --resume"
    )]
    Other {
        /// The checkpoint.
        path: PathBuf,
        /// Which setting.
        what: &'static str,
        /// As stored.
        stored: String,
        /// As asked for.
        asked: String,
    },
    /// A batch of no pictures.
    #[error("--batch {0}: must be from 2 to 1024, for batch norm needs more than one picture")]
    Batch(usize),
    /// More memory than there is.
    #[error(
        "training at --size {size} --width {width} --batch {batch} takes about {needs} MB of memory and {free} MB are free: {advice}"
    )]
    Memory {
        /// Side of the picture in pixels.
        size: usize,
        /// Width multiplier of every channel count.
        width: f64,
        /// Pictures a step.
        batch: usize,
        /// Megabytes that the run would take.
        needs: u64,
        /// Megabytes that are free.
        free: u64,
        /// Which flag would help.
        advice: String,
    },
    /// The losses are no numbers any more.
    #[error(
        "the losses stopped being finite at step {step}: {losses:?}; the last checkpoint stands as it was"
    )]
    NotFinite {
        /// The step.
        step: u64,
        /// What they were.
        losses: Losses,
    },
}

/// Trains until the length is reached or `stop` is set; `report` hears of every step.
///
/// Writes the checkpoint, `MODEL.log.csv` and `MODEL.sheets/` beside it, and at the end the inference file.
///
/// # Errors
/// See [`TrainError`]. What was written before stays.
pub fn run(
    settings: &Settings,
    stop: &AtomicBool,
    report: &mut dyn FnMut(Progress),
) -> Result<Outcome, TrainError> {
    if !(2..=1024).contains(&settings.batch) {
        return Err(TrainError::Batch(settings.batch));
    }
    let spec = Spec::studies(settings.size, settings.width, settings.latent)?;
    settings.recipe.check(spec.channels.len())?;
    let data = Dataset::read(
        &settings.pictures,
        settings.reading,
        settings.size,
        settings.batch,
    )?;
    if settings.device.is_cpu() {
        enough_memory(settings, &spec)?;
    }
    let mut trainer = Trainer::new(&spec, &settings.recipe, settings.seed, &settings.device)?;
    let mut metadata = ModelMetadata {
        version: 1,
        size: settings.size,
        latent: settings.latent,
        width: settings.width,
        step: 0,
        seed: settings.seed,
        batch: settings.batch,
        pictures: data.len(),
        dataset: data.digest.clone(),
        recipe: settings.recipe,
        palette: data.palette(),
    };
    if settings.resume {
        let file = Checkpoint::read(&settings.output)?;
        same_run(&settings.output, &file.metadata, &metadata)?;
        trainer.restore(&file)?;
        metadata.step = file.metadata.step;
    }
    let epoch_steps = (data.len() / settings.batch) as u64;
    let steps = match settings.length {
        Length::Epochs(epochs) => epochs * epoch_steps,
        Length::Steps(steps) => steps,
    };
    let log_path = with_suffix(&settings.output, "log.csv");
    let write = |path: &Path, source| TrainError::Write {
        path: path.to_owned(),
        source,
    };
    let mut log = Log::open(&log_path, metadata.step).map_err(|source| write(&log_path, source))?;
    let save = |trainer: &Trainer, metadata: &ModelMetadata| -> Result<(), TrainError> {
        Ok(trainer
            .state_dict()?
            .write(&settings.output, metadata, Precision::F32)?)
    };

    let mut scoring = Scoring::new(settings.score_every);
    let mut epoch = u64::MAX;
    let mut order = Vec::new();
    while metadata.step < steps && !stop.load(Ordering::Relaxed) {
        let (now, place) = (
            metadata.step / epoch_steps,
            (metadata.step % epoch_steps) as usize,
        );
        if now != epoch {
            epoch = now;
            order = epoch_order(settings.seed, epoch, data.len());
        }
        let picked = &order[place * settings.batch..(place + 1) * settings.batch];
        let real = data.batch(picked, &settings.device)?;
        let losses = trainer.step(
            &real,
            metadata.step + 1,
            &mut step_rng(settings.seed, metadata.step),
        )?;
        metadata.step += 1;
        if !(losses.discriminator.is_finite() && losses.generator.is_finite()) {
            return Err(TrainError::NotFinite {
                step: metadata.step,
                losses,
            });
        }
        let (scores, warning) = scoring.after(
            metadata.step,
            &trainer,
            &data,
            settings.latent,
            &settings.device,
        )?;
        log.write(metadata.step, epoch, losses, scores.as_ref())
            .map_err(|source| write(&log_path, source))?;
        report(Progress {
            step: metadata.step,
            steps,
            losses,
            warning,
        });
        if settings.checkpoint_every > 0 && metadata.step.is_multiple_of(settings.checkpoint_every)
        {
            log.flush().map_err(|source| write(&log_path, source))?;
            save(&trainer, &metadata)?;
        }
        if settings.sheet_every > 0 && metadata.step.is_multiple_of(settings.sheet_every) {
            let folder = with_suffix(&settings.output, "sheets");
            let path = folder.join(format!("{:06}.png", metadata.step));
            std::fs::create_dir_all(&folder).map_err(|source| write(&folder, source))?;
            let sheet = sample_sheet(&trainer, settings)?;
            sheet
                .save(&path)
                .map_err(|error| write(&path, std::io::Error::other(error)))?;
        }
    }
    log.flush().map_err(|source| write(&log_path, source))?;
    save(&trainer, &metadata)?;
    let finished = metadata.step >= steps;
    let inference_file = match (&settings.export, finished) {
        (Some(path), _) => Some(path.clone()),
        (None, true) => Some(inference_path(&settings.output)),
        (None, false) => None,
    };
    if let Some(path) = &inference_file {
        trainer
            .inference_state_dict()?
            .write(path, &metadata, settings.precision)?;
    }
    Ok(Outcome {
        step: metadata.step,
        finished,
        inference_file,
    })
}

/// The outcome of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Steps done in all.
    pub step: u64,
    /// Whether its length was reached.
    pub finished: bool,
    /// The inference file that was written.
    pub inference_file: Option<PathBuf>,
}

/// The inference file of a finished run: `MODEL.playing.safetensors`.
pub fn inference_path(output: &Path) -> PathBuf {
    with_suffix(output, "playing.safetensors")
}

fn with_suffix(output: &Path, suffix: &str) -> PathBuf {
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    output.with_file_name(format!("{stem}.{suffix}"))
}

/// Refuses what would not fit: the system would end the run, and others with it.
fn enough_memory(settings: &Settings, spec: &Spec) -> Result<(), TrainError> {
    let needs = estimate(spec, &settings.recipe, settings.batch);
    match available() {
        Some(free) if needs > free => Err(TrainError::Memory {
            size: settings.size,
            width: settings.width,
            batch: settings.batch,
            needs: needs / 1_000_000,
            free: free / 1_000_000,
            advice: advice(spec, &settings.recipe, settings.batch, settings.width, free),
        }),
        _ => Ok(()),
    }
}

fn same_run(path: &Path, stored: &ModelMetadata, asked: &ModelMetadata) -> Result<(), TrainError> {
    let settings: [(&'static str, String, String); 8] = [
        ("--size", stored.size.to_string(), asked.size.to_string()),
        ("--width", stored.width.to_string(), asked.width.to_string()),
        (
            "--latent",
            stored.latent.to_string(),
            asked.latent.to_string(),
        ),
        ("--batch", stored.batch.to_string(), asked.batch.to_string()),
        (
            "recipe",
            stored.recipe.to_string(),
            asked.recipe.to_string(),
        ),
        ("--seed", stored.seed.to_string(), asked.seed.to_string()),
        (
            "number of pictures",
            stored.pictures.to_string(),
            asked.pictures.to_string(),
        ),
        (
            "set of pictures (SHA-256)",
            stored.dataset.clone(),
            asked.dataset.clone(),
        ),
    ];
    for (what, stored, asked) in settings {
        if stored != asked {
            return Err(TrainError::Other {
                path: path.to_owned(),
                what,
                stored,
                asked,
            });
        }
    }
    Ok(())
}

/// The contact sheet of eight fixed latents, drawn as the loop draws them: four columns, two rows.
fn sample_sheet(trainer: &Trainer, settings: &Settings) -> candle_core::Result<RgbImage> {
    let numbers = normals(
        &mut step_rng(settings.seed, u64::MAX >> 20),
        8 * settings.latent,
    );
    let pictures = trainer.sample(&Tensor::from_vec(
        numbers,
        (8, settings.latent),
        &settings.device,
    )?)?;
    let values: Vec<f32> = pictures.flatten_all()?.to_vec1()?;
    let side = settings.size as u32;
    let pictures = values.chunks_exact(values.len() / 8);
    let pictures: Vec<RgbImage> = pictures
        .map(|planes| sheet::picture(planes, (side, side)))
        .collect();
    Ok(sheet::grid(&pictures, 4))
}
