//! The rows of the parameter table.

use super::param::{Curve, Kind, Row, Scope, Table};
use crate::latent::{Ease, MAX_SEED, Path};

/// Most keyframes of a loop.
pub const MAX_KEYFRAMES: usize = 64;

/// Ways of the play head over the loop.
pub const MODES: [&str; 2] = ["loop", "ping-pong"];
/// Which statistics batch norm uses.
pub const NORMS: [&str; 2] = ["running", "batch"];
/// What a beat row counts in.
pub const BEAT_UNITS: [&str; 2] = ["beat", "bar"];
/// What a quantised gesture waits for.
pub const QUANTA: [&str; 3] = ["off", "beat", "bar"];
/// Whose beat it is.
pub const BEAT_SOURCES: [&str; 3] = ["internal", "midi", "link"];
/// What the start and the stop of a recording wait for.
pub const ARMS: [&str; 3] = ["off", "loop", "bar"];
/// Presets of the bank.
pub const BANK: usize = 16;
/// Pages of a controller's map.
pub const PAGES: usize = 8;
/// Windows that the audience can be shown.
pub const OUTPUTS: usize = 4;
/// How a picture meets a screen of another shape.
pub const FITS: [&str; 4] = ["fit", "fill", "stretch", "1:1"];

impl Table {
    /// Every parameter that the program has.
    pub fn standard() -> Self {
        let mut rows = vec![
            float(
                "loop.position",
                0.0,
                MAX_KEYFRAMES as f64,
                0.0,
                "keyframes",
                "Where the play head stands; taken modulo the loop's length",
            ),
            float(
                "loop.speed",
                -8.0,
                8.0,
                0.3,
                "keyframes/s",
                "Pace of the play head; negative walks backwards",
            ),
            toggle("loop.pause", "Holds the play head"),
            toggle("loop.reverse", "Turns the play head round"),
            choice("loop.mode", &MODES, "Round and round, or back and forth"),
            choice(
                "loop.path",
                &Path::NAMES,
                "How latents are interpolated between keyframes",
            ),
            choice("loop.ease", &Ease::NAMES, "How evenly a segment is walked"),
            float(
                "loop.glide",
                0.0,
                10.0,
                0.5,
                "s",
                "Time that a re-roll or a jump takes; 0 cuts",
            )
            .curved(),
            float(
                "loop.hold_secs",
                0.0,
                5.0,
                0.25,
                "s",
                "How long the play head stands after it was scrubbed",
            ),
            choice(
                "loop.norm",
                &NORMS,
                "Batch norm's statistics: running (one row, fast) or batch (eight rows, faithful)",
            ),
            trigger(
                "loop.reroll",
                "New latents for every keyframe that is not locked",
            ),
            trigger("loop.undo", "Takes back the last change of a keyframe"),
            toggle(
                "beat.sync",
                "The loop follows the beat instead of its speed",
            ),
            float(
                "beat.tempo",
                20.0,
                300.0,
                120.0,
                "BPM",
                "Beats a minute; follows the clock where one is followed",
            ),
            trigger("beat.tap", "Taps the tempo: the median of the last taps"),
            trigger("beat.halve", "Halves the tempo"),
            trigger("beat.double", "Doubles the tempo"),
            float(
                "beat.nudge",
                -1.0,
                1.0,
                0.0,
                "beats",
                "Shifts the beat by so much, later or earlier; back at 0 at once",
            ),
            trigger("beat.downbeat", "The first beat of a bar is now"),
            int("beat.per_bar", 1, 16, 4, "beats", "Beats of a bar"),
            choice(
                "beat.unit",
                &BEAT_UNITS,
                "What beat.rate counts in: beats or bars",
            ),
            float(
                "beat.rate",
                -16.0,
                16.0,
                1.0,
                "keyframes",
                "Keyframes that the loop passes in a beat or a bar; negative walks backwards",
            ),
            choice(
                "beat.quantise",
                &QUANTA,
                "Jumps and re-rolls wait for the next beat or bar",
            ),
            choice(
                "beat.source",
                &BEAT_SOURCES,
                "Whose beat it is: our own, MIDI clock's or Ableton Link's",
            ),
            told(float(
                "beat.phase",
                0.0,
                1.0,
                0.0,
                "bars",
                "How much of the bar has gone",
            )),
            float(
                "sound.depth",
                0.0,
                2.0,
                1.0,
                "",
                "How much of the preset's modulation by sound there is",
            ),
        ];
        for number in 1..=MAX_KEYFRAMES {
            let name = |part: &str| format!("keyframe.{number}.{part}");
            rows.push(trigger(
                &name("jump"),
                "Brings the play head to this keyframe",
            ));
            rows.push(trigger(&name("reroll"), "New latents for this keyframe"));
            rows.push(Row {
                kind: Kind::Int,
                ..float(
                    &name("seed"),
                    0.0,
                    f64::from(MAX_SEED),
                    number as f64,
                    "",
                    "Seed of this keyframe's latents",
                )
            });
            rows.push(toggle(&name("lock"), "Re-rolls leave this keyframe alone"));
            rows.push(trigger(
                &name("capture"),
                "Keeps the present latents as this keyframe",
            ));
            rows.push(trigger(&name("swap"), "Swaps this keyframe with the next"));
        }
        let stage = |row: Row| Row {
            scope: Scope::Stage,
            ..row
        };
        let host = |row: Row| Row {
            scope: Scope::Host,
            ..row
        };
        rows.extend([
            stage(Row {
                smoothing_secs: 0.05,
                ..float(
                    "master.fade",
                    0.0,
                    1.0,
                    1.0,
                    "",
                    "Brightness of the output, black to full",
                )
            }),
            stage(toggle("master.blackout", "Black until switched off")),
            stage(toggle(
                "master.freeze",
                "Holds the picture while the loop goes on",
            )),
            stage(choice(
                "stage.fit",
                &FITS,
                "How the picture meets a screen of another shape",
            )),
            host(toggle("beat.clock_out", "Sends MIDI clock")),
            host(trigger("record.toggle", "Starts or stops a recording")),
            host(trigger(
                "record.keep",
                "Keeps what was just played as a take, though nothing was recorded",
            )),
            host(float(
                "record.keep_secs",
                10.0,
                600.0,
                60.0,
                "s",
                "How much record.keep keeps",
            )),
            host(choice(
                "record.arm",
                &ARMS,
                "What record.toggle waits for: nothing, the loop's start or the next bar",
            )),
            host(trigger(
                "preset.next",
                "Loads the next preset of the folder",
            )),
            host(trigger(
                "preset.previous",
                "Loads the preset before this one in the folder",
            )),
            host(text("preset.load", "Loads the preset of that name")),
            host(text(
                "preset.save",
                "Saves everything as the preset of that name; with no name, under a new one",
            )),
            host(
                float(
                    "preset.fade_secs",
                    0.0,
                    60.0,
                    0.0,
                    "s",
                    "Time in which one preset becomes the next; 0 cuts",
                )
                .curved(),
            ),
            host(trigger(
                "window.fullscreen",
                "Fills the screen, or leaves it",
            )),
            host(trigger("window.leave_fullscreen", "Leaves the full screen")),
            host(trigger("hud.toggle", "Shows or hides the heads-up display")),
            host(trigger("hud.help", "Shows or hides the table of keys")),
            host(trigger(
                "midi.unlearn",
                "Takes from every control what was learnt for the parameter that is picked",
            )),
            host(trigger(
                "midi.learn",
                "Shows or hides the table of controls to be learnt",
            )),
            host(int(
                "midi.page",
                1,
                PAGES as i32,
                1,
                "",
                "Page of the controllers' maps",
            )),
            host(text(
                "model.load",
                "Loads the model of that name, keeping the loop",
            )),
            host(trigger("show.quit", "Ends the program")),
        ]);
        for number in 1..=BANK {
            rows.push(host(trigger(
                &format!("preset.bank.{number}"),
                "Loads this preset of the bank",
            )));
        }
        rows.extend(super::look_rows::rows());
        rows.extend(super::stage_rows::rows());
        rows.push(host(trigger(
            "window.next_monitor",
            "Moves the output on to the next monitor",
        )));
        rows.push(host(text(
            "window.monitor",
            "Moves the output to the monitor with that in its name",
        )));
        rows.push(host(trigger(
            "window.console",
            "Opens the performer's console, or closes it",
        )));
        Self::new(rows)
    }
}

fn float(name: &str, min: f64, max: f64, default: f64, unit: &'static str, help: &str) -> Row {
    Row {
        name: name.to_owned(),
        kind: Kind::Float,
        min,
        max,
        default,
        unit,
        curve: Curve::Linear,
        smoothing_secs: 0.0,
        scope: Scope::Instrument,
        read_only: false,
        help: help.to_owned(),
    }
}

fn int(name: &str, min: i32, max: i32, default: i32, unit: &'static str, help: &str) -> Row {
    Row {
        kind: Kind::Int,
        ..float(
            name,
            f64::from(min),
            f64::from(max),
            f64::from(default),
            unit,
            help,
        )
    }
}

/// A row that tells and is not set.
fn told(row: Row) -> Row {
    Row {
        read_only: true,
        ..row
    }
}

fn text(name: &str, help: &str) -> Row {
    Row {
        kind: Kind::Text,
        ..trigger(name, help)
    }
}

fn toggle(name: &str, help: &str) -> Row {
    Row {
        kind: Kind::Toggle,
        ..float(name, 0.0, 1.0, 0.0, "", help)
    }
}

fn trigger(name: &str, help: &str) -> Row {
    Row {
        kind: Kind::Trigger,
        ..float(name, 0.0, 1.0, 0.0, "", help)
    }
}

fn choice(name: &str, names: &'static [&'static str], help: &str) -> Row {
    Row {
        kind: Kind::Choice(names),
        ..float(name, 0.0, (names.len() - 1) as f64, 0.0, "", help)
    }
}

impl Row {
    fn curved(self) -> Self {
        Self {
            curve: Curve::Square,
            ..self
        }
    }
}
