//! libjack, which is opened when it is needed.

/// Opens libjack, where it is not open yet, and has it print nothing. Whatever else is called of it panics where it cannot be
/// opened: not only where it is not installed, but also where the program may open no more files. What fails once fails for
/// ever: the crate keeps it.
///
/// # Errors
/// With what the system says.
pub(crate) fn load() -> Result<(), jack::Error> {
    if let Err(error) = jack::jack_sys::library() {
        return Err(jack::Error::LibraryError(error.to_string()));
    }
    // A JACK server that is not running is no news; the library would print several lines of it.
    jack::set_logger(jack::LoggerType::None);
    Ok(())
}
