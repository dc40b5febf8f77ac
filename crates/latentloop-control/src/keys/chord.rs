//! Key chords: a key with modifiers.

use std::fmt;
use std::str::FromStr;

/// A key, whatever window system it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// 0 to 9 of the row above the letters or of the number pad, by their place: layouts with Shift on them differ.
    Digit(u8),
    /// A letter in lower case, or a sign as it is typed.
    Char(char),
    /// F1 to F12.
    Function(u8),
    /// The space bar.
    Space,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Enter.
    Enter,
    /// Tab.
    Tab,
    /// Escape.
    Escape,
}

/// Keys with a name of their own.
const NAMED: [(&str, Key); 14] = [
    ("Space", Key::Space),
    ("Up", Key::Up),
    ("Down", Key::Down),
    ("Left", Key::Left),
    ("Right", Key::Right),
    ("PageUp", Key::PageUp),
    ("PageDown", Key::PageDown),
    ("Home", Key::Home),
    ("End", Key::End),
    ("Backspace", Key::Backspace),
    ("Delete", Key::Delete),
    ("Enter", Key::Enter),
    ("Tab", Key::Tab),
    ("Escape", Key::Escape),
];

/// The modifier keys that are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Modifiers {
    /// Shift.
    pub shift: bool,
    /// Control, or Command on a Mac.
    pub control: bool,
    /// Alt, or Option on a Mac.
    pub alt: bool,
}

/// A key chord: a key with modifiers, such as `Ctrl+Shift+Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Chord {
    /// The key.
    pub key: Key,
    /// The modifiers that are held.
    pub modifiers: Modifiers,
}

impl Chord {
    /// A key as it was pressed. On most layouts a sign needs Shift, on some not: with signs Shift does not count.
    pub fn pressed(key: Key, modifiers: Modifiers) -> Self {
        let is_sign = matches!(key, Key::Char(sign) if !sign.is_alphabetic());
        Self {
            key,
            modifiers: Modifiers {
                shift: modifiers.shift && !is_sign,
                ..modifiers
            },
        }
    }
}

impl FromStr for Chord {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut modifiers = Modifiers::default();
        let mut rest = text.trim();
        while let Some((first, after)) = rest.split_once('+') {
            match first.trim().to_ascii_lowercase().as_str() {
                "shift" => modifiers.shift = true,
                "ctrl" | "control" | "cmd" => modifiers.control = true,
                "alt" => modifiers.alt = true,
                // The key is the sign itself.
                "" => break,
                other => return Err(format!("{other} is none of Shift, Ctrl and Alt")),
            }
            rest = after.trim();
        }
        if rest.is_empty() {
            return Err("it names no key".to_owned());
        }
        let named = NAMED
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(rest));
        let number = rest.strip_prefix(['F', 'f']).and_then(|n| n.parse().ok());
        let mut signs = rest.chars();
        let key = match (named, number, signs.next(), signs.next()) {
            (Some((_, key)), ..) => *key,
            (_, Some(number @ 1..=12), ..) => Key::Function(number),
            (_, _, Some(digit @ '0'..='9'), None) => Key::Digit(digit as u8 - b'0'),
            (_, _, Some(sign), None) => Key::Char(sign.to_lowercase().next().unwrap_or(sign)),
            _ => {
                let names = NAMED.map(|(name, _)| name).join(", ");
                return Err(format!(
                    "no key is named {rest}; there are letters, digits, signs, F1 to F12, {names}"
                ));
            }
        };
        Ok(Self::pressed(key, modifiers))
    }
}

impl fmt::Display for Chord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Modifiers {
            shift,
            control,
            alt,
        } = self.modifiers;
        for (held, name) in [(control, "Ctrl+"), (alt, "Alt+"), (shift, "Shift+")] {
            if held {
                f.write_str(name)?;
            }
        }
        match self.key {
            Key::Digit(digit) => write!(f, "{digit}"),
            Key::Char(sign) => write!(f, "{}", sign.to_uppercase()),
            Key::Function(number) => write!(f, "F{number}"),
            key => {
                let named = NAMED.iter().find(|(_, named)| *named == key);
                f.write_str(named.map_or("", |(name, _)| name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chords_read_back_as_they_are_written() {
        for text in [
            "R",
            "7",
            "Shift+7",
            "Ctrl+Alt+Shift+PageUp",
            "F12",
            "+",
            "Ctrl++",
            "?",
            "Space",
            "-",
        ] {
            let chord: Chord = text.parse().unwrap();
            assert_eq!(chord.to_string(), text);
        }
        assert_eq!("control+q".parse::<Chord>().unwrap().to_string(), "Ctrl+Q");
        for text in ["", "Shift+", "Meta+R", "F13", "Rr"] {
            assert!(text.parse::<Chord>().is_err(), "{text:?} was taken");
        }
    }
}
