//! Pictures on their way to a screen or a file.

mod canvas;
mod crossfade;
mod film;
mod fit;
#[cfg(all(test, feature = "live"))]
mod golden;
mod look;
mod projection;
mod scale;

#[cfg(feature = "live")]
mod gate;
#[cfg(feature = "live")]
mod gpu;
#[cfg(feature = "live")]
mod hud;
#[cfg(feature = "live")]
mod output;
#[cfg(feature = "live")]
mod overlay;
#[cfg(feature = "live")]
mod pane;
#[cfg(feature = "live")]
mod panel;
#[cfg(feature = "live")]
mod pipe;
#[cfg(feature = "live")]
mod reader;
#[cfg(feature = "live")]
mod screen;
#[cfg(feature = "live")]
mod sheet;
#[cfg(feature = "live")]
mod target;
#[cfg(feature = "live")]
mod upscale;

pub use canvas::{Canvas, blend_weight};
pub use crossfade::Crossfade;
pub use fit::Fit;
#[cfg(feature = "live")]
pub(crate) use gpu::{Gpu, acquire};
#[cfg(feature = "live")]
pub use gpu::{GpuError, adapters};
#[cfg(feature = "live")]
pub use hud::{Learn, Port, Readout};
pub use look::{Finish, Limiter, LookFrame, LookIds, LookValues, OwnIds, OwnValues};
#[cfg(feature = "live")]
pub use look::{Look, own};
#[cfg(feature = "live")]
pub use output::{Offscreen, Output, Presented};
#[cfg(feature = "live")]
pub use pane::{Pane, PaneSize};
#[cfg(feature = "live")]
pub use pipe::Pipes;
pub use projection::{Film, Filter, Projection, ProjectionIds};
pub use scale::Scaler;
#[cfg(feature = "live")]
pub use screen::{Card, Screen};
#[cfg(feature = "live")]
pub use target::Target;
