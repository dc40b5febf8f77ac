//! Filters that the shapes of convolutions do not tell: strides and paddings, given by hand or by custom.

use std::str::FromStr;

use crate::network::kernel::Filter;

/// Stride and padding of one convolution, as `--layers` has them: `s2p1`, or `s2p1o1` where a transposed convolution has
/// an output padding. A `t` or a `c` before it says whether it is a transposed or a plain one, which only matters where it
/// gives as many channels as it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Whether it is a transposed convolution, where that is said.
    pub transposed: Option<bool>,
    /// Its stride.
    pub stride: usize,
    /// Its padding.
    pub padding: usize,
    /// Rows and columns that a transposed convolution adds below and to the right.
    pub output_padding: usize,
}

impl FromStr for Step {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let (transposed, rest) = match text.trim() {
                text if text.starts_with('t') => (Some(true), &text[1..]),
                text if text.starts_with('c') => (Some(false), &text[1..]),
                text => (None, text),
            };
            let (stride, rest) = rest.strip_prefix('s')?.split_once('p')?;
            let (padding, output) = rest.split_once('o').unwrap_or((rest, "0"));
            let number = |text: &str| text.parse().ok().filter(|number| *number <= 16);
            Some(Self {
                transposed,
                stride: number(stride).filter(|stride| *stride > 0)?,
                padding: number(padding)?,
                output_padding: number(output)?,
            })
        };
        parse().ok_or_else(|| {
            "give stride and padding of each convolution, such as s1p0,s2p1 (numbers up to 16; s2p1o1 has an output padding of 1)"
                .to_owned()
        })
    }
}

impl Step {
    const fn new(stride: usize, padding: usize) -> Self {
        Self {
            transposed: None,
            stride,
            padding,
            output_padding: 0,
        }
    }

    /// The step that a transposed stem has by custom, on a latent of 1 x 1.
    pub(super) fn of_stem(kernel: usize) -> Option<Self> {
        (kernel == 4).then_some(Self::new(1, 0))
    }

    /// The step that a convolution has by custom.
    pub(super) fn of(transposed: bool, kernel: usize) -> Option<Self> {
        match (transposed, kernel) {
            (true, 4) => Some(Self::new(2, 1)),
            (false, 3) => Some(Self::new(1, 1)),
            _ => None,
        }
    }

    /// Whether a convolution that gives as many channels as it takes is a transposed one: where it is not said, one that
    /// keeps a map's side is a plain one, for so they are built.
    pub(super) fn is_transposed(given: Option<Self>, kernel: usize) -> bool {
        match given {
            Some(step) => step.transposed.unwrap_or(
                step.stride > 1 || step.output_padding > 0 || step.padding * 2 + 1 != kernel,
            ),
            None => kernel != 3,
        }
    }

    /// The filter of a convolution with so many taps a side. An output padding becomes taps of nought at the end.
    pub(super) fn filter(self, kernel: usize) -> Filter {
        Filter {
            kernel: kernel + self.output_padding,
            stride: self.stride,
            padding: self.padding,
        }
    }

    /// The weights for [`Step::filter`], from those of a filter with `kernel` taps a side.
    pub(super) fn taps(self, weight: Vec<f32>, kernel: usize) -> Vec<f32> {
        if self.output_padding == 0 {
            return weight;
        }
        let side = kernel + self.output_padding;
        let mut taps = Vec::with_capacity(weight.len() / (kernel * kernel) * side * side);
        for filter in weight.chunks_exact(kernel * kernel) {
            for row in filter.chunks_exact(kernel) {
                taps.extend_from_slice(row);
                taps.resize(taps.len() + self.output_padding, 0.0);
            }
            taps.resize(taps.len() + side * self.output_padding, 0.0);
        }
        taps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_read_and_nonsense_is_not() {
        let check = |text: &str, expected: Option<Step>| {
            assert_eq!(text.parse().ok(), expected, "{text:?}");
        };
        check("s2p1", Some(Step::new(2, 1)));
        check(" s1p0", Some(Step::new(1, 0)));
        let transposed = Some(true);
        let (stride, padding, output_padding) = (2, 2, 1);
        check(
            "ts2p2o1",
            Some(Step {
                transposed,
                stride,
                padding,
                output_padding,
            }),
        );
        for text in [
            "", "s0p1", "2,1", "s2", "p1s2", "s99p0", "s2p-1", "ß2p1", "ts2p1o",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn an_output_padding_becomes_taps_of_nought() {
        let step = Step {
            output_padding: 1,
            ..Step::new(2, 1)
        };
        assert_eq!(step.filter(2).kernel, 3);
        assert_eq!(
            step.taps(vec![1., 2., 3., 4., 5., 6., 7., 8.], 2),
            [
                1., 2., 0., 3., 4., 0., 0., 0., 0., 5., 6., 0., 7., 8., 0., 0., 0., 0.
            ]
        );
    }
}
