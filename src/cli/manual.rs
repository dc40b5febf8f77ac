//! `latentloop man` and `latentloop completions`: what packages install beside the program, read off its own options.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Command, CommandFactory};
use clap_complete::Shell;

use super::Cli;

/// Write the manual pages, one a subcommand, into a folder
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The folder, such as /usr/share/man/man1
    folder: PathBuf,
}

/// Print the completions of a shell
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// The program's command line, for those who describe it.
#[must_use]
pub fn command() -> Command {
    let mut command = Cli::command();
    command.build();
    command
}

/// Runs `latentloop man`.
///
/// # Errors
/// When the folder cannot be made or a page cannot be written.
pub fn man(args: &ManArgs) -> anyhow::Result<()> {
    std::fs::create_dir_all(&args.folder)
        .with_context(|| format!("cannot make the folder {}", args.folder.display()))?;
    for (name, page) in pages()? {
        let file = args.folder.join(name);
        std::fs::write(&file, page).with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

/// Runs `latentloop completions`.
///
/// # Errors
/// When they cannot be printed.
pub fn completions(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    // Not the built command: the generators build it themselves.
    let mut command = Cli::command();
    clap_complete::generate(args.shell, &mut command, "latentloop", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(())
}

/// The manual pages: file names and contents, the program's own first.
///
/// # Errors
/// Never, as long as pages are written into memory.
pub fn pages() -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut pages = Vec::new();
    let mut open = vec![command()];
    while let Some(command) = open.pop() {
        let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
        open.extend(shown.filter(|sub| sub.get_name() != "help").cloned());
        let mut page = Vec::new();
        let file = page_name(&command);
        clap_mangen::Man::new(command).render(&mut page)?;
        pages.push((file, page));
    }
    Ok(pages)
}

/// The file of a command's page, such as `latentloop-take-render.1`.
fn page_name(command: &Command) -> String {
    let name = command.get_display_name().unwrap_or(command.get_name());
    format!("{name}.1")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every command that is shown, those below others as well.
    fn commands() -> Vec<Command> {
        let mut found = Vec::new();
        let mut open = vec![command()];
        while let Some(command) = open.pop() {
            let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
            open.extend(shown.filter(|sub| sub.get_name() != "help").cloned());
            found.push(command);
        }
        found
    }

    fn options(command: &Command) -> Vec<String> {
        let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
        shown
            .filter_map(|arg| arg.get_long().map(str::to_owned))
            .collect()
    }

    #[test]
    fn every_option_stands_in_the_manual_page_of_its_command() {
        let pages = pages().unwrap();
        let commands = commands();
        assert_eq!(pages.len(), commands.len());
        for command in commands {
            let file = page_name(&command);
            let (_, page) = pages.iter().find(|(name, _)| *name == file).unwrap();
            // Hyphens are escaped in roff.
            let page = String::from_utf8_lossy(page).replace('\\', "");
            for option in options(&command) {
                assert!(
                    page.contains(&format!("--{option}")),
                    "{file} lacks --{option}"
                );
            }
        }
    }

    #[test]
    fn every_option_stands_in_the_completions_of_every_shell_that_packages_serve() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "latentloop", &mut script);
            let script = String::from_utf8(script).unwrap();
            for command in commands() {
                for option in options(&command) {
                    let written = match shell {
                        Shell::Fish => format!("-l {option}"),
                        _ => format!("--{option}"),
                    };
                    let name = command.get_name();
                    assert!(
                        script.contains(&written),
                        "{shell} lacks --{option} of {name}"
                    );
                }
            }
        }
    }
}
