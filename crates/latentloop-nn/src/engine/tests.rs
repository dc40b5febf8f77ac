//! The plan against itself on other threads, and against candle's own operations.

use candle_core::Device;
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::algorithm::{AlgorithmCache, ConvAlgorithm, LayerAlgorithms};
use super::cpu::AlgorithmChoice;
use super::*;
use crate::latent::{Keyframe, KeyframeNeighbourhood, Path, Rows};
use crate::network::kernel::{Curve, Filter, Instructions};
use crate::network::parameters::uniform;
use crate::network::spec::Spec;
use crate::network::weights::{End, GeneratorWeights, LayerWeights, NormWeights};

#[test]
fn any_number_of_threads_draws_the_same_picture() {
    let weights = GeneratorWeights::random(&Spec::studies(64, 1.0 / 32.0, 20).unwrap(), 1);
    let z: Vec<f32> = (0..8 * 20)
        .map(|i| ((i * 37 % 101) as f32 - 50.0) / 30.0)
        .collect();
    for norm in [Norm::Running, Norm::Batch] {
        let draw = |threads| {
            let mut pictures = vec![0.0; 8 * 3 * 64 * 64];
            CpuEngine::new(&weights, Some(threads), Winograd::Off)
                .unwrap()
                .forward(&z, norm, &mut pictures)
                .unwrap();
            pictures
        };
        assert!(draw(1) == draw(3), "pictures differ");
    }
}

#[test]
fn autotuned_algorithms_are_kept_and_draw_the_same_picture() {
    let weights = GeneratorWeights::random(&Spec::studies(64, 1.0 / 16.0, 20).unwrap(), 3);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("deep").join("forms.json");
    let with = |choosing| CpuEngine::with(&weights, Some(1), Instructions::Best, choosing).unwrap();
    let open = || {
        with(AlgorithmChoice::Autotuned(Some(AlgorithmCache::at(
            file.clone(),
        ))))
    };
    let draw = |mut engine: CpuEngine| {
        let z: Vec<f32> = (0..20).map(|i| (i as f32 - 10.0) / 8.0).collect();
        let mut picture = vec![0.0; 3 * 64 * 64];
        engine.forward(&z, Norm::Running, &mut picture).unwrap();
        picture
    };
    let exact = draw(CpuEngine::new(&weights, Some(1), Winograd::Off).unwrap());
    let first = draw(open());
    for (a, b) in first.iter().zip(&exact) {
        assert!((a - b).abs() < 1e-4, "{a}, {b}");
    }
    // What stands in the file is taken: algorithms that nobody would measure as the fastest everywhere.
    let kept = std::fs::read_to_string(&file).unwrap();
    let mut algorithms: std::collections::BTreeMap<String, LayerAlgorithms> =
        serde_json::from_str(&kept).unwrap();
    assert_eq!(algorithms.len(), 1, "{kept}");
    algorithms.values_mut().for_each(|algorithms| {
        *algorithms = LayerAlgorithms::all(&weights, ConvAlgorithm::Winograd4);
    });
    std::fs::write(&file, serde_json::to_vec(&algorithms).unwrap()).unwrap();
    let all_four = AlgorithmChoice::Fixed(ConvAlgorithm::Winograd4);
    assert!(
        draw(open()) == draw(with(all_four.clone())),
        "the file was not heeded"
    );
    let known = AlgorithmChoice::Cached(Some(AlgorithmCache::at(file.clone())));
    assert!(
        draw(with(known)) == draw(with(all_four)),
        "the file was not heeded"
    );
    // A broken file, and one of another model's layers, are measured anew.
    for broken in ["{", "[1, 2]", &serde_json::to_string(&[("a", 1)]).unwrap()] {
        std::fs::write(&file, broken).unwrap();
        draw(open());
        let kept = std::fs::read_to_string(&file).unwrap();
        assert!(
            serde_json::from_str::<std::collections::BTreeMap<String, LayerAlgorithms>>(&kept)
                .is_ok()
        );
    }
    // What was not measured is guessed, and is the same picture.
    let nothing = AlgorithmCache::at(folder.path().join("none.json"));
    for (a, b) in draw(with(AlgorithmChoice::Cached(Some(nothing))))
        .iter()
        .zip(&exact)
    {
        assert!((a - b).abs() < 1e-4, "{a}, {b}");
    }
    assert!(!folder.path().join("none.json").exists());
    // Where nothing can be kept the show goes on.
    let nowhere = AlgorithmCache::at(folder.path().join("deep/forms.json/forms.json"));
    let choosing = AlgorithmChoice::Autotuned(Some(nowhere));
    draw(with(choosing));
}

#[test]
fn rgba_is_the_forward_pass_in_bytes() {
    let weights = GeneratorWeights::random(&Spec::studies(64, 1.0 / 32.0, 20).unwrap(), 1);
    let mut engine = CpuEngine::new(&weights, Some(1), Winograd::Off).unwrap();
    let z: Vec<f32> = (0..ROWS * 20)
        .map(|i| ((i * 31 % 97) as f32 - 48.0) / 30.0)
        .collect();
    let (mut floats, mut rgba) = (vec![0.0; ROWS * 3 * 64 * 64], vec![0; 4 * 64 * 64]);
    engine.forward(&z, Norm::Batch, &mut floats).unwrap();
    engine
        .render_rgba(&z, Norm::Batch, Rounding::Truncate, &mut rgba)
        .unwrap();
    for (at, pixel) in rgba.chunks_exact(4).enumerate() {
        for channel in 0..3 {
            let value = floats[channel * 64 * 64 + at];
            assert_eq!(pixel[channel], ((value + 1.0) / 2.0 * 255.0) as u8);
        }
    }
    assert!(
        engine
            .render_rgba(&z[..20], Norm::Batch, Rounding::Truncate, &mut rgba)
            .is_err()
    );
    assert!(
        engine
            .render_rgba(&z[..19], Norm::Running, Rounding::Truncate, &mut rgba)
            .is_err()
    );
}

/// A generator of the wider family: a side, a latent, and layers of any channels and filters that fit.
fn family() -> impl Strategy<Value = GeneratorWeights> {
    let filter = prop_oneof![
        Just((Filter::STUDIES, true)),
        (1usize..5, 1usize..4, 0usize..2, any::<bool>()).prop_map(
            |(kernel, stride, padding, transposed)| {
                let filter = Filter {
                    kernel,
                    stride: stride.min(kernel),
                    padding: padding.min(kernel - 1),
                };
                (filter, transposed)
            }
        ),
    ];
    let slope = prop_oneof![Just(0.0f32), Just(0.2), Just(1.0)].prop_map(|slope| (slope, None));
    let curve = prop_oneof![Just(Curve::Elu(0.7)), Just(Curve::Selu), Just(Curve::Silu)];
    let activation = prop_oneof![slope, curve.prop_map(|curve| (1.0, Some(curve)))];
    let layer = (filter, 1usize..40, any::<bool>(), activation);
    let end = prop_oneof![Just(End::Tanh), Just(End::None)];
    let layers = prop::collection::vec(layer, 1..4);
    (1usize..7, layers, any::<u64>(), end).prop_filter_map(
        "the filters fit",
        |(stem_side, shapes, seed, end)| {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut draw = |count: usize, low: f32, high: f32| -> Vec<f32> {
                (0..count)
                    .map(|_| low + (high - low) * uniform(&mut rng))
                    .collect()
            };
            let (latent, count) = (5, shapes.len());
            let outputs = shapes.iter().map(|shape| shape.1);
            let outputs: Vec<usize> = outputs.skip(1).chain([3]).collect();
            let stem = shapes[0].1 * stem_side * stem_side;
            let layers = (0..count).map(|index| {
                let ((filter, transposed), inputs, norm, (slope, curve)) = shapes[index];
                let taps = filter.kernel * filter.kernel;
                LayerWeights {
                    inputs,
                    outputs: outputs[index],
                    norm: norm.then(|| NormWeights {
                        weight: draw(inputs, 0.5, 1.5),
                        bias: draw(inputs, -0.3, 0.3),
                        mean: draw(inputs, -0.3, 0.3),
                        variance: draw(inputs, 0.3, 2.0),
                        eps: [1e-5, 0.1][index % 2],
                    }),
                    slope,
                    curve,
                    filter,
                    transposed,
                    weight: draw(inputs * outputs[index] * taps, -0.1, 0.1),
                    bias: draw(outputs[index], -0.3, 0.3),
                }
            });
            let weights = GeneratorWeights {
                latent,
                stem_side,
                layers: layers.collect(),
                stem_weight: draw(stem * latent, -0.5, 0.5),
                stem_bias: draw(stem, -0.5, 0.5),
                end,
                palette: None,
            };
            (weights.sides().iter().all(|&side| (1..60).contains(&side))).then_some(weights)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_plan_draws_what_candles_plain_operations_draw(weights in family()) {
        let rows = 3;
        let z: Vec<f32> = (0..rows * weights.latent)
            .map(|i| ((i * 29 % 89) as f32 - 44.0) / 25.0)
            .collect();
        let size = weights.size();
        let mut plain = DeviceEngine::new(&weights, Device::Cpu, "candle").unwrap();
        for norm in [Norm::Running, Norm::Batch] {
            let mut expected = vec![0.0; rows * 3 * size * size];
            plain.forward(&z, norm, &mut expected).unwrap();
            for instructions in [Instructions::Best, Instructions::Portable] {
                for algorithm in ConvAlgorithm::ALL {
                    let mut found = vec![0.0; expected.len()];
                    let mut plan =
                        CpuEngine::with(&weights, Some(2), instructions, AlgorithmChoice::Fixed(algorithm)).unwrap();
                    plan.forward(&z, norm, &mut found).unwrap();
                    for (a, b) in found.iter().zip(&expected) {
                        prop_assert!(
                            (a - b).abs() < 1e-4,
                            "{norm:?}, {instructions:?}, {algorithm:?}: {a}, {b}"
                        );
                    }
                }
            }
        }
    }
}

/// The keyframes of a preset around its first segment.
fn around(path: Path, latent: usize) -> KeyframeNeighbourhood {
    let mut around = KeyframeNeighbourhood::new(latent);
    around.path = path;
    let each = ROWS * latent;
    for (seed, keyframe) in (1..).zip(around.keyframes.chunks_exact_mut(each)) {
        keyframe.copy_from_slice(&Keyframe::new(&Rows::Seed(seed), latent).latents);
    }
    around
}

#[test]
fn interpolated_statistics_draw_the_exact_picture_within_two_levels() {
    let model = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../models/crystal.safetensors"
    );
    let weights = GeneratorWeights::load(std::path::Path::new(model)).unwrap();
    let mut engine = CpuEngine::new(&weights, Some(2), Winograd::Off).unwrap();
    let latent = engine.latent();
    let (width, height) = engine.size();
    let (mut found, mut exact) = (vec![0; 4 * (width * height) as usize], Vec::new());
    exact.clone_from(&found);
    for path in [Path::Lerp, Path::Smooth] {
        let mut statistics = StatsInterpolator::new(latent);
        let mut around = around(path, latent);
        let mut z = Vec::new();
        around.latents(1, 0.0, &mut z);
        // Where nothing was found out yet nothing is drawn, and nothing is done before it is asked for.
        assert!(!statistics.work(&mut engine).unwrap());
        let drawn = statistics.render_rgba(
            &mut engine,
            &around,
            &z[..latent],
            Rounding::Nearest,
            &mut found,
        );
        assert!(!drawn.unwrap());
        let mut steps = 0;
        while statistics.work(&mut engine).unwrap() {
            steps += 1;
            assert!(steps < 100_000, "the work has no end");
        }
        let mut worst = 0;
        for step in 0..=20 {
            around.weight = f64::from(step) / 20.0;
            around.latents(1, around.weight, &mut z);
            let drawn = statistics.render_rgba(
                &mut engine,
                &around,
                &z[..latent],
                Rounding::Nearest,
                &mut found,
            );
            assert!(drawn.unwrap());
            engine
                .render_rgba(&z, Norm::Batch, Rounding::Nearest, &mut exact)
                .unwrap();
            let apart = found.iter().zip(&exact).map(|(a, b)| a.abs_diff(*b));
            worst = worst.max(apart.max().unwrap());
        }
        eprintln!("{path:?}: {worst} levels, {} samples", statistics.samples());
        assert!(worst < 2, "{path:?}: {worst} levels");
        // With running statistics it is another picture: the test can fail.
        engine
            .render_rgba(&z[..latent], Norm::Running, Rounding::Nearest, &mut found)
            .unwrap();
        let apart = found.iter().zip(&exact).map(|(a, b)| a.abs_diff(*b));
        assert!(apart.max().unwrap() > 8);
    }
}
