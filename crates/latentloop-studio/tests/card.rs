//! Training on an NVIDIA card, against the processor.

#![cfg(feature = "cuda")]
#![allow(
    clippy::unwrap_used,
    reason = "a test's helpers fail the test where they stand"
)]

use candle_core::{Device, Tensor};
use latentloop_nn::network::recipe::Recipe;
use latentloop_nn::network::spec::Spec;
use latentloop_nn::training_device;
use latentloop_studio::train::Trainer;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

#[test]
fn a_run_on_the_card_goes_as_on_the_processor_and_twice_the_same() {
    let card = match training_device() {
        Ok(card) => card,
        Err(error) => {
            let required = std::env::var("LATENTLOOP_REQUIRE").unwrap_or_default();
            let is_required = required
                .split(',')
                .any(|name| ["cuda", "all"].contains(&name));
            assert!(!is_required, "LATENTLOOP_REQUIRE={required}, but {error}");
            println!("SKIPPED (needs cuda): {error}");
            return;
        }
    };
    let spec = Spec::studies(64, 1.0 / 32.0, 20).unwrap();
    let run = |device: &Device| {
        let mut trainer = Trainer::new(&spec, &Recipe::study(), 3, device).unwrap();
        let levels = (0..8 * 3 * 64 * 64).map(|at| (at * 37 % 255) as f32 / 127.0 - 1.0);
        let levels: Vec<f32> = levels.collect();
        let real = Tensor::from_vec(levels, (8, 3, 64, 64), device).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let steps = (1..=3).map(|step| trainer.step(&real, step, &mut rng).unwrap());
        steps.collect::<Vec<_>>()
    };
    let (once, twice, cpu) = (run(&card), run(&card), run(&Device::Cpu));
    assert_eq!(once, twice);
    for (card, cpu) in once.iter().zip(&cpu) {
        assert!(
            (card.discriminator - cpu.discriminator).abs() < 5e-2,
            "{card:?}, {cpu:?}"
        );
        assert!(
            (card.generator - cpu.generator).abs() < 5e-2,
            "{card:?}, {cpu:?}"
        );
    }
}
