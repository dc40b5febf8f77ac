//! The console: a window for the performer, which the audience does not see.
//!
//! It is drawn on the main thread at its own pace and on its own surface. It reads [`crate::control::Values`] and what the show
//! sends through a [`ConsoleSender`], and writes nothing but actions into the [`crate::control::Inbox`], as every other controller.

mod channel;
mod handle;
mod worker;

mod style;
mod surface;

mod tooltip;
mod widgets;

mod ring;
mod ring_layout;
mod ring_textures;

mod key_table;
mod meters;
mod model_browser;
mod model_card;
mod notice_panel;
mod parameter_panel;
mod ports;
mod preset_bank;
mod tabs;
mod timing_graph;
mod transport;

mod view;
mod window;

pub(super) use channel::{ConsoleSender, ConsoleSnapshot, console_channel};
pub(super) use window::{Console, ConsoleContext};
