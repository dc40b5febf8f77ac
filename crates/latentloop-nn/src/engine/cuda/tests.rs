//! Against the processor's engine. Without a card these tests print that they were skipped.

use super::*;
use crate::engine::{CpuEngine, Winograd};
use crate::network::kernel::Filter;
use crate::network::spec::Spec;

fn weights() -> GeneratorWeights {
    GeneratorWeights::random(&Spec::studies(64, 1.0 / 16.0, 20).unwrap(), 2)
}

/// A 64-pixel generator whose pictures use the range, and an engine of it, where there is a card.
fn engine() -> Option<(GeneratorWeights, Box<dyn Engine>)> {
    let weights = weights();
    match crate::cuda::open() {
        Ok(_) => {
            let engine = open(&weights).unwrap();
            Some((weights, engine))
        }
        Err(error) => {
            crate::cuda::skip(&error);
            None
        }
    }
}

fn latents(rows: usize) -> Vec<f32> {
    (0..rows * 20)
        .map(|i| ((i * 29 % 89) as f32 - 44.0) / 25.0)
        .collect()
}

/// A norm or none, and another slope each layer: what other DCGANs do.
fn foreign() -> GeneratorWeights {
    let mut weights = weights();
    for (place, layer) in weights.layers.iter_mut().enumerate() {
        layer.slope = [0.0, 1.0, 0.2][place % 3];
        if place % 2 == 1 {
            layer.norm = None;
        }
    }
    weights
}

#[test]
fn the_card_draws_what_the_processor_draws() {
    let Some((weights, card)) = engine() else {
        return;
    };
    hold(&weights, card);
    let weights = foreign();
    let card = open(&weights).unwrap();
    hold(&weights, card);
}

fn hold(weights: &GeneratorWeights, mut card: Box<dyn Engine>) {
    let mut cpu = CpuEngine::new(weights, Some(2), Winograd::Off).unwrap();
    // More rows than there was room for at first, too.
    for (norm, rows) in [
        (Norm::Running, 1),
        (Norm::Batch, ROWS),
        (Norm::Running, 3 * ROWS),
        (Norm::Batch, 2),
    ] {
        let z = latents(rows);
        let [mut ours, mut theirs] = [(); 2].map(|()| vec![0.0; rows * 3 * 64 * 64]);
        card.forward(&z, norm, &mut ours).unwrap();
        cpu.forward(&z, norm, &mut theirs).unwrap();
        let largest = theirs.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        let pairs = ours.iter().zip(&theirs);
        let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(
            worst < 2e-2 * largest,
            "{norm:?}, {rows} rows: differ by {worst} of {largest}"
        );
    }
}

#[test]
fn a_frame_is_painted_as_it_is_drawn_and_the_same_every_time() {
    let Some((_, mut card)) = engine() else {
        return;
    };
    for norm in [Norm::Running, Norm::Batch] {
        let z = latents(norm.rows());
        let mut planes = vec![0.0; norm.rows() * 3 * 64 * 64];
        card.forward(&z, norm, &mut planes).unwrap();
        for rounding in [Rounding::Nearest, Rounding::Truncate] {
            let [mut first, mut again] = [(); 2].map(|()| vec![0; 4 * 64 * 64]);
            card.render_rgba(&z, norm, rounding, &mut first).unwrap();
            // Something else in between, so that what is old would show.
            let other: Vec<f32> = z.iter().map(|v| -v).collect();
            card.render_rgba(&other, norm, rounding, &mut again)
                .unwrap();
            assert_ne!(first, again);
            card.render_rgba(&z, norm, rounding, &mut again).unwrap();
            assert_eq!(first, again);
            for (at, pixel) in first.chunks_exact(4).enumerate() {
                assert_eq!(pixel[3], 255);
                for channel in 0..3 {
                    let byte = rounding.byte(planes[channel * 64 * 64 + at]);
                    assert!(pixel[channel].abs_diff(byte) <= 1, "{norm:?} {rounding:?}");
                }
            }
        }
    }
}

#[test]
fn an_engine_draws_and_ends_on_other_threads_and_beside_another() {
    let Some((weights, mut card)) = engine() else {
        return;
    };
    let mut second = open(&weights).unwrap();
    let paint = |engine: &mut dyn Engine| {
        let mut rgba = vec![0; 4 * 64 * 64];
        engine
            .render_rgba(&latents(1), Norm::Running, Rounding::Nearest, &mut rgba)
            .unwrap();
        rgba
    };
    let here = paint(&mut *second);
    let there = std::thread::spawn(move || {
        let mut rgba = vec![0; 4 * 64 * 64];
        card.render_rgba(&latents(1), Norm::Running, Rounding::Nearest, &mut rgba)
            .unwrap();
        rgba
    });
    assert_eq!(here, there.join().unwrap());
    assert_eq!(here, paint(&mut *second));
}

#[test]
fn lengths_that_do_not_fit_are_errors() {
    let Some((_, mut card)) = engine() else {
        return;
    };
    let mut rgba = vec![0; 4 * 64 * 64];
    let mut paint = |z: &[f32], norm| {
        card.render_rgba(z, norm, Rounding::Truncate, &mut rgba)
            .is_err()
    };
    assert!(paint(&latents(1)[..19], Norm::Running));
    assert!(paint(&latents(1), Norm::Batch));
    assert!(paint(&[], Norm::Running));
}

#[test]
fn other_layers_than_it_draws_are_refused_by_name() {
    let refused = |change: &dyn Fn(&mut GeneratorWeights)| {
        let mut weights = weights();
        change(&mut weights);
        match open(&weights) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    };
    let wide = refused(&|weights| weights.layers[1].filter.kernel = 6);
    assert!(
        wide.contains("layer 2 of the network is a transposed convolution of 6 x 6"),
        "{wide}"
    );
    assert!(wide.ends_with("take --engine cpu"), "{wide}");
    let plain = refused(&|weights| weights.layers[0].transposed = false);
    assert!(
        plain.contains("layer 1 of the network is a convolution of 4 x 4"),
        "{plain}"
    );
    let even = Filter {
        kernel: 3,
        stride: 1,
        padding: 1,
    };
    assert!(refused(&|weights| weights.layers[3].filter = even).contains("stride 1 and padding 1"));
}

#[test]
fn numbers_of_other_lengths_than_the_kernels_read_are_refused() {
    let changes: [fn(&mut GeneratorWeights); 7] = [
        |weights| weights.layers.clear(),
        |weights| weights.stem_bias.truncate(7),
        |weights| weights.latent -= 1,
        |weights| weights.layers[0].weight.truncate(16),
        |weights| weights.layers[2].bias.push(0.0),
        |weights| weights.layers[1].norm.as_mut().unwrap().mean.clear(),
        |weights| {
            weights.layers.pop();
        },
    ];
    assert!(plan::check(&weights()).is_ok());
    assert!(plan::check(&foreign()).is_ok());
    for (place, change) in changes.iter().enumerate() {
        let mut weights = weights();
        change(&mut weights);
        assert!(plan::check(&weights).is_err(), "change {place}");
    }
}
