//! Pictures on their way to a screen or a file.

mod canvas;
mod compositor;
mod crossfade;
mod film;
mod fit;
#[cfg(all(test, feature = "live"))]
mod golden;
mod limiter;
mod look;
mod post_chain;
mod projection;
mod readback;
mod scale;

#[cfg(feature = "live")]
mod gate;
#[cfg(feature = "live")]
mod gpu;
#[cfg(feature = "live")]
mod hud;
#[cfg(feature = "live")]
mod overlay;
#[cfg(feature = "live")]
mod pacer;
#[cfg(feature = "live")]
mod pane;
#[cfg(feature = "live")]
mod panel;
#[cfg(feature = "live")]
mod pipe;
#[cfg(feature = "live")]
mod presenter;
#[cfg(feature = "live")]
mod reader;
#[cfg(feature = "live")]
mod screen;
#[cfg(feature = "live")]
mod target;
#[cfg(feature = "live")]
mod upload;
#[cfg(feature = "live")]
mod upscale;

pub use canvas::{Canvas, blend_weight};
pub use compositor::{Composed, Compositor};
pub use crossfade::Crossfade;
pub use fit::Fit;
#[cfg(feature = "live")]
pub(crate) use gpu::{Gpu, acquire};
#[cfg(feature = "live")]
pub use gpu::{GpuError, adapters};
#[cfg(feature = "live")]
pub use hud::{Learn, Port, Readout};
#[cfg(feature = "live")]
pub use look::{Look, own};
pub use look::{LookIds, LookValues, OwnIds, OwnValues};
#[cfg(feature = "live")]
pub use pacer::{Due, FramePacer};
#[cfg(feature = "live")]
pub use pane::{Pane, PaneSize};
#[cfg(feature = "live")]
pub use pipe::Pipes;
#[cfg(feature = "live")]
pub use post_chain::GpuFrame;
pub use post_chain::{Finished, PostChain, PostFrame};
#[cfg(feature = "live")]
pub use presenter::{DisplayTiming, Offscreen, Presentation, Presented, Presenter};
pub use projection::{Film, Filter, Projection, ProjectionIds};
pub use readback::Readback;
pub use scale::Scaler;
#[cfg(feature = "live")]
pub use screen::{Card, Screen};
#[cfg(feature = "live")]
pub use target::Target;
