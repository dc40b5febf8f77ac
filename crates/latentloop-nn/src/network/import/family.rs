//! The DCGAN family: generators made out of the modules of a state dict, and what is said of all that are none.

use super::chain::{Link, Parts};
use super::filter::Step;
use super::module::{Kind, Module, modules};
use super::state::{Tensor, listed};
use super::stem::Stem;
use super::{Activation, Choices};
use crate::network::spec::LEAKY_SLOPE;
use crate::network::weights::{GeneratorWeights, LayerWeights, NormWeights};

/// What is said with every refusal.
const EXPECTED: &str = "expected is a DCGAN generator: a linear or transposed-convolution stem on a latent, then batch norms and convolutions to 3 channels (red, green, blue) or 1 (grey)";
/// Most numbers of a convolution with an output padding.
const MAX_NUMBERS: usize = 1 << 28;

/// Makes a generator out of a state dict.
///
/// # Errors
/// When the state dict is none of a DCGAN generator's, or a choice is missing or does not fit.
pub(super) fn generator(
    tensors: Vec<Tensor>,
    choices: &Choices,
) -> Result<GeneratorWeights, String> {
    let names: Vec<String> = tensors.iter().map(|tensor| tensor.name.clone()).collect();
    let refused = |reason: String| format!("{reason}{}; {EXPECTED}", several(&names));
    if let Some(known) = stylegan(&names) {
        return Err(refused(known.to_owned()));
    }
    let modules = modules(tensors).map_err(refused)?;
    let studies = is_studies(&modules);
    let parts = Parts::of(modules).map_err(refused)?;
    let steps = choices.steps.as_deref();
    let chain = match parts.chain(steps) {
        Ok(chain) => chain,
        Err(_) if parts.is_discriminator() => {
            return Err(refused(format!(
                "it is a discriminator: its convolutions lead from a picture to features ({})",
                convolutions(&parts, None)
            )));
        }
        Err(reason) => return Err(refused(reason)),
    };
    let links = &chain.links;
    let stems = usize::from(parts.linear.is_none());
    let Some(last) = links.get(stems..).and_then(<[Link]>::last) else {
        return Err(refused("it has a stem alone".to_owned()));
    };
    if last.outputs != 3 && last.outputs != 1 {
        return Err(refused(format!(
            "its last convolution gives {} channels",
            last.outputs
        )));
    }
    if links[stems..].iter().all(|link| !link.transposed) {
        return Err(refused(
            "none of its convolutions is a transposed one, so its maps grow by upsampling, of which a state dict tells nothing"
                .to_owned(),
        ));
    }
    let (slope, steps) = asked(&parts, links, choices, studies)?;
    build(parts, &chain.norms, links, &steps, slope)
}

/// Slope and steps, as given or by custom.
fn asked(
    parts: &Parts,
    links: &[Link],
    choices: &Choices,
    studies: bool,
) -> Result<(f32, Vec<Step>), String> {
    let slope = match choices.activation {
        Some(Activation::Relu) => Some(0.0),
        Some(Activation::LeakyRelu) => Some(LEAKY_SLOPE),
        None => studies.then_some(LEAKY_SLOPE),
    };
    let steps: Option<Vec<Step>> = match &choices.steps {
        Some(steps) if steps.len() != links.len() => {
            return Err(format!(
                "--layers gives {} strides and paddings where its {} convolutions need one each: {}",
                steps.len(),
                links.len(),
                convolutions(parts, Some(links))
            ));
        }
        Some(steps) => Some(steps.clone()),
        None => links
            .iter()
            .enumerate()
            .map(|(place, link)| match (place, &parts.linear) {
                (0, None) => Step::of_stem(link.kernel),
                _ => Step::of(link.transposed, link.kernel),
            })
            .collect(),
    };
    let mut questions = Vec::new();
    if slope.is_none() {
        questions.push(
            "its activations: give --activation relu or --activation leaky_relu (slope 0.2)"
                .to_owned(),
        );
    }
    if steps.is_none() {
        questions.push(format!(
            "strides and paddings: give --layers with one for each of its {} convolutions, such as s1p0,s2p1,…, for {}",
            links.len(),
            convolutions(parts, Some(links))
        ));
    }
    match (slope, steps) {
        (Some(slope), Some(steps)) => Ok((slope, steps)),
        _ => Err(format!(
            "a state dict does not tell {}",
            questions.join("; nor ")
        )),
    }
}

fn build(
    parts: Parts,
    norms: &[Option<usize>],
    links: &[Link],
    steps: &[Step],
    slope: f32,
) -> Result<GeneratorWeights, String> {
    for ((module, link), step) in parts.convolutions.iter().zip(links).zip(steps) {
        check(module, *link, *step)?;
    }
    let mut convolutions = parts.convolutions.into_iter().zip(links).zip(steps);
    let mut stem = match parts.linear {
        Some(module) => {
            let Kind::Linear { rows, latent } = module.kind else {
                return Err(format!("its stem {} is not linear", module.name));
            };
            Stem::of_linear(module, latent, (rows / links[0].inputs).isqrt())
        }
        None => {
            let ((module, link), step) = convolutions.next().ok_or("it has no stem")?;
            Stem::of_transposed(module, [link.inputs, link.outputs], link.kernel, *step)?
        }
    };
    let mut layers = Vec::new();
    for (((module, link), step), norm) in convolutions.zip(norms) {
        let mut norm = norm.map(|norm| &parts.norms[norm]);
        if let Some(rows) = norm.filter(|norm| norm.weight.len() != link.inputs) {
            stem.fold(rows);
            norm = None;
        }
        layers.push(LayerWeights {
            inputs: link.inputs,
            outputs: link.outputs,
            norm: norm.map(|norm| {
                let [mean, variance] = norm.statistics.clone();
                NormWeights {
                    weight: norm.weight.clone(),
                    bias: norm.bias.clone().unwrap_or_default(),
                    mean,
                    variance,
                }
            }),
            slope,
            filter: step.filter(link.kernel),
            transposed: link.transposed,
            weight: step.taps(module.weight, link.kernel),
            bias: module.bias.unwrap_or_else(|| vec![0.0; link.outputs]),
        });
    }
    Ok(GeneratorWeights {
        latent: stem.latent,
        stem_side: stem.side,
        stem_weight: stem.weight,
        stem_bias: stem.bias,
        layers,
        palette: None,
    })
}

/// Holds a step to the convolution that it is given for.
fn check(module: &Module, link: Link, step: Step) -> Result<(), String> {
    let name = &module.name;
    if step.transposed.is_some_and(|said| said != link.transposed) {
        let found = if link.transposed {
            "transposed"
        } else {
            "plain"
        };
        return Err(format!(
            "--layers has {name} as what it is not: its shape makes it a {found} convolution"
        ));
    }
    let side = link.kernel + step.output_padding;
    if step.output_padding > 0
        && (!link.transposed
            || step.output_padding >= step.stride
            || link.inputs * link.outputs > MAX_NUMBERS / (side * side))
    {
        return Err(format!(
            "--layers gives {name} an output padding of {}: it must be below the stride, of a transposed convolution",
            step.output_padding
        ));
    }
    Ok(())
}

/// The convolutions in words, for an error.
fn convolutions(parts: &Parts, links: Option<&[Link]>) -> String {
    let words: Vec<String> = parts
        .convolutions
        .iter()
        .enumerate()
        .map(|(place, module)| {
            let kind = match links.map(|links| links[place].transposed) {
                None => "",
                Some(true) => "transposed ",
                Some(false) => "plain ",
            };
            format!("{kind}{} {:?}", module.name, module.kind.shape())
        })
        .collect();
    words.join(", ")
}

/// Whether the names are those of the studies architecture: `input`, and batch norms and convolutions at every third place
/// of `net`.
fn is_studies(modules: &[Module]) -> bool {
    let mut stems = 0;
    let fits = modules.iter().all(|module| {
        let place = module
            .name
            .strip_prefix("net.")
            .and_then(|place| place.parse::<usize>().ok());
        match (module.kind, place) {
            (Kind::Linear { .. }, None) if module.name == "input" => {
                stems += 1;
                true
            }
            (Kind::Norm { .. }, Some(place)) => place % 3 == 0,
            (Kind::Convolution { kernel: 4, .. }, Some(place)) => place % 3 == 2,
            _ => false,
        }
    });
    fits && stems == 1
}

fn stylegan(names: &[String]) -> Option<&'static str> {
    let has = |part: &str| {
        names
            .iter()
            .any(|name| name.split('.').any(|word| word == part))
    };
    if has("mapping") && has("synthesis") || has("style") && has("to_rgb1") {
        return Some("it is a StyleGAN (a mapping network and a synthesis network)");
    }
    None
}

/// A hint where the names begin with the names of several networks.
fn several(names: &[String]) -> String {
    let mut heads: Vec<(&str, usize)> = Vec::new();
    for name in names {
        let (head, rest) = name.split_once('.').unwrap_or((name, ""));
        let deep = usize::from(rest.contains('.'));
        match heads.iter_mut().find(|(known, _)| *known == head) {
            Some((_, count)) => *count += deep,
            None => heads.push((head, deep)),
        }
    }
    if heads.len() < 2 || heads.iter().any(|(_, count)| *count < 2) {
        return String::new();
    }
    let heads: Vec<&str> = heads.into_iter().map(|(head, _)| head).collect();
    format!(
        " (its names begin with {}; --key takes those of one alone)",
        listed(&heads)
    )
}
