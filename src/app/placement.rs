//! Window placement: where the windows stood when they were closed, kept in the performer's folder.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use winit::dpi::{PhysicalPosition, PhysicalSize};
use winit::monitor::MonitorHandle;
use winit::window::Window;

use crate::config;
use crate::files::{MAX_TEXT_BYTES, read_text_limited, write_atomic};
use crate::quote::toml_fault;

/// The file, and the version of it that this program reads and writes.
const FILE: &str = "windows.toml";
const VERSION: u32 = 1;
/// Sides of a window in points, and zooms, that are believed.
const SIDES: (u32, u32) = (160, 16_384);
const ZOOMS: (f32, f32) = (1.0, 2.0);
/// Pixels of a window that have to be on a monitor, for it to be taken hold of.
const GRIP: i64 = 80;

/// The placement of every window.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Placement {
    pub(super) output: OutputPlacement,
    pub(super) console: ConsolePlacement,
}

/// The placement of the output.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OutputPlacement {
    /// The monitor's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) monitor: Option<String>,
    /// Whether it filled that monitor.
    pub(super) fullscreen: bool,
    /// Where it stands as a window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) window: Option<WindowGeometry>,
}

/// Where a window stands that fills no monitor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WindowGeometry {
    /// The monitor's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) monitor: Option<String>,
    /// Its corner in pixels, from that of the monitor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) position: Option<[i32; 2]>,
    /// Its width and height in points.
    pub(super) size: [u32; 2],
}

impl WindowGeometry {
    /// That of a window.
    pub(super) fn of(window: &Window) -> Self {
        let monitor = window.current_monitor();
        let corner = monitor.as_ref().map(|monitor| monitor.position());
        // Not every window system tells.
        let at = window.outer_position().ok();
        let size = window.inner_size().to_logical::<f64>(window.scale_factor());
        Self {
            monitor: monitor.and_then(|monitor| monitor.name()),
            position: at
                .zip(corner)
                .map(|(at, corner)| [at.x - corner.x, at.y - corner.y]),
            size: [size.width.round() as u32, size.height.round() as u32],
        }
    }
}

/// The corner of a window that stood there on a monitor; nothing where no hand could take hold of it.
pub(super) fn corner(at: [i32; 2], monitor: &MonitorHandle) -> Option<PhysicalPosition<i32>> {
    is_within(at, monitor.size()).then(|| {
        let corner = monitor.position();
        PhysicalPosition::new(
            corner.x.saturating_add(at[0]),
            corner.y.saturating_add(at[1]),
        )
    })
}

/// Whether a window with its corner there can be taken hold of on a monitor of that size.
fn is_within([x, y]: [i32; 2], monitor: PhysicalSize<u32>) -> bool {
    let (width, height) = (i64::from(monitor.width), i64::from(monitor.height));
    let (x, y) = (i64::from(x), i64::from(y));
    (-width / 2..width - GRIP).contains(&x) && (-GRIP / 4..height - GRIP).contains(&y)
}

/// The placement of the console.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConsolePlacement {
    /// The monitor's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) monitor: Option<String>,
    /// Its corner in pixels, from that of the monitor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) position: Option<[i32; 2]>,
    /// Its width and height in points.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<[u32; 2]>,
    /// How much larger than usual everything on it is, 1 to 2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) zoom: Option<f32>,
}

/// The file as its text has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default)]
    output: OutputPlacement,
    #[serde(default)]
    console: ConsolePlacement,
}

impl Placement {
    /// Reads the performer's file. Where it is not right, the error comes with nothing remembered.
    pub(super) fn load() -> (Self, Option<String>) {
        Self::load_from(&config::file(FILE))
    }

    fn load_from(path: &Path) -> (Self, Option<String>) {
        if !path.exists() {
            return (Self::default(), None);
        }
        match read_text_limited(path, MAX_TEXT_BYTES, "windows.toml")
            .map_err(|error| error.to_string())
            .and_then(|text| Self::parse(&text))
        {
            Ok(placement) => (placement, None),
            Err(reason) => {
                let (path, reason) = (path.display(), reason.trim());
                let text = format!(
                    "cannot use {path}: {reason}. The windows open as if it were not there; it is written anew when they close"
                );
                (Self::default(), Some(text))
            }
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| toml_fault(text, &error))?;
        if file.version != VERSION {
            return Err(format!(
                "its version is {}, this program reads version {VERSION}",
                file.version
            ));
        }
        let (mut output, mut console) = (file.output, file.console);
        if let Some(window) = &mut output.window {
            window.size = window.size.map(|side| side.clamp(SIDES.0, SIDES.1));
        }
        if let Some(size) = &mut console.size {
            *size = size.map(|side| side.clamp(SIDES.0, SIDES.1));
        }
        console.zoom = console
            .zoom
            .filter(|zoom| zoom.is_finite())
            .map(|zoom| zoom.clamp(ZOOMS.0, ZOOMS.1));
        Ok(Self { output, console })
    }

    /// Writes the performer's file.
    ///
    /// # Errors
    /// When it cannot be written: which file, and what the system says.
    pub(super) fn save(&self) -> Result<(), String> {
        self.save_to(config::file(FILE))
    }

    fn save_to(&self, path: PathBuf) -> Result<(), String> {
        let file = File {
            version: VERSION,
            output: self.output.clone(),
            console: self.console.clone(),
        };
        let failed = |reason: String| {
            format!(
                "where the windows stood was not kept: cannot write {}: {reason}",
                path.display()
            )
        };
        let text = toml::to_string(&file).map_err(|error| failed(error.to_string()))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| failed(error.to_string()))?;
        }
        write_atomic(&path, text.as_bytes()).map_err(|error| failed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("deep/windows.toml");
        assert_eq!(
            Placement::load_from(&path),
            (Placement::default(), None),
            "no file is no fault"
        );
        for placement in [
            Placement::default(),
            Placement {
                output: OutputPlacement {
                    monitor: Some("HDMI-1 \"hall\"".to_owned()),
                    fullscreen: true,
                    window: Some(WindowGeometry {
                        monitor: Some("eDP-1".to_owned()),
                        position: Some([30, -2]),
                        size: [640, 360],
                    }),
                },
                console: ConsolePlacement {
                    monitor: Some("eDP-1".to_owned()),
                    position: Some([-40, 12]),
                    size: Some([1280, 800]),
                    zoom: Some(1.25),
                },
            },
        ] {
            placement.save_to(path.clone()).unwrap();
            assert_eq!(Placement::load_from(&path), (placement, None));
        }
    }

    #[test]
    fn a_broken_file_is_named_and_what_is_out_of_range_is_brought_into_it() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("windows.toml");
        for (text, words) in [
            ("version = 2\n", "version is 2"),
            ("version = 1\n[output]\nmonitors = 3\n", "monitors"),
            ("version = 1\n[console]\nposition = [1]\n", "position"),
            ("\u{0}\u{1}", "windows.toml"),
        ] {
            std::fs::write(&path, text).unwrap();
            let (placement, fault) = Placement::load_from(&path);
            assert_eq!(placement, Placement::default());
            let fault = fault.unwrap();
            assert!(
                fault.contains(words) && fault.contains("windows.toml"),
                "{fault}"
            );
        }
        std::fs::write(
            &path,
            "version = 1\n[output.window]\nsize = [0, 4000000000]\n[console]\nsize = [1, 4000000000]\nzoom = nan\n",
        )
        .unwrap();
        let (placement, fault) = Placement::load_from(&path);
        assert_eq!((placement.console.size, fault), (Some([160, 16_384]), None));
        assert_eq!(placement.console.zoom, None);
        assert_eq!(placement.output.window.unwrap().size, [160, 16_384]);
    }

    #[test]
    fn what_cannot_be_written_is_named() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("a file");
        std::fs::write(&file, "").unwrap();
        let error = Placement::default()
            .save_to(file.join("windows.toml"))
            .unwrap_err();
        assert!(error.contains("a file/windows.toml"), "{error}");
    }

    #[test]
    fn a_place_that_no_hand_can_reach_is_not_used() {
        let monitor = PhysicalSize::new(1920, 1080);
        for (at, expected) in [
            ([0, 0], true),
            ([-4, -10], true),
            ([1800, 900], true),
            ([1900, 100], false),
            ([100, 1070], false),
            ([-1000, 100], false),
            ([i32::MAX, i32::MIN], false),
        ] {
            assert_eq!(is_within(at, monitor), expected, "{at:?}");
        }
    }
}
