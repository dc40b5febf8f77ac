//! Key bindings: what each key does, and how the performer changes it.

mod chord;
mod standard;

use std::path::Path;

use serde::Deserialize;

use crate::files::{MAX_TEXT_BYTES, read_text_limited};
use crate::instrument::{Action, Table};
use crate::quote::{shortened, toml_fault};

pub use chord::{Chord, Key, Modifiers};
pub use standard::STANDARD;

/// Version of `keys.toml` that this program reads.
const VERSION: u32 = 1;

/// The key bindings.
#[derive(Clone, Debug)]
pub struct Keys {
    bindings: Vec<Binding>,
}

/// A binding of a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// The key and those held with it.
    pub chord: Chord,
    /// Its action as it is written: a parameter, and a value where it takes one.
    pub does: String,
    action: Action,
}

/// The keyboard layout in use, as far as the keys pressed have told.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layout {
    is_latin: Option<bool>,
}

impl Layout {
    /// Takes in a key that prints `key` and stands where `place` does on a keyboard of the United States.
    pub fn observe(&mut self, key: Key, place: Option<Key>) {
        let Key::Char(sign) = key else { return };
        if is_letter(place) && sign.is_alphabetic() {
            self.is_latin = Some(sign < FIRST_GREEK);
        }
    }
}

/// Unicode's blocks before it are Latin.
const FIRST_GREEK: char = '\u{370}';

fn is_letter(place: Option<Key>) -> bool {
    matches!(place, Some(Key::Char(sign)) if sign.is_ascii_alphabetic())
}

/// An error in `keys.toml`.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum KeysError {
    /// The text is no file of keys.
    #[error("{0}")]
    Text(String),
    /// The format is another.
    #[error("its version is {0}, this program reads version {VERSION}")]
    Version(u32),
    /// A key that is none, or something that nothing does.
    #[error("its key \"{key}\": {reason}")]
    Key {
        /// As written.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// `keys.toml` as its text has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    keys: toml::Table,
}

impl Keys {
    /// The keys that the program comes with.
    ///
    /// # Errors
    /// When the table lacks a parameter that a key is for.
    pub fn standard(table: &Table) -> Result<Self, KeysError> {
        let mut keys = Self {
            bindings: Vec::new(),
        };
        for (key, does) in standard::expanded() {
            keys.bind(&key, &does, table)?;
        }
        Ok(keys)
    }

    /// The keys that the program comes with, changed by a performer's file: a key for which it says `""` does nothing.
    ///
    /// # Errors
    /// When the text is not understood; the key is named.
    pub fn parse(text: &str, table: &Table) -> Result<Self, KeysError> {
        let file: File =
            toml::from_str(text).map_err(|error| KeysError::Text(toml_fault(text, &error)))?;
        if file.version != VERSION {
            return Err(KeysError::Version(file.version));
        }
        let mut keys = Self::standard(table)?;
        for (key, does) in &file.keys {
            let Some(does) = does.as_str() else {
                return Err(KeysError::Key {
                    key: key.clone(),
                    reason: format!(
                        "it takes what the key does in quotes, not {}",
                        shortened(&does.to_string(), 60)
                    ),
                });
            };
            keys.bind(key, does, table)?;
        }
        Ok(keys)
    }

    /// The performer's keys where there is a file of them, or the standard ones. Where the file is wrong, the error comes with the
    /// standard keys.
    ///
    /// # Errors
    /// When the table lacks a parameter that a standard key is for.
    pub fn load(file: &Path, table: &Table) -> Result<(Self, Option<String>), KeysError> {
        let standard = Self::standard(table)?;
        if !file.exists() {
            return Ok((standard, None));
        }
        let read = read_text_limited(file, MAX_TEXT_BYTES, "keys.toml")
            .map_err(|error| error.to_string())
            .and_then(|text| Self::parse(&text, table).map_err(|error| error.to_string()));
        Ok(match read {
            Ok(keys) => (keys, None),
            Err(error) => {
                let text = format!(
                    "cannot use the keys of {}: {error}. The standard keys hold",
                    file.display()
                );
                (standard, Some(text))
            }
        })
    }

    /// The bindings of every key that does something.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// The action of a key. `repeated`: it is still held, and the system sends it again; only what moves by steps does so.
    pub fn action(&self, key: Key, modifiers: Modifiers, repeated: bool) -> Option<&Action> {
        let action = self.bound(key, modifiers)?;
        (!repeated || matches!(action, Action::Nudge { .. })).then_some(action)
    }

    /// [`Keys::action`] of a key that prints `key` and stands where `place` does on a keyboard of the United States. The place
    /// counts where what is printed is not ASCII and no key means it: on a Russian, Greek or Hebrew layout. For signs on the
    /// place of a letter it counts on such a layout, too, for the Q of Bulgarian, Greek and Hebrew layouts prints one; as long
    /// as no letter has told the layout, with Control alone.
    pub fn action_at(
        &self,
        key: Key,
        place: Option<Key>,
        modifiers: Modifiers,
        repeated: bool,
        layout: Layout,
    ) -> Option<&Action> {
        let is_foreign = match key {
            Key::Char(sign) if sign.is_ascii_punctuation() && is_letter(place) => {
                layout.is_latin.map_or(modifiers.control, |latin| !latin)
            }
            Key::Char(sign) => !sign.is_ascii(),
            _ => false,
        };
        let key = match place {
            Some(place) if is_foreign && self.bound(key, modifiers).is_none() => place,
            _ => key,
        };
        self.action(key, modifiers, repeated)
    }

    fn bound(&self, key: Key, modifiers: Modifiers) -> Option<&Action> {
        let chord = Chord::pressed(key, modifiers);
        let binding = self.bindings.iter().find(|binding| binding.chord == chord);
        binding.map(|binding| &binding.action)
    }

    fn bind(&mut self, key: &str, does: &str, table: &Table) -> Result<(), KeysError> {
        let wrong = |reason: String| KeysError::Key {
            key: key.to_owned(),
            reason,
        };
        let chord: Chord = key.parse().map_err(wrong)?;
        let before = self
            .bindings
            .iter()
            .position(|binding| binding.chord == chord);
        if does.trim().is_empty() {
            before.map(|at| self.bindings.remove(at));
            return Ok(());
        }
        let words: Vec<&str> = does.split_whitespace().collect();
        let action = table.action(words[0], &words[1..]).map_err(wrong)?;
        let binding = Binding {
            chord,
            does: does.trim().to_owned(),
            action,
        };
        match before {
            Some(at) => self.bindings[at] = binding,
            None => self.bindings.push(binding),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn does<'a>(keys: &'a Keys, chord: &str) -> Option<&'a str> {
        let chord: Chord = chord.parse().unwrap();
        let found = keys.bindings().iter().find(|b| b.chord == chord)?;
        assert_eq!(
            keys.action(chord.key, chord.modifiers, false),
            Some(&found.action)
        );
        Some(&found.does)
    }

    #[test]
    fn keys_do_what_the_table_says() {
        let keys = Keys::standard(&Table::standard()).unwrap();
        for (chord, expected) in [
            ("3", "keyframe.3.jump"),
            ("Shift+8", "keyframe.8.reroll"),
            ("R", "loop.reroll"),
            ("Up", "loop.speed +0.05"),
            ("Escape", "window.leave_fullscreen"),
            ("Ctrl+Q", "show.quit"),
            ("F2", "preset.bank.2"),
            ("F8", "preset.bank.8"),
            ("N", "preset.next"),
            ("?", "hud.help"),
        ] {
            assert_eq!(does(&keys, chord), Some(expected), "{chord}");
        }
        assert_eq!(does(&keys, "Ctrl+Escape"), None);
    }

    #[test]
    fn a_held_key_fires_once_and_a_held_arrow_goes_on() {
        let keys = Keys::standard(&Table::standard()).unwrap();
        assert_eq!(
            keys.action(Key::Char('v'), Modifiers::default(), true),
            None
        );
        assert!(keys.action(Key::Left, Modifiers::default(), true).is_some());
    }

    #[test]
    fn where_a_layout_prints_no_ascii_the_place_of_the_key_counts_unless_the_file_names_the_sign() {
        let table = Table::standard();
        let text = "version = 1\n[keys]\n\"\u{444}\" = \"loop.undo\"\n";
        let keys = Keys::parse(text, &table).unwrap();
        let [plain, shift, control] =
            ["R", "Shift+R", "Ctrl+R"].map(|chord| chord.parse::<Chord>().unwrap().modifiers);
        for (sign, place, modifiers, expected) in [
            // Russian, Greek, Hebrew, Arabic, Thai.
            ('\u{43a}', 'r', plain, Some("loop.reroll")),
            ('\u{439}', 'q', control, Some("show.quit")),
            ('\u{44b}', 's', control, Some("preset.save")),
            ('\u{3b2}', 'b', plain, Some("master.blackout")),
            ('\u{5e0}', 'b', plain, Some("master.blackout")),
            ('\u{644}', 'g', plain, None),
            ('\u{e1e}', 'r', plain, Some("loop.reroll")),
            ('\u{e3f}', '+', shift, Some("beat.double")),
            // The Q of Greek and of Hebrew prints a sign.
            (';', 'q', control, Some("show.quit")),
            ('/', 'q', control, Some("show.quit")),
            (';', 'q', plain, None),
            // The file means it.
            ('\u{444}', 'a', plain, Some("loop.undo")),
            ('\u{444}', 'a', control, None),
            // What is printed in ASCII counts as it is printed: a French A stands in the place of Q.
            ('a', 'q', plain, Some("loop.mode +1")),
            ('z', 'w', plain, None),
        ] {
            let place = Some(Key::Char(place));
            let found = keys.action_at(Key::Char(sign), place, modifiers, false, Layout::default());
            let expected = expected.map(|does| {
                let words: Vec<&str> = does.split(' ').collect();
                table.action(words[0], &words[1..]).unwrap()
            });
            assert_eq!(found, expected.as_ref(), "{sign} in the place of {place:?}");
        }
        let held = keys.action_at(
            Key::Char('\u{43a}'),
            Some(Key::Char('r')),
            plain,
            true,
            Layout::default(),
        );
        assert_eq!(held, None, "it is held");
    }

    #[test]
    fn once_a_letter_has_told_the_layout_a_sign_in_the_place_of_a_letter_goes_by_it() {
        let keys = Keys::standard(&Table::standard()).unwrap();
        let [plain, control] =
            ["R", "Ctrl+R"].map(|chord| chord.parse::<Chord>().unwrap().modifiers);
        let quantise = does_action("beat.quantise", &["+1"]);
        let quit = does_action("show.quit", &[]);
        let place = |sign| Some(Key::Char(sign));
        // Letters pressed before: Greek, Hebrew, Bulgarian; Dvorak and Turkish, which are Latin.
        for (letter, at, sign, is_latin) in [
            ('\u{3b2}', 'b', ';', false),
            ('\u{5e0}', 'b', '/', false),
            ('\u{44f}', 'w', ',', false),
            ('x', 'b', '\'', true),
            ('\u{131}', 'i', '\'', true),
        ] {
            let mut layout = Layout::default();
            layout.observe(Key::Char(letter), place(at));
            layout.observe(Key::Char(sign), place('q'));
            let pressed =
                |modifiers| keys.action_at(Key::Char(sign), place('q'), modifiers, false, layout);
            assert_eq!(pressed(plain), (!is_latin).then_some(&quantise), "{letter}");
            assert_eq!(pressed(control), (!is_latin).then_some(&quit), "{letter}");
        }
    }

    fn does_action(parameter: &str, words: &[&str]) -> Action {
        Table::standard().action(parameter, words).unwrap()
    }

    #[test]
    fn a_performers_file_changes_some_keys_and_leaves_the_rest() {
        let table = Table::standard();
        let text = "version = 1\n[keys]\nR = \"\"\n\"ctrl+shift+z\" = \"loop.path slerp\"\nUp = \"beat.tempo +1\"\nN = \"loop.undo\"\n";
        let keys = Keys::parse(text, &table).unwrap();
        assert_eq!(does(&keys, "R"), None);
        assert_eq!(does(&keys, "Ctrl+Shift+Z"), Some("loop.path slerp"));
        assert_eq!(does(&keys, "Up"), Some("beat.tempo +1"));
        assert_eq!(does(&keys, "N"), Some("loop.undo"));
        assert_eq!(does(&keys, "Down"), Some("loop.speed +-0.05"));
    }

    #[test]
    fn what_is_no_key_or_does_nothing_is_named() {
        let table = Table::standard();
        let file = |line: &str| format!("version = 1\n[keys]\n{line}\n");
        for (text, words) in [
            ("version = 2\n[keys]\n".to_owned(), "version is 2"),
            (file("Hyper = \"loop.undo\""), "no key is named Hyper"),
            (file("\"Shift+\" = \"loop.undo\""), "names no key"),
            (file("R = \"loop.rerol\""), "nearest: loop.reroll"),
            (file("R = \"loop.speed 99\""), "-8 to 8"),
            (file("R = 3"), "in quotes"),
            ("version = 1\nkey = 1\n".to_owned(), "unknown field `key`"),
        ] {
            let said = Keys::parse(&text, &table).unwrap_err().to_string();
            assert!(said.contains(words), "{words:?} is not in: {said}");
        }
    }
}
