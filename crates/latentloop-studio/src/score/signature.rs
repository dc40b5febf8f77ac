//! The colours of a set of pictures, boiled down to a few weighted ones.

use super::colour::lab;
use crate::palette::Histogram;

/// Colours of a signature, at most.
const COLOURS: usize = 32;

/// A weighted set of colours: L*a*b* and the number of pixels.
pub(super) type Signature = Vec<([f64; 3], u64)>;

/// Up to 32 colours of what was counted: the cluster that is most spread along an axis of L*a*b* is parted at its mean, until there
/// are enough or nothing is left to part.
pub(super) fn signature(histogram: &Histogram) -> Signature {
    let colours = histogram.means().map(|(mean, count)| (lab(mean), count));
    let mut clusters = vec![Cluster::new(colours.collect())];
    while clusters.len() < COLOURS {
        let widest = (0..clusters.len())
            .max_by(|&a, &b| clusters[a].spread.total_cmp(&clusters[b].spread))
            .unwrap_or(0);
        if clusters[widest].spread <= 0.0 {
            break;
        }
        let (low, high) = clusters.swap_remove(widest).part();
        clusters.extend([Cluster::new(low), Cluster::new(high)]);
    }
    let colours = clusters.iter().filter(|cluster| cluster.count > 0);
    colours
        .map(|cluster| (cluster.mean, cluster.count))
        .collect()
}

/// Colours that are to become one.
#[derive(Debug)]
struct Cluster {
    colours: Signature,
    mean: [f64; 3],
    count: u64,
    /// The axis along which they are spread most.
    axis: usize,
    /// Their squared distances from the mean along it, summed over pixels; 0 for a single colour.
    spread: f64,
}

impl Cluster {
    fn new(colours: Signature) -> Self {
        let count: u64 = colours.iter().map(|(_, count)| count).sum();
        let over = |f: &dyn Fn(&[f64; 3]) -> f64| -> f64 {
            let values = colours
                .iter()
                .map(|(colour, count)| f(colour) * *count as f64);
            values.sum()
        };
        // A single colour stays itself, to the last bit.
        let mean = match &colours[..] {
            [(colour, _)] => *colour,
            _ => [0, 1, 2].map(|axis| over(&|colour| colour[axis]) / count.max(1) as f64),
        };
        let spreads =
            [0, 1, 2].map(|axis: usize| over(&|colour| (colour[axis] - mean[axis]).powi(2)));
        let axis = (0..3)
            .max_by(|&a, &b| spreads[a].total_cmp(&spreads[b]))
            .unwrap_or(0);
        Self {
            colours,
            mean,
            count,
            axis,
            spread: spreads[axis],
        }
    }

    /// The colours up to the mean, and those above.
    fn part(self) -> (Signature, Signature) {
        let (axis, mean) = (self.axis, self.mean[self.axis]);
        self.colours
            .into_iter()
            .partition(|(colour, _)| colour[axis] <= mean)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_colours_are_kept_as_they_are() {
        let mut histogram = Histogram::default();
        // Planes apart: three pixels of one colour, one of another.
        histogram.add_planes(&[200, 200, 200, 0, 10, 10, 10, 0, 0, 0, 0, 100]);
        let mut colours = signature(&histogram);
        colours.sort_by_key(|(_, count)| *count);
        assert_eq!(
            colours,
            [(lab([0.0, 0.0, 100.0]), 1), (lab([200.0, 10.0, 0.0]), 3)]
        );
        assert_eq!(signature(&Histogram::default()), []);
    }

    #[test]
    fn many_colours_become_thirty_two_and_no_pixel_is_lost() {
        let picture: Vec<u8> = (0..3 * 4096u32)
            .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
            .collect();
        let (mut histogram, mut other) = (Histogram::default(), Histogram::default());
        histogram.add_planes(&picture);
        other.add_planes(&picture);
        histogram.merge(&other);
        let signature = signature(&histogram);
        assert_eq!(signature.len(), COLOURS);
        assert_eq!(signature.iter().map(|(_, count)| count).sum::<u64>(), 8192);
    }
}
