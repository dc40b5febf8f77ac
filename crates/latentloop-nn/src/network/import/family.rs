//! The DCGAN family: generators made out of the modules of a state dict, and what is said of all that are none.

use super::activation::{self, Activation, Place};
use super::between::Numbering;
use super::chain::{Chain, Link, Parts, lead_from_a_picture};
use super::filter::Step;
use super::module::{Kind, Module, modules};
use super::state::{State, listed};
use super::stem::Stem;
use super::{Choices, Imported, LastActivation};
use crate::network::kernel::Filter;
use crate::network::spec::{BATCH_NORM_EPS, LEAKY_SLOPE};
use crate::network::weights::{End, GeneratorWeights, LayerWeights, NormWeights};

/// What is said with every refusal.
const EXPECTED: &str = "expected is a DCGAN generator: a linear or transposed-convolution stem on a latent, then batch norms and convolutions to 3 channels (red, green, blue) or 1 (grey)";
/// Most names of networks in one state dict that are told apart.
const MAX_HEADS: usize = 32;
/// Most numbers of a convolution with an output padding.
const MAX_NUMBERS: usize = 1 << 28;

/// Makes a generator out of a state dict.
///
/// # Errors
/// When the state dict is none of a DCGAN generator's, or a choice is missing or does not fit.
pub(super) fn generator(
    State { tensors, prefix }: State,
    choices: &Choices,
) -> Result<Imported, String> {
    let names: Vec<String> = tensors.iter().map(|tensor| tensor.name.clone()).collect();
    let refused = |reason: String| format!("{reason}{}; {EXPECTED}", several(&names, &prefix));
    if let Some(known) = stylegan(&names) {
        return Err(refused(known.to_owned()));
    }
    let modules = modules(tensors).map_err(refused)?;
    let studies = is_studies(&modules);
    if let Some(keys) = networks(&modules, &prefix) {
        return Err(format!(
            "it holds several networks; choose the generator with --key: {}",
            listed(&keys)
        ));
    }
    let numbering = Numbering::of(modules.iter().map(|module| module.name.as_str()));
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
    let places = activation::places(&numbering, &parts, &chain).map_err(refused)?;
    let (given, steps) = asked(&parts, links, choices, studies)?;
    let (activations, mut notes) = activation::choose(&places, &given)?;
    notes.extend(customs(choices, &parts));
    let weights = build(parts, &chain, &steps, &places, &activations, choices)?;
    Ok(Imported { weights, notes })
}

/// What was taken for granted because no option said otherwise.
fn customs(choices: &Choices, parts: &Parts) -> Option<String> {
    let mut taken = Vec::new();
    if choices.end.is_none() {
        taken.push("a tanh at the end (--end)".to_owned());
    }
    if choices.eps.is_none() && !parts.norms.is_empty() {
        taken.push("batch norms with an epsilon of 1e-5 (--eps)".to_owned());
    }
    if choices.steps.is_none() {
        taken.push("strides and paddings by custom (--layers)".to_owned());
    }
    (!taken.is_empty()).then(|| format!("assumed: {}", taken.join(", ")))
}

/// Activations and steps, as given or by custom.
fn asked(
    parts: &Parts,
    links: &[Link],
    choices: &Choices,
    studies: bool,
) -> Result<(Vec<Activation>, Vec<Step>), String> {
    let activations = match &choices.activations {
        Some(given) => Some(given.clone()),
        None => studies.then(|| vec![Activation::LeakyRelu(LEAKY_SLOPE)]),
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
    if activations.is_none() {
        questions.push(
            "its activations: give --activation relu or --activation leaky_relu (slope 0.2), or one for each layer"
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
    match (activations, steps) {
        (Some(activations), Some(steps)) => Ok((activations, steps)),
        _ => Err(format!(
            "a state dict does not tell {}",
            questions.join("; nor ")
        )),
    }
}

fn build(
    parts: Parts,
    Chain { links, norms }: &Chain,
    steps: &[Step],
    places: &[Place],
    activations: &[Activation],
    choices: &Choices,
) -> Result<GeneratorWeights, String> {
    let eps = choices.eps.unwrap_or(BATCH_NORM_EPS);
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
    let before = norms.iter().zip(places).zip(activations);
    for (((module, link), step), ((norm, place), activation)) in convolutions.zip(before) {
        let mut norm = norm.map(|norm| &parts.norms[norm]);
        if let Some(rows) = norm.filter(|norm| norm.weight.len() != link.inputs) {
            stem.fold(rows, eps);
            norm = None;
        }
        let (mut slope, mut curve) = activation.parts();
        if place.is_before_norm {
            // A layer has its activation behind its norm: one that leaves all else as it is goes before it.
            layers.push(bare(link.inputs, activation));
            (slope, curve) = Activation::None.parts();
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
                    eps,
                }
            }),
            slope,
            curve,
            filter: step.filter(link.kernel),
            transposed: link.transposed,
            weight: step.taps(module.weight, link.kernel),
            bias: module.bias.unwrap_or_else(|| vec![0.0; link.outputs]),
        });
    }
    if choices.end == Some(LastActivation::Sigmoid)
        && let Some(last) = layers.last_mut()
    {
        // Pictures in 0..1 are stretched to -1..1: 2 sigmoid(x) - 1 is tanh(x / 2).
        let numbers = last.weight.iter_mut().chain(&mut last.bias);
        numbers.for_each(|number| *number /= 2.0);
    }
    Ok(GeneratorWeights {
        latent: stem.latent,
        stem_side: stem.side,
        stem_weight: stem.weight,
        stem_bias: stem.bias,
        layers,
        end: match choices.end {
            Some(LastActivation::None) => End::None,
            _ => End::Tanh,
        },
        palette: None,
    })
}

/// A layer of an activation alone.
fn bare(channels: usize, activation: &Activation) -> LayerWeights {
    let (slope, curve) = activation.parts();
    let mut weight = vec![0.0; channels * channels];
    weight
        .iter_mut()
        .step_by(channels + 1)
        .for_each(|v| *v = 1.0);
    LayerWeights {
        inputs: channels,
        outputs: channels,
        norm: None,
        slope,
        curve,
        filter: Filter {
            kernel: 1,
            stride: 1,
            padding: 0,
        },
        transposed: false,
        weight,
        bias: vec![0.0; channels],
    }
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

/// Keys of what is no discriminator, where one of several networks in it is.
fn networks(modules: &[Module], prefix: &str) -> Option<Vec<String>> {
    let head = |module: &Module| -> String {
        let (head, _) = module.name.split_once('.').unwrap_or((&module.name, ""));
        head.to_owned()
    };
    let mut heads: Vec<String> = Vec::new();
    for module in modules {
        if heads.last() != Some(&head(module)) && !heads.contains(&head(module)) {
            heads.push(head(module));
        }
    }
    let is_discriminator = |name: &String| {
        let convolutions = || {
            let of = modules.iter().filter(|module| head(module) == *name);
            of.filter(|module| matches!(module.kind, Kind::Convolution { .. }))
        };
        convolutions().nth(1).is_some() && lead_from_a_picture(convolutions())
    };
    // Each head is looked for in all modules: there are no networks of more parts than these.
    let (discriminators, others): (Vec<String>, Vec<String>) = heads
        .into_iter()
        .take(MAX_HEADS)
        .partition(is_discriminator);
    let keys = others.iter().map(|head| format!("{prefix}{head}"));
    (!discriminators.is_empty() && !others.is_empty()).then(|| keys.collect())
}

/// A hint where the names begin with the names of several networks.
fn several(names: &[String], prefix: &str) -> String {
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
    let heads: Vec<String> = heads
        .into_iter()
        .map(|(head, _)| format!("{prefix}{head}"))
        .collect();
    format!(
        " (its names begin with {}; --key takes those of one alone, such as --key {})",
        listed(&heads),
        heads[0]
    )
}
