//! PyTorch's pictures, to 1e-4: `parity/make.py` made them.

use std::path::{Path, PathBuf};
use std::process::Command;

use safetensors::SafeTensors;

use crate::support::{PROGRAM, root};

/// Where the scripts and their numbers lie.
pub(super) fn folder() -> PathBuf {
    root().join("tests/parity")
}

/// The numbers of a tensor of a safetensors file in single precision.
pub(super) fn numbers(file: &Path, name: &str) -> Vec<f32> {
    let bytes = std::fs::read(file).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let data = file.tensor(name).unwrap().data().to_vec();
    data.chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

#[test]
fn drawn_pictures_are_pytorchs_in_both_norms() {
    let folder = folder();
    let place = tempfile::tempdir().unwrap();
    for norm in ["running", "batch"] {
        let out = place.path().join(norm).with_extension("safetensors");
        let drawn = Command::new(PROGRAM)
            .arg("draw")
            .arg(folder.join("generator.safetensors"))
            .arg(folder.join("expected.safetensors"))
            .args(["--norm", norm, "-o"])
            .arg(&out)
            .output()
            .unwrap();
        assert!(
            drawn.status.success(),
            "{}",
            String::from_utf8_lossy(&drawn.stderr)
        );
        let expected = numbers(&folder.join("expected.safetensors"), norm);
        let found = numbers(&out, "pictures");
        assert_eq!(found.len(), 2 * expected.len());
        let worst = found
            .iter()
            .zip(&expected)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(worst < 1e-4, "{norm}: {worst}");
        // The pictures are no plain grey, in which anything would agree.
        let spread = expected.iter().fold(0.0f32, |most, v| most.max(v.abs()));
        assert!(spread > 0.3, "{norm}: {spread}");
    }
}
