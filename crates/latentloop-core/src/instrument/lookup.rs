//! The table by name, for files and messages.

use super::param::SOURCES;
use super::preset::PresetError;
use super::{Action, Kind, ParamId, Table};

impl Table {
    /// The parameter of that name, or an error with the name most like it.
    ///
    /// # Errors
    /// When there is none.
    pub fn find(&self, name: &str) -> Result<ParamId, PresetError> {
        self.id(name).ok_or_else(|| {
            let names = self.iter().map(|(_, row)| row.name.as_str());
            PresetError::Parameter {
                name: name.to_owned(),
                nearest: nearest(name, names).to_owned(),
            }
        })
    }

    /// What a written line asks of a parameter: nothing fires, a number or a name sets, `+0.5` and `+-0.5` move, `50%` is a
    /// control's place between its ends.
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
                unit if (0.0..=1.0).contains(&unit) => Ok(Action::SetUnit { param, unit }),
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

    /// Whether there is a parameter of that name whose range has the value.
    pub fn takes(&self, name: &str, value: f64) -> bool {
        self.id(name).is_some_and(|param| {
            let row = self.row(param);
            (row.min..=row.max).contains(&value)
        })
    }

    /// How a value is written in a preset: a choice and a toggle by name.
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
    pub fn value(&self, name: &str, value: &toml::Value) -> Result<f64, PresetError> {
        let row = self.row(self.find(name)?);
        let refuse = |expected: String| PresetError::Value {
            name: name.to_owned(),
            value: value.to_string(),
            expected,
        };
        match (row.kind, value) {
            (Kind::Trigger | Kind::Text, _) => {
                Err(refuse("it fires, and keeps no value".to_owned()))
            }
            (Kind::Toggle, toml::Value::Boolean(on)) => Ok(f64::from(u8::from(*on))),
            (Kind::Choice(names), toml::Value::String(text)) => {
                match names.iter().position(|name| name == text) {
                    Some(index) => Ok(index as f64),
                    None => Err(refuse(format!("it takes one of {}", names.join(", ")))),
                }
            }
            (_, toml::Value::Integer(_) | toml::Value::Float(_)) => {
                let number = value
                    .as_float()
                    .unwrap_or_else(|| value.as_integer().unwrap_or_default() as f64);
                if number >= row.min && number <= row.max {
                    Ok(row.clamp(number))
                } else {
                    Err(refuse(
                        format!("it takes {} to {} {}", row.min, row.max, row.unit)
                            .trim()
                            .to_owned(),
                    ))
                }
            }
            _ => Err(refuse("it takes another kind of value".to_owned())),
        }
    }
}

/// The name that is most like this one.
pub(super) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> &'a str {
    names
        .min_by_key(|other| distance(name, other))
        .unwrap_or("none")
}

/// Edits from one name to the other (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let replaced = corner + usize::from(x != y);
            corner = row[j + 1];
            row[j + 1] = replaced.min(corner + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
