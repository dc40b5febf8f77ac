//! Batch norm along the loop at the price of one row: statistics exact at nodes, found between frames, and mixed between them.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::{Bytes, Engine, EngineError, Statistics};
use crate::latent::{KeyframeNeighbourhood, Path};

/// Segments whose nodes are kept.
const KEPT: usize = 32;
/// Where mixed statistics err by this many levels at most half-way between two nodes, the node found there makes both halves good:
/// a cubic's error falls to a sixteenth.
const GOOD: u8 = 3;
/// Nodes stand no closer than this part of a segment.
const CLOSEST: f64 = 1.0 / 64.0;

/// Tells segments apart by all that their latents depend on.
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

/// Exact statistics somewhere on a segment.
struct Node {
    weight: f64,
    statistics: Statistics,
    /// Whether the way to the next node needs none between.
    good: bool,
}

/// The nodes of a segment, in order.
struct Course {
    key: u64,
    nodes: Vec<Node>,
}

impl Course {
    /// Where a node is wanted next; near the head first.
    fn wanted(&self, head: f64) -> Option<f64> {
        let is_at = |weight: f64| self.nodes.iter().any(|node| node.weight == weight);
        if let Some(end) = [0.0, 1.0].into_iter().find(|&end| !is_at(end)) {
            return Some(end);
        }
        let ways = self
            .nodes
            .windows(2)
            .filter(|way| !way[0].good && way[1].weight - way[0].weight > CLOSEST);
        let middles = ways.map(|way| (way[0].weight + way[1].weight) / 2.0);
        middles.min_by(|a, b| (a - head).abs().total_cmp(&(b - head).abs()))
    }

    /// Adds a node that mixed statistics missed by `error` levels, where that is known.
    fn put(&mut self, weight: f64, statistics: Statistics, error: Option<u8>) {
        let at = self.nodes.partition_point(|node| node.weight < weight);
        let good = error.is_some_and(|error| error <= GOOD);
        if let Some(before) = at.checked_sub(1) {
            self.nodes[before].good = good;
        }
        self.nodes.insert(
            at,
            Node {
                weight,
                statistics,
                good,
            },
        );
    }

    /// The statistics at a place, by the cubic through the four nodes around it; false where there are too few nodes.
    fn mix(&self, weight: f64, into: &mut Statistics) -> bool {
        let after = self.nodes.partition_point(|node| node.weight <= weight);
        let whole = self.nodes.last().is_some_and(|node| node.weight >= weight);
        if after == 0 || !whole || self.nodes.len() < 2 {
            return false;
        }
        let count = self.nodes.len().min(4);
        let first = after.saturating_sub(2).min(self.nodes.len() - count);
        let nodes = &self.nodes[first..first + count];
        // Lagrange's polynomial.
        let factor = |at: usize| {
            let others = nodes.iter().enumerate().filter(|&(other, _)| other != at);
            others.fold(1.0, |product, (_, other)| {
                product * (weight - other.weight) / (nodes[at].weight - other.weight)
            })
        };
        let mut parts = [(0.0f32, &nodes[0].statistics); 4];
        for (at, node) in nodes.iter().enumerate() {
            parts[at] = (factor(at) as f32, &node.statistics);
        }
        into.mix(&parts[..count]);
        true
    }
}

/// A node in the making.
struct Job {
    key: u64,
    weight: f64,
    stage: Stage,
}

enum Stage {
    Probing,
    /// Found; the picture that it gives comes next.
    Found(Statistics),
    /// Drawn; the picture of mixed statistics comes next.
    Drawn(Statistics),
}

/// The nodes of the segments that were played last.
pub struct Courses {
    /// The one played last is the last.
    courses: Vec<Course>,
    around: KeyframeNeighbourhood,
    /// Of the segment before the head's, the head's own, and the one after; none before the first request.
    keys: Option<[u64; 3]>,
    job: Option<Job>,
    z: Vec<f32>,
    mixed: Statistics,
    pictures: [Vec<u8>; 2],
    able: bool,
}

impl Courses {
    /// None yet, for latents of that length.
    pub fn new(latent: usize) -> Self {
        Self {
            courses: Vec::with_capacity(KEPT + 1),
            around: KeyframeNeighbourhood::new(latent),
            keys: None,
            job: None,
            z: Vec::new(),
            mixed: Statistics::default(),
            pictures: <_>::default(),
            able: true,
        }
    }

    /// Draws the picture of one row at the play head with mixed statistics; false where there are not enough of them yet.
    ///
    /// # Errors
    /// As [`Engine::paint_with`].
    pub fn paint(
        &mut self,
        engine: &mut dyn Engine,
        around: &KeyframeNeighbourhood,
        z: &[f32],
        bytes: Bytes,
        rgba: &mut [u8],
    ) -> Result<bool, EngineError> {
        self.go_to(around);
        let own = self.keys.map(|keys| keys[1]);
        let course = self.courses.iter().find(|course| Some(course.key) == own);
        if !course.is_some_and(|course| course.mix(around.weight, &mut self.mixed)) {
            return Ok(false);
        }
        engine.paint_with(z, &self.mixed, bytes, rgba)?;
        Ok(true)
    }

    /// Nodes of all segments.
    #[cfg(test)]
    pub(super) fn nodes(&self) -> usize {
        self.courses.iter().map(|course| course.nodes.len()).sum()
    }

    /// Nodes are wanted around here from now on.
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

    /// Takes one small step towards the nodes around the play head; false where there is nothing to do.
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
        let [exact, mixed] = &mut self.pictures;
        let (width, height) = engine.size();
        let bytes = 4 * (width * height) as usize;
        let z = &self.z[..engine.latent()];
        let Some(course) = self.courses.iter_mut().find(|course| course.key == job.key) else {
            return Ok(true);
        };
        let stage = match job.stage {
            Stage::Probing => match engine.probe_step() {
                None => Stage::Probing,
                // Between the ends alone there is nothing to compare with yet.
                Some(seen) if course.nodes.len() < 2 => {
                    course.put(job.weight, seen.clone(), None);
                    return Ok(true);
                }
                Some(seen) => Stage::Found(seen.clone()),
            },
            Stage::Found(seen) => {
                exact.resize(bytes, 0);
                engine.paint_with(z, &seen, Bytes::Nearest, exact)?;
                Stage::Drawn(seen)
            }
            Stage::Drawn(seen) => {
                course.mix(job.weight, &mut self.mixed);
                mixed.resize(bytes, 0);
                engine.paint_with(z, &self.mixed, Bytes::Nearest, mixed)?;
                let apart = exact.iter().zip(&*mixed).map(|(a, b)| a.abs_diff(*b));
                course.put(job.weight, seen, apart.max());
                return Ok(true);
            }
        };
        self.job = Some(Job { stage, ..job });
        Ok(true)
    }

    /// Begins the next node: of the head's own segment, the one after, the one before.
    fn begin(&mut self, engine: &mut dyn Engine) -> Result<bool, EngineError> {
        let Some(keys) = self.keys.filter(|_| self.able) else {
            return Ok(false);
        };
        let head = self.around.weight;
        for (segment, near) in [(1, head), (2, 0.0), (0, 1.0)] {
            let key = keys[segment];
            let at = self.courses.iter().position(|course| course.key == key);
            let course = match at {
                Some(at) => self.courses.remove(at),
                None => Course {
                    key,
                    nodes: Vec::new(),
                },
            };
            let wanted = course.wanted(near);
            self.courses.push(course);
            if self.courses.len() > KEPT {
                self.courses.remove(0);
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
