//! Where shown pictures go: a window, or nowhere.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::own::Shelf;
use super::{Canvas, Finish, GpuError, Look, LookFrame, LookValues, Projection, Readout};

/// A picture that has reached the audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The request that it was drawn from.
    pub number: u64,
    /// When.
    pub at: Instant,
}

/// Shows pictures.
pub trait Output: Send {
    /// Finishes a picture, with its look and the limiter, and has it shown on every output as its own projection says, with the
    /// performer's readout over the first where one is given. Does not wait for a display. Where the picture is finished in
    /// place, the canvas is what the audience sees. `number` is the request that it was drawn from.
    fn show(
        &mut self,
        picture: &mut Canvas,
        projections: &[Projection],
        readout: Option<&Readout>,
        look: &LookFrame,
        number: u64,
    );
    /// The next picture that has reached the audience and was not told yet.
    fn presented(&mut self) -> Option<Presented>;
    /// Whether nothing can be shown now: the window is hidden, or the screen does not answer.
    fn is_hidden(&self) -> bool {
        false
    }
    /// Whether a picture's brightness is left to the look.
    fn dims(&self, _look: &LookValues) -> bool {
        false
    }
    /// From now on pictures have a performer's own passes too.
    fn wear(&mut self, _shelf: Arc<Shelf>) {}
    /// Brings the next picture that has come back from the card into the canvas, without waiting; leaves it as it is where
    /// pictures are finished in place. Gives when the picture was drawn, where it comes from the card.
    fn read(&mut self, _picture: &mut Canvas, _look: &LookFrame) -> Option<Instant> {
        None
    }
    /// What shows, for people.
    fn name(&self) -> &str;
    /// From one of the display's pictures to its next, where it is known.
    fn refresh(&self) -> Option<Duration> {
        None
    }
    /// Whether the display itself sets the pace, so that pictures come `interval` apart.
    fn paces(&self, _interval: Duration) -> bool {
        false
    }
    /// Waits until the next picture is due: by the display where it sets the pace, else until `until`.
    fn wait(&mut self, until: Instant, _interval: Duration) {
        std::thread::sleep(until.saturating_duration_since(Instant::now()));
    }
}

/// Shows nothing: for shows without a screen, and the twin that tests use. The first picture with a look makes it look for a
/// graphics card, for what is recorded; until one is found, and where none is, pictures are plain.
#[derive(Default)]
pub struct Offscreen {
    finish: Finish,
    search: Search,
    presented: Option<Presented>,
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
    fn search(&mut self, look: &LookValues, size: (u32, u32)) {
        self.search = match std::mem::replace(&mut self.search, Search::Over) {
            Search::NotBegun if look.is_active() => {
                let thread = std::thread::Builder::new().name("look".into());
                let find = move || {
                    let mut look = Look::headless()?;
                    look.warm(size);
                    Ok(look)
                };
                match thread.spawn(find) {
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
        _: &[Projection],
        _: Option<&Readout>,
        look: &LookFrame,
        number: u64,
    ) {
        self.finish.finish(picture, look);
        self.search(&look.values, picture.size);
        let at = Instant::now();
        self.presented = Some(Presented { number, at });
    }

    fn presented(&mut self) -> Option<Presented> {
        self.presented.take()
    }

    fn dims(&self, look: &LookValues) -> bool {
        self.finish.dims(look)
    }

    fn wear(&mut self, shelf: Arc<Shelf>) {
        self.finish.wear(shelf);
    }

    fn read(&mut self, picture: &mut Canvas, look: &LookFrame) -> Option<Instant> {
        self.finish.read(picture, look)
    }

    fn name(&self) -> &str {
        "offscreen"
    }
}
