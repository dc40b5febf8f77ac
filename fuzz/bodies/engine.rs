//! Models of odd shapes, drawn: the kernels and what reads their numbers.

use std::path::Path;

use super::engine::{Backend, EngineOptions, Norm, Rounding, Winograd, open};
use super::network::weights::GeneratorWeights;

/// The file of a model whose shape these bytes choose, and how it is drawn: rows, and a number for the rest.
fn model(bytes: &[u8]) -> Option<(Vec<u8>, usize, usize)> {
    let mut bytes = bytes.iter().copied();
    let mut number =
        move |from: usize, to: usize| Some(from + bytes.next()? as usize % (to - from + 1));
    let latent = number(1, 9)?;
    let stem = number(1, 6)?;
    let count = number(1, 4)?;
    let mut channels = number(1, 70)?;
    let rows = channels * stem * stem;
    let mut tensors: Vec<(String, Vec<usize>)> = vec![
        ("input.weight".into(), vec![rows, latent]),
        ("input.bias".into(), vec![rows]),
    ];
    let mut layers = Vec::new();
    let mut side = stem;
    for index in 0..count {
        let (kernel, stride, padding, transposed) = if number(0, 2)? == 0 {
            (4, 2, 1, true)
        } else {
            let kernel = number(1, 7)?;
            let (stride, padding) = (number(1, kernel)?, number(0, kernel - 1)?);
            (kernel, stride, padding, number(0, 1)? == 1)
        };
        side = if transposed {
            ((side - 1) * stride + kernel).checked_sub(2 * padding)?
        } else {
            (side + 2 * padding).checked_sub(kernel)? / stride + 1
        };
        if side == 0 || side > 80 {
            return None;
        }
        let outputs = if index + 1 == count {
            [3, 1][number(0, 1)?]
        } else {
            number(1, 70)?
        };
        let norm = number(0, 1)? == 1;
        let slope = [0.0, 0.2, 1.0][number(0, 2)?];
        layers.push(format!(
            r#"{{"norm":{norm},"slope":{slope},"filter":{{"kernel":{kernel},"stride":{stride},"padding":{padding}}},"transposed":{transposed}}}"#
        ));
        if norm {
            for part in ["weight", "bias", "running_mean", "running_var"] {
                tensors.push((format!("net.{}.{part}", 3 * index), vec![channels]));
            }
        }
        let (from, to) = if transposed {
            (channels, outputs)
        } else {
            (outputs, channels)
        };
        let name = 3 * index + 2;
        tensors.push((format!("net.{name}.weight"), vec![from, to, kernel, kernel]));
        tensors.push((format!("net.{name}.bias"), vec![outputs]));
        channels = outputs;
    }
    let drawn = (number(1, 9)?, number(0, 7)?);
    let architecture = format!(
        r#"{{"version":1,"architecture":{{"layers":[{}]}}}}"#,
        layers.join(",")
    );
    Some((file(&tensors, &architecture), drawn.0, drawn.1))
}

/// A safetensors file of numbers drawn anew, variances above zero.
fn file(tensors: &[(String, Vec<usize>)], architecture: &str) -> Vec<u8> {
    let quoted = architecture.replace('"', "\\\"");
    let mut header = format!(r#"{{"__metadata__":{{"latentloop":"{quoted}"}}"#);
    let mut data = Vec::new();
    let mut state = 12345u32;
    for (name, shape) in tensors {
        let start = data.len();
        for _ in 0..shape.iter().product() {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let unit = (state >> 8) as f32 / (1 << 24) as f32;
            let least = if name.ends_with("var") { 0.0 } else { 0.1 };
            data.extend((unit * 0.2 - least).to_le_bytes());
        }
        let end = data.len();
        header += &format!(
            r#","{name}":{{"dtype":"F32","shape":{shape:?},"data_offsets":[{start},{end}]}}"#
        );
    }
    header.push('}');
    let mut whole = (header.len() as u64).to_le_bytes().to_vec();
    whole.extend(header.bytes());
    whole.extend(data);
    whole
}

/// Draws the model that these bytes choose, by way of a file in that folder; whether there was a picture.
pub(crate) fn draw(bytes: &[u8], folder: &Path) -> bool {
    let Some((model, rows, mode)) = model(bytes) else {
        return false;
    };
    let path = folder.join(format!(
        "latentloop-fuzz-{}.safetensors",
        std::process::id()
    ));
    std::fs::write(&path, &model).expect("the folder can be written into");
    let loaded = GeneratorWeights::load(&path);
    let _ = std::fs::remove_file(&path);
    let Ok(weights) = loaded else {
        return false;
    };
    let options = EngineOptions {
        backend: Backend::Cpu,
        threads: Some(2),
        winograd: if mode & 1 == 0 {
            Winograd::Off
        } else {
            Winograd::Cached
        },
    };
    let Ok(mut engine) = open(&weights, &options) else {
        return false;
    };
    let (width, height) = engine.size();
    let points = (width * height) as usize;
    let norm = if mode & 2 == 0 {
        Norm::Running
    } else {
        Norm::Batch
    };
    let waves = |count: usize, pace: f32| -> Vec<f32> {
        (0..count).map(|at| (at as f32 * pace).sin()).collect()
    };
    let z = waves(rows * engine.latent(), 0.7);
    let mut pictures = vec![0.0f32; rows * 3 * points];
    let drawn = engine.forward(&z, norm, &mut pictures).is_ok();
    if drawn {
        let is_in_range = |value: &f32| value.is_finite() && value.abs() <= 1.0;
        assert!(pictures.iter().all(is_in_range), "a picture out of range");
    }
    let z = waves(norm.rows() * engine.latent(), 0.3);
    let mut rgba = vec![0u8; 4 * points];
    let _ = engine.render_rgba(&z, norm, Rounding::Nearest, &mut rgba);
    drawn
}
