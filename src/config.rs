//! The performer's own folder: keys, controller maps and looks, apart from presets.

use std::path::{Path, PathBuf};

/// Names another folder.
pub const VARIABLE: &str = "LATENTLOOP_CONFIG";

/// The folder: what [`VARIABLE`] names, or `latentloop` in the platform's folder for configuration.
pub fn folder() -> PathBuf {
    match std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) {
        Some(folder) => folder.into(),
        None => dirs::config_dir()
            .unwrap_or_else(|| Path::new(".").to_owned())
            .join("latentloop"),
    }
}

/// A file of that folder.
pub fn file(name: &str) -> PathBuf {
    folder().join(name)
}
