//! The CPU kernels against candle's own operations, forward and backward.

use candle_core::{DType, Device, Result, Tensor, Var};
use proptest::prelude::*;

use super::*;
use crate::network::parameters::Initialiser;
use crate::network::recipe::Initial;
use crate::network::spec::{BATCH_NORM_EPS, LEAKY_SLOPE};

fn random(seed: u64, shape: &[usize]) -> Var {
    Var::from_tensor(
        &Initialiser::new(Initial::Pytorch, seed, 0, &Device::Cpu)
            .weights(shape, 1)
            .unwrap(),
    )
    .unwrap()
}

fn largest_difference(a: &Tensor, b: &Tensor) -> f32 {
    assert_eq!(a.dims(), b.dims());
    (a - b)
        .unwrap()
        .abs()
        .unwrap()
        .flatten_all()
        .unwrap()
        .max(0)
        .unwrap()
        .to_scalar()
        .unwrap()
}

/// Holds results and gradients of `ours` against `theirs`, over a loss that weighs every number differently.
fn compare(
    inputs: &[&Var],
    ours: impl Fn() -> Result<Tensor>,
    theirs: impl Fn() -> Result<Tensor>,
    tolerance: f32,
) {
    let (y, reference) = (ours().unwrap(), theirs().unwrap());
    assert!(
        largest_difference(&y, &reference) < tolerance,
        "results differ by {}",
        largest_difference(&y, &reference)
    );
    // At the activation's kink a rounding error decides the gradient: what lies there does not count.
    let off_the_kink = reference.detach().abs().unwrap().gt(1e-5).unwrap();
    let weights = off_the_kink
        .to_dtype(DType::F32)
        .and_then(|mask| random(99, y.dims()).as_tensor() * mask)
        .unwrap();
    let gradients = |y: &Tensor| {
        (y * &weights)
            .unwrap()
            .sum_all()
            .unwrap()
            .backward()
            .unwrap()
    };
    let (ours, theirs) = (gradients(&y), gradients(&reference));
    for (number, input) in inputs.iter().enumerate() {
        let (a, b) = (ours.get(input).unwrap(), theirs.get(input).unwrap());
        let difference = largest_difference(a, b);
        assert!(
            difference < tolerance,
            "gradient {number} differs by {difference}"
        );
    }
}

/// What planes are once an operation on maps has gone over them.
fn over(x: &Tensor, op: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Tensor> {
    from_maps(&op(&to_maps(x)?)?)
}

fn with_bias(y: &Tensor, bias: &Tensor) -> Result<Tensor> {
    y.broadcast_add(&bias.reshape((1, (), 1, 1))?)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn conv_is_candles_conv(
        (inputs, outputs, batch, half_height, half_width) in (1usize..20, 1usize..40, 1usize..4, 1usize..14, 1usize..30)
    ) {
        let x = random(1, &[batch, inputs, 2 * half_height, 2 * half_width]);
        let (weight, bias) = (random(2, &[outputs, inputs, 4, 4]), random(3, &[outputs]));
        let plain = || with_bias(&x.conv2d(&weight, 1, 2, 1, 1)?, &bias);
        compare(&[&x, &weight, &bias], || over(&x, |x| conv(x, &weight, &bias)), plain, 2e-3);
    }

    #[test]
    fn conv_transposed_is_candles_conv_transposed(
        (inputs, outputs, batch, height, width) in (1usize..40, 1usize..40, 1usize..4, 1usize..14, 1usize..20)
    ) {
        let x = random(1, &[batch, inputs, height, width]);
        let (weight, bias) = (random(2, &[inputs, outputs, 4, 4]), random(3, &[outputs]));
        let plain = || with_bias(&x.conv_transpose2d(&weight, 1, 0, 2, 1)?, &bias);
        compare(&[&x, &weight, &bias], || over(&x, |x| conv_transposed(x, &weight, &bias)), plain, 2e-3);
    }

    #[test]
    fn batch_norm_leaky_is_its_formula(
        (channels, batch, height, width) in (1usize..40, 2usize..5, 1usize..40, 1usize..30)
    ) {
        let x = random(1, &[batch, channels, height, width]);
        let (weight, bias) = (random(2, &[channels]), random(3, &[channels]));
        let plain = || {
            let rows = x.transpose(0, 1)?.flatten_from(1)?;
            let centred = rows.broadcast_sub(&rows.mean_keepdim(1)?)?;
            let deviation = (centred.sqr()?.mean_keepdim(1)? + f64::from(BATCH_NORM_EPS))?.sqrt()?;
            let y = centred
                .broadcast_div(&deviation)?
                .broadcast_mul(&weight.reshape(((), 1))?)?
                .broadcast_add(&bias.reshape(((), 1))?)?;
            let y = (y.relu()? - (y.neg()?.relu()? * f64::from(LEAKY_SLOPE))?)?;
            y.reshape((channels, batch, height, width))?.transpose(0, 1)
        };
        let ours = || over(&x, |x| Ok(batch_norm_leaky(x, &weight, &bias)?.0));
        compare(&[&x, &weight, &bias], ours, plain, 2e-3);
    }
}

/// Maps large enough for tiles of 2 x 2 and of 4 x 4 results.
#[test]
fn large_maps_are_candles_too() {
    for (batch, side) in [(2, 16), (1, 64)] {
        let (weight, bias) = (random(2, &[24, 20, 4, 4]), random(3, &[20]));
        let x = random(1, &[batch, 24, side, side]);
        let plain = || with_bias(&x.conv_transpose2d(&weight, 1, 0, 2, 1)?, &bias);
        let ours = || over(&x, |x| conv_transposed(x, &weight, &bias));
        compare(&[&x, &weight, &bias], ours, plain, 2e-3);
        let x = random(1, &[batch, 20, 2 * side, 2 * side]);
        let bias = random(3, &[24]);
        let plain = || with_bias(&x.conv2d(&weight, 1, 2, 1, 1)?, &bias);
        let ours = || over(&x, |x| conv(x, &weight, &bias));
        compare(&[&x, &weight, &bias], ours, plain, 2e-3);
    }
}

#[test]
fn frozen_weights_get_no_gradient() {
    let x = random(1, &[2, 3, 8, 8]);
    let (weight, bias) = (random(2, &[4, 3, 4, 4]), random(3, &[4]));
    let frozen = (weight.as_detached_tensor(), bias.as_detached_tensor());
    let y = over(&x, |x| conv(x, &frozen.0, &frozen.1)).unwrap();
    let gradients = y.sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&x).is_some());
    assert!(gradients.get(&weight).is_none());
}

#[test]
fn shapes_that_do_not_fit_are_errors() {
    let (weight, bias) = (random(2, &[4, 3, 4, 4]), random(3, &[4]));
    let maps = |shape: &[usize]| to_maps(&random(1, shape)).unwrap();
    assert!(conv(&maps(&[2, 5, 8, 8]), &weight, &bias).is_err());
    assert!(conv(&maps(&[2, 3, 7, 8]), &weight, &bias).is_err());
    assert!(conv_transposed(&maps(&[2, 3, 4, 4]), &weight, &bias).is_err());
    assert!(conv(&random(1, &[3, 2, 2, 8]), &weight, &bias).is_err());
}
