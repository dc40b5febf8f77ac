//! The reference set of the scores, measured once.

use rayon::prelude::*;
use thiserror::Error;

use super::PictureStats;
use super::signature::{Signature, signature};

/// Neighbours that a picture's ball reaches to.
pub(super) const NEIGHBOURS: usize = 5;
/// Most pictures that are compared each with each.
const MAX_PICTURES: usize = 2048;
/// Most pictures that have a ball. At the full rate of a film the nearest neighbours of a frame are those before and after it, and
/// its ball holds nothing else.
const MAX_BALLS: usize = 64;

/// The error of scoring: why nothing can be scored.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ScoreError {
    /// Not enough footage.
    #[error(
        "there are {0} pictures, and scores need at least {least}: add pictures",
        least = NEIGHBOURS + 1
    )]
    TooFew(usize),
    /// There is nothing that samples could be as varied as.
    #[error("the pictures are all the same, so nothing can be as varied as they are: take others")]
    Alike,
    /// There is nothing that samples could be as sharp as.
    #[error("every picture is of one colour, so nothing can be as sharp as they are: take others")]
    Flat,
    /// Too few or too many samples.
    #[error(
        "--samples {0}: must be from 2 to {most}, for samples are compared with one another",
        most = super::sampling::MAX_SAMPLES
    )]
    Samples(usize),
}

/// The reference set: the footage that samples are compared with.
#[derive(Debug)]
pub struct Footage {
    pub(super) size: usize,
    pub(super) stats: PictureStats,
    pub(super) signature: Signature,
    pub(super) variety: f64,
    pub(super) energy: f64,
    balls: Vec<Ball>,
}

/// What is as near to a picture as its fifth nearest neighbour is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ball {
    /// The picture's place in the stats.
    picture: usize,
    /// The squared distance of that neighbour.
    reach: u32,
}

impl Footage {
    /// Measures pictures `[3, size, size]` of bytes, planes apart; of more than 2048, that many at even intervals.
    ///
    /// # Errors
    /// When there are fewer than six, or they are all the same, or all without an edge.
    pub fn measure(pictures: &[Vec<u8>], size: usize) -> Result<Self, ScoreError> {
        if pictures.len() <= NEIGHBOURS {
            return Err(ScoreError::TooFew(pictures.len()));
        }
        let taken: Vec<&[u8]> = evenly(pictures.len(), MAX_PICTURES)
            .map(|number| pictures[number].as_slice())
            .collect();
        let stats = PictureStats::of(&taken, size);
        let (variety, energy) = (stats.variety(), stats.energy());
        if variety <= 0.0 {
            return Err(ScoreError::Alike);
        }
        if energy <= 0.0 {
            return Err(ScoreError::Flat);
        }
        let with_balls: Vec<usize> = evenly(taken.len(), MAX_BALLS).collect();
        let thumbnails = &stats.thumbnails;
        let balls = with_balls.par_iter().map(|&picture| {
            let others = with_balls.iter().map(|&other| &thumbnails[other]);
            let mut squares: Vec<u32> = others
                .map(|other| thumbnails[picture].squared(other))
                .collect();
            // The nearest of all is the picture itself.
            let reach = *squares.select_nth_unstable(NEIGHBOURS).1;
            Ball { picture, reach }
        });
        let balls = balls.collect();
        Ok(Self {
            size,
            balls,
            signature: signature(&stats.histogram),
            stats,
            variety,
            energy,
        })
    }

    /// Share of balls that hold a sample, and the samples' mean distance, in levels, to the nearest picture.
    ///
    /// Coverage is that of M. F. Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020,
    /// <https://arxiv.org/abs/2002.09797>. A ball holds its edge: repeated frames make balls of no size.
    pub(super) fn neighbours(&self, samples: &PictureStats) -> (f64, f64) {
        let pictures = &self.stats.thumbnails;
        let rows = samples.thumbnails.par_iter().map(|sample| {
            let squares = pictures.iter().map(|picture| sample.squared(picture));
            squares.collect::<Vec<u32>>()
        });
        let rows: Vec<Vec<u32>> = rows.collect();
        let covered = (self.balls.iter())
            .filter(|ball| rows.iter().any(|row| row[ball.picture] <= ball.reach))
            .count();
        let nearest = rows.iter().zip(&samples.thumbnails).map(|(row, sample)| {
            let least = row.iter().copied().min().unwrap_or(u32::MAX);
            sample.levels(least)
        });
        (
            covered as f64 / self.balls.len() as f64,
            nearest.sum::<f64>() / samples.thumbnails.len().max(1) as f64,
        )
    }
}

/// At most so many of `0..count`, at even intervals.
fn evenly(count: usize, most: usize) -> impl Iterator<Item = usize> {
    let taken = count.min(most);
    (0..taken).map(move |number| number * count / taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 8 x 8 pixels whose left edge is white, the rest of this level.
    fn picture(level: u8) -> Vec<u8> {
        let plane: Vec<u8> = (0..64)
            .map(|at| if at % 8 == 0 { 255 } else { level })
            .collect();
        plane.repeat(3)
    }

    #[test]
    fn a_ball_reaches_to_the_fifth_nearest_neighbour() {
        let pictures: Vec<Vec<u8>> = [0, 1, 2, 3, 4, 10, 100, 101, 102, 103, 104, 110]
            .map(picture)
            .to_vec();
        let footage = Footage::measure(&pictures, 8).unwrap();
        // All but the edge's pixels differ: the root of 7/8 of the squared difference of the levels.
        let squared = |difference: u32| 3 * 56 * difference * difference;
        assert_eq!(footage.balls[0].reach, squared(10));
        assert_eq!(footage.balls[4].reach, squared(6));
        for (samples, coverage, nearest) in [
            (vec![2, 102], 1.0, 0.0),
            (vec![2], 0.5, 0.0),
            // Ten away from picture 0, eleven from picture 1, and so on; the ball of 10 reaches to 0.
            (vec![20], 1.0 / 12.0, 10.0),
            (vec![60, 50], 0.0, 40.0),
        ] {
            let mut stats = PictureStats::default();
            for &level in &samples {
                stats.add(&picture(level), 8);
            }
            let found = footage.neighbours(&stats);
            let expected = (coverage, nearest * (7.0f64 / 8.0).sqrt());
            assert!(
                (found.0 - expected.0).abs() < 1e-9 && (found.1 - expected.1).abs() < 1e-9,
                "{samples:?}: {found:?} instead of {expected:?}"
            );
        }
    }

    #[test]
    fn footage_that_nothing_can_be_compared_with_is_refused() {
        let refused = |pictures: &[Vec<u8>]| Footage::measure(pictures, 8).unwrap_err();
        let levels: Vec<Vec<u8>> = (0..6).map(picture).collect();
        assert!(Footage::measure(&levels, 8).is_ok());
        assert_eq!(refused(&[]), ScoreError::TooFew(0));
        assert_eq!(refused(&levels[1..]), ScoreError::TooFew(5));
        assert_eq!(refused(&vec![picture(7); 9]), ScoreError::Alike);
        let flat: Vec<Vec<u8>> = (0..9).map(|level| vec![level; 192]).collect();
        assert_eq!(refused(&flat), ScoreError::Flat);
    }

    #[test]
    fn of_much_footage_pictures_at_even_intervals_are_taken() {
        let pictures: Vec<Vec<u8>> = (0..5000u32)
            .map(|number| {
                let levels = [number % 256, number / 256, 0];
                (0..12).map(|at| levels[at % 3] as u8).collect()
            })
            .collect();
        let footage = Footage::measure(&pictures, 2).unwrap();
        assert_eq!(footage.stats.thumbnails.len(), 2048);
        let last = footage.balls.last().unwrap();
        assert_eq!((footage.balls.len(), last.picture), (64, 2016));
        // Their neighbours are those with balls, each 32 pictures away from the next, not the pictures between.
        assert!(last.reach > 3 * 100, "{last:?}");
    }
}
