//! From levels to light and back: the curve of sRGB (IEC 61966-2-1).

use std::sync::OnceLock;

/// Steps of the way back.
const STEPS: usize = 1024;

/// Linear light, 0..=1, of every level.
pub(super) fn linear() -> &'static [f32; 256] {
    static TABLE: OnceLock<[f32; 256]> = OnceLock::new();
    TABLE.get_or_init(|| {
        std::array::from_fn(|byte| {
            let value = byte as f64 / 255.0;
            let light = if value <= 0.04045 {
                value / 12.92
            } else {
                libm::pow((value + 0.055) / 1.055, 2.4)
            };
            light as f32
        })
    })
}

/// The level, 0..=255, of linear light of 0..=1.
pub(super) fn level(light: f32) -> f32 {
    let value = if light <= 0.003_130_8 {
        12.92 * light
    } else {
        1.055 * libm::powf(light, 1.0 / 2.4) - 0.055
    };
    value * 255.0
}

/// [`level`] by a table, to a tenth of a level, where there are many.
pub(super) struct Encoding {
    /// Levels at even steps of the square root of light, which is nearly as bright as it looks.
    levels: [f32; STEPS + 2],
}

impl Encoding {
    pub(super) fn get() -> &'static Self {
        static ENCODING: OnceLock<Encoding> = OnceLock::new();
        ENCODING.get_or_init(|| Self {
            levels: std::array::from_fn(|step| {
                let root = step as f32 / STEPS as f32;
                level(root * root)
            }),
        })
    }

    pub(super) fn level(&self, light: f32) -> f32 {
        let place = light.clamp(0.0, 1.0).sqrt() * STEPS as f32;
        let (below, share) = (place as usize, place.fract());
        self.levels[below] + (self.levels[below + 1] - self.levels[below]) * share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_level_comes_back_from_its_light() {
        for (byte, &light) in linear().iter().enumerate() {
            assert!((level(light) - byte as f32).abs() < 0.01, "{byte}");
            assert!(
                (Encoding::get().level(light) - byte as f32).abs() < 0.1,
                "{byte}"
            );
        }
    }
}
