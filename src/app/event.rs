//! Events that other threads send to winit's thread.

/// A command to the windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum WindowCommand {
    /// Makes the output that has the focus fullscreen, or a window.
    ToggleFullscreen,
    /// Makes the output that has the focus a window.
    LeaveFullscreen,
    /// Moves the output to the next monitor.
    NextMonitor,
    /// Moves the output to the monitor with that in its name.
    ToMonitor(Box<str>),
    /// Opens the graphics card again: the one that was shown with is lost.
    CardLost,
    /// Opens or closes the console.
    ToggleConsole,
    /// Closes the windows.
    Close,
}
