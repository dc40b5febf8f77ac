//! The header of a user's shader: the lines `//!` at the top of its file.

use super::ShaderError;
use crate::instrument::{OWN_KNOBS, OWN_PASSES};

/// Longest name of a pass or of a knob, in letters.
const LONGEST: usize = 24;

/// The header of a user's shader.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// What it is called on the console; its file's name where it says nothing.
    pub name: Option<String>,
    /// The slot that it asks for, counted from 0.
    pub slot: Option<usize>,
    /// Its knobs, in their order.
    pub knobs: Vec<Knob>,
}

/// A knob of a pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Knob {
    /// What it is called, in the shader too.
    pub name: String,
    /// Where it stands at first.
    pub default: f32,
    /// Its least value.
    pub min: f32,
    /// Its greatest value.
    pub max: f32,
    /// One line of help.
    pub help: String,
    /// The line that it stands in, counted from 1.
    pub(super) line: u32,
}

impl Header {
    /// Reads the lines `//!` at the top of a text.
    ///
    /// # Errors
    /// When one of them is not understood.
    pub fn parse(text: &str) -> Result<Self, ShaderError> {
        let mut header = Self::default();
        for (number, line) in text.lines().enumerate() {
            let Some(rest) = line.strip_prefix("//!") else {
                if line.trim().is_empty() {
                    continue;
                }
                break;
            };
            let content = rest.trim_start();
            let column = line.len() - content.len() + 1;
            header
                .line(content.trim_end(), number as u32 + 1)
                .map_err(|reason| ShaderError {
                    line: number as u32 + 1,
                    column: column as u32,
                    reason,
                })?;
        }
        Ok(header)
    }

    fn line(&mut self, content: &str, line: u32) -> Result<(), String> {
        if content.is_empty() {
            return Ok(());
        }
        if let Some(name) = content.strip_prefix("name:") {
            return match name.trim() {
                name if (1..=LONGEST).contains(&name.chars().count()) => {
                    self.name = Some(name.to_owned());
                    Ok(())
                }
                _ => Err(format!("a name has 1 to {LONGEST} letters")),
            };
        }
        if let Some(slot) = content.strip_prefix("slot:") {
            return match slot.trim().parse() {
                Ok(slot) if (1..=OWN_PASSES).contains(&slot) => {
                    self.slot = Some(slot - 1);
                    Ok(())
                }
                _ => Err(format!(
                    "there are slots 1 to {OWN_PASSES}, not `{}`",
                    slot.trim()
                )),
            };
        }
        let knob = knob(content, line).ok_or_else(|| {
            "a line of the header is `//! name: ripple`, `//! slot: 2` or \
             `//! speed = 0.5 (-2..2) \"what it does\"`; other remarks begin with `//`"
                .to_owned()
        })?;
        if self.knobs.iter().any(|other| other.name == knob.name) {
            return Err(format!("there are two knobs `{}`", knob.name));
        }
        if self.knobs.len() == OWN_KNOBS.len() {
            return Err(format!("a pass has at most {} knobs", OWN_KNOBS.len()));
        }
        let finite = [knob.default, knob.min, knob.max];
        if !finite.iter().all(|number| number.is_finite()) || knob.min >= knob.max {
            return Err(format!(
                "the knob `{}` goes from {} to {}: the first must be the smaller",
                knob.name, knob.min, knob.max
            ));
        }
        if !(knob.min..=knob.max).contains(&knob.default) {
            return Err(format!(
                "the knob `{}` begins at {}, which is not in {}..{}",
                knob.name, knob.default, knob.min, knob.max
            ));
        }
        self.knobs.push(knob);
        Ok(())
    }
}

/// `name = default (min..max) "help"`; the help may be left out.
fn knob(content: &str, line: u32) -> Option<Knob> {
    let (name, rest) = content.split_once('=')?;
    let (default, rest) = rest.split_once('(')?;
    let (range, help) = rest.split_once(')')?;
    let (min, max) = range.split_once("..")?;
    let name = name.trim();
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = name.chars().all(is_letter)
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= LONGEST;
    let help = help.trim();
    let help = match help.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?,
        None if help.is_empty() => help,
        None => return None,
    };
    is_name.then_some(Knob {
        name: name.to_owned(),
        default: default.trim().parse().ok()?,
        min: min.trim().parse().ok()?,
        max: max.trim().parse().ok()?,
        help: help.to_owned(),
        line,
    })
}

impl Knob {
    /// Its value where it stands at `unit`, 0..=1 between its ends.
    pub fn value(&self, unit: f64) -> f64 {
        f64::from(self.min) + f64::from(self.max - self.min) * unit
    }

    /// Where the knob stands at first, 0..=1 between its ends.
    pub fn default_unit(&self) -> f64 {
        f64::from((self.default - self.min) / (self.max - self.min))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_names_the_pass_its_slot_and_its_knobs() {
        let text = "//! name: ripple\n//! slot: 2\n//!\n//! waves = 12 (1..40) \"across the picture\"\n\
                    //! speed=-0.5(-2..2)\n// A remark.\n//! name: not here\n";
        let header = Header::parse(text).unwrap();
        assert_eq!(header.name.as_deref(), Some("ripple"));
        assert_eq!(header.slot, Some(1));
        let knobs: Vec<_> = header
            .knobs
            .iter()
            .map(|knob| (knob.name.as_str(), knob.help.as_str(), knob.line))
            .collect();
        assert_eq!(
            knobs,
            [("waves", "across the picture", 4), ("speed", "", 5)]
        );
        assert_eq!(header.knobs[1].default_unit(), 0.375);
        assert_eq!(Header::parse("fn f() {}").unwrap(), Header::default());
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        let five: String = ["a", "b", "c", "d", "e"]
            .map(|name| format!("//! {name} = 0 (0..1)\n"))
            .concat();
        for (text, line, column, words) in [
            ("//! slot: 5", 1, 5, "slots 1 to 4"),
            ("//! slot: 0", 1, 5, "slots 1 to 4"),
            ("//! name:", 1, 5, "1 to 24"),
            ("//! a ripple", 1, 5, "a line of the header"),
            ("\n//!  speed = fast (0..1)", 2, 6, "a line of the header"),
            ("//! 2speed = 0 (0..1)", 1, 5, "a line of the header"),
            ("//! speed = 2 (0..1)", 1, 5, "begins at 2"),
            ("//! speed = 0 (1..0)", 1, 5, "must be the smaller"),
            ("//! speed = nan (0..1)", 1, 5, "must be the smaller"),
            ("//! speed = 0 (0..inf)", 1, 5, "must be the smaller"),
            ("//! a = 0 (0..1)\n//! a = 0 (0..1)", 2, 5, "two knobs"),
            (&five, 5, 5, "at most 4"),
        ] {
            let fault = Header::parse(text).unwrap_err();
            assert_eq!((fault.line, fault.column), (line, column), "{text}");
            assert!(fault.reason.contains(words), "{text}: {fault}");
        }
    }
}
