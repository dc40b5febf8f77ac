use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::*;
use crate::network::kernel::{interleave, planes};
use crate::network::parameters::uniform;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn tiles_are_what_the_definition_says(
        tile in prop_oneof![Just(Tile::Two), Just(Tile::Four)],
        direction in prop_oneof![Just(Direction::Transposed), Just(Direction::Strided)],
        batch in 1usize..4,
        tiles in (1usize..6, 1usize..6),
        channels in (1usize..70, 1usize..70),
        border in (1usize..3, 0usize..3),
        slope in prop_oneof![Just(1.0f32), Just(0.2), Just(0.0)],
        seed in any::<u64>(),
    ) {
        let (inputs, outputs) = channels;
        let (height, width) = (tiles.0 * tile.side(), tiles.1 * tile.side());
        let map = |channels: usize, border: usize, scale: usize| FeatureMap {
            batch,
            height: scale * height,
            width: scale * width,
            channels,
            border,
        };
        let steps = direction.steps();
        // The step from one coarse pixel to the next is 1 on the coarse map and 2 on the fine one.
        let (from, to) = (map(inputs, border.0, steps[0]), map(outputs, border.1, steps[1]));
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut draw = |count: usize| -> Vec<f32> {
            (0..count).map(|_| 2.0 * uniform(&mut rng) - 1.0).collect()
        };
        let numbers = draw(from.pixels() * inputs);
        // So that sums are of the order of 1, as they are behind a batch norm.
        let share = 1.0 / (16.0 * inputs as f32).sqrt();
        let weights: Vec<f32> = draw(inputs * outputs * 16).iter().map(|v| v * share).collect();
        let (scale, shift) = (draw(outputs), draw(outputs));
        let weight = |input, output, ky, kx| weights[((input * outputs + output) * 4 + ky) * 4 + kx];
        // Every coarse pixel meets 4 x 4 fine ones, from one above and left of its own on.
        let mut expected = vec![0.0f64; to.pixels() * outputs];
        for at in 0..batch * height * width * 16 {
            let (kx, ky, x, y) = (at % 4, at / 4 % 4, at / 16 % width, at / 16 / width % height);
            let picture = at / 16 / width / height;
            let fine = (2 * y + ky).checked_sub(1).zip((2 * x + kx).checked_sub(1));
            let Some(fine) = fine.filter(|&(y, x)| y < 2 * height && x < 2 * width) else {
                continue;
            };
            let (reads, writes) = match direction {
                Direction::Transposed => ((y, x), fine),
                Direction::Strided => (fine, (y, x)),
            };
            let place = |map: &FeatureMap, channel: usize, (y, x): (usize, usize)| {
                ((picture * map.channels + channel) * map.height + y) * map.width + x
            };
            for input in 0..inputs {
                let read = f64::from(numbers[place(&from, input, reads)]);
                for output in 0..outputs {
                    expected[place(&to, output, writes)] +=
                        read * f64::from(weight(input, output, ky, kx));
                }
            }
        }
        let numbers = interleave(&from, &numbers);
        for instructions in [Instructions::Best, Instructions::Portable] {
            let channels = [inputs, outputs];
            let winograd = Winograd::new(instructions, direction, tile, channels, weight);
            // What lies in the border must stay.
            let mut found = vec![7.0; to.len()];
            let finish = Epilogue { scale: Some(&scale), shift: Some(&shift), slope };
            winograd.run([&from, &to], &numbers, &mut found, finish);
            let inside = to.pixels() * outputs;
            prop_assert!(found.iter().filter(|&&v| v == 7.0).count() >= to.len() - inside);
            let found = planes(&to, &found);
            for (at, (&found, &sum)) in found.iter().zip(&expected).enumerate() {
                let output = at / (to.width * to.height) % outputs;
                let value = sum * f64::from(scale[output]) + f64::from(shift[output]);
                let expected = value.max(value * f64::from(slope));
                prop_assert!(
                    (f64::from(found) - expected).abs() < 1e-4,
                    "{direction:?}, {tile:?}, {instructions:?}: {found}, {expected}"
                );
            }
        }
    }
}
