//! The run's scores: how its pictures compare with those that it is trained on, now and then.

use candle_core::{Device, Tensor};
use thiserror::Error;

use super::{Dataset, Trainer};
use crate::score::{Footage, Sampling, ScoreError, Scores, score};

/// A warning for whoever trains.
#[derive(Clone, Copy, Debug, Error, PartialEq)]
pub enum Warning {
    /// The generator has begun to draw one picture, whatever its latents.
    #[error(
        "the samples have {0:.3} of the pictures' variety: the model has collapsed. Look at the next sheets; if they stay \
         alike, stop and start anew with another --seed, or with more varied pictures"
    )]
    Collapsed(f64),
    /// The run goes on without scores.
    #[error("the run is not scored: {0}")]
    NotScored(ScoreError),
}

/// Scores a run every so many steps. No random number of the run is drawn for it.
#[derive(Debug)]
pub(super) struct Scoring {
    every: u64,
    /// Measured when first needed, so that a short run does not wait for it.
    footage: Option<Footage>,
    collapsed: bool,
}

impl Scoring {
    /// `every` is the number of steps between scores; 0 never scores.
    pub(super) fn new(every: u64) -> Self {
        Self {
            every,
            footage: None,
            collapsed: false,
        }
    }

    /// The scores of the trainer after `step` steps, where they are due, and what is to be said about them.
    pub(super) fn after(
        &mut self,
        step: u64,
        trainer: &Trainer,
        data: &Dataset,
        latent: usize,
        device: &Device,
    ) -> candle_core::Result<(Option<Scores>, Option<Warning>)> {
        if self.every == 0 || !step.is_multiple_of(self.every) {
            return Ok((None, None));
        }
        let footage = match &mut self.footage {
            Some(footage) => footage,
            missing => match Footage::measure(data.pictures(), data.size) {
                Ok(footage) => missing.insert(footage),
                Err(error) => {
                    self.every = 0;
                    return Ok((None, Some(Warning::NotScored(error))));
                }
            },
        };
        let mut draw = |z: &[f32]| {
            let z = Tensor::from_slice(z, (z.len() / latent, latent), device)?;
            let pictures = trainer.sample(&z)?;
            pictures.flatten_all()?.to_vec1()
        };
        let scores = score(footage, &Sampling::in_training(), latent, &mut draw)?;
        Ok((Some(scores), self.judge(&scores)))
    }

    /// Warns where a collapse begins.
    fn judge(&mut self, scores: &Scores) -> Option<Warning> {
        let before = std::mem::replace(&mut self.collapsed, scores.collapsed());
        (self.collapsed && !before).then_some(Warning::Collapsed(scores.diversity))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collapse_is_warned_of_once() {
        let mut scoring = Scoring::new(1);
        let warned: Vec<bool> = [0.5, 0.09, 0.01, 0.1, 0.05, 0.04]
            .into_iter()
            .map(|diversity| {
                let scores = Scores {
                    palette_distance: 1.0,
                    diversity,
                    sharpness: 1.0,
                    coverage: 0.0,
                    nearest: 1.0,
                    evenness: 1.0,
                };
                scoring.judge(&scores) == Some(Warning::Collapsed(diversity))
            })
            .collect();
        assert_eq!(warned, [false, true, false, false, true, false]);
    }
}
