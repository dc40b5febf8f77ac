//! Keyboard events: winit's keys as ours.

use winit::event::KeyEvent;
use winit::keyboard::{KeyCode, NamedKey, PhysicalKey};

use crate::control::keys::Key;

/// The key that stands in the place of an event's on a keyboard of the United States, where that is a letter or a sign.
pub(super) fn place(physical: PhysicalKey, shift: bool) -> Option<Key> {
    let PhysicalKey::Code(code) = physical else {
        return None;
    };
    let (plain, shifted) = match code {
        KeyCode::KeyA => ('a', 'a'),
        KeyCode::KeyB => ('b', 'b'),
        KeyCode::KeyC => ('c', 'c'),
        KeyCode::KeyD => ('d', 'd'),
        KeyCode::KeyE => ('e', 'e'),
        KeyCode::KeyF => ('f', 'f'),
        KeyCode::KeyG => ('g', 'g'),
        KeyCode::KeyH => ('h', 'h'),
        KeyCode::KeyI => ('i', 'i'),
        KeyCode::KeyJ => ('j', 'j'),
        KeyCode::KeyK => ('k', 'k'),
        KeyCode::KeyL => ('l', 'l'),
        KeyCode::KeyM => ('m', 'm'),
        KeyCode::KeyN => ('n', 'n'),
        KeyCode::KeyO => ('o', 'o'),
        KeyCode::KeyP => ('p', 'p'),
        KeyCode::KeyQ => ('q', 'q'),
        KeyCode::KeyR => ('r', 'r'),
        KeyCode::KeyS => ('s', 's'),
        KeyCode::KeyT => ('t', 't'),
        KeyCode::KeyU => ('u', 'u'),
        KeyCode::KeyV => ('v', 'v'),
        KeyCode::KeyW => ('w', 'w'),
        KeyCode::KeyX => ('x', 'x'),
        KeyCode::KeyY => ('y', 'y'),
        KeyCode::KeyZ => ('z', 'z'),
        KeyCode::Backquote => ('`', '~'),
        KeyCode::Minus => ('-', '_'),
        KeyCode::Equal => ('=', '+'),
        KeyCode::BracketLeft => ('[', '{'),
        KeyCode::BracketRight => (']', '}'),
        KeyCode::Backslash => ('\\', '|'),
        KeyCode::Semicolon => (';', ':'),
        KeyCode::Quote => ('\'', '"'),
        KeyCode::Comma => (',', '<'),
        KeyCode::Period => ('.', '>'),
        KeyCode::Slash => ('/', '?'),
        _ => return None,
    };
    Some(Key::Char(if shift { shifted } else { plain }))
}

/// The key of an event, where it is one that can mean something.
pub(super) fn key(event: &KeyEvent) -> Option<Key> {
    use winit::keyboard::Key as Logical;
    if let PhysicalKey::Code(code) = event.physical_key {
        let digit = match code {
            KeyCode::Digit0 | KeyCode::Numpad0 => Some(0),
            KeyCode::Digit1 | KeyCode::Numpad1 => Some(1),
            KeyCode::Digit2 | KeyCode::Numpad2 => Some(2),
            KeyCode::Digit3 | KeyCode::Numpad3 => Some(3),
            KeyCode::Digit4 | KeyCode::Numpad4 => Some(4),
            KeyCode::Digit5 | KeyCode::Numpad5 => Some(5),
            KeyCode::Digit6 | KeyCode::Numpad6 => Some(6),
            KeyCode::Digit7 | KeyCode::Numpad7 => Some(7),
            KeyCode::Digit8 | KeyCode::Numpad8 => Some(8),
            KeyCode::Digit9 | KeyCode::Numpad9 => Some(9),
            _ => None,
        };
        if let Some(digit) = digit {
            return Some(Key::Digit(digit));
        }
    }
    match &event.logical_key {
        Logical::Named(named) => Some(match named {
            NamedKey::Space => Key::Space,
            NamedKey::ArrowUp => Key::Up,
            NamedKey::ArrowDown => Key::Down,
            NamedKey::ArrowLeft => Key::Left,
            NamedKey::ArrowRight => Key::Right,
            NamedKey::PageUp => Key::PageUp,
            NamedKey::PageDown => Key::PageDown,
            NamedKey::Home => Key::Home,
            NamedKey::End => Key::End,
            NamedKey::Backspace => Key::Backspace,
            NamedKey::Delete => Key::Delete,
            NamedKey::Enter => Key::Enter,
            NamedKey::Tab => Key::Tab,
            NamedKey::Escape => Key::Escape,
            NamedKey::F1 => Key::Function(1),
            NamedKey::F2 => Key::Function(2),
            NamedKey::F3 => Key::Function(3),
            NamedKey::F4 => Key::Function(4),
            NamedKey::F5 => Key::Function(5),
            NamedKey::F6 => Key::Function(6),
            NamedKey::F7 => Key::Function(7),
            NamedKey::F8 => Key::Function(8),
            NamedKey::F9 => Key::Function(9),
            NamedKey::F10 => Key::Function(10),
            NamedKey::F11 => Key::Function(11),
            NamedKey::F12 => Key::Function(12),
            _ => return None,
        }),
        Logical::Character(text) => match text.chars().next()? {
            ' ' => Some(Key::Space),
            sign => Some(Key::Char(sign.to_lowercase().next().unwrap_or(sign))),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::keys::{Chord, STANDARD};

    #[test]
    fn every_standard_letter_and_sign_has_a_place() {
        let codes = [
            KeyCode::KeyA,
            KeyCode::KeyB,
            KeyCode::KeyC,
            KeyCode::KeyD,
            KeyCode::KeyE,
            KeyCode::KeyF,
            KeyCode::KeyH,
            KeyCode::KeyK,
            KeyCode::KeyL,
            KeyCode::KeyM,
            KeyCode::KeyN,
            KeyCode::KeyP,
            KeyCode::KeyQ,
            KeyCode::KeyR,
            KeyCode::KeyS,
            KeyCode::KeyT,
            KeyCode::KeyV,
            KeyCode::KeyW,
            KeyCode::KeyX,
            KeyCode::Minus,
            KeyCode::Equal,
            KeyCode::Slash,
        ];
        let placed = |key: Key| {
            [false, true].iter().any(|shift| {
                codes
                    .iter()
                    .any(|code| place(PhysicalKey::Code(*code), *shift) == Some(key))
            })
        };
        for (chord, ..) in STANDARD.iter().filter(|(chord, ..)| !chord.contains("{n}")) {
            let key = chord.parse::<Chord>().unwrap().key;
            assert!(!matches!(key, Key::Char(_)) || placed(key), "{chord}");
        }
        assert_eq!(place(PhysicalKey::Code(KeyCode::Digit1), false), None);
    }
}
