//! Pictures on their way to a screen or a file.

use crate as stage;
use latentloop_core::{instrument, light, palette, report};
#[cfg(feature = "video")]
use latentloop_video as video;

pub mod record;

mod canvas;
mod compositor;
mod crossfade;
mod film;
mod fit;
#[cfg(test)]
mod golden;
mod limiter;
mod look;
mod post_chain;
mod projection;
mod readback;
mod scale;

mod gate;
mod gpu;
mod hud;
mod overlay;
mod pacer;
mod pane;
mod panel;
mod pipe;
mod presenter;
mod reader;
mod screen;
mod target;
mod upload;
mod upscale;

pub use canvas::{Canvas, blend_weight};
pub use compositor::{Composed, Compositor};
pub use crossfade::Crossfade;
pub use fit::Fit;
pub use gpu::{Gpu, acquire};
pub use gpu::{GpuError, adapters};
pub use hud::{Learn, Port, Readout};
pub use look::{Look, own};
pub use look::{LookIds, LookValues, OwnIds, OwnValues};
pub use pacer::{Due, FramePacer};
pub use pane::{Pane, PaneSize};
pub use pipe::Pipes;
pub use post_chain::GpuFrame;
pub use post_chain::{Finished, PostChain, PostFrame};
pub use presenter::{DisplayTiming, Offscreen, Presentation, Presented, Presenter};
pub use projection::{Film, Filter, Projection};
pub use readback::Readback;
pub use scale::Scaler;
pub use screen::{Card, Screen};
pub use target::Target;
