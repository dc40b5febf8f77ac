//! `latentloop keys`: what the keys do.

use crate::config;
use crate::control::keys::{Keys, STANDARD};
use crate::instrument::Table;

/// Print what the keys do, and where to change it
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The keys that the program comes with, as a Markdown page
    #[arg(long)]
    markdown: bool,
}

/// Runs `latentloop keys`.
///
/// # Errors
/// Never, but for a broken pipe.
pub fn run(args: Args) -> anyhow::Result<()> {
    if args.markdown {
        return super::say(markdown().trim_end());
    }
    let file = config::file("keys.toml");
    let (keys, fault) = Keys::load(&file, &Table::standard())?;
    for binding in keys.bindings() {
        super::say(format_args!(
            "{:16} {}",
            binding.chord.to_string(),
            binding.does
        ))?;
    }
    match fault {
        Some(fault) => super::say(fault),
        None => super::say(format_args!("\nYour own keys go into {}", file.display())),
    }
}

/// The page `docs/keys.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Keys\n\n`?` shows this table while you play. Made by `latentloop keys --markdown`; `{n}` stands for 1 to 8.\n\n\
         | Key | What it does | In the file |\n|---|---|---|\n",
    );
    for (key, does, help) in STANDARD {
        let key = key.replace('|', "\\|");
        text.push_str(&format!("| {key} | {help} | `{does}` |\n"));
    }
    text.push_str(
        "\n## Your own keys\n\n\
         Write a file `keys.toml` into your configuration folder; `latentloop keys` prints where that is, and every key as it\n\
         is then. What the file leaves out stays as above.\n\n\
         ```toml\n\
         version = 1\n\
         [keys]\n\
         \"Ctrl+Shift+Z\" = \"loop.path slerp\"   # a parameter and a value\n\
         Up = \"beat.tempo +1\"                  # a step; +-1 is a step down\n\
         G = \"master.fade 50%\"                 # a place between the parameter's ends\n\
         S = \"preset.load slow\"                # a text\n\
         R = \"\"                                # nothing\n\
         ```\n\n\
         Keys are letters, digits, signs, F1 to F12, Space, Up, Down, Left, Right, PageUp, PageDown, Home, End, Backspace, Delete,\n\
         Enter, Tab and Escape, with Ctrl (Command on a Mac), Alt and Shift before them. Digits go by their place on the keyboard,\n\
         letters and signs by what is printed on them; where that is not ASCII and no line of the file names it, as on Russian, Greek and\n\
         Hebrew layouts, by their place on a keyboard of the United States, signs in the place of a letter (their Q) among them.\n\
         [Every parameter](parameters.md) can stand on the right.\n",
    );
    text
}
