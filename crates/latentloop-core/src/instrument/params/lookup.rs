//! Parameters by name, for files and messages.

use thiserror::Error;

use super::{Action, Kind, ParamId, Row, SOURCES, Table};

/// Letters of a name that are compared with the names that there are: more than any of them has.
const MAX_COMPARED: usize = 50;

/// A name that no parameter has.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("there is no parameter {name}; nearest: {nearest}")]
pub struct UnknownParam {
    /// As written.
    pub name: String,
    /// The name most like it.
    pub nearest: String,
}

/// A value that a parameter does not take.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ValueError {
    /// There is no such parameter.
    #[error(transparent)]
    Unknown(#[from] UnknownParam),
    /// The parameter takes others.
    #[error("the parameter {name} = {value}: {expected}")]
    Refused {
        /// The parameter.
        name: String,
        /// As written.
        value: String,
        /// What it takes.
        expected: String,
    },
}

impl Table {
    /// The parameter of that name, or an error with the name most like it.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, name: &str) -> Result<ParamId, UnknownParam> {
        self.id(name).ok_or_else(|| {
            let names = self.iter().map(|(_, row)| row.name.as_str());
            UnknownParam {
                name: name.to_owned(),
                nearest: nearest(name, names).unwrap_or("none").to_owned(),
            }
        })
    }

    /// The action of a written line: nothing fires, a number or a name sets (`on` and `off` a toggle), `+0.5` and `+-0.5` move,
    /// `50%` is a control's place between its ends.
    ///
    /// # Errors
    /// A line that says what is wrong.
    pub fn action(&self, name: &str, value: &[&str]) -> Result<Action, String> {
        let number = |text: &str| match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(number),
            _ => Err(format!("`{text}` is no number")),
        };
        if let Some(source) = SOURCES.iter().position(|source| *source == name) {
            let [value] = value else {
                return Err(format!("{name} takes one value, 0 to 1"));
            };
            return Ok(Action::Source {
                source,
                value: number(value)?,
            });
        }
        let param = self.find(name).map_err(|error| error.to_string())?;
        let row = self.row(param);
        match (row.kind, value) {
            (Kind::Trigger | Kind::Toggle, []) => Ok(Action::Trigger { param }),
            (Kind::Toggle, ["on" | "true"]) => Ok(Action::Set { param, value: 1.0 }),
            (Kind::Toggle, ["off" | "false"]) => Ok(Action::Set { param, value: 0.0 }),
            (Kind::Trigger, _) => Err(format!("{name} fires and takes no value")),
            (Kind::Text, words) => Ok(Action::Text {
                param,
                text: words.join(" ").into(),
            }),
            (_, [text]) if text.starts_with('+') => Ok(Action::Nudge {
                param,
                delta: number(&text[1..])?,
            }),
            (Kind::Choice(names), [text]) => match names.iter().position(|name| name == text) {
                Some(index) => Ok(Action::Set {
                    param,
                    value: index as f64,
                }),
                None => Err(format!(
                    "{name} takes one of {}, not `{text}`",
                    names.join(", ")
                )),
            },
            (_, [text]) if text.ends_with('%') => match number(&text[..text.len() - 1])? / 100.0 {
                unit if (0.0..=1.0).contains(&unit) => {
                    Ok(Action::of_written_unit(param, unit, row))
                }
                _ => Err(format!("{name} takes 0% to 100%, not {text}")),
            },
            (_, [text]) => {
                let value = number(text)?;
                if value < row.min || value > row.max {
                    return Err(format!(
                        "{name} takes {} to {} {}, not {text}",
                        row.min, row.max, row.unit
                    ));
                }
                Ok(Action::Set { param, value })
            }
            _ => Err(format!("{name} takes one value")),
        }
    }

    /// A value as it is written in a preset: a choice and a toggle by name.
    pub fn written(&self, param: ParamId, value: f64) -> toml::Value {
        match self.row(param).kind {
            Kind::Toggle => toml::Value::Boolean(value > 0.5),
            Kind::Int => toml::Value::Integer(value as i64),
            Kind::Choice(names) => match names.get(value as usize) {
                Some(name) => toml::Value::String((*name).to_owned()),
                None => toml::Value::Float(value),
            },
            _ => toml::Value::Float(value),
        }
    }

    /// A written value in the parameter's unit.
    ///
    /// # Errors
    /// When the parameter does not take it.
    pub fn value(&self, name: &str, value: &toml::Value) -> Result<f64, ValueError> {
        let row = self.row(self.find(name)?);
        let refuse = |expected: String| ValueError::Refused {
            name: name.to_owned(),
            value: value.to_string(),
            expected,
        };
        match (row.kind, value) {
            (Kind::Trigger, _) => Err(refuse("it fires, and keeps no value".to_owned())),
            (Kind::Text, _) => Err(refuse("a preset keeps no text of it".to_owned())),
            (Kind::Toggle, toml::Value::Boolean(on)) => Ok(f64::from(u8::from(*on))),
            (Kind::Choice(names), toml::Value::String(text)) => {
                match names.iter().position(|name| name == text) {
                    Some(index) => Ok(index as f64),
                    None => Err(refuse(row.takes())),
                }
            }
            (_, toml::Value::Integer(_) | toml::Value::Float(_)) => {
                let number = value
                    .as_float()
                    .unwrap_or_else(|| value.as_integer().unwrap_or_default() as f64);
                if number >= row.min && number <= row.max {
                    Ok(row.clamp(number))
                } else {
                    Err(refuse(row.takes()))
                }
            }
            _ => Err(refuse(row.takes())),
        }
    }
}

impl Row {
    /// What it takes in a preset, in words.
    fn takes(&self) -> String {
        match self.kind {
            Kind::Toggle => "it takes true or false".to_owned(),
            Kind::Choice(names) => format!("it takes one of {}", names.join(", ")),
            _ => format!("it takes {} to {} {}", self.min, self.max, self.unit)
                .trim_end()
                .to_owned(),
        }
    }
}

/// The name that is most like this one: with the fewest edits from the one to the other.
///
/// Of a name from outside, which may be of any length, the first letters count.
pub fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name: String = name.chars().take(MAX_COMPARED).collect();
    names.min_by_key(|other| strsim::levenshtein(&name, other))
}
