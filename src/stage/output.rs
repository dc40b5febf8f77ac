//! Where shown pictures go: a window, or nowhere.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::own::Shelf;
use super::{Canvas, Finish, Fit, GpuError, Look, LookFrame, LookValues, Readout};

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
    /// Finishes a picture, with its look and the limiter, and shows it, with the performer's readout over it where one is
    /// given. Where it is finished in place, the canvas is what the audience sees.
    fn show(
        &mut self,
        picture: &mut Canvas,
        fit: Fit,
        readout: Option<&Readout>,
        look: &LookFrame,
    ) -> Shown;
    /// Whether a picture's brightness is left to the look.
    fn dims(&self, _look: &LookValues) -> bool {
        false
    }
    /// From now on pictures have a performer's own passes too.
    fn wear(&mut self, _shelf: Arc<Shelf>) {}
    /// Brings the newest picture that has come back from the card into the canvas, without waiting; leaves it as it is where
    /// pictures are finished in place.
    fn read(&mut self, _picture: &mut Canvas, _look: &LookFrame) {}
    /// What shows, for people.
    fn name(&self) -> &str;
    /// Whether showing itself waits for the display, so that pictures come `interval` apart without more waiting.
    fn paces(&self, _interval: Duration) -> bool {
        false
    }
}

/// Shows nothing: for shows without a screen, and the twin that tests use. The first picture with a look makes it look for a
/// graphics card, for what is recorded; until one is found, and where none is, pictures are plain.
#[derive(Default)]
pub struct Offscreen {
    finish: Finish,
    search: Search,
}

/// The search for a card, beside the show.
#[derive(Default)]
enum Search {
    #[default]
    NotBegun,
    Running(JoinHandle<Result<Look, GpuError>>),
    Over,
}

impl Offscreen {
    fn search(&mut self, look: &LookValues) {
        self.search = match std::mem::replace(&mut self.search, Search::Over) {
            Search::NotBegun if look.is_active() => {
                let thread = std::thread::Builder::new().name("look".into());
                match thread.spawn(Look::headless) {
                    Ok(thread) => Search::Running(thread),
                    Err(error) => {
                        tracing::warn!("cannot start the thread that draws looks: {error}");
                        Search::Over
                    }
                }
            }
            Search::Running(thread) if thread.is_finished() => {
                match thread.join() {
                    Ok(Ok(card)) => self.finish.take_card(card),
                    Ok(Err(error)) => {
                        tracing::warn!("pictures are shown without their look: {error}");
                    }
                    Err(_) => {
                        tracing::warn!("pictures are shown without their look: the driver failed");
                    }
                }
                Search::Over
            }
            search => search,
        };
    }
}

impl Drop for Offscreen {
    fn drop(&mut self) {
        if let Search::Running(thread) = std::mem::replace(&mut self.search, Search::Over) {
            // The show is over: what it finds is no longer needed.
            let _ = thread.join();
        }
    }
}

impl Output for Offscreen {
    fn show(
        &mut self,
        picture: &mut Canvas,
        _: Fit,
        _: Option<&Readout>,
        look: &LookFrame,
    ) -> Shown {
        self.finish.finish(picture, look);
        self.search(&look.values);
        Shown::Yes
    }

    fn dims(&self, look: &LookValues) -> bool {
        self.finish.dims(look)
    }

    fn wear(&mut self, shelf: Arc<Shelf>) {
        self.finish.wear(shelf);
    }

    fn read(&mut self, picture: &mut Canvas, look: &LookFrame) {
        self.finish.read(picture, look);
    }

    fn name(&self) -> &str {
        "offscreen"
    }
}
