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
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
