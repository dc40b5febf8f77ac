//! Against the processor's operations, forward and backward. Without a card these tests print that they were skipped.

use candle_core::{Device, Result, Tensor, Var};

use crate::network::ops::{
    batch_norm_leaky, conv, conv_transposed, from_maps, leaky_relu, normalised_leaky, to_maps,
};
use crate::network::parameters::Initialiser;
use crate::network::recipe::Initial;

/// What TF32 leaves of a sum's digits, in parts of the largest number.
const TOLERANCE: f32 = 1e-3;

fn card() -> Option<Device> {
    match crate::cuda::training_device() {
        Ok(device) => {
            candle_core::cuda::set_gemm_reduced_precision_f32(true);
            Some(device)
        }
        Err(error) => {
            crate::cuda::skip(&error);
            None
        }
    }
}

fn random(seed: u64, shape: &[usize], device: &Device) -> Var {
    let numbers = Initialiser::new(Initial::Pytorch, seed, 0, &Device::Cpu).weights(shape, 1);
    Var::from_tensor(&numbers.unwrap().to_device(device).unwrap()).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn hold(what: &str, card: &Tensor, cpu: &Tensor) {
    assert_eq!(card.dims(), cpu.dims(), "{what}");
    let (card, cpu) = (numbers(card), numbers(cpu));
    let largest = cpu.iter().fold(1e-3f32, |most, v| most.max(v.abs()));
    let pairs = card.iter().zip(&cpu);
    let worst = pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(
        worst < TOLERANCE * largest,
        "{what}: differ by {worst} of {largest}"
    );
}

/// Holds results and gradients on the card against those on the processor, for inputs of these shapes, over a loss that
/// weighs every number differently.
fn compare(card: &Device, shapes: &[&[usize]], f: impl Fn(&[Var]) -> Result<Tensor>) {
    let [(y, gradients), (expected, expected_gradients)] = [card, &Device::Cpu].map(|device| {
        let seeds = 1..;
        let inputs = seeds
            .zip(shapes)
            .map(|(seed, shape)| random(seed, shape, device));
        let inputs: Vec<Var> = inputs.collect();
        let y = f(&inputs).unwrap();
        let weighed = (&y * random(99, y.dims(), device).as_detached_tensor()).unwrap();
        let store = weighed.sum_all().unwrap().backward().unwrap();
        let gradients = inputs.iter().map(|input| store.get(input).unwrap().clone());
        (y, gradients.collect::<Vec<_>>())
    });
    hold("result", &y, &expected);
    for (place, (card, cpu)) in gradients.iter().zip(&expected_gradients).enumerate() {
        hold(&format!("gradient {place} of {shapes:?}"), card, cpu);
    }
}

/// What planes are once an operation on maps has gone over them: how maps lie is each device's affair.
fn over(x: &Tensor, op: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    from_maps(&op(&to_maps(x)?)?)
}

#[test]
fn convolutions_are_those_of_the_processor() {
    let Some(card) = card() else {
        return;
    };
    for (inputs, outputs, batch, height, width) in [
        (3, 8, 2, 4, 4),
        (16, 5, 3, 1, 5),
        (7, 24, 1, 6, 1),
        (64, 32, 8, 16, 16),
        (1, 1, 1, 1, 1),
    ] {
        let fine = [batch, inputs, 2 * height, 2 * width];
        let down: [&[usize]; 3] = [&fine, &[outputs, inputs, 4, 4], &[outputs]];
        compare(&card, &down, |v| over(&v[0], |x| conv(x, &v[1], &v[2])));
        let coarse = [batch, inputs, height, width];
        let up: [&[usize]; 3] = [&coarse, &[inputs, outputs, 4, 4], &[outputs]];
        compare(&card, &up, |v| {
            over(&v[0], |x| conv_transposed(x, &v[1], &v[2]))
        });
    }
}

#[test]
fn maps_that_are_not_laid_out_as_they_are_read_count_as_those_that_are() {
    let Some(card) = card() else {
        return;
    };
    let turned = random(1, &[3, 2, 4, 6], &card).transpose(2, 3).unwrap();
    let [weight, bias] = [&[3, 3, 4, 4][..], &[3]].map(|shape| random(2, shape, &card));
    let laid_out = turned.contiguous().unwrap();
    let all = |x: &Tensor| {
        [
            conv(x, &weight, &bias),
            conv_transposed(x, &weight, &bias),
            normalised_leaky(x, &bias, &bias),
            leaky_relu(x),
        ]
        .map(|y| numbers(&y.unwrap()))
    };
    assert_eq!(all(&turned), all(&laid_out));
}

#[test]
fn batch_norm_and_leaky_relu_are_those_of_the_processor() {
    let Some(card) = card() else {
        return;
    };
    for (channels, batch, side) in [(3, 2, 1), (5, 8, 4), (2, 3, 37), (64, 8, 32)] {
        let x = [batch, channels, side, side];
        let shapes: [&[usize]; 3] = [&x, &[channels], &[channels]];
        compare(&card, &shapes, |v| {
            over(&v[0], |x| normalised_leaky(x, &v[1], &v[2]))
        });
        compare(&card, &shapes[..1], |v| over(&v[0], leaky_relu));
        let [card, cpu] = [&card, &Device::Cpu].map(|device| {
            let [x, weight, bias] = [0, 1, 2].map(|place| random(7, shapes[place], device));
            batch_norm_leaky(&to_maps(&x).unwrap(), &weight, &bias)
                .unwrap()
                .1
        });
        assert_eq!(card.count, cpu.count);
        for (card, cpu) in card.mean.iter().zip(&cpu.mean) {
            assert!((card - cpu).abs() < 1e-5, "mean {card} instead of {cpu}");
        }
        for (card, cpu) in card.variance.iter().zip(&cpu.variance) {
            assert!(
                (card - cpu).abs() < 1e-5,
                "variance {card} instead of {cpu}"
            );
        }
    }
}

#[test]
fn frozen_weights_get_no_gradient_on_the_card() {
    let Some(card) = card() else {
        return;
    };
    let x = random(1, &[2, 3, 8, 8], &card);
    let [weight, bias] = [&[4, 3, 4, 4][..], &[4]].map(|shape| random(2, shape, &card));
    let frozen = (weight.as_detached_tensor(), bias.as_detached_tensor());
    let y = over(&x, |x| conv(x, &frozen.0, &frozen.1)).unwrap();
    let gradients = y.sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&x).is_some());
    assert!(gradients.get(&weight).is_none());
}

#[test]
fn shapes_that_do_not_fit_are_errors_on_the_card() {
    let Some(card) = card() else {
        return;
    };
    let [weight, bias] = [&[4, 3, 4, 4][..], &[4]].map(|shape| random(2, shape, &card));
    let maps = |shape: &[usize]| to_maps(&random(1, shape, &card)).unwrap();
    for shape in [[2, 5, 8, 8], [2, 3, 7, 8]] {
        assert!(conv(&maps(&shape), &weight, &bias).is_err());
    }
    assert!(conv_transposed(&maps(&[2, 3, 4, 4]), &weight, &bias).is_err());
}
