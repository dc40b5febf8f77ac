//! `latentloop bench`: the time of a frame or of a training step.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use candle_core::Device;

use super::train::{DeviceChoice, Matmul};
use super::values::{EngineArgs, one_of};
use crate::engine::{Norm, Winograd, open};
use crate::network::spec::Spec;
use crate::network::weights::GeneratorWeights;
use crate::train;

/// Frames drawn before the clock is read.
const WARM_UP: usize = 3;
/// Length of a latent where no model says it.
const LATENT: usize = 200;

/// Time a frame at batch 1 and 8, or a training step
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model; random weights of --size and --width where none is given
    model: Option<PathBuf>,
    /// Side of the picture in pixels
    #[arg(long, default_value_t = 256, conflicts_with = "model")]
    size: usize,
    /// Multiplies every channel count
    #[arg(long, default_value_t = 1.0, conflicts_with = "model")]
    width: f64,
    /// Statistics of batch norm
    #[arg(long, value_parser = one_of::<Norm>(), default_value = "running")]
    norm: Norm,
    #[command(flatten)]
    engine: EngineArgs,
    /// Times that are counted
    #[arg(long, default_value_t = 15)]
    runs: usize,
    /// Time a training step instead
    #[arg(long, conflicts_with = "model")]
    train: bool,
    /// Where the training step runs
    #[arg(long, value_enum, default_value = "auto")]
    device: DeviceChoice,
    /// Numbers that the step's matrices are multiplied in on an NVIDIA card
    #[arg(long, value_enum, default_value = "tf32")]
    matmul: Matmul,
    /// Rows of latents drawn together, or pictures a training step; 1 and then 8, or 8, where not given
    #[arg(long)]
    batch: Option<usize>,
    /// A line of JSON each
    #[arg(long)]
    json: bool,
}

/// Runs `latentloop bench`.
///
/// # Errors
/// When the model cannot be read, its threads cannot be started or the device fails.
pub fn run(args: Args) -> anyhow::Result<()> {
    anyhow::ensure!(
        args.batch != Some(0),
        "cannot time a batch of 0: --batch takes 1 or more"
    );
    anyhow::ensure!(
        args.engine.threads != Some(0),
        "cannot run on 0 threads: --threads takes 1 or more"
    );
    if args.train {
        time_step(&args)
    } else {
        time_frames(&args)
    }
}

fn time_step(args: &Args) -> anyhow::Result<()> {
    train::keep_freed_memory();
    let spec = Spec::studies(args.size, args.width, LATENT)?;
    let batch = args.batch.unwrap_or(8);
    // A pool of 0 threads has one a core.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(args.engine.threads.unwrap_or(0))
        .build()
        .context("cannot start the threads that train: give fewer with --threads")?;
    let device = args.device.open(args.matmul)?;
    let runs = args.runs.max(1) as u64;
    let times_ms = pool.install(|| train::bench(&spec, batch, runs, &device))?;
    let (engine, threads) = match &device {
        Device::Cpu => ("cpu", Some(pool.current_num_threads())),
        Device::Cuda(_) => ("cuda", None),
        Device::Metal(_) => ("metal", None),
    };
    Times {
        batch,
        norm: "train",
        engine,
        threads,
    }
    .print(args.json, times_ms)
}

fn time_frames(args: &Args) -> anyhow::Result<()> {
    let weights = match &args.model {
        Some(path) => GeneratorWeights::load(&crate::library::locate(path)?)?,
        None => GeneratorWeights::random(&Spec::studies(args.size, args.width, LATENT)?, 0),
    };
    let mut engine = open(&weights, &args.engine.options_or(Winograd::Auto))?;
    let (width, height) = engine.size();
    for batch in args.batch.map_or(vec![1, 8], |batch| vec![batch]) {
        let z: Vec<f32> = (0..batch * engine.latent())
            .map(|i| ((i * 37 % 101) as f32 - 50.0) / 30.0)
            .collect();
        let mut pictures = vec![0.0; batch * 3 * (width * height) as usize];
        let mut times_ms = Vec::new();
        for run in 0..WARM_UP + args.runs.max(1) {
            let start = Instant::now();
            engine.forward(&z, args.norm, &mut pictures)?;
            if run >= WARM_UP {
                times_ms.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        Times {
            batch,
            norm: match args.norm {
                Norm::Running => "running",
                Norm::Batch => "batch",
            },
            engine: engine.name(),
            threads: engine.threads(),
        }
        .print(args.json, times_ms)?;
    }
    Ok(())
}

/// What was timed.
struct Times<'a> {
    batch: usize,
    norm: &'a str,
    engine: &'a str,
    threads: Option<usize>,
}

impl Times<'_> {
    fn print(&self, json: bool, mut times_ms: Vec<f64>) -> anyhow::Result<()> {
        let Self {
            batch,
            norm,
            engine,
            threads,
        } = self;
        times_ms.sort_by(f64::total_cmp);
        let round = |ms: f64| (ms * 1e3).round() / 1e3;
        let (median_ms, min_ms) = (round(times_ms[times_ms.len() / 2]), round(times_ms[0]));
        if json {
            super::say(serde_json::json!({
                "engine": engine, "norm": norm, "batch": batch, "threads": threads,
                "runs": times_ms.len(), "median_ms": median_ms, "min_ms": min_ms,
            }))
        } else {
            super::say(format_args!(
                "batch {batch}  {norm:8} {engine}  median {median_ms:.2} ms  least {min_ms:.2} ms"
            ))
        }
    }
}
