//! A script: a take that somebody wrote.
//!
//! It is a text: a first line `latentloop take 1`, a line `preset NAME`, a line `length SECS`, then an action a line, its
//! time in seconds (kept to the tick, 1/480 s), a parameter and, where it takes one, a value: a number in the parameter's
//! unit, a choice's name, `on` or `off` for a toggle, `+0.5` or `+-0.5` for a difference, or `50%` for a control's place between its ends. `#` begins a comment.

use thiserror::Error;

use crate::instrument::params::{PRESET_BANK, PRESET_NEXT, PRESET_PREVIOUS};
use crate::instrument::{Action, TICKS_PER_SEC, Table, ticks};

/// Longest script, in seconds.
const MAX_SECS: f64 = 24.0 * 3600.0;

/// Actions at their ticks.
#[derive(Clone, Debug, PartialEq)]
pub struct Script {
    /// The preset that it was played on.
    pub preset: String,
    /// How long it is, in ticks.
    pub length: u64,
    /// Actions in the order of their ticks.
    pub events: Vec<(u64, Action)>,
}

/// Why a take could not be read.
#[derive(Debug, Error, PartialEq)]
#[error("line {line}: {reason}")]
pub struct ScriptError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

impl Script {
    /// Reads a take.
    ///
    /// # Errors
    /// When a line is not understood; it is named.
    pub fn parse(text: &str, table: &Table) -> Result<Self, ScriptError> {
        let mut lines = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.split('#').next().unwrap_or_default().trim()))
            .filter(|(_, line)| !line.is_empty());
        let wrong = |line: usize, reason: String| ScriptError { line, reason };
        match lines.next() {
            Some((_, "latentloop take 1")) => {}
            Some((line, other)) => {
                return Err(wrong(
                    line,
                    format!("a take begins with `latentloop take 1`, not with `{other}`"),
                ));
            }
            None => {
                return Err(wrong(
                    1,
                    "the take is empty; it begins with `latentloop take 1`".to_owned(),
                ));
            }
        }
        let mut script = Self {
            preset: String::new(),
            length: 0,
            events: Vec::new(),
        };
        let mut length = None;
        for (line, content) in lines {
            let words: Vec<&str> = content.split_whitespace().collect();
            match words[..] {
                ["preset", name] => script.preset = name.to_owned(),
                ["length", secs] => {
                    length = Some(time(secs).map_err(|reason| wrong(line, reason))?);
                }
                [at, name, ref value @ ..] => {
                    let tick = time(at).map_err(|reason| wrong(line, reason))?;
                    if script.events.last().is_some_and(|&(last, _)| last > tick) {
                        return Err(wrong(line, format!("{at} s is before the action above it")));
                    }
                    let action = table
                        .action(name, value)
                        .map_err(|reason| wrong(line, reason))?;
                    if loads_or_saves(&action) {
                        let reason = format!(
                            "{name} does nothing in a written take, which plays one preset on one model: write what changes, a parameter a line"
                        );
                        return Err(wrong(line, reason));
                    }
                    script.events.push((tick, action));
                }
                _ => {
                    return Err(wrong(
                        line,
                        format!("`{content}` is no `SECONDS PARAMETER [VALUE]`"),
                    ));
                }
            }
        }
        script.length = length.unwrap_or_else(|| {
            script
                .events
                .last()
                .map_or(0, |&(tick, _)| tick + TICKS_PER_SEC)
        });
        Ok(script)
    }
}

/// Whether an action asks for another preset or model, or for a file: of the program, which a written take is played without.
fn loads_or_saves(action: &Action) -> bool {
    match action {
        Action::Text { .. } => true,
        Action::Trigger { param } => {
            *param == PRESET_NEXT
                || *param == PRESET_PREVIOUS
                || PRESET_BANK.index_of(*param).is_some()
        }
        _ => false,
    }
}

fn time(text: &str) -> Result<u64, String> {
    match text.parse::<f64>() {
        Ok(secs) if (0.0..=MAX_SECS).contains(&secs) => Ok(ticks(secs)),
        _ => Err(format!("`{text}` is no time in seconds, 0 to {MAX_SECS}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::params::*;
    use crate::latent::Path;

    #[test]
    fn every_way_of_writing_a_value_is_read() {
        let table = Table::standard();
        let text = "latentloop take 1\npreset first.toml\nlength 4\n0 loop.speed 0.5 # begin\n1.5 keyframe.3.jump\n\
                    2 loop.path slerp\n2 loop.speed +-0.25\n3 sound.low 0.5\n3 loop.pause\n3.5 loop.position 25%\n\
                    3.6 loop.pause on\n3.7 loop.pause off\n3.8 loop.pause 1\n";
        let script = Script::parse(text, &table).unwrap();
        assert_eq!(
            (script.preset.as_str(), script.length),
            ("first.toml", 1920)
        );
        let expected = [
            (0, Action::set(LOOP_SPEED, 0.5)),
            (720, Action::fire(KEYFRAME_JUMP.at(2))),
            (960, Action::set(LOOP_PATH, Path::Slerp)),
            (
                960,
                Action::Nudge {
                    param: LOOP_SPEED.id(),
                    delta: -0.25,
                },
            ),
            (
                1440,
                Action::Source {
                    source: 1,
                    value: 0.5,
                },
            ),
            (1440, Action::flip(LOOP_PAUSE)),
            (
                1680,
                Action::SetUnit {
                    param: LOOP_POSITION.id(),
                    unit: 0.25,
                },
            ),
            (1728, Action::set(LOOP_PAUSE, true)),
            (1776, Action::set(LOOP_PAUSE, false)),
            (1824, Action::set(LOOP_PAUSE, true)),
        ];
        assert_eq!(script.events, expected);
    }

    #[test]
    fn a_percentage_is_the_value_that_it_was_before_there_were_more_curves() {
        let table = Table::standard();
        let text = "latentloop take 1\npreset one.toml\nlength 1\n0 loop.speed 75%\n0 look.feedback 96%\n0 loop.glide 50%\n";
        let script = Script::parse(text, &table).unwrap();
        let glide = Action::SetUnit {
            param: LOOP_GLIDE.id(),
            unit: 0.5,
        };
        let expected = [
            Action::set(LOOP_SPEED, 4.0),
            Action::set(LOOK_FEEDBACK, 0.96),
            glide,
        ];
        let actions: Vec<_> = script
            .events
            .into_iter()
            .map(|(_, action)| action)
            .collect();
        assert_eq!(actions, expected);
    }

    #[test]
    fn lines_that_are_not_understood_are_named() {
        let table = Table::standard();
        for (text, line, words) in [
            ("", 1, "empty"),
            ("take 2", 1, "begins with"),
            ("latentloop take 1\n1 loop.sped 2", 2, "nearest: loop.speed"),
            ("latentloop take 1\n1 loop.speed 20", 2, "-8 to 8"),
            ("latentloop take 1\n1 loop.speed nan", 2, "no number"),
            ("latentloop take 1\n\n2 loop.undo\n1 loop.undo", 4, "before"),
            ("latentloop take 1\nsoon loop.undo", 2, "no time"),
            ("latentloop take 1\n1 loop.undo 3", 2, "takes no value"),
            ("latentloop take 1\n1 loop.pause maybe", 2, "no number"),
            (
                "latentloop take 1\n1 preset.load slow",
                2,
                "preset.load does nothing in a written take",
            ),
            (
                "latentloop take 1\n1 preset.next",
                2,
                "preset.next does nothing in a written take",
            ),
            (
                "latentloop take 1\n1 preset.bank.3",
                2,
                "preset.bank.3 does nothing in a written take",
            ),
            (
                "latentloop take 1\n1 model.load fog",
                2,
                "model.load does nothing in a written take",
            ),
        ] {
            let error = Script::parse(text, &table).unwrap_err();
            assert!(
                error.line == line && error.reason.contains(words),
                "{error}"
            );
        }
    }
}
