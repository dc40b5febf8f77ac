//! Training recipes: how a network is trained, beyond its shape; every departure from the reference work, each of which can be switched alone.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A recipe's settings. [`Recipe::study`] departs from the reference in nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Recipe {
    /// Decay of the generator's exponential moving average, in 0..1; 0 keeps none (Yazıcı et al. 2019,
    /// <https://arxiv.org/abs/1806.04498>).
    pub average: f64,
    /// Augmentation of real and generated pictures alike, before they are judged.
    pub augment: Augment,
    /// Weight gamma of the penalty on the discriminator's gradient at real pictures; 0 leaves it out (R1: Mescheder et al.
    /// 2018, <https://arxiv.org/abs/1801.04406>).
    pub r1: f64,
    /// Whether the discriminator sees how much a batch varies (Karras et al. 2018, <https://arxiv.org/abs/1710.10196>).
    pub minibatch_deviation: bool,
    /// Adam's learning rate for the generator (rates apart: Heusel et al. 2017, <https://arxiv.org/abs/1706.08500>).
    pub generator_rate: f64,
    /// Adam's learning rate for the discriminator.
    pub discriminator_rate: f64,
    /// Initialisation of the weights.
    pub initial: Initial,
    /// How many of the generator's last layers are held to what a doubling of the map by nearest neighbour and a 3 x 3
    /// convolution can do, so that an even map gives an even picture (Odena et al. 2016,
    /// <https://distill.pub/2016/deconv-checkerboard/>). The layers stay transposed convolutions.
    pub resize_convolutions: usize,
}

/// The named recipes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Name {
    /// The reference work to the letter.
    #[default]
    Study,
    /// What the trials in models/README.md found best on small footage.
    Steady,
}

/// Starting weights.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Initial {
    /// PyTorch's defaults: uniform in ±1/sqrt(fan in).
    #[default]
    Pytorch,
    /// The DCGAN paper's: normal with deviation 0.02; batch norm's weights normal around 1 (Radford et al. 2015,
    /// <https://arxiv.org/abs/1511.06434>).
    Dcgan,
    /// PyTorch's, but the generator's transposed convolutions begin as doublings by bilinear interpolation, each pair of
    /// channels times one number (Long et al. 2015, <https://arxiv.org/abs/1411.4038>).
    Bilinear,
}

/// Differentiable augmentation: what is done to each picture, drawn anew for each (Zhao et al. 2020,
/// <https://arxiv.org/abs/2006.10738>).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Augment {
    /// Brightness within ±0.5, saturation times 0..2, contrast times 0.5..1.5.
    pub colour: bool,
    /// A shift of up to an eighth of the side each way, black coming in.
    pub translation: bool,
    /// A square of half the side blackened.
    pub cutout: bool,
}

/// Why settings were refused.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum RecipeError {
    /// A decay outside its range.
    #[error("--ema {0}: must be from 0 (off) to below 1; 0.99 to 0.999 are usual")]
    Average(f64),
    /// A learning rate outside its range.
    #[error("{flag} {rate}: must be above 0 and at most 0.1; the reference has 0.0002")]
    Rate {
        /// The option.
        flag: &'static str,
        /// The rate.
        rate: f64,
    },
    /// A penalty outside its range.
    #[error("--r1 {0}: must be from 0 (off) to 1000; 0.1 to 10 are usual")]
    R1(f64),
    /// More layers than there are.
    #[error("--resize-convolutions {asked}: the generator has {layers} layers")]
    ResizeConvolutions {
        /// Layers asked for.
        asked: usize,
        /// Layers there are.
        layers: usize,
    },
}

impl Default for Recipe {
    fn default() -> Self {
        Self::study()
    }
}

impl Recipe {
    /// The reference work: no average, no augmentation, both rates 2e-4, PyTorch's starting weights.
    pub const fn study() -> Self {
        Self {
            average: 0.0,
            augment: Augment {
                colour: false,
                translation: false,
                cutout: false,
            },
            r1: 0.0,
            minibatch_deviation: false,
            generator_rate: 2e-4,
            discriminator_rate: 2e-4,
            initial: Initial::Pytorch,
            resize_convolutions: 0,
        }
    }

    /// The recipe of that name for a generator of `layers` layers.
    pub const fn named(name: Name, layers: usize) -> Self {
        match name {
            Name::Study => Self::study(),
            Name::Steady => Self {
                average: 0.99,
                initial: Initial::Bilinear,
                resize_convolutions: layers,
                ..Self::study()
            },
        }
    }

    /// Whether a generator of `layers` layers can be trained so.
    ///
    /// # Errors
    /// A decay outside 0..1, a rate outside 0..=0.1, more resize convolutions than layers.
    pub fn check(&self, layers: usize) -> Result<(), RecipeError> {
        if !(0.0..1.0).contains(&self.average) {
            return Err(RecipeError::Average(self.average));
        }
        if !(0.0..=1000.0).contains(&self.r1) {
            return Err(RecipeError::R1(self.r1));
        }
        for (flag, rate) in [
            ("--generator-rate", self.generator_rate),
            ("--discriminator-rate", self.discriminator_rate),
        ] {
            if !(rate > 0.0 && rate <= 0.1) {
                return Err(RecipeError::Rate { flag, rate });
            }
        }
        if self.resize_convolutions > layers {
            return Err(RecipeError::ResizeConvolutions {
                asked: self.resize_convolutions,
                layers,
            });
        }
        Ok(())
    }
}

impl Augment {
    /// Whether nothing is done.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Augment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            (self.colour, "colour"),
            (self.translation, "translation"),
            (self.cutout, "cutout"),
        ];
        let kinds: Vec<&str> = kinds
            .iter()
            .filter_map(|&(on, kind)| on.then_some(kind))
            .collect();
        f.write_str(
            match kinds.is_empty() {
                true => "none".into(),
                false => kinds.join(","),
            }
            .as_str(),
        )
    }
}

/// The settings as the options that would set them.
impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let initial = match self.initial {
            Initial::Pytorch => "pytorch",
            Initial::Dcgan => "dcgan",
            Initial::Bilinear => "bilinear",
        };
        write!(
            f,
            "--ema {} --augment {} --r1 {} --minibatch-deviation {} --generator-rate {} --discriminator-rate {} \
             --initial {initial} --resize-convolutions {}",
            self.average,
            self.augment,
            self.r1,
            self.minibatch_deviation,
            self.generator_rate,
            self.discriminator_rate,
            self.resize_convolutions,
        )
    }
}

impl std::str::FromStr for Augment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut augment = Self::default();
        for kind in text.split(',').map(str::trim) {
            match kind {
                "none" if text.trim() == "none" => {}
                "colour" | "color" => augment.colour = true,
                "translation" => augment.translation = true,
                "cutout" => augment.cutout = true,
                other => {
                    return Err(format!(
                        "no augmentation is called {other:?}: colour, translation and cutout can be listed with commas, or none"
                    ));
                }
            }
        }
        Ok(augment)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn augmentations_are_read_and_written_as_a_list() {
        for text in ["none", "colour", "colour,cutout", "translation,cutout"] {
            assert_eq!(text.parse::<Augment>().unwrap().to_string(), text);
        }
        for text in ["", "none,cutout", "colour;cutout", "mirror"] {
            assert!(text.parse::<Augment>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn settings_out_of_range_are_refused_by_their_flags() {
        for name in [Name::Study, Name::Steady] {
            Recipe::named(name, 6).check(6).unwrap();
        }
        let study = Recipe::study();
        let refused = [
            (
                Recipe {
                    average: 1.0,
                    ..study
                },
                "--ema 1",
            ),
            (
                Recipe {
                    average: f64::NAN,
                    ..study
                },
                "--ema NaN",
            ),
            (Recipe { r1: -1.0, ..study }, "--r1 -1"),
            (
                Recipe {
                    generator_rate: 0.0,
                    ..study
                },
                "--generator-rate 0",
            ),
            (
                Recipe {
                    discriminator_rate: 0.2,
                    ..study
                },
                "--discriminator-rate 0.2",
            ),
            (
                Recipe {
                    resize_convolutions: 7,
                    ..study
                },
                "--resize-convolutions 7",
            ),
        ];
        for (recipe, message) in refused {
            let error = recipe.check(6).unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }
}
