//! Pictures on their way to a screen or a file.

use crate as stage;
use latentloop_core::{files, instrument, light, palette, report, take};
#[cfg(feature = "video")]
use latentloop_video as video;

pub mod record;

mod canvas;
mod crossfade;
mod film;
mod fit;
#[cfg(test)]
mod golden;
mod look;
mod projection;
mod scale;

mod gate;
mod gpu;
mod hud;
mod output;
mod overlay;
mod pane;
mod panel;
mod pipe;
mod reader;
mod screen;
mod sheet;
mod target;
mod upscale;

pub use canvas::{Canvas, blend_weight};
pub use crossfade::Crossfade;
pub use fit::Fit;
pub use gpu::{Gpu, acquire};
pub use gpu::{GpuError, adapters};
pub use hud::{Learn, Port, Readout};
pub use look::{Finish, Limiter, LookFrame, LookIds, LookValues, OwnIds, OwnValues};
pub use look::{Look, own};
pub use output::{Offscreen, Output, Presented};
pub use pane::{Pane, PaneSize};
pub use pipe::Pipes;
pub use projection::{Film, Filter, Projection, ProjectionIds};
pub use scale::Scaler;
pub use screen::{Card, Screen};
pub use target::Target;
