//! The keyboard.

use crate::instrument::{Action, Table};

/// A key that means something, whatever window system it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// 1 to 8 of the row above the letters or of the number pad, by their place: layouts with Shift on them differ.
    Digit(u8),
    /// A letter, in lower case.
    Letter(char),
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
    /// Backspace.
    Backspace,
    /// Tab.
    Tab,
    /// Escape.
    Escape,
}

/// Which of the keys that change others are held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Held {
    /// Shift.
    pub shift: bool,
    /// Control, or Command on a Mac.
    pub control: bool,
}

/// Speed that an arrow key adds, in keyframes a second.
const SPEED_STEP: f64 = 0.05;
/// Way that an arrow key moves the play head, in keyframes.
const SCRUB_STEP: f64 = 0.05;

/// What the keys do.
#[derive(Clone, Debug)]
pub struct Keys {
    bindings: Vec<(Key, Held, Action)>,
}

impl Keys {
    /// The keys of the README's table.
    ///
    /// # Errors
    /// When the table lacks a parameter that a key is for.
    pub fn standard(table: &Table) -> Result<Self, crate::instrument::preset::PresetError> {
        let plain = Held::default();
        let shift = Held {
            shift: true,
            ..plain
        };
        let control = Held {
            control: true,
            ..plain
        };
        let trigger = |name: &str| -> Result<Action, _> {
            Ok(Action::Trigger {
                param: table.find(name)?,
            })
        };
        let nudge = |name: &str, delta: f64| -> Result<Action, _> {
            Ok(Action::Nudge {
                param: table.find(name)?,
                delta,
            })
        };
        let mut bindings = vec![
            (Key::Letter('r'), plain, trigger("loop.reroll")?),
            (Key::Space, plain, trigger("loop.pause")?),
            (Key::Up, plain, nudge("loop.speed", SPEED_STEP)?),
            (Key::Down, plain, nudge("loop.speed", -SPEED_STEP)?),
            (Key::Right, plain, nudge("loop.position", SCRUB_STEP)?),
            (Key::Left, plain, nudge("loop.position", -SCRUB_STEP)?),
            (Key::Backspace, plain, trigger("loop.undo")?),
            (Key::Letter('b'), plain, trigger("master.blackout")?),
            (Key::Letter('f'), plain, trigger("window.fullscreen")?),
            (Key::Tab, plain, trigger("hud.toggle")?),
            (Key::Letter('v'), plain, trigger("record.toggle")?),
            (Key::Letter('n'), plain, trigger("preset.next")?),
            (Key::Escape, plain, trigger("window.leave_fullscreen")?),
            (Key::Letter('q'), control, trigger("show.quit")?),
        ];
        for number in 1..=8 {
            let name = |part: &str| format!("keyframe.{number}.{part}");
            bindings.push((Key::Digit(number), plain, trigger(&name("jump"))?));
            bindings.push((Key::Digit(number), shift, trigger(&name("reroll"))?));
        }
        Ok(Self { bindings })
    }

    /// What a key does. `repeated`: it is still held, and the system sends it again; only what moves by steps does so.
    pub fn action(&self, key: Key, held: Held, repeated: bool) -> Option<&Action> {
        let action = self
            .bindings
            .iter()
            .find(|(bound, with, _)| *bound == key && *with == held)
            .map(|(.., action)| action)?;
        (!repeated || matches!(action, Action::Nudge { .. })).then_some(action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_what_the_readme_says() {
        let table = Table::standard();
        let keys = Keys::standard(&table).unwrap();
        let (plain, shift, control) = (
            Held::default(),
            Held {
                shift: true,
                control: false,
            },
            Held {
                shift: false,
                control: true,
            },
        );
        for (key, held, name) in [
            (Key::Digit(3), plain, "keyframe.3.jump"),
            (Key::Digit(8), shift, "keyframe.8.reroll"),
            (Key::Letter('r'), plain, "loop.reroll"),
            (Key::Up, plain, "loop.speed"),
            (Key::Escape, plain, "window.leave_fullscreen"),
            (Key::Letter('q'), control, "show.quit"),
        ] {
            let (Action::Trigger { param } | Action::Nudge { param, .. }) =
                keys.action(key, held, false).unwrap()
            else {
                panic!("{key:?} does something else");
            };
            assert_eq!(table.row(*param).name, name);
        }
        assert_eq!(keys.action(Key::Letter('q'), plain, false), None);
        assert_eq!(keys.action(Key::Escape, control, false), None);
    }

    #[test]
    fn a_held_key_fires_once_and_a_held_arrow_goes_on() {
        let keys = Keys::standard(&Table::standard()).unwrap();
        assert_eq!(keys.action(Key::Letter('v'), Held::default(), true), None);
        assert!(keys.action(Key::Left, Held::default(), true).is_some());
    }
}
