//! What the show asks of the thread that owns its windows.

/// A command to the windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WindowCommand {
    ToggleFullscreen,
    LeaveFullscreen,
    NextMonitor,
    /// To the monitor with that in its name.
    ToMonitor(Box<str>),
    /// The graphics card that was shown with is lost.
    CardLost,
    ToggleConsole,
    Close,
}
