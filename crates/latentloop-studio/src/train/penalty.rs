//! A penalty on the discriminator's gradient.

use candle_core::{Result, Tensor, Var};

use crate::network::discriminator::Discriminator;
use crate::network::parameters::Tracking;

/// How far ahead and behind the penalty looks: root mean square of the numbers of a batch.
const PENALTY_DISTANCE: f64 = 1e-3;

/// R1 at real pictures, maps: `weight` / 2 times the mean over the pictures of the squared norm of the logits' gradient by them
/// (Mescheder et al. 2018, <https://arxiv.org/abs/1801.04406>), as something whose gradient is the penalty's; its value is twice
/// as large.
///
/// The gradient of a squared gradient is a Hessian times a vector: half the difference of two gradients, a little ahead and
/// behind along that vector (Pearlmutter 1994, <https://doi.org/10.1162/neco.1994.6.1.147>).
pub(super) fn gradient_penalty(
    discriminator: &Discriminator,
    real: &Tensor,
    weight: f64,
) -> Result<Tensor> {
    let pictures = Var::from_tensor(real)?;
    let logits = discriminator.forward(&pictures, Tracking::Frozen)?;
    let gradients = logits.sum_all()?.backward()?;
    let Some(direction) = gradients.get(&pictures) else {
        candle_core::bail!("the discriminator does not look at its pictures");
    };
    let square = f64::from(direction.sqr()?.mean_all()?.to_scalar::<f32>()?);
    if square == 0.0 {
        return logits.sum_all()? * 0.0;
    }
    let distance = PENALTY_DISTANCE / square.sqrt();
    let offset = (direction.detach() * distance)?;
    let judged = |pictures: &Tensor| {
        discriminator
            .forward(pictures, Tracking::Trained)?
            .sum_all()
    };
    let difference = (judged(&(real + &offset)?)? - judged(&(real - &offset)?)?)?;
    difference * (weight / (2.0 * distance * logits.dim(0)? as f64))
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;
    use crate::network::ops::to_maps;
    use crate::network::parameters::normals;
    use crate::network::recipe::Recipe;
    use crate::network::spec::Spec;

    /// Twice R1 over the weight: the mean over the pictures of the squared norm of the logits' gradient.
    fn squared_gradient(discriminator: &Discriminator, real: &Tensor) -> f64 {
        let pictures = Var::from_tensor(real).unwrap();
        let logits = discriminator.forward(&pictures, Tracking::Frozen).unwrap();
        let gradients = logits.sum_all().unwrap().backward().unwrap();
        let squares = gradients.get(&pictures).unwrap().sqr().unwrap();
        let sum: f32 = squares.sum_all().unwrap().to_scalar().unwrap();
        f64::from(sum) / real.dim(0).unwrap() as f64
    }

    #[test]
    fn the_penalty_and_its_gradient_are_r1s() {
        let spec = Spec::studies(64, 1.0 / 32.0, 4).unwrap();
        let discriminator = Discriminator::new(&spec, &Recipe::study(), 3, &Device::Cpu).unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(8);
        let numbers = normals(&mut rng, 4 * 3 * 64 * 64);
        let real = Tensor::from_vec(numbers, (4, 3, 64, 64), &Device::Cpu).unwrap();
        let real = to_maps(&real).unwrap();
        let penalty = gradient_penalty(&discriminator, &real, 1.0).unwrap();
        let value = f64::from(penalty.to_scalar::<f32>().unwrap());
        let square = squared_gradient(&discriminator, &real);
        assert!((value - square).abs() < 0.02 * square, "{value} {square}");

        // Along the penalty's own gradient, the penalty itself grows as fast as that gradient is long.
        let gradients = penalty.backward().unwrap();
        // (By the last layer's weights: elsewhere the kinks of the leaky ReLU take part, which only a limit leaves out.)
        let weight = discriminator
            .parameters
            .var(discriminator.parameters.len() - 2);
        let gradient = gradients.get(weight).unwrap();
        let length = f64::from(
            gradient
                .sqr()
                .unwrap()
                .sum_all()
                .unwrap()
                .to_scalar::<f32>()
                .unwrap(),
        )
        .sqrt();
        let start = weight.as_detached_tensor().copy().unwrap();
        let distance = 0.02;
        let at = |side: f64| {
            let moved = (&start + (gradient * (side * distance / length)).unwrap()).unwrap();
            weight.set(&moved).unwrap();
            squared_gradient(&discriminator, &real) / 2.0
        };
        let slope = (at(1.0) - at(-1.0)) / (2.0 * distance);
        assert!((slope - length).abs() < 0.05 * length, "{slope} {length}");
    }
}
