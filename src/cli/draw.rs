//! `latentloop draw`: given latents become pictures.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use super::overwrite::OverwriteArgs;
use super::values::{EngineArgs, one_of};
use crate::engine::{Norm, open};
use crate::files::{list, read_limited, write_atomic};
use crate::network::weights::GeneratorWeights;

/// Most bytes of a file of latents or pictures.
const MAX_TENSORS: u64 = 4 << 30;
/// Most latents drawn at once.
const MAX_ROWS: usize = 4096;

/// Draw given latents as float pictures or PNGs
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model
    model: PathBuf,
    /// The latents: a tensor `z`, rows x latent
    latents: PathBuf,
    /// A .safetensors file for `pictures` (rows x 3 x height x width in -1..1), or a folder for PNGs
    #[arg(short, long)]
    output: PathBuf,
    /// Statistics of batch norm; batch takes those of all rows together
    #[arg(long, value_parser = one_of::<Norm>(), default_value = "batch")]
    norm: Norm,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[command(flatten)]
    engine: EngineArgs,
}

/// Runs `latentloop draw`.
///
/// # Errors
/// When the model or the latents cannot be read or do not fit, or the pictures cannot be written.
pub fn run(args: Args) -> anyhow::Result<()> {
    let has_pictures = list(&args.output).is_ok_and(|files| !files.is_empty());
    args.overwrite.permit_where(has_pictures, &args.output)?;
    args.overwrite.permit(&args.output)?;
    let mut engine = open(
        &GeneratorWeights::load(&crate::library::locate(&args.model)?)?,
        &args.engine.options(),
    )?;
    let (shape, z) = tensor(&args.latents, "z")?;
    let latent = engine.latent();
    let &[rows, length] = &shape[..] else {
        bail!(
            "{}: its tensor z has shape {shape:?} where [rows, {latent}] was expected",
            args.latents.display()
        );
    };
    if length != latent || rows == 0 || rows > MAX_ROWS {
        bail!(
            "{}: its tensor z has shape {shape:?}; the model takes 1 to {MAX_ROWS} rows of {latent}",
            args.latents.display()
        );
    }
    let (width, height) = engine.size();
    let (width, height) = (width as usize, height as usize);
    let mut pictures = vec![0.0f32; rows * 3 * width * height];
    engine.forward(&z, args.norm, &mut pictures)?;
    if args
        .output
        .extension()
        .is_some_and(|extension| extension == "safetensors")
    {
        let bytes: Vec<u8> = pictures.iter().flat_map(|v| v.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F32, vec![rows, 3, height, width], &bytes)?;
        let file = safetensors::serialize([("pictures", view)], None)?;
        return write_atomic(&args.output, &file)
            .with_context(|| format!("cannot write {}", args.output.display()));
    }
    std::fs::create_dir_all(&args.output)
        .with_context(|| format!("cannot make the folder {}", args.output.display()))?;
    let plane = width * height;
    for (row, picture) in pictures.chunks_exact(3 * plane).enumerate() {
        let picture = crate::sheet::picture(picture, (width as u32, height as u32));
        super::sheet::save(&picture, &args.output.join(format!("{:05}.png", row + 1)))?;
    }
    Ok(())
}

/// Shape and numbers of a finite f32 tensor of a safetensors file.
pub(super) fn tensor(path: &Path, name: &str) -> anyhow::Result<(Vec<usize>, Vec<f32>)> {
    let bytes = read_limited(path, MAX_TENSORS, "file of latents")
        .with_context(|| format!("cannot read {}", path.display()))?;
    let file = SafeTensors::deserialize(&bytes)
        .with_context(|| format!("{} is no whole safetensors file", path.display()))?;
    let view = file
        .tensor(name)
        .with_context(|| format!("{} has no tensor {name}", path.display()))?;
    if view.dtype() != Dtype::F32 {
        bail!(
            "{}: its tensor {name} holds {:?} where F32 was expected",
            path.display(),
            view.dtype()
        );
    }
    let numbers: Vec<f32> = view
        .data()
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]))
        .collect();
    if numbers.iter().any(|v| !v.is_finite()) {
        bail!(
            "{}: its tensor {name} holds a number that is not finite",
            path.display()
        );
    }
    Ok((view.shape().to_vec(), numbers))
}
