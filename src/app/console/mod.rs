//! The console: a window for the performer, which the audience does not see.
//!
//! It is drawn on the main thread at its own pace and on its own surface. It reads [`crate::control::Values`] and what the show
//! tells through a [`Feed`], and writes nothing but actions into the [`crate::control::Inbox`], as every other controller.

mod feed;
mod links;

mod style;
mod surface;

mod about;
mod control;
mod pictures;
mod plan;
mod ring;

mod bank;
mod graph;
mod keys;
mod knobs;
mod log;
mod meters;
mod ports;
mod tabs;
mod transport;

mod card;
mod models;
mod shelf;

mod board;
mod window;

pub(super) use feed::{Feed, Glance, feed};
pub(super) use window::{Console, Seat};
