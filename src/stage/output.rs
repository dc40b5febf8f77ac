//! Where shown pictures go: a window, or nowhere.

use std::time::Duration;

use super::{Canvas, Fit, Readout};

/// What became of a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// It is on its way to the audience.
    Yes,
    /// There is no room for it now: the window is hidden, or the screen did not answer.
    No,
}

/// Shows pictures.
pub trait Output: Send {
    /// Shows a picture, with the performer's readout over it where one is given.
    fn show(&mut self, picture: &Canvas, fit: Fit, readout: Option<&Readout>) -> Shown;
    /// What shows, for people.
    fn name(&self) -> &str;
    /// Whether showing itself waits for the display, so that pictures come `interval` apart without more waiting.
    fn paces(&self, _interval: Duration) -> bool {
        false
    }
}

/// Shows nothing: for shows without a screen, and the twin that tests use.
#[derive(Debug, Default)]
pub struct Offscreen;

impl Output for Offscreen {
    fn show(&mut self, _: &Canvas, _: Fit, _: Option<&Readout>) -> Shown {
        Shown::Yes
    }

    fn name(&self) -> &str {
        "offscreen"
    }
}
