//! `latentloop bench`: the time of a frame or of a training step.

use std::path::PathBuf;
use std::time::Instant;

use candle_core::Device;

use super::train::{DeviceChoice, Matmul};
use crate::engine::{Choice, Norm, open};
use crate::network::spec::Spec;
use crate::network::weights::GeneratorWeights;
use crate::train;

/// Frames drawn before the clock is read.
const WARM_UP: usize = 3;

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
    #[arg(long, value_enum, default_value = "running")]
    norm: Norm,
    /// What draws
    #[arg(long, value_enum, default_value = "auto")]
    engine: Choice,
    /// Threads of the processor's engine
    #[arg(long)]
    threads: Option<usize>,
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
    /// Pictures a training step
    #[arg(long, default_value_t = 8)]
    batch: usize,
    /// A line of JSON each
    #[arg(long)]
    json: bool,
}

/// Runs `latentloop bench`.
///
/// # Errors
/// When the model cannot be read or the device fails.
pub fn run(args: Args) -> anyhow::Result<()> {
    let runs = args.runs.max(1);
    if args.train {
        train::keep_freed_memory();
        let spec = Spec::studies(args.size, args.width, 200)?;
        let device = args.device.open(args.matmul)?;
        let times_ms = train::bench(&spec, args.batch, runs as u64, &device)?;
        let name = match &device {
            Device::Cpu => "cpu",
            Device::Cuda(_) => "cuda",
            Device::Metal(_) => "metal",
        };
        return print(args.json, args.batch, "train", name, times_ms);
    }
    let weights = match &args.model {
        Some(path) => GeneratorWeights::load(path)?,
        None => GeneratorWeights::random(&Spec::studies(args.size, args.width, 200)?, 0),
    };
    let mut engine = open(&weights, args.engine, args.threads)?;
    let (width, height) = engine.size();
    for batch in [1, 8] {
        let z: Vec<f32> = (0..batch * engine.latent())
            .map(|i| ((i * 37 % 101) as f32 - 50.0) / 30.0)
            .collect();
        let mut pictures = vec![0.0; batch * 3 * (width * height) as usize];
        let mut times_ms = Vec::new();
        for run in 0..WARM_UP + runs {
            let start = Instant::now();
            engine.draw(&z, args.norm, &mut pictures)?;
            if run >= WARM_UP {
                times_ms.push(start.elapsed().as_secs_f64() * 1e3);
            }
        }
        let norm = if args.norm == Norm::Running {
            "running"
        } else {
            "batch"
        };
        print(args.json, batch, norm, engine.name(), times_ms)?;
    }
    Ok(())
}

fn print(
    json: bool,
    batch: usize,
    norm: &str,
    engine: &str,
    mut times_ms: Vec<f64>,
) -> anyhow::Result<()> {
    times_ms.sort_by(f64::total_cmp);
    let round = |ms: f64| (ms * 1e3).round() / 1e3;
    let (median_ms, min_ms) = (round(times_ms[times_ms.len() / 2]), round(times_ms[0]));
    if json {
        let line = serde_json::json!({
            "batch": batch, "norm": norm, "engine": engine, "median_ms": median_ms, "min_ms": min_ms,
        });
        super::say(line)
    } else {
        super::say(format_args!(
            "batch {batch}  {norm:8} {engine}  median {median_ms:.2} ms  least {min_ms:.2} ms"
        ))
    }
}
