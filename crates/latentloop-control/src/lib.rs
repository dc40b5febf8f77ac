//! Controllers: keys, MIDI, OSC, clocks and sound become actions.
//!
//! Bytes are parsed apart from the sockets and ports that they come from; what they mean is looked up in bindings made at
//! the start; the actions wait in the [`Inbox`] until the show takes them. Nothing here touches the instrument, and nothing
//! that a controller's callback does locks, allocates or waits.

use crate as control;
use latentloop_core::{files, instrument, quote, report, worker};

pub mod clock;
pub mod keys;
pub mod midi;
pub mod osc;
pub mod oscquery;
pub mod sound;

mod allow_list;
mod inbox;
mod libjack;
mod notices;
mod plane;
mod values;

pub use allow_list::{AllowList, network};
pub use inbox::{Inbox, Stamp};
pub use notices::{Notice, NoticeLog, Notices};
pub use plane::ControlPlane;
pub use values::Values;
