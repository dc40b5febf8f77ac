//! Batch norm along the loop at the price of one row: statistics are sampled exactly between frames, and interpolated between
//! the samples.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{BatchStats, Engine, EngineError, Rounding};
use crate::latent::{KeyframeNeighbourhood, Path};

/// Most segments whose samples are kept.
const MAX_PATHS: usize = 32;
/// The largest error, in levels of a picture, half-way between two samples at which the sample found there makes both halves
/// good: a cubic's error falls to a sixteenth.
const MAX_ERROR_LEVELS: u8 = 3;
/// The least distance of two samples, as a part of a segment.
const MIN_SPACING: f64 = 1.0 / 64.0;

/// The key of a segment: a hash of all that its latents depend on.
fn key(around: &KeyframeNeighbourhood, segment: usize) -> u64 {
    let keyframes = around.segment(segment);
    let counted = match around.path {
        Path::Smooth => &keyframes[..],
        Path::Lerp | Path::Slerp | Path::NormLerp => &keyframes[1..3],
    };
    let mut hasher = DefaultHasher::new();
    around.path.hash(&mut hasher);
    for number in counted.iter().copied().flatten() {
        number.to_bits().hash(&mut hasher);
    }
    hasher.finish()
}

/// A sample: exact statistics somewhere on a segment.
struct Sample {
    weight: f64,
    statistics: BatchStats,
    /// Whether the way to the next sample needs none between.
    is_fine: bool,
}

/// The path of the statistics along a segment: its samples, in order.
struct StatsPath {
    key: u64,
    samples: Vec<Sample>,
}

impl StatsPath {
    /// The place of the next sample that is wanted; near the head first.
    fn next_sample(&self, head: f64) -> Option<f64> {
        let is_at = |weight: f64| self.samples.iter().any(|sample| sample.weight == weight);
        if let Some(end) = [0.0, 1.0].into_iter().find(|&end| !is_at(end)) {
            return Some(end);
        }
        let ways = self
            .samples
            .windows(2)
            .filter(|way| !way[0].is_fine && way[1].weight - way[0].weight > MIN_SPACING);
        let middles = ways.map(|way| (way[0].weight + way[1].weight) / 2.0);
        middles.min_by(|a, b| (a - head).abs().total_cmp(&(b - head).abs()))
    }

    /// Adds a sample that interpolated statistics missed by `error` levels, where that is known.
    fn put(&mut self, weight: f64, statistics: BatchStats, error: Option<u8>) {
        let at = self
            .samples
            .partition_point(|sample| sample.weight < weight);
        let is_fine = error.is_some_and(|error| error <= MAX_ERROR_LEVELS);
        if let Some(before) = at.checked_sub(1) {
            self.samples[before].is_fine = is_fine;
        }
        self.samples.insert(
            at,
            Sample {
                weight,
                statistics,
                is_fine,
            },
        );
    }

    /// The statistics at a place, by the cubic through the four samples around it; false where there are too few samples.
    fn interpolate(&self, weight: f64, into: &mut BatchStats) -> bool {
        let after = self
            .samples
            .partition_point(|sample| sample.weight <= weight);
        let whole = self
            .samples
            .last()
            .is_some_and(|sample| sample.weight >= weight);
        if after == 0 || !whole || self.samples.len() < 2 {
            return false;
        }
        let count = self.samples.len().min(4);
        let first = after.saturating_sub(2).min(self.samples.len() - count);
        let samples = &self.samples[first..first + count];
        // Lagrange's polynomial.
        let factor = |at: usize| {
            let others = samples.iter().enumerate().filter(|&(other, _)| other != at);
            others.fold(1.0, |product, (_, other)| {
                product * (weight - other.weight) / (samples[at].weight - other.weight)
            })
        };
        let mut parts = [(0.0f32, &samples[0].statistics); 4];
        for (at, sample) in samples.iter().enumerate() {
            parts[at] = (factor(at) as f32, &sample.statistics);
        }
        into.interpolate(&parts[..count]);
        true
    }
}

/// A sample in the making.
struct Job {
    key: u64,
    weight: f64,
    stage: Stage,
}

enum Stage {
    Probing,
    /// Found; the picture that it gives comes next.
    Found(BatchStats),
    /// Drawn; the picture of interpolated statistics comes next.
    Drawn(BatchStats),
}

/// The samples of the segments that were played last.
pub struct StatsInterpolator {
    /// The one played last is the last.
    paths: Vec<StatsPath>,
    around: KeyframeNeighbourhood,
    /// Of the segment before the head's, the head's own, and the one after; none before the first request.
    keys: Option<[u64; 3]>,
    job: Option<Job>,
    z: Vec<f32>,
    interpolated: BatchStats,
    pictures: [Vec<u8>; 2],
    able: bool,
}

impl StatsInterpolator {
    /// None yet, for latents of that length.
    pub fn new(latent: usize) -> Self {
        Self {
            paths: Vec::with_capacity(MAX_PATHS + 1),
            around: KeyframeNeighbourhood::new(latent),
            keys: None,
            job: None,
            z: Vec::new(),
            interpolated: BatchStats::default(),
            pictures: <_>::default(),
            able: true,
        }
    }

    /// Draws the picture of one row at the play head with interpolated statistics; false where there are not enough of them yet.
    ///
    /// # Errors
    /// As [`Engine::render_rgba_with`].
    pub fn render_rgba(
        &mut self,
        engine: &mut dyn Engine,
        around: &KeyframeNeighbourhood,
        z: &[f32],
        rounding: Rounding,
        rgba: &mut [u8],
    ) -> Result<bool, EngineError> {
        self.go_to(around);
        let own = self.keys.map(|keys| keys[1]);
        let path = self.paths.iter().find(|path| Some(path.key) == own);
        if !path.is_some_and(|path| path.interpolate(around.weight, &mut self.interpolated)) {
            return Ok(false);
        }
        engine.render_rgba_with(z, &self.interpolated, rounding, rgba)?;
        Ok(true)
    }

    /// Samples of all segments.
    #[cfg(test)]
    pub(super) fn samples(&self) -> usize {
        self.paths.iter().map(|path| path.samples.len()).sum()
    }

    /// Samples are wanted around here from now on.
    fn go_to(&mut self, around: &KeyframeNeighbourhood) {
        if self.around.keyframes != around.keyframes || self.around.path != around.path {
            self.around.keyframes.clone_from(&around.keyframes);
            self.around.path = around.path;
            let keys = [0, 1, 2].map(|segment| key(around, segment));
            self.keys = Some(keys);
            if self
                .job
                .as_ref()
                .is_some_and(|job| !keys.contains(&job.key))
            {
                self.job = None;
            }
        }
        self.around.weight = around.weight;
    }

    /// Takes one small step towards the samples around the play head; false where there is nothing to do.
    ///
    /// # Errors
    /// As the engine's. After one there is nothing to do any more: what failed between frames would fail between all of them.
    pub fn work(&mut self, engine: &mut dyn Engine) -> Result<bool, EngineError> {
        let worked = self.step(engine);
        self.able &= worked.is_ok();
        worked
    }

    fn step(&mut self, engine: &mut dyn Engine) -> Result<bool, EngineError> {
        let Some(job) = self.job.take() else {
            return self.begin(engine);
        };
        let [exact, interpolated] = &mut self.pictures;
        let (width, height) = engine.size();
        let bytes = 4 * (width * height) as usize;
        let z = &self.z[..engine.latent()];
        let Some(path) = self.paths.iter_mut().find(|path| path.key == job.key) else {
            return Ok(true);
        };
        let stage = match job.stage {
            Stage::Probing => match engine.probe_step() {
                None => Stage::Probing,
                // Between the ends alone there is nothing to compare with yet.
                Some(seen) if path.samples.len() < 2 => {
                    path.put(job.weight, seen.clone(), None);
                    return Ok(true);
                }
                Some(seen) => Stage::Found(seen.clone()),
            },
            Stage::Found(seen) => {
                exact.resize(bytes, 0);
                engine.render_rgba_with(z, &seen, Rounding::Nearest, exact)?;
                Stage::Drawn(seen)
            }
            Stage::Drawn(seen) => {
                path.interpolate(job.weight, &mut self.interpolated);
                interpolated.resize(bytes, 0);
                engine.render_rgba_with(z, &self.interpolated, Rounding::Nearest, interpolated)?;
                let apart = exact
                    .iter()
                    .zip(&*interpolated)
                    .map(|(a, b)| a.abs_diff(*b));
                path.put(job.weight, seen, apart.max());
                return Ok(true);
            }
        };
        self.job = Some(Job { stage, ..job });
        Ok(true)
    }

    /// Begins the next sample: of the head's own segment, the one after, the one before.
    fn begin(&mut self, engine: &mut dyn Engine) -> Result<bool, EngineError> {
        let Some(keys) = self.keys.filter(|_| self.able) else {
            return Ok(false);
        };
        let head = self.around.weight;
        for (segment, near) in [(1, head), (2, 0.0), (0, 1.0)] {
            let key = keys[segment];
            let at = self.paths.iter().position(|path| path.key == key);
            let path = match at {
                Some(at) => self.paths.remove(at),
                None => StatsPath {
                    key,
                    samples: Vec::new(),
                },
            };
            let wanted = path.next_sample(near);
            self.paths.push(path);
            if self.paths.len() > MAX_PATHS {
                self.paths.remove(0);
            }
            let Some(weight) = wanted else {
                continue;
            };
            self.around.latents(segment, weight, &mut self.z);
            self.able = engine.probe(&self.z)?;
            self.job = self.able.then_some(Job {
                key,
                weight,
                stage: Stage::Probing,
            });
            return Ok(self.able);
        }
        Ok(false)
    }
}
