//! The `latentloop` program: parse, dispatch, print the error chain.

use std::process::ExitCode;

use clap::Parser;
use latentloop::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("LATENTLOOP_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn,latentloop=info")),
        )
        .with_writer(std::io::stderr)
        .with_target(false)
        .without_time()
        .init();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read what is printed has read enough.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
