//! The chain of modules: how they follow one another, which convolution takes what, and where each batch norm stands.

use super::filter::Step;
use super::module::{Kind, Module};

/// The modules of a generator, apart by kind but in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Parts {
    /// A linear stem, where there is one; else the first convolution is the stem.
    pub(super) linear: Option<Module>,
    /// The convolutions.
    pub(super) convolutions: Vec<Module>,
    /// The batch norms.
    pub(super) norms: Vec<Module>,
    /// For each batch norm, how many stems and convolutions come before it, the linear one counted as first.
    behind: Vec<usize>,
}

/// One convolution's part in the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Link {
    /// Whether it is a transposed one.
    pub(super) transposed: bool,
    /// Channels that it takes.
    pub(super) inputs: usize,
    /// Channels that it gives.
    pub(super) outputs: usize,
    /// Rows and columns of its filter.
    pub(super) kernel: usize,
}

/// A chain that holds from the latent to the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    /// A link a convolution.
    pub(super) links: Vec<Link>,
    /// For the stem and each convolution but the last, the batch norm of what it gives.
    pub(super) norms: Vec<Option<usize>>,
}

impl Parts {
    /// Takes modules apart.
    ///
    /// # Errors
    /// When there is more than one linear module, or no convolution.
    pub(super) fn of(modules: Vec<Module>) -> Result<Self, String> {
        let is_linear = |module: &&Module| matches!(module.kind, Kind::Linear { .. });
        let linears: Vec<&str> = modules
            .iter()
            .filter(is_linear)
            .map(|module| module.name.as_str())
            .collect();
        if linears.len() > 1 {
            return Err(format!(
                "it has linear modules {}",
                super::state::listed(&linears)
            ));
        }
        let mut makers = usize::from(!linears.is_empty());
        let mut parts = Self {
            linear: None,
            convolutions: Vec::new(),
            norms: Vec::new(),
            behind: Vec::new(),
        };
        for module in modules {
            match module.kind {
                Kind::Linear { .. } => parts.linear = Some(module),
                Kind::Convolution { .. } => {
                    makers += 1;
                    parts.convolutions.push(module);
                }
                Kind::Norm { .. } => {
                    parts.behind.push(makers);
                    parts.norms.push(module);
                }
            }
        }
        if parts.convolutions.is_empty() {
            return Err("it has no convolutions".to_owned());
        }
        Ok(parts)
    }

    /// Whether its convolutions lead from a picture to a number, as a discriminator's do.
    pub(super) fn is_discriminator(&self) -> bool {
        lead_from_a_picture(self.convolutions.iter())
    }

    /// The chain that its shapes make.
    ///
    /// # Errors
    /// When they make none: where it breaks.
    pub(super) fn chain(&self, steps: Option<&[Step]>) -> Result<Chain, String> {
        let makers = self.convolutions.len() + usize::from(self.linear.is_some());
        let mut broken = None;
        for norms in self.arrangements(makers) {
            match self.links(&norms, steps) {
                Ok(links) => return Ok(Chain { links, norms }),
                Err(reason) => {
                    broken.get_or_insert(reason);
                }
            }
        }
        Err(broken.unwrap_or_else(|| {
            format!(
                "it has {} batch norms among {makers} stems and convolutions, of which the last can have none",
                self.norms.len()
            )
        }))
    }

    /// Where the batch norms may stand: each behind what was made before it, or, where all were made first or last, in
    /// order, from the stem on or from the first convolution on.
    fn arrangements(&self, makers: usize) -> Vec<Vec<Option<usize>>> {
        let count = self.norms.len();
        let as_made = self.behind.iter().map(|&before| before.checked_sub(1));
        let in_order = |from: usize| (from..from + count).map(Some).collect();
        [as_made.collect(), in_order(0), in_order(1)]
            .into_iter()
            .filter_map(|places: Vec<Option<usize>>| {
                let mut norms = vec![None; makers - 1];
                for (norm, place) in places.into_iter().enumerate() {
                    let free = norms.get_mut(place?)?;
                    if free.replace(norm).is_some() {
                        return None;
                    }
                }
                Some(norms)
            })
            .collect()
    }

    fn links(&self, norms: &[Option<usize>], steps: Option<&[Step]>) -> Result<Vec<Link>, String> {
        let channels: Vec<Option<usize>> = norms
            .iter()
            .map(|norm| match self.norms[(*norm)?].kind {
                Kind::Norm { channels } => Some(channels),
                _ => None,
            })
            .collect();
        let normed = |maker: usize| channels.get(maker).copied().flatten();
        let (first, second, kernel) = dimensions(&self.convolutions[0]);
        let Some(linear) = &self.linear else {
            let stem = Link {
                transposed: true,
                inputs: first,
                outputs: second,
                kernel,
            };
            self.fits(0, stem, normed(0))?;
            return self.follow(vec![stem], second, 1, normed, steps);
        };
        let Kind::Linear { rows, .. } = linear.kind else {
            return Err(format!("its stem {} is not linear", linear.name));
        };
        // The first convolution takes one of its two dimensions: the one that the stem's rows can be a square map of.
        let mut broken = format!(
            "the {rows} rows of its linear module {} are no square map of {first} or {second} channels, as {} [{first}, {second}, {kernel}, {kernel}] takes them",
            linear.name, self.convolutions[0].name
        );
        for inputs in [first, second] {
            let area = rows / inputs.max(1);
            let is_map = area > 0 && area * inputs == rows && area.isqrt().pow(2) == area;
            let is_normed = normed(0).is_none_or(|normed| normed == inputs || normed == rows);
            if is_map && is_normed {
                match self.follow(Vec::new(), inputs, 0, |maker| normed(maker + 1), steps) {
                    Ok(links) => return Ok(links),
                    Err(reason) => broken = reason,
                }
            }
        }
        Err(broken)
    }

    /// Goes on from convolution `from`, which takes `inputs` channels.
    fn follow(
        &self,
        mut links: Vec<Link>,
        mut inputs: usize,
        from: usize,
        normed: impl Fn(usize) -> Option<usize>,
        steps: Option<&[Step]>,
    ) -> Result<Vec<Link>, String> {
        for (place, module) in self.convolutions.iter().enumerate().skip(from) {
            let (first, second, kernel) = dimensions(module);
            let transposed = match (first == inputs, second == inputs) {
                (true, true) => {
                    let given = steps.and_then(|steps| steps.get(place)).copied();
                    Step::is_transposed(given, kernel)
                }
                (true, false) => true,
                (false, true) => false,
                (false, false) => {
                    return Err(format!(
                        "its convolution {} has shape [{first}, {second}, {kernel}, {kernel}] where one that takes {inputs} channels was expected",
                        module.name
                    ));
                }
            };
            let link = Link {
                transposed,
                inputs,
                outputs: if transposed { second } else { first },
                kernel,
            };
            self.fits(place, link, normed(place))?;
            inputs = link.outputs;
            links.push(link);
        }
        Ok(links)
    }

    /// Holds a link to its biases and its batch norm.
    fn fits(&self, place: usize, link: Link, normed: Option<usize>) -> Result<(), String> {
        let module = &self.convolutions[place];
        let biased = module.bias.as_ref().map(Vec::len);
        match [biased, normed]
            .iter()
            .flatten()
            .find(|&&count| count != link.outputs)
        {
            Some(count) => Err(format!(
                "its convolution {} gives {} channels, and {count} are biased or normed behind it",
                module.name, link.outputs
            )),
            None => Ok(()),
        }
    }
}

/// Whether plain convolutions of these shapes lead from a picture to features.
pub(super) fn lead_from_a_picture<'a>(mut convolutions: impl Iterator<Item = &'a Module>) -> bool {
    let mut inputs = None;
    convolutions.all(|module| {
        let (first, second, _) = dimensions(module);
        let follows = match inputs {
            None => second == 1 || second == 3,
            Some(inputs) => second == inputs,
        };
        inputs = Some(first);
        follows
    })
}

fn dimensions(module: &Module) -> (usize, usize, usize) {
    match module.kind {
        Kind::Convolution {
            first,
            second,
            kernel,
        } => (first, second, kernel),
        _ => (0, 0, 0),
    }
}
