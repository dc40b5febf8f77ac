//! What MIDI messages do.

use super::Message;
use crate::instrument::preset::PresetError;
use crate::instrument::{Action, ParamId, Table};

/// Control change numbers and notes bound to parameters, on every channel.
#[derive(Clone, Debug)]
pub struct Map {
    controls: [Option<ParamId>; 128],
    notes: [Option<ParamId>; 128],
}

impl Map {
    /// The default map: CC 1 position, CC 2 speed, notes 36 to 43 jump, 44 to 51 re-roll.
    ///
    /// # Errors
    /// When the table lacks one of those parameters.
    pub fn standard(table: &Table) -> Result<Self, PresetError> {
        let mut map = Self {
            controls: [None; 128],
            notes: [None; 128],
        };
        map.controls[1] = Some(table.find("loop.position")?);
        map.controls[2] = Some(table.find("loop.speed")?);
        for number in 1..=8 {
            map.notes[35 + number] = Some(table.find(&format!("keyframe.{number}.jump"))?);
            map.notes[43 + number] = Some(table.find(&format!("keyframe.{number}.reroll"))?);
        }
        Ok(map)
    }

    /// What a message does, if anything is bound to it.
    pub fn action(&self, message: Message) -> Option<Action> {
        match message {
            Message::Control { number, value, .. } => {
                let param = self.controls[usize::from(number)]?;
                let unit = f64::from(value) / 127.0;
                Some(Action::SetUnit { param, unit })
            }
            Message::NoteOn { note, .. } => {
                let param = self.notes[usize::from(note)]?;
                Some(Action::Trigger { param })
            }
            Message::NoteOff { .. } | Message::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_map_is_that_of_the_readme() {
        let table = Table::standard();
        let map = Map::standard(&table).unwrap();
        let note = |note| {
            let velocity = 90;
            let channel = 3;
            map.action(Message::NoteOn {
                channel,
                note,
                velocity,
            })
        };
        let fires = |name: &str| {
            let param = table.find(name).unwrap();
            Some(Action::Trigger { param })
        };
        assert_eq!(note(36), fires("keyframe.1.jump"));
        assert_eq!(note(43), fires("keyframe.8.jump"));
        assert_eq!(note(44), fires("keyframe.1.reroll"));
        assert_eq!(note(51), fires("keyframe.8.reroll"));
        assert_eq!(note(52), None);
        let (channel, number, value) = (0, 1, 127);
        let moved = map.action(Message::Control {
            channel,
            number,
            value,
        });
        let param = table.find("loop.position").unwrap();
        assert_eq!(moved, Some(Action::SetUnit { param, unit: 1.0 }));
    }
}
