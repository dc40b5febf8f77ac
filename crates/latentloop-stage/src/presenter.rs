//! Presenters: where finished pictures are shown. Windows, or nowhere.

use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{EffectRenderer, Finished, GpuError, PostChain, PostFrame, Projection, Readout};
use crate::instrument::OUTPUTS;
use crate::report::Reporter;

/// A picture that has reached the audience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Presented {
    /// The request that it was drawn from.
    pub number: u64,
    /// When it was shown.
    pub at: Instant,
}

/// How a picture is to be shown.
#[derive(Clone, Copy, Debug)]
pub struct Presentation<'a> {
    /// One for each output.
    pub projections: &'a [Projection],
    /// The performer's readout, over the first output, where one is given.
    pub readout: Option<&'a Readout>,
    /// The request that the picture was drawn from.
    pub number: u64,
    /// The time.
    pub at: Instant,
}

/// What is known of the timing of the first output's display.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DisplayTiming {
    /// From one of its pictures to the next, where it is known.
    pub refresh: Option<Duration>,
    /// How long it made the last picture wait; zero where it makes none wait.
    pub waited: Duration,
}

/// Shows finished pictures.
pub trait Presenter: Send {
    /// Gives the chain a graphics card to draw effects with where one has been opened, and takes it away where it is lost; before
    /// each picture. False: the card must rest now, and nothing may be drawn on it.
    fn supply(&mut self, chain: &mut PostChain, next: &PostFrame, size: (u32, u32)) -> bool;
    /// Has a picture shown on every output. Does not wait for a display.
    fn present(&mut self, finished: &Finished, presentation: &Presentation);
    /// The next picture that has reached the audience and was not told yet.
    fn presented(&mut self) -> Option<Presented>;
    /// Whether nothing can be shown now: the window is hidden, or the screen does not answer.
    fn is_hidden(&self) -> bool {
        false
    }
    /// What shows, for people.
    fn name(&self) -> &str;
    /// The sizes of the outputs in pixels; 0 x 0 where there is none, or it is hidden.
    fn output_sizes(&self) -> [(u32, u32); OUTPUTS] {
        [(0, 0); OUTPUTS]
    }
    /// How the display's pictures follow each other.
    fn timing(&self) -> DisplayTiming {
        DisplayTiming::default()
    }
    /// Waits until the display has shown a picture, but no longer than until then; false where it cannot be waited for.
    fn wait_presented(&mut self, _until: Instant) -> bool {
        false
    }
}

/// Shows nothing: for shows without a screen, and the twin that tests use. The first picture with an effect makes it look for a
/// graphics card, for what is recorded; until one is found, and where none is, pictures are plain.
pub struct Offscreen {
    reporter: Reporter,
    search: Search,
    presented: Option<Presented>,
}

impl Offscreen {
    /// A stage without a screen, which reports where no card is found.
    pub fn new(reporter: Reporter) -> Self {
        Self {
            reporter,
            search: Search::default(),
            presented: None,
        }
    }
}

/// The search for a card, beside the show.
#[derive(Default)]
enum Search {
    #[default]
    NotBegun,
    Running(JoinHandle<Result<EffectRenderer, GpuError>>),
    Over,
}

impl Search {
    fn begin(size: (u32, u32), reporter: &Reporter) -> Self {
        let find = move || {
            let mut look = EffectRenderer::headless()?;
            look.warm(size);
            Ok(look)
        };
        let thread = std::thread::Builder::new().name("look".into()).spawn(find);
        match thread {
            Ok(thread) => Self::Running(thread),
            Err(error) => {
                reporter.warn(format!("cannot start the thread that draws looks: {error}"));
                Self::Over
            }
        }
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

impl Presenter for Offscreen {
    fn supply(&mut self, chain: &mut PostChain, next: &PostFrame, size: (u32, u32)) -> bool {
        self.search = match std::mem::replace(&mut self.search, Search::Over) {
            Search::NotBegun if next.values.is_active() => Search::begin(size, &self.reporter),
            Search::Running(thread) if thread.is_finished() => {
                match thread.join() {
                    Ok(Ok(look)) => chain.take_gpu(look),
                    Ok(Err(error)) => self
                        .reporter
                        .warn(format!("pictures are shown without their look: {error}")),
                    Err(_) => self
                        .reporter
                        .warn("pictures are shown without their look: the driver failed"),
                }
                Search::Over
            }
            search => search,
        };
        true
    }

    fn present(&mut self, _: &Finished, presentation: &Presentation) {
        let Presentation { number, at, .. } = *presentation;
        self.presented = Some(Presented { number, at });
    }

    fn presented(&mut self) -> Option<Presented> {
        self.presented.take()
    }

    fn name(&self) -> &str {
        "offscreen"
    }
}
