//! The modules that a state dict's tensors belong to.

use std::collections::BTreeMap;

use super::reparametrised;
use super::state::Tensor;

/// A module of PyTorch's with weights.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Module {
    /// Its name, such as `main.0`.
    pub(super) name: String,
    /// What it is.
    pub(super) kind: Kind,
    /// Weights; a batch norm without its own has ones.
    pub(super) weight: Vec<f32>,
    /// Biases, where it has some; a batch norm has zeros where not.
    pub(super) bias: Option<Vec<f32>>,
    /// A batch norm's running means and variances; else empty.
    pub(super) statistics: [Vec<f32>; 2],
}

/// What a module is, as its tensors' shapes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `[rows, latent]`
    Linear {
        /// What it gives.
        rows: usize,
        /// What it takes.
        latent: usize,
    },
    /// `[first, second, kernel, kernel]`: in and out where it is transposed, else out and in.
    Convolution {
        /// First dimension.
        first: usize,
        /// Second dimension.
        second: usize,
        /// Rows and columns of the filter.
        kernel: usize,
    },
    /// A batch norm.
    Norm {
        /// What it norms.
        channels: usize,
    },
}

impl Kind {
    /// Its weights' shape.
    pub(super) fn shape(self) -> Vec<usize> {
        match self {
            Self::Linear { rows, latent } => vec![rows, latent],
            Self::Convolution {
                first,
                second,
                kernel,
            } => vec![first, second, kernel, kernel],
            Self::Norm { channels } => vec![channels],
        }
    }
}

/// Sorts tensors into modules, in the order of their first tensors.
///
/// # Errors
/// When a tensor belongs to no module of a DCGAN, or its shape disagrees with its neighbours'.
pub(super) fn modules(tensors: Vec<Tensor>) -> Result<Vec<Module>, String> {
    let mut names = Vec::new();
    let mut parts: BTreeMap<String, BTreeMap<String, Tensor>> = BTreeMap::new();
    for tensor in tensors {
        let (module, part) = reparametrised::split(&tensor.name);
        if !parts.contains_key(&module) {
            names.push(module.clone());
        }
        parts.entry(module).or_default().insert(part, tensor);
    }
    names
        .into_iter()
        .map(|name| {
            let parts = parts.remove(&name).unwrap_or_default();
            module(name, parts)
        })
        .collect()
}

fn module(name: String, mut parts: BTreeMap<String, Tensor>) -> Result<Module, String> {
    reparametrised::fold(&mut parts)?;
    let known = ["weight", "bias", "running_mean", "running_var"];
    if let Some(tensor) = parts
        .iter()
        .find_map(|(part, tensor)| (!known.contains(&part.as_str())).then_some(tensor))
    {
        return Err(stranger(tensor));
    }
    let [weight, bias, mean, variance] = known.map(|part| parts.remove(part));
    let bias_of = |length: usize| match &bias {
        Some(bias) if bias.shape != [length] => Err(stranger(bias)),
        bias => Ok(bias.as_ref().map(|bias| bias.numbers.clone())),
    };
    if let (Some(mean), Some(variance)) = (mean, variance) {
        let &[channels] = &mean.shape[..] else {
            return Err(stranger(&mean));
        };
        let fits = |tensor: &Tensor| tensor.shape == [channels];
        if let Some(tensor) = [Some(&variance), weight.as_ref()]
            .into_iter()
            .flatten()
            .find(|tensor| !fits(tensor))
        {
            return Err(stranger(tensor));
        }
        return Ok(Module {
            kind: Kind::Norm { channels },
            weight: weight.map_or_else(|| vec![1.0; channels], |weight| weight.numbers),
            bias: Some(bias_of(channels)?.unwrap_or_else(|| vec![0.0; channels])),
            statistics: [mean.numbers, variance.numbers],
            name,
        });
    }
    let Some(weight) = weight else {
        return Err(bias.map_or_else(
            || format!("its module {name} has half of a batch norm's statistics"),
            |bias| stranger(&bias),
        ));
    };
    let (kind, bias) = match weight.shape[..] {
        [rows, latent] => (Kind::Linear { rows, latent }, bias_of(rows)?),
        [first, second, height, width] if height == width => {
            let kind = Kind::Convolution {
                first,
                second,
                kernel: height,
            };
            match &bias {
                Some(bias) if bias.shape != [first] && bias.shape != [second] => {
                    return Err(stranger(bias));
                }
                bias => (kind, bias.as_ref().map(|bias| bias.numbers.clone())),
            }
        }
        [channels] => {
            return Err(format!(
                "its module {name} norms or bends {channels} channels without running statistics (an instance norm, a layer norm or a PReLU) where a batch norm was expected"
            ));
        }
        _ => return Err(stranger(&weight)),
    };
    Ok(Module {
        name,
        kind,
        weight: weight.numbers,
        bias,
        statistics: Default::default(),
    })
}

fn stranger(tensor: &Tensor) -> String {
    format!(
        "its tensor {} with shape {:?} has no place in a DCGAN",
        tensor.name, tensor.shape
    )
}
