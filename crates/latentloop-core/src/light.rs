//! The transfer function of sRGB (IEC 61966-2-1): from levels to linear light and back.

use std::sync::OnceLock;

/// Linear light, 0..=1, of a value of 0..=1.
pub fn to_linear(value: f64) -> f64 {
    if value <= 0.04045 {
        value / 12.92
    } else {
        libm::pow((value + 0.055) / 1.055, 2.4)
    }
}

/// Linear light, 0..=1, of every level.
pub fn linear() -> &'static [f32; 256] {
    static TABLE: OnceLock<[f32; 256]> = OnceLock::new();
    TABLE.get_or_init(|| std::array::from_fn(|level| to_linear(level as f64 / 255.0) as f32))
}

/// The level, 0..=255, of linear light of 0..=1.
pub fn level(light: f32) -> f32 {
    let value = if light <= 0.003_130_8 {
        12.92 * light
    } else {
        1.055 * libm::powf(light, 1.0 / 2.4) - 0.055
    };
    value * 255.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_comes_back_from_its_light() {
        for (byte, &light) in linear().iter().enumerate() {
            assert!((level(light) - byte as f32).abs() < 0.01, "{byte}");
        }
    }
}
