//! `latentloop import`: a PyTorch generator becomes a model to play.

use std::path::PathBuf;

use anyhow::bail;

use super::overwrite::OverwriteArgs;
use super::values::one_of;
use crate::network::checkpoint::Precision;
use crate::network::description::Description;
use crate::network::import::{self, Activation, Choices, LastActivation, Step};

/// Turn a PyTorch generator into a model to play
///
/// The file is a state dict of a DCGAN generator (.pth, .pt or .safetensors): a linear or transposed-convolution stem,
/// then batch norms and convolutions. Its shape is found from its tensors; what they do not tell is asked for, or assumed and
/// said. Spectral and weight norms are worked into the weights. Nothing in the file is ever executed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The state dict, as torch.save or safetensors wrote it
    file: PathBuf,
    /// The model to write
    #[arg(short, long, value_name = "MODEL.safetensors")]
    output: PathBuf,
    /// Activation of all layers but the last, or of each, the stem's first; needed unless the network is of the studies architecture
    ///
    /// none, relu, leaky_relu (slope 0.2) or leaky_relu=0.01, elu or elu=0.5 (its alpha), selu, silu. One for all stands
    /// wherever the numbers of a Sequential tell of a module without weights, or tell nothing; one for each stands as given.
    #[arg(long, value_delimiter = ',', value_name = "none,relu,…")]
    activation: Option<Vec<Activation>>,
    /// Activation behind the last layer [default: tanh]
    #[arg(long, value_parser = one_of::<LastActivation>())]
    end: Option<LastActivation>,
    /// What batch norms add to every variance, where it is not PyTorch's 1e-5
    #[arg(long, value_parser = epsilon)]
    eps: Option<f32>,
    /// Stride and padding of each convolution, the stem included where it is one; s2p1o1 has an output padding of 1
    ///
    /// Without it 4 x 4 transposed convolutions are s2p1 (the stem s1p0) and 3 x 3 plain ones s1p1. A t or c before it
    /// (ts1p1, cs1p1) says transposed or plain where as many channels go out as in.
    #[arg(long, value_delimiter = ',', value_name = "s1p0,s2p1,…")]
    layers: Option<Vec<Step>>,
    /// Which of several networks in the file, such as netG
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Numbers of the model
    #[arg(long, value_parser = one_of::<Precision>(), default_value = "f32")]
    precision: Precision,
    #[command(flatten)]
    overwrite: OverwriteArgs,
}

/// Runs `latentloop import`.
///
/// # Errors
/// When the file is none that can be imported, or more must be said of it, or the model cannot be written.
pub fn run(args: Args) -> anyhow::Result<()> {
    let same = |a: PathBuf| args.output.canonicalize().is_ok_and(|b| a == b);
    if args.file.canonicalize().is_ok_and(same) {
        bail!(
            "{} would be overwritten: give -o another name",
            args.file.display()
        );
    }
    args.overwrite.permit(&args.output)?;
    let choices = Choices {
        key: args.key,
        activations: args.activation,
        end: args.end,
        eps: args.eps,
        steps: args.layers,
    };
    let notes = import::convert(&args.file, &choices, &args.output, args.precision)?;
    super::say(Description::read(&args.output)?)?;
    for note in notes {
        super::say(note)?;
    }
    super::say(format_args!(
        "to play: latentloop play {}",
        args.output.display()
    ))
}

fn epsilon(text: &str) -> Result<f32, String> {
    let read = text.parse().ok().filter(|eps| *eps > 0.0 && *eps <= 1.0);
    read.ok_or_else(|| "give a number above 0, up to 1, such as 1e-3".to_owned())
}
