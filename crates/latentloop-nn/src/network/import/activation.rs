//! Activations as they are asked for, and where they stand.

use std::fmt;
use std::str::FromStr;

use super::between::{Between, Numbering};
use super::chain::{Chain, Parts};
use super::module::{Kind, Module};
use super::state::listed;
use crate::network::kernel::Curve;
use crate::network::spec::LEAKY_SLOPE;

/// The activation behind a stem or a convolution, as `--activation` has it: `none`, `relu`, `leaky_relu` or
/// `leaky_relu=0.01`, `elu` or `elu=0.5`, `selu`, `silu`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// Nothing.
    None,
    /// Negative numbers become 0.
    Relu,
    /// Negative numbers are multiplied by this, from 0 to 1.
    LeakyRelu(f32),
    /// Others than the slopes.
    Curve(Curve),
}

impl FromStr for Activation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (name, number) = match text.split_once('=') {
            Some((name, number)) => (name, Some(number)),
            None => (text, None),
        };
        let within = |most: f32, usual: f32| match number {
            None => Some(usual),
            Some(number) => number
                .trim()
                .parse()
                .ok()
                .filter(|v| (0.0..=most).contains(v)),
        };
        let plain = |activation| number.is_none().then_some(activation);
        let read = match name.replace('-', "_").to_ascii_lowercase().as_str() {
            "none" => plain(Self::None),
            "relu" => plain(Self::Relu),
            "leaky_relu" => within(1.0, LEAKY_SLOPE).map(Self::LeakyRelu),
            "elu" => within(100.0, 1.0).map(|alpha| Self::Curve(Curve::Elu(alpha))),
            "selu" => plain(Self::Curve(Curve::Selu)),
            "silu" | "swish" => plain(Self::Curve(Curve::Silu)),
            _ => None,
        };
        read.ok_or_else(|| {
            "give none, relu, leaky_relu (0.2) or leaky_relu=0.01 (a slope of 0 to 1), elu or elu=0.5 (its alpha), selu or silu; one for all layers, or one for each with commas between"
                .to_owned()
        })
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "none"),
            Self::Relu => write!(f, "relu"),
            Self::LeakyRelu(slope) => write!(f, "leaky_relu={slope}"),
            Self::Curve(Curve::Elu(alpha)) => write!(f, "elu={alpha}"),
            Self::Curve(Curve::Selu) => write!(f, "selu"),
            Self::Curve(Curve::Silu) => write!(f, "silu"),
        }
    }
}

impl Activation {
    /// The slope below zero, and what no slope makes.
    pub(super) fn parts(self) -> (f32, Option<Curve>) {
        match self {
            Self::None => (1.0, None),
            Self::Relu => (0.0, None),
            Self::LeakyRelu(slope) => (slope, None),
            Self::Curve(curve) => (1.0, Some(curve)),
        }
    }
}

/// Where an activation stands between a stem or a convolution and the next one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    /// The last module before it, for people.
    pub(super) behind: String,
    /// Whether the batch norm comes after it.
    pub(super) is_before_norm: bool,
    /// What the names tell: that there is one, that there is none, or nothing.
    told: Option<bool>,
}

/// The places of the activations of a chain, in order: behind the stem and each convolution but the last.
///
/// # Errors
/// When an activation stands where it cannot be played.
pub(super) fn places(
    numbering: &Numbering,
    parts: &Parts,
    chain: &Chain,
) -> Result<Vec<Place>, String> {
    let makers: Vec<&Module> = parts.linear.iter().chain(&parts.convolutions).collect();
    let found = chain.norms.iter().zip(makers.windows(2)).enumerate();
    found
        .map(|(place, (norm, pair))| {
            let norm = norm.map(|norm| &parts.norms[norm]);
            // Where a Sequential makes a map out of a linear module's numbers, one of its modules does that.
            let is_linear = place == 0 && parts.linear.is_some();
            let is_flat = |norm: &&Module| {
                let rows = match pair[0].kind {
                    Kind::Linear { rows, .. } => rows,
                    _ => 0,
                };
                matches!(norm.kind, Kind::Norm { channels } if channels == rows)
            };
            let flat = norm.filter(is_flat).is_some();
            let between = |from: &Module, to: &Module, reshapes: bool| {
                match numbering.between(&from.name, &to.name) {
                    Between::Modules(1) if reshapes => Between::Nothing,
                    Between::Modules(count) if reshapes => Between::Modules(count - 1),
                    // The forward pass does it, and may do more.
                    Between::Nothing if reshapes => Between::Unknown,
                    between => between,
                }
            };
            let Some(norm) = norm else {
                let told = told(between(pair[0], pair[1], is_linear));
                return Ok(Place {
                    behind: pair[0].name.clone(),
                    is_before_norm: false,
                    told,
                });
            };
            let before = told(between(pair[0], norm, is_linear && !flat));
            let after = told(between(norm, pair[1], is_linear && flat));
            let is_before_norm = before == Some(true) && after != Some(true);
            if is_before_norm && flat {
                return Err(format!(
                    "its batch norm {}, over single numbers, stands behind an activation, which is not played",
                    norm.name
                ));
            }
            let behind = if is_before_norm { pair[0] } else { norm };
            Ok(Place {
                behind: behind.name.clone(),
                is_before_norm,
                told: if is_before_norm { Some(true) } else { after },
            })
        })
        .collect()
}

fn told(between: Between) -> Option<bool> {
    match between {
        Between::Unknown => None,
        Between::Nothing => Some(false),
        Between::Modules(_) => Some(true),
    }
}

/// The activation of every place, and what is to be said of it.
///
/// One that was given for all stands where names tell of one or tell nothing; where they tell of none there is none. Those
/// that were given one by one stand as they are.
///
/// # Errors
/// When as many were given as there are no places.
pub(super) fn choose(
    places: &[Place],
    given: &[Activation],
) -> Result<(Vec<Activation>, Vec<String>), String> {
    if given.len() == places.len() {
        return Ok((given.to_vec(), Vec::new()));
    }
    let &[all] = given else {
        let behind: Vec<&str> = places.iter().map(|place| place.behind.as_str()).collect();
        return Err(format!(
            "--activation gives {} activations where its {} layers before the last need one each, or one for all: behind {}",
            given.len(),
            places.len(),
            listed(&behind)
        ));
    };
    let chosen = places.iter().map(|place| match place.told {
        Some(false) => Activation::None,
        _ => all,
    });
    let of = |told: Option<bool>| -> Vec<&str> {
        let places = places.iter().filter(|place| place.told == told);
        places.map(|place| place.behind.as_str()).collect()
    };
    let mut notes = Vec::new();
    let (open, without) = (of(None), of(Some(false)));
    if !without.is_empty() && all != Activation::None {
        notes.push(format!(
            "no activation behind {}: the numbers of its Sequential leave no place for one",
            listed(&without)
        ));
    }
    if !open.is_empty() {
        let example: Vec<String> = (0..places.len())
            .map(|place| match place {
                0 if all != Activation::None => "none".to_owned(),
                0 => "relu".to_owned(),
                _ => all.to_string(),
            })
            .collect();
        notes.push(format!(
            "assumed: {all} behind {}, of which its names tell nothing; --activation takes one a layer, such as {}",
            listed(&open),
            example.join(",")
        ));
    }
    Ok((chosen.collect(), notes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn activations_are_read_with_their_numbers() {
        let check = |text: &str, expected: Option<Activation>| {
            assert_eq!(text.parse().ok(), expected, "{text:?}");
        };
        check("none", Some(Activation::None));
        check("relu", Some(Activation::Relu));
        check("leaky_relu", Some(Activation::LeakyRelu(0.2)));
        check(" leaky-relu=0.01", Some(Activation::LeakyRelu(0.01)));
        check("elu=0.5", Some(Activation::Curve(Curve::Elu(0.5))));
        check("SELU", Some(Activation::Curve(Curve::Selu)));
        check("swish", Some(Activation::Curve(Curve::Silu)));
        for text in [
            "",
            "gelu",
            "relu=1",
            "leaky_relu=",
            "leaky_relu=1.5",
            "elu=nan",
            "elu=-1",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn one_for_all_stands_where_names_tell_of_none_nowhere() {
        let place = |behind: &str, told| Place {
            behind: behind.to_owned(),
            is_before_norm: false,
            told,
        };
        let places = [
            place("fc", Some(false)),
            place("a", Some(true)),
            place("b", None),
        ];
        let (chosen, notes) = choose(&places, &[Activation::Relu]).unwrap();
        assert_eq!(
            chosen,
            [Activation::None, Activation::Relu, Activation::Relu]
        );
        assert!(notes[0].contains("behind fc"), "{notes:?}");
        assert!(notes[1].contains("relu behind b,"), "{notes:?}");
        assert!(notes[1].contains("none,relu,relu"), "{notes:?}");
        let each = [Activation::Relu, Activation::None, Activation::Relu];
        assert_eq!(choose(&places, &each).unwrap(), (each.to_vec(), Vec::new()));
        let error = choose(&places, &each[..2]).unwrap_err();
        assert!(error.contains("2 activations") && error.contains("fc, a, b"));
    }
}
