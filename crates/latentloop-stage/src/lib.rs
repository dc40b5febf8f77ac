//! Pictures on their way to a screen or a file.

use crate as stage;
use latentloop_core::{files, instrument, light, palette, report};
#[cfg(feature = "video")]
use latentloop_video as video;

pub mod record;

mod canvas;
mod compositor;
mod crossfade;
mod effects;
mod film;
mod fit;
#[cfg(test)]
mod golden;
mod limiter;
mod output_frame;
mod post_chain;
mod projection;
mod readback;
mod scale;

mod gpu;
mod hud;
mod output_surface;
mod overlay;
mod pacer;
mod pipe;
mod pipeline;
mod presenter;
mod reader;
mod reconfigure_gate;
mod surface_window;
mod target;
mod upload;
mod upscale;
mod windowed_output;

pub use canvas::{Canvas, blend_weight};
pub use compositor::{Composed, Compositor};
pub use crossfade::Crossfade;
pub use effects::{EffectGroup, EffectRenderer, EffectValues, user, user_slot};
pub use fit::Fit;
pub use gpu::{Gpu, acquire};
pub use gpu::{GpuError, adapters};
pub use hud::{Learn, Port, Readout};
pub use output_frame::OutputFrame;
pub use pacer::{Due, FramePacer};
pub use pipe::Pipes;
pub use post_chain::GpuFrame;
pub use post_chain::{Finished, PostChain, PostFrame};
pub use presenter::{DisplayTiming, Offscreen, Presentation, Presented, Presenter};
pub use projection::{FilmEmulation, Filter, Projection};
pub use readback::Readback;
pub use scale::Scaler;
pub use surface_window::{SurfaceWindow, WindowSize};
pub use target::Target;
pub use windowed_output::{GpuContext, WindowedOutput};
