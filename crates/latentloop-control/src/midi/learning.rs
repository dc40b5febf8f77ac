//! MIDI learn: finds the control that a performer moves while a parameter waits for one.

use std::sync::atomic::{AtomicU32, Ordering};

use crossbeam_queue::ArrayQueue;

use super::event::{ControlId, ControlType};
use super::map_file::RelativeEncoding;
use super::parser::Message;
use crate::instrument::ParamId;

/// The distance that a control moves before it is meant: neighbours tremble by less.
const CLEAR: u8 = 8;
/// The same for fourteen bits.
const CLEAR_WIDE: u16 = 1024;
/// An endless knob sends the same small step so often; no other control repeats itself.
const REPEATS: u8 = 4;
/// Largest step that an endless knob sends.
const STEP: u8 = 15;

/// A learnt control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LearnedControl {
    /// The control.
    pub(super) control: ControlId,
    /// Its encoding, where it seems to be an endless encoder.
    pub(super) relative: Option<RelativeEncoding>,
}

/// The learn mode: the parameter that waits for a control. Callbacks read it, one of them answers.
#[derive(Debug)]
pub(super) struct LearnMode {
    /// The parameter's index plus 1 in the low half, and how often learning began in the high half; 0 in the low half: none.
    wanted: AtomicU32,
    found: ArrayQueue<(u16, ParamId, LearnedControl)>,
}

impl Default for LearnMode {
    fn default() -> Self {
        Self {
            wanted: AtomicU32::new(0),
            found: ArrayQueue::new(8),
        }
    }
}

impl LearnMode {
    /// Waits for a control of this parameter, or for none any more.
    pub(super) fn want(&self, param: Option<ParamId>) {
        let low = param.map_or(0, |param| param.index() as u32 + 1);
        let next = |old: u32| Some((old & 0xffff_0000).wrapping_add(0x1_0000) | low);
        let _ = self
            .wanted
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    }

    /// The parameter that waits.
    pub(super) fn wanted(&self) -> Option<ParamId> {
        param_of(self.state())
    }

    /// The state that callbacks compare; see [`param_of`].
    pub(super) fn state(&self) -> u32 {
        self.wanted.load(Ordering::Relaxed)
    }

    /// A port's control answers; only the first one counts.
    pub(super) fn answer(&self, state: u32, port: u16, found: LearnedControl) {
        let Some(param) = param_of(state) else {
            return;
        };
        let taken = self.wanted.compare_exchange(
            state,
            state & 0xffff_0000,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        if taken.is_ok() {
            let _ = self.found.push((port, param, found));
        }
    }

    /// The oldest answer that was not taken yet.
    pub(super) fn take(&self) -> Option<(u16, ParamId, LearnedControl)> {
        self.found.pop()
    }
}

/// The parameter that a state of [`LearnMode`] waits for.
pub(super) fn param_of(state: u32) -> Option<ParamId> {
    let low = state & 0xffff;
    ParamId::at(low.checked_sub(1)? as usize)
}

/// The history of one control change since learning began.
#[derive(Clone, Copy, Debug, Default)]
struct ControlHistory {
    value: Option<u8>,
    last: u8,
    repeats: u8,
}

/// A learn detector: how the controls of one port have moved since learning began. Of a fixed size, for callbacks.
#[derive(Clone, Debug)]
pub(super) struct LearnDetector {
    session: u32,
    starts: Box<[[ControlHistory; 128]; 16]>,
    /// A bit for each number that was seen beside its LSB, a channel.
    pairs: [u32; 16],
    bends: [Option<u16>; 16],
    pressures: [Option<u8>; 16],
    /// The NRPN that data entry sets, a channel: its MSB and its LSB.
    nrpns: [(Option<u8>, Option<u8>); 16],
    last: Option<(u8, u8)>,
}

impl Default for LearnDetector {
    fn default() -> Self {
        Self {
            session: 0,
            starts: Box::new([[ControlHistory::default(); 128]; 16]),
            pairs: [0; 16],
            bends: [None; 16],
            pressures: [None; 16],
            nrpns: [(None, None); 16],
            last: None,
        }
    }
}

impl LearnDetector {
    /// Takes a message of the learn session of that number; gives the control that is meant, once it is clear.
    pub(super) fn detect(&mut self, session: u32, message: Message) -> Option<LearnedControl> {
        if session != self.session {
            self.session = session;
            *self.starts = [[ControlHistory::default(); 128]; 16];
            self.pairs = [0; 16];
            self.bends = [None; 16];
            self.pressures = [None; 16];
            self.nrpns = [(None, None); 16];
            self.last = None;
        }
        let found = |control_type, channel, number: u8| {
            let number = u16::from(number);
            Some(LearnedControl {
                control: ControlId {
                    control_type,
                    number,
                    channel,
                },
                relative: None,
            })
        };
        match message {
            Message::NoteOn { channel, note, .. } => found(ControlType::Note, channel, note),
            Message::ProgramChange { channel, program } => {
                found(ControlType::Program, channel, program)
            }
            Message::PitchBend { channel, value } => {
                let start = self.bends[usize::from(channel & 15)].get_or_insert(value);
                let clear = start.abs_diff(value) >= CLEAR_WIDE;
                clear.then(|| found(ControlType::Bend, channel, 0))?
            }
            Message::ChannelPressure { channel, pressure } => {
                let start = self.pressures[usize::from(channel & 15)].get_or_insert(pressure);
                let clear = start.abs_diff(pressure) >= 4 * CLEAR;
                clear.then(|| found(ControlType::Pressure, channel, 0))?
            }
            Message::ControlChange {
                channel,
                number,
                value,
            } => self.control(channel & 15, number & 127, value),
            // Poly pressure comes with the note that it belongs to.
            _ => None,
        }
    }

    fn control(&mut self, channel: u8, number: u8, value: u8) -> Option<LearnedControl> {
        let at = usize::from(channel);
        let found = |control_type, number: u16, relative| {
            Some(LearnedControl {
                control: ControlId {
                    control_type,
                    number,
                    channel,
                },
                relative,
            })
        };
        match number {
            99 => self.nrpns[at].0 = Some(value),
            98 => self.nrpns[at].1 = Some(value),
            100 | 101 => self.nrpns[at] = (None, None),
            _ => {}
        }
        let before = self.last.replace((channel, number));
        if let (Some(msb), Some(lsb)) = self.nrpns[at] {
            let parameter = u16::from(msb) << 7 | u16::from(lsb);
            match number {
                96 | 97 => return found(ControlType::Nrpn, parameter, None),
                6 => {
                    let clear = self.starts[at][6].moved(value).is_some();
                    return clear.then(|| found(ControlType::Nrpn, parameter, None))?;
                }
                38 | 98 | 99 => return None,
                _ => {}
            }
        } else if matches!(number, 98 | 99) {
            return None;
        }
        let half = number & 31;
        if number < 64 {
            let other = (channel, number ^ 32);
            self.pairs[at] |= u32::from(before == Some(other)) << half;
            let paired = self.pairs[at] >> half & 1 == 1;
            if paired && number >= 32 {
                return None;
            }
            if paired {
                self.starts[at][usize::from(number)].moved(value)?;
                return found(ControlType::Cc14, u16::from(number), None);
            }
        }
        let relative = self.starts[at][usize::from(number)].moved(value)?;
        found(ControlType::Cc, u16::from(number), relative)
    }
}

impl ControlHistory {
    /// Once it is clear that the control was moved: whether it is endless.
    fn moved(&mut self, value: u8) -> Option<Option<RelativeEncoding>> {
        let Some(start) = self.value else {
            (self.value, self.last, self.repeats) = (Some(value), value, 1);
            return None;
        };
        let same = self.last == value;
        self.repeats = if same {
            self.repeats.saturating_add(1)
        } else {
            1
        };
        self.last = value;
        let up = 1..=STEP;
        let down = 128 - STEP..=127;
        let turns = up.contains(&start) && down.contains(&value)
            || down.contains(&start) && up.contains(&value);
        if turns {
            return Some(Some(RelativeEncoding::Twos));
        }
        if self.repeats >= REPEATS {
            return match value {
                1..=STEP | 113..=127 => Some(Some(RelativeEncoding::Twos)),
                49..=63 | 65..=79 => Some(Some(RelativeEncoding::Offset64)),
                _ => None,
            };
        }
        (start.abs_diff(value) >= CLEAR).then_some(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Type and number of a control, and whether it is endless.
    type Meant = (ControlType, u16, Option<RelativeEncoding>);
    /// Control changes, and what they mean.
    type Case<'a> = (&'a [(u8, u8)], Option<Meant>);

    fn learn(messages: &[Message]) -> Option<LearnedControl> {
        let mut detector = LearnDetector::default();
        messages
            .iter()
            .find_map(|message| detector.detect(1, *message))
    }

    fn changes(changes: &[(u8, u8)]) -> Option<Meant> {
        let messages: Vec<Message> = changes
            .iter()
            .map(|&(number, value)| Message::ControlChange {
                channel: 0,
                number,
                value,
            })
            .collect();
        learn(&messages).map(|found| {
            (
                found.control.control_type,
                found.control.number,
                found.relative,
            )
        })
    }

    #[test]
    fn the_control_that_moves_clearly_is_meant() {
        let cases: &[Case] = &[
            // A neighbour trembles, the fader moves.
            (
                &[(7, 60), (48, 10), (7, 61), (48, 14), (7, 60), (48, 19)],
                Some((ControlType::Cc, 48, None)),
            ),
            (&[(48, 10), (48, 12), (48, 9)], None),
            // A button of control changes.
            (&[(20, 127), (20, 0)], Some((ControlType::Cc, 20, None))),
            (
                &[(1, 10), (33, 5), (1, 11), (33, 90), (1, 30)],
                Some((ControlType::Cc14, 1, None)),
            ),
            (
                &[(99, 2), (98, 44), (6, 10), (38, 3), (6, 40)],
                Some((ControlType::Nrpn, 300, None)),
            ),
            (
                &[(16, 1), (16, 1), (16, 1), (16, 1)],
                Some((ControlType::Cc, 16, Some(RelativeEncoding::Twos))),
            ),
            (
                &[(16, 1), (16, 127)],
                Some((ControlType::Cc, 16, Some(RelativeEncoding::Twos))),
            ),
            (
                &[(16, 63), (16, 63), (16, 63), (16, 63)],
                Some((ControlType::Cc, 16, Some(RelativeEncoding::Offset64))),
            ),
        ];
        for (moves, expected) in cases {
            assert_eq!(changes(moves), *expected, "{moves:?}");
        }
    }

    #[test]
    fn a_pad_is_meant_when_it_is_hit_and_each_learning_begins_anew() {
        let hit = Message::NoteOn {
            channel: 9,
            note: 40,
            velocity: 3,
        };
        let found = learn(&[hit]).unwrap().control;
        assert_eq!(
            (found.control_type, found.number, found.channel),
            (ControlType::Note, 40, 9)
        );
        let mut detector = LearnDetector::default();
        let moved = |value| Message::ControlChange {
            channel: 0,
            number: 1,
            value,
        };
        assert_eq!(detector.detect(1, moved(10)), None);
        assert_eq!(detector.detect(2, moved(60)), None);
        assert!(detector.detect(2, moved(90)).is_some());
    }

    #[test]
    fn only_the_first_answer_counts() {
        let learning = LearnMode::default();
        let param = ParamId::at(3);
        learning.want(param);
        let state = learning.state();
        let found = learn(&[Message::ProgramChange {
            channel: 0,
            program: 5,
        }])
        .unwrap();
        learning.answer(state, 1, found);
        learning.answer(state, 2, found);
        assert_eq!(learning.take(), Some((1, param.unwrap(), found)));
        assert_eq!(learning.take(), None);
        assert_eq!(learning.wanted(), None);
    }
}
