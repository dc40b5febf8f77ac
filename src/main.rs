//! The `latentloop` program: parse, dispatch, print the error chain.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use latentloop::cli::Cli;
use tracing_appender::non_blocking::NonBlockingBuilder;

/// Lines of the log that wait for whoever reads it; there is memory for all of them from the beginning.
const LOG_LINES: usize = 4096;

fn main() -> ExitCode {
    let cli = Cli::parse();
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
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Colours are for a terminal, unless <https://no-color.org>.
fn has_colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
