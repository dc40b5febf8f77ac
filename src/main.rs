//! The `latentloop` program: parse, dispatch, print the error chain.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use latentloop::cli::Cli;
use latentloop::quote::printable;
use tracing_appender::non_blocking::NonBlockingBuilder;

/// Lines of the log that wait for whoever reads it; there is memory for all of them from the beginning.
const LOG_LINES: usize = 4096;

fn main() -> ExitCode {
    let cli = Cli::parse();
    survive_full_files();
    // Whoever logs waits for nobody who reads: lines are written by a thread of their own, which the end waits for a second.
    let (stderr, written) = NonBlockingBuilder::default()
        .buffered_lines_limit(LOG_LINES)
        .finish(std::io::stderr());
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("LATENTLOOP_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,latentloop=info")),
        )
        .with_writer(stderr)
        .with_ansi(has_colours())
        .with_target(false)
        .without_time()
        .init();
    let result = cli.run();
    drop(written);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read what is printed has read enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!(
                "error: {}",
                printable(&latentloop::report::chain(error.as_ref()))
            );
            ExitCode::FAILURE
        }
    }
}

/// Has a file that may grow no further, by the user's limits or the file system's, end in an error where it is written, and
/// not in the end of the program, which is what the system does by default.
#[cfg(unix)]
fn survive_full_files() {
    let seen = std::sync::Arc::default();
    // The flag is not asked: whoever writes is told. It can only fail for signals that are forbidden.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, seen);
}

#[cfg(not(unix))]
fn survive_full_files() {}

/// Colours are for a terminal, unless <https://no-color.org>.
fn has_colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
