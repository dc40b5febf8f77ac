//! `latentloop train`: a folder of pictures becomes a checkpoint.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};
use candle_core::Device;
use indicatif::{ProgressBar, ProgressStyle};

use super::values::{ReadingArgs, one_of};
use crate::interrupt;
use crate::network::checkpoint::Precision;
use crate::network::recipe::{Augment, Initial, Name, Recipe};
use crate::network::spec::Spec;
use crate::train::{self, Length, Settings};

/// Train a network on a folder of pictures
///
/// Ctrl-C writes a checkpoint and stops; --resume goes on from it, bit for bit as if it had never stopped.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of pictures, as `latentloop frames` makes it
    pictures: PathBuf,
    #[command(flatten)]
    reading: ReadingArgs,
    /// The checkpoint to write; the log, the sheets and the playing file go beside it
    #[arg(short, long, value_name = "MODEL.safetensors")]
    output: PathBuf,
    /// Side of the picture in pixels: 64, 128, 256 or 512
    #[arg(long, default_value_t = 256)]
    size: usize,
    /// Multiplies every channel count: 1 is the reference work, 0.25 trains on a laptop
    #[arg(long, default_value_t = 1.0)]
    width: f64,
    /// Length of a latent
    #[arg(long, default_value_t = 200)]
    latent: usize,
    /// Pictures a step
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// What the options below start from
    #[arg(long, value_parser = one_of::<Name>(), default_value = "study")]
    recipe: Name,
    #[command(flatten)]
    departures: Departures,
    /// Passes over the pictures
    #[arg(long, default_value_t = 20, conflicts_with = "steps")]
    epochs: u64,
    /// Steps in all, those before a --resume counted in
    #[arg(long)]
    steps: Option<u64>,
    /// Seed of every random number
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the arithmetic runs
    #[arg(long, value_enum, default_value = "auto")]
    device: DeviceChoice,
    /// Numbers that matrices are multiplied in on an NVIDIA card; sums are f32 either way
    #[arg(long, value_enum, default_value = "tf32")]
    matmul: Matmul,
    /// Go on from the checkpoint at --output
    #[arg(long)]
    resume: bool,
    /// Begin anew in place of the checkpoint that is at --output, its log and its playing file
    #[arg(long, conflicts_with = "resume")]
    overwrite: bool,
    /// Steps between checkpoints
    #[arg(long, default_value_t = 100, value_name = "STEPS")]
    checkpoint_every: u64,
    /// Steps between sample sheets; 0 draws none
    #[arg(long, default_value_t = 100, value_name = "STEPS")]
    sheet_every: u64,
    /// Steps between scores (see `latentloop score`), which go into the log; 0 never scores
    #[arg(long, default_value_t = 100, value_name = "STEPS")]
    score_every: u64,
    /// Where to write the playing file (the generator alone), also when stopped early
    #[arg(long, value_name = "FILE")]
    export: Option<PathBuf>,
    /// Numbers of the playing file
    #[arg(long, value_parser = one_of::<Precision>(), default_value = "f16")]
    precision: Precision,
}

/// Departures from the recipe, each alone.
#[derive(Debug, clap::Args)]
struct Departures {
    /// Play a moving average of the generator, of this decay, as 0.99; 0 keeps none (Yazıcı et al. 2019)
    #[arg(long, value_name = "DECAY")]
    ema: Option<f64>,
    /// Alter real and generated pictures alike before they are judged: colour, translation, cutout, with commas between, or
    /// none (DiffAugment, Zhao et al. 2020)
    #[arg(long, value_name = "KINDS")]
    augment: Option<Augment>,
    /// Penalty on the discriminator's gradient at real pictures, of this gamma, every 16th step; 0 leaves it out (R1, Mescheder
    /// et al. 2018)
    #[arg(long, value_name = "GAMMA")]
    r1: Option<f64>,
    /// Show the discriminator how much a batch varies (Karras et al. 2018)
    #[arg(long, value_name = "true|false")]
    minibatch_deviation: Option<bool>,
    /// Adam's rate for the generator (two rates: Heusel et al. 2017)
    #[arg(long, value_name = "RATE")]
    generator_rate: Option<f64>,
    /// Adam's rate for the discriminator
    #[arg(long, value_name = "RATE")]
    discriminator_rate: Option<f64>,
    /// Where the weights start: PyTorch's way, or the DCGAN paper's (Radford et al. 2015)
    #[arg(long, value_parser = one_of::<Initial>())]
    initial: Option<Initial>,
    /// Hold the generator's last so many layers to resize convolutions, against checkerboards (Odena et al. 2016)
    #[arg(long, value_name = "LAYERS")]
    resize_convolutions: Option<usize>,
}

impl Departures {
    fn from(self, recipe: Recipe) -> Recipe {
        Recipe {
            average: self.ema.unwrap_or(recipe.average),
            augment: self.augment.unwrap_or(recipe.augment),
            r1: self.r1.unwrap_or(recipe.r1),
            minibatch_deviation: self
                .minibatch_deviation
                .unwrap_or(recipe.minibatch_deviation),
            generator_rate: self.generator_rate.unwrap_or(recipe.generator_rate),
            discriminator_rate: self.discriminator_rate.unwrap_or(recipe.discriminator_rate),
            initial: self.initial.unwrap_or(recipe.initial),
            resize_convolutions: self
                .resize_convolutions
                .unwrap_or(recipe.resize_convolutions),
        }
    }
}

/// Where the arithmetic of training runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum DeviceChoice {
    /// The best there is.
    Auto,
    /// The processor.
    Cpu,
    /// An NVIDIA card (needs a build with `--features cuda`).
    Cuda,
    /// An Apple GPU (needs a build with `--features metal`).
    Metal,
}

/// Numbers that matrices are multiplied in on an NVIDIA card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Matmul {
    /// Ten bits after the point, on tensor cores: several times faster.
    Tf32,
    /// Twenty-three bits after the point.
    F32,
}

/// Runs `latentloop train`.
///
/// # Errors
/// When the pictures, the settings or the checkpoint do not do; the message says why and what to do.
pub fn run(args: Args) -> anyhow::Result<()> {
    if !(args.resume || args.overwrite) {
        let playing = train::inference_path(&args.output);
        let written = [Some(&args.output), args.export.as_ref(), Some(&playing)];
        if let Some(there) = written.into_iter().flatten().find(|file| file.is_file()) {
            bail!(
                "{} is there already and is left alone: --resume goes on from the checkpoint, --overwrite begins anew in its \
                 place",
                there.display()
            );
        }
    }
    train::keep_freed_memory();
    let device = args.device.open(args.matmul)?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    interrupt::listen(move || flag.store(true, Ordering::Relaxed))?;
    let spec = Spec::studies(args.size, args.width, args.latent)?;
    let named = Recipe::named(args.recipe, spec.channels.len());
    let recipe = args.departures.from(named);
    super::say(format_args!("recipe: --batch {} {recipe}", args.batch))?;
    if device.is_cpu() {
        let needs = train::memory(&spec, &recipe, args.batch) / 1_000_000;
        super::say(format_args!("memory: about {needs} MB beside the pictures"))?;
    }
    if recipe.r1 > 0.0 && device.is_cuda() && args.matmul == Matmul::Tf32 {
        tracing::warn!("--r1 takes differences that TF32 rounds off: add --matmul f32");
    }
    let settings = Settings {
        pictures: args.pictures,
        reading: args.reading.reading(),
        output: args.output,
        size: args.size,
        width: args.width,
        latent: args.latent,
        batch: args.batch,
        recipe,
        length: args
            .steps
            .map_or(Length::Epochs(args.epochs), Length::Steps),
        seed: args.seed,
        device,
        resume: args.resume,
        checkpoint_every: args.checkpoint_every,
        sheet_every: args.sheet_every,
        score_every: args.score_every,
        export: args.export,
        precision: args.precision,
    };
    let style = "{bar:30} {pos}/{len} steps  {per_sec}  {eta} left  {msg}";
    let bar = ProgressBar::new(0).with_style(ProgressStyle::with_template(style)?);
    let mut begun = false;
    let outcome = train::run(&settings, &stop, &mut |progress| {
        if !begun {
            begun = true;
            bar.set_length(progress.steps);
            bar.set_position(progress.step - 1);
            bar.reset_eta();
        }
        bar.set_position(progress.step);
        if let Some(warning) = progress.warning {
            bar.suspend(|| tracing::warn!("step {}: {warning}", progress.step));
        }
        let losses = progress.losses;
        bar.set_message(format!(
            "D {:.3}  G {:.3}",
            losses.discriminator, losses.generator
        ));
    })?;
    bar.abandon();
    let model = settings.output.display();
    if outcome.finished {
        super::say(format_args!("trained {} steps: {model}", outcome.step))?;
    } else {
        println!(
            "stopped after {} steps: {model}; --resume goes on from there",
            outcome.step
        );
    }
    if let Some(playing) = outcome.inference_file {
        super::say(format_args!(
            "to play: latentloop play {}",
            playing.display()
        ))?;
    }
    Ok(())
}

impl DeviceChoice {
    /// Opens it; on a card matrices are multiplied in the numbers asked for.
    pub(super) fn open(self, matmul: Matmul) -> anyhow::Result<Device> {
        candle_core::cuda::set_gemm_reduced_precision_f32(matmul == Matmul::Tf32);
        match self {
            Self::Cpu => Ok(Device::Cpu),
            Self::Cuda => cuda(),
            Self::Metal => metal(),
            Self::Auto => Ok(cuda()
                .or_else(|error| {
                    if cfg!(feature = "cuda") {
                        tracing::warn!("{}", crate::report::chain(error.as_ref()));
                    }
                    metal()
                })
                .unwrap_or(Device::Cpu)),
        }
    }
}

#[cfg(feature = "cuda")]
fn cuda() -> anyhow::Result<Device> {
    latentloop_nn::training_device()
        .map_err(|error| anyhow::anyhow!("--device cuda: {error}; take --device cpu"))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> anyhow::Result<Device> {
    anyhow::bail!(
        "--device cuda: this build has no CUDA; build with --features cuda, or take --device cpu"
    )
}

fn metal() -> anyhow::Result<Device> {
    if !cfg!(feature = "metal") {
        anyhow::bail!(
            "--device metal: this build has no Metal; build with --features metal, or take --device cpu"
        );
    }
    Device::new_metal(0)
        .context("--device metal: no Metal device could be opened; take --device cpu")
}
