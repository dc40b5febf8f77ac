//! Differentiable augmentation of pictures (Zhao et al. 2020, <https://arxiv.org/abs/2006.10738>): linear in the picture, so
//! its backward is its transpose.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Result, Shape, Tensor};
use rand_chacha::rand_core::RngCore;
use rayon::prelude::*;

use super::{from_maps, map_of, slice, to_maps, with_slice};
use crate::network::kernel::FeatureMap;
use crate::network::parameters::uniform;
use crate::network::recipe::Augment;

/// Channels of a picture.
const CHANNELS: usize = 3;

/// What is done to one picture, in this order.
#[derive(Clone, Debug, PartialEq)]
pub struct Augmentation {
    /// Added to every number.
    pub brightness: f32,
    /// Saturation: a factor on a pixel's distance from its own grey.
    pub saturation: f32,
    /// Contrast: a factor on a number's distance from the picture's mean.
    pub contrast: f32,
    /// Pixels to the right and down; what comes in is 0.
    pub shift: [isize; 2],
    /// Columns and rows that become 0.
    pub hole: [Range<usize>; 2],
}

impl Augmentation {
    /// Draws one for a picture of `size` pixels.
    pub fn draw(augment: &Augment, size: usize, rng: &mut impl RngCore) -> Self {
        let mut drawn = Self {
            brightness: 0.0,
            saturation: 1.0,
            contrast: 1.0,
            shift: [0, 0],
            hole: [0..0, 0..0],
        };
        if augment.colour {
            drawn.brightness = uniform(rng) - 0.5;
            drawn.saturation = uniform(rng) * 2.0;
            drawn.contrast = uniform(rng) + 0.5;
        }
        if augment.translation {
            let most = size / 8;
            drawn.shift = [(); 2].map(|()| below(rng, 2 * most + 1) as isize - most as isize);
        }
        if augment.cutout {
            let half = size / 4;
            drawn.hole = [(); 2].map(|()| {
                let centre = below(rng, size + 1);
                centre.saturating_sub(half)..(centre + half).min(size)
            });
        }
        drawn
    }

    fn alters_colour(&self) -> bool {
        (self.brightness, self.saturation, self.contrast) != (0.0, 1.0, 1.0)
    }
}

/// A whole number in `0..count`.
fn below(rng: &mut impl RngCore, count: usize) -> usize {
    ((uniform(rng) * count as f32) as usize).min(count - 1)
}

/// Augments pictures, maps of three channels, each by its own.
///
/// # Errors
/// When there are not as many augmentations as pictures, they have not three channels, or the device fails.
pub fn augment(pictures: &Tensor, each: &[Augmentation]) -> Result<Tensor> {
    let device = pictures.device();
    if !device.is_cpu() {
        // The few numbers of a batch of pictures cost less to carry than kernels of their own.
        let there = to_maps(&from_maps(pictures)?.to_device(&Device::Cpu)?)?;
        return to_maps(&from_maps(&augment(&there, each)?)?.to_device(device)?);
    }
    let map = map_of(pictures)?;
    if map.channels != CHANNELS || map.batch != each.len() {
        candle_core::bail!(
            "{} augmentations for {} pictures of {} channels",
            each.len(),
            map.batch,
            map.channels
        );
    }
    let each = each.to_vec();
    pictures.contiguous()?.apply_op1(Augmented { map, each })
}

struct Augmented {
    map: FeatureMap,
    each: Vec<Augmentation>,
}

impl Augmented {
    /// Runs `f` on every picture, its augmentation and the picture that it becomes, all numbers of which are 0 before.
    fn over(&self, x: &[f32], f: impl Fn(&Augmentation, &[f32], &mut [f32]) + Sync) -> Vec<f32> {
        let mut y = vec![0.0; x.len()];
        let picture = x.len() / self.map.batch;
        y.par_chunks_exact_mut(picture)
            .zip(x.par_chunks_exact(picture))
            .zip(&self.each)
            .for_each(|((y, x), augmentation)| f(augmentation, x, y));
        y
    }

    /// The numbers of a row of pixels.
    fn row(&self, y: usize, columns: Range<usize>) -> Range<usize> {
        let border = self.map.border;
        let start = (y + border) * (self.map.width + 2 * border) + border;
        (start + columns.start) * CHANNELS..(start + columns.end) * CHANNELS
    }

    /// The pixels of a row that stay inside when shifted by `by`: where they lie before and after.
    fn moved(by: isize, length: usize) -> (Range<usize>, Range<usize>) {
        let distance = by.unsigned_abs().min(length);
        let (low, high) = (0..length - distance, distance..length);
        if by < 0 { (high, low) } else { (low, high) }
    }

    fn shift(&self, from: &[f32], to: &mut [f32], [right, down]: [isize; 2]) {
        let (columns, new_columns) = Self::moved(right, self.map.width);
        let (rows, new_rows) = Self::moved(down, self.map.height);
        for (row, new_row) in rows.zip(new_rows) {
            to[self.row(new_row, new_columns.clone())]
                .copy_from_slice(&from[self.row(row, columns.clone())]);
        }
    }

    fn cut(&self, picture: &mut [f32], [columns, rows]: &[Range<usize>; 2]) {
        for row in rows.clone() {
            picture[self.row(row, columns.clone())].fill(0.0);
        }
    }

    /// Brightness, saturation and contrast; their transpose is the same with no brightness and the two others in turn, which
    /// can change places.
    fn colour(&self, picture: &mut [f32], brightness: f32, saturation: f32, contrast: f32) {
        let mut sum = 0.0f64;
        for row in 0..self.map.height {
            let numbers = &mut picture[self.row(row, 0..self.map.width)];
            for pixel in numbers.chunks_exact_mut(CHANNELS) {
                let grey = pixel.iter().sum::<f32>() / CHANNELS as f32;
                sum += f64::from(grey + brightness);
                for number in pixel {
                    *number = grey + brightness + saturation * (*number - grey);
                }
            }
        }
        let mean = (sum / (self.map.height * self.map.width) as f64) as f32;
        for row in 0..self.map.height {
            for number in &mut picture[self.row(row, 0..self.map.width)] {
                *number = mean + contrast * (*number - mean);
            }
        }
    }
}

impl CustomOp1 for Augmented {
    fn name(&self) -> &'static str {
        "augment"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let y = self.over(slice(x, layout)?, |augmentation, x, y| {
            if augmentation.alters_colour() {
                let mut coloured = x.to_vec();
                let Augmentation {
                    brightness,
                    saturation,
                    contrast,
                    ..
                } = *augmentation;
                self.colour(&mut coloured, brightness, saturation, contrast);
                self.shift(&coloured, y, augmentation.shift);
            } else {
                self.shift(x, y, augmentation.shift);
            }
            self.cut(y, &augmentation.hole);
        });
        Ok((CpuStorage::F32(y), layout.shape().clone()))
    }

    fn bwd(&self, x: &Tensor, _y: &Tensor, gradient: &Tensor) -> Result<Option<Tensor>> {
        let dx = with_slice(gradient, |dy| {
            Ok(self.over(dy, |augmentation, dy, dx| {
                let mut kept = dy.to_vec();
                self.cut(&mut kept, &augmentation.hole);
                let [right, down] = augmentation.shift;
                self.shift(&kept, dx, [-right, -down]);
                if augmentation.alters_colour() {
                    self.colour(dx, 0.0, augmentation.saturation, augmentation.contrast);
                }
            }))
        })?;
        Ok(Some(Tensor::from_vec(dx, x.shape(), x.device())?))
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Var;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::network::parameters::normals;

    const ALL: Augment = Augment {
        colour: true,
        translation: true,
        cutout: true,
    };

    fn pictures(rng: &mut ChaCha8Rng, batch: usize, size: usize) -> Tensor {
        let numbers = normals(rng, batch * 3 * size * size);
        Tensor::from_vec(numbers, (batch, 3, size, size), &Device::Cpu).unwrap()
    }

    #[test]
    fn a_picture_is_shifted_cut_and_coloured_as_said() {
        let picture: Vec<f32> = (0..12).map(|v| v as f32).collect();
        let picture = Tensor::from_vec(picture, (1, 3, 2, 2), &Device::Cpu).unwrap();
        let run = |brightness, saturation, contrast, shift, hole| {
            let one = Augmentation {
                brightness,
                saturation,
                contrast,
                shift,
                hole,
            };
            let after = augment(&to_maps(&picture).unwrap(), &[one]).unwrap();
            let planes = from_maps(&after).unwrap().flatten_all().unwrap();
            planes.to_vec1::<f32>().unwrap()
        };
        assert_eq!(
            run(0.0, 1.0, 1.0, [1, 0], [0..0, 0..0]),
            [0., 0., 0., 2., 0., 4., 0., 6., 0., 8., 0., 10.]
        );
        assert_eq!(
            run(0.0, 1.0, 1.0, [0, -1], [0..1, 0..1]),
            [0., 3., 0., 0., 0., 7., 0., 0., 0., 11., 0., 0.]
        );
        // Grey pixels of 4..7, lifted by 1: the mean is 6.5.
        assert_eq!(
            run(1.0, 0.0, 2.0, [0, 0], [0..0, 0..0]),
            [3.5, 5.5, 7.5, 9.5].repeat(3)
        );
    }

    #[test]
    fn the_gradient_is_the_transpose() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        let (batch, size) = (4, 16);
        let each: Vec<Augmentation> = (0..batch)
            .map(|_| Augmentation::draw(&ALL, size, &mut rng))
            .collect();
        let x = Var::from_tensor(&pictures(&mut rng, batch, size)).unwrap();
        let y = augment(&to_maps(&x).unwrap(), &each).unwrap();
        let towards = to_maps(&pictures(&mut rng, batch, size)).unwrap();
        let dot = |a: &Tensor, b: &Tensor| {
            f64::from(
                (a * b)
                    .unwrap()
                    .sum_all()
                    .unwrap()
                    .to_scalar::<f32>()
                    .unwrap(),
            )
        };
        let nothing = augment(&(y.zeros_like().unwrap()), &each).unwrap();
        let loss = (&y * &towards).unwrap().sum_all().unwrap();
        let gradients = loss.backward().unwrap();
        let dx = gradients.get(&x).unwrap();
        let forward = dot(&(y.detach() - nothing).unwrap(), &towards);
        let backward = dot(&x.detach(), dx);
        assert!(
            (forward - backward).abs() < 1e-3 * forward.abs().max(1.0),
            "{forward} {backward}"
        );
    }

    #[test]
    fn draws_stay_within_what_is_said_and_none_draws_nothing() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..200 {
            let drawn = Augmentation::draw(&ALL, 64, &mut rng);
            assert!(drawn.brightness.abs() <= 0.5 && (0.0..=2.0).contains(&drawn.saturation));
            assert!((0.5..=1.5).contains(&drawn.contrast));
            assert!(drawn.shift.iter().all(|by| by.abs() <= 8));
            assert!(
                drawn
                    .hole
                    .iter()
                    .all(|range| range.end <= 64 && range.len() <= 32)
            );
        }
        let before = rng.clone();
        let still = Augmentation::draw(&Augment::default(), 64, &mut rng);
        assert_eq!(rng, before);
        assert!(!still.alters_colour() && still.shift == [0, 0]);
    }
}
