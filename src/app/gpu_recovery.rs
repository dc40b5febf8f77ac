//! GPU recovery: the graphics card of the outputs, opened again where it is lost.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use winit::event_loop::{ActiveEventLoop, EventLoopProxy};

use super::event::WindowCommand;
use crate::control::Notices;
use crate::stage::{GpuContext, GpuError, SurfaceWindow, WindowedOutput};

/// A lost card is asked for again after that time.
const RETRY: Duration = Duration::from_millis(250);

/// The recovery of lost graphics cards.
pub(super) struct GpuRecovery {
    lost: Receiver<GpuContext>,
    opened: Sender<GpuContext>,
    notices: Arc<Notices>,
    /// When one is to be opened again.
    due: Option<Instant>,
    /// Whether the performer knows that it fails.
    is_told: bool,
}

impl GpuRecovery {
    /// Opens a card for some windows, and what shows pictures of that size on it.
    ///
    /// # Errors
    /// When no card can show on the first window.
    pub(super) fn open(
        event_loop: &ActiveEventLoop,
        panes: &[SurfaceWindow],
        size: (u32, u32),
        proxy: EventLoopProxy<WindowCommand>,
        notices: &Arc<Notices>,
    ) -> Result<(Self, WindowedOutput), GpuError> {
        let mut card = GpuContext::open(panes, event_loop.owned_display_handle())?;
        card.report_errors(notices.reporter());
        card.warm(size);
        let (give, lost) = bounded(1);
        let (opened, take) = bounded(1);
        let recovery = Self {
            lost,
            opened,
            notices: Arc::clone(notices),
            due: None,
            is_told: false,
        };
        notices.info(format!("showing with {}", card.name()));
        recovery.report_refused(&card);
        let give_back = Box::new(move |card| {
            // Where the window's thread has ended, so does the show.
            let _ = give.try_send(card);
            let _ = proxy.send_event(WindowCommand::CardLost);
        });
        Ok((recovery, WindowedOutput::new(card, give_back, take)))
    }

    /// The card is lost.
    pub(super) fn lose(&mut self) {
        self.notices
            .warn("the graphics card is lost: it is opened again");
        self.due = Some(Instant::now());
    }

    /// Opens a card in place of one that was lost, where it is time; gives the time of the next try. On macOS a surface may be
    /// made on this thread alone.
    pub(super) fn reopen(
        &mut self,
        event_loop: &ActiveEventLoop,
        panes: impl FnOnce() -> Vec<SurfaceWindow>,
        now: Instant,
    ) -> Option<Instant> {
        if self.due? > now {
            return self.due;
        }
        // A window has room for one surface.
        while let Ok(lost) = self.lost.try_recv() {
            drop(lost);
        }
        match GpuContext::open(&panes(), event_loop.owned_display_handle()) {
            Ok(card) => {
                (self.due, self.is_told) = (None, false);
                card.report_errors(self.notices.reporter());
                self.report_refused(&card);
                let text = format!("the graphics card is there again: {}", card.name());
                // The show asks for one at a time.
                let _ = self.opened.try_send(card);
                self.notices.info(text);
            }
            Err(error) => {
                self.due = Some(now + RETRY);
                if !std::mem::replace(&mut self.is_told, true) {
                    self.notices.warn(format!("{error}. It is tried again"));
                }
            }
        }
        self.due
    }

    fn report_refused(&self, card: &GpuContext) {
        for error in &card.refused {
            self.notices
                .warn(format!("one of the outputs stays dark: {error}"));
        }
    }
}
