//! Reports to the performer: what any room has to say while a show or a film goes on.

use std::error::Error;
use std::sync::Arc;

/// An error and its causes in one line, the outermost first, colons between. A cause that was said already, as where a message
/// quotes its own, is not said again.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !said.contains(&text) {
            said.push_str(": ");
            said.push_str(&text);
        }
        next = cause.source();
    }
    said
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use thiserror::Error;

    #[derive(Debug, Error)]
    #[error("cannot read a.png: {source}; remove it")]
    struct Quoting {
        source: io::Error,
    }

    #[derive(Debug, Error)]
    #[error("{text}")]
    struct Plain<E: Error + 'static> {
        text: &'static str,
        source: E,
    }

    #[test]
    fn each_reason_is_said_once() {
        let quoting = || Quoting {
            source: io::Error::other("no such file"),
        };
        let once = "cannot read a.png: no such file; remove it";
        assert_eq!(chain(&quoting()), once);
        let text = "cannot train";
        let source = quoting();
        assert_eq!(
            chain(&Plain { text, source }),
            format!("cannot train: {once}")
        );
        let source = io::Error::other("no room");
        assert_eq!(chain(&Plain { text, source }), "cannot train: no room");
    }
}
