//! The loss of both networks.

use candle_core::{Result, Tensor};

/// Mean binary cross-entropy of logits `x` against targets `t` in 0..1, in the form that stays finite for any logit:
/// max(x, 0) - x t + ln(1 + e^-|x|).
///
/// # Errors
/// When the shapes differ.
pub fn binary_cross_entropy(logits: &Tensor, targets: &Tensor) -> Result<Tensor> {
    let tail = (logits.abs()?.neg()?.exp()? + 1.0)?.log()?;
    ((logits.relu()? - (logits * targets)?)? + tail)?.mean_all()
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn the_loss_and_its_gradient_are_right_at_extreme_logits() {
        let logits = Var::new(&[0.0f32, 2.0, 80.0, -80.0], &Device::Cpu).unwrap();
        let targets = Tensor::new(&[1.0f32, 0.25, 0.0, 1.0], &Device::Cpu).unwrap();
        let loss = binary_cross_entropy(&logits, &targets).unwrap();
        let expected = [2f64.ln(), 2.0 - 0.5 + (-2f64).exp().ln_1p(), 80.0, 80.0]
            .iter()
            .sum::<f64>()
            / 4.0;
        assert!((f64::from(loss.to_scalar::<f32>().unwrap()) - expected).abs() < 1e-5);
        let gradients = loss.backward().unwrap();
        let gradient: Vec<f32> = gradients.get(&logits).unwrap().to_vec1().unwrap();
        let sigmoid = 1.0 / (1.0 + (-2f32).exp());
        for (got, want) in gradient.iter().zip([-0.5, sigmoid - 0.25, 1.0, -1.0]) {
            assert!((got - want / 4.0).abs() < 1e-6, "{gradient:?}");
        }
    }
}
