//! The record arm: recordings that wait for the loop's start or the next bar, to begin there and to end there.

pub(super) use crate::instrument::params::ArmMode;

/// Where the show is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct LoopPosition {
    /// The play head, 0 to the number of keyframes.
    pub(super) position: f64,
    /// Keyframes of the loop.
    pub(super) keyframes: usize,
    /// Whether the play head goes to and fro.
    pub(super) ping_pong: bool,
    /// Bars since the beat began.
    pub(super) bars: f64,
}

/// What a press of `record.toggle` comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Press {
    /// It starts or stops the recording now.
    Now,
    /// It will at the edge.
    Waits,
    /// The one before is taken back.
    CalledOff,
}

/// A press that waits, or none.
#[derive(Debug, Default)]
pub(super) struct RecordArm {
    waits: bool,
    last: Option<LoopPosition>,
    /// Whether the play head went forward when it moved last.
    forward: bool,
}

impl RecordArm {
    /// Takes a press of `record.toggle`.
    pub(super) fn press(&mut self, edge: ArmMode) -> Press {
        if std::mem::take(&mut self.waits) {
            Press::CalledOff
        } else if edge == ArmMode::Off {
            Press::Now
        } else {
            self.waits = true;
            Press::Waits
        }
    }

    /// Whether a press waits.
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// One frame on: true where the press that waits is to take effect now. Where nothing is waited for any more, that is
    /// at once.
    pub(super) fn step(&mut self, edge: ArmMode, now: LoopPosition) -> bool {
        let last = self.last.replace(now);
        let passed_start = last.is_some_and(|last| self.passes_start(last, now));
        let passed = match edge {
            ArmMode::Off => true,
            ArmMode::Loop => passed_start,
            ArmMode::Bar => last.is_some_and(|last| last.bars.floor() != now.bars.floor()),
        };
        let acts = self.waits && passed;
        self.waits &= !acts;
        acts
    }

    /// Whether the play head came by the loop's start between two frames, either way round; to and fro, whether it turned
    /// there.
    fn passes_start(&mut self, last: LoopPosition, now: LoopPosition) -> bool {
        let moved = now.position - last.position;
        if now.ping_pong {
            let came_forward = self.forward;
            if moved != 0.0 {
                self.forward = moved > 0.0;
            }
            return !came_forward && moved > 0.0 && now.position < 0.5;
        }
        // The shorter way from the one place to the other leads over the start.
        moved.abs() > now.keyframes as f64 / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The frames at which a press that was made at the first one takes effect.
    fn acts(edge: ArmMode, ping_pong: bool, places: &[(f64, f64)]) -> Vec<usize> {
        let mut arm = RecordArm::default();
        let step = |(frame, &(position, bars)): (usize, &(f64, f64))| {
            let place = LoopPosition {
                position,
                keyframes: 8,
                ping_pong,
                bars,
            };
            if frame == 1 {
                assert_eq!(arm.press(edge), Press::Waits);
            }
            arm.step(edge, place).then_some(frame)
        };
        places.iter().enumerate().filter_map(step).collect()
    }

    #[test]
    fn a_press_takes_effect_once_at_the_edge_that_it_waits_for() {
        let forward = [
            (7.0, 0.2),
            (7.5, 0.6),
            (7.9, 1.1),
            (0.1, 1.4),
            (7.9, 1.6),
            (0.2, 2.0),
        ];
        assert_eq!(acts(ArmMode::Loop, false, &forward), [3]);
        assert_eq!(acts(ArmMode::Bar, false, &forward), [2]);
        let backward = [(0.9, 0.0), (0.5, 0.0), (0.0, 0.0), (7.8, 0.0)];
        assert_eq!(acts(ArmMode::Loop, false, &backward), [3]);
        let to_and_fro = [
            (6.9, 0.0),
            (7.0, 0.0),
            (6.8, 0.0),
            (0.2, 0.0),
            (0.0, 0.0),
            (0.2, 0.0),
        ];
        assert_eq!(acts(ArmMode::Loop, true, &to_and_fro), [5]);
        let still = [(3.0, 0.5); 9];
        assert_eq!(acts(ArmMode::Loop, false, &still), [0; 0]);
        assert_eq!(acts(ArmMode::Bar, false, &still), [0; 0]);
    }

    #[test]
    fn a_second_press_takes_the_first_back_and_what_is_no_longer_armed_acts_at_once() {
        let place = LoopPosition {
            position: 0.0,
            keyframes: 8,
            ping_pong: false,
            bars: 0.0,
        };
        let mut arm = RecordArm::default();
        assert_eq!(arm.press(ArmMode::Off), Press::Now);
        assert!(!arm.step(ArmMode::Off, place));
        assert_eq!(arm.press(ArmMode::Bar), Press::Waits);
        assert_eq!(arm.press(ArmMode::Bar), Press::CalledOff);
        assert!(!arm.step(ArmMode::Off, place));
        assert_eq!(arm.press(ArmMode::Loop), Press::Waits);
        assert!(arm.waits());
        assert!(arm.step(ArmMode::Off, place));
        assert!(!arm.waits());
    }
}
