//! Reports to the performer: what any room has to say while a show or a film goes on.

use std::sync::Arc;

/// How grave a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something went well.
    Info,
    /// Something failed, and the rest goes on.
    Warning,
}

/// A shared sink for lines that the performer is to read. It must not block, lock or print where it is used on the frame path.
#[derive(Clone)]
pub struct Reporter(Arc<dyn Fn(Severity, String) + Send + Sync>);

impl Reporter {
    /// A sink of one's own.
    pub fn new(sink: impl Fn(Severity, String) + Send + Sync + 'static) -> Self {
        Self(Arc::new(sink))
    }

    /// A sink that logs at once: for commands that nobody plays live.
    pub fn logging() -> Self {
        Self::new(|severity, text| match severity {
            Severity::Info => tracing::info!("{text}"),
            Severity::Warning => tracing::warn!("{text}"),
        })
    }

    /// A sink for what nobody reads.
    pub fn silent() -> Self {
        Self::new(|_, _| {})
    }

    /// Reports what went well.
    pub fn info(&self, text: impl Into<String>) {
        (self.0)(Severity::Info, text.into());
    }

    /// Reports what failed.
    pub fn warn(&self, text: impl Into<String>) {
        (self.0)(Severity::Warning, text.into());
    }
}

impl std::fmt::Debug for Reporter {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.debug_struct("Reporter").finish_non_exhaustive()
    }
}
