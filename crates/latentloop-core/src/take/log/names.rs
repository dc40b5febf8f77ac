//! Names of parameters in a file: numbers stand for them there, and mean nothing elsewhere.

use serde::{Deserialize, Serialize};

use crate::instrument::{Action, Kind, ParamId, SOURCES, State, Table};

/// The parameters that a file's numbers stand for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    params: Vec<Name>,
    sources: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Name {
    name: String,
    /// Names of what it chooses from, where it does.
    choices: Vec<String>,
}

impl Names {
    /// The names of a table.
    pub fn of(table: &Table) -> Self {
        let params = table.iter().map(|(_, row)| Name {
            name: row.name.clone(),
            choices: match row.kind {
                Kind::Choice(names) => names.iter().map(|name| (*name).to_owned()).collect(),
                _ => Vec::new(),
            },
        });
        Self {
            params: params.collect(),
            sources: SOURCES.map(str::to_owned).to_vec(),
        }
    }

    /// The mapping of this file's numbers to those of `table`.
    pub(super) fn mapping(&self, table: &Table) -> Mapping<'_> {
        let params = self.params.iter().map(|name| {
            let param = table.id(&name.name)?;
            let choices = match table.row(param).kind {
                Kind::Choice(own) if own.iter().ne(&name.choices) => {
                    let own = |choice: &String| own.iter().position(|own| own == choice);
                    Some(name.choices.iter().map(own).collect())
                }
                _ => None,
            };
            Some(Known { param, choices })
        });
        let own = |source: &String| SOURCES.iter().position(|own| own == source);
        Mapping {
            names: self,
            params: params.collect(),
            sources: self.sources.iter().map(own).collect(),
        }
    }
}

/// The mapping of a file's numbers to those of a table.
pub(super) struct Mapping<'a> {
    names: &'a Names,
    params: Vec<Option<Known>>,
    sources: Vec<Option<usize>>,
}

/// A parameter of the file that the table has too.
struct Known {
    param: ParamId,
    /// Where the table's choices are others than the file's: which of them each of the file's is.
    choices: Option<Vec<Option<usize>>>,
}

impl Mapping<'_> {
    /// The state in the table's terms; what the table has not is left out of it.
    pub(super) fn state(&self, state: &mut State, table: &Table) {
        let known: Vec<_> = self
            .params
            .iter()
            .map(|known| known.as_ref().map(|known| known.param))
            .collect();
        let same = known.len() == table.len()
            && known
                .iter()
                .enumerate()
                .all(|(at, own)| own.is_some_and(|own| own.index() == at));
        if !same {
            state.renumber(&known, table);
        }
    }

    /// The action in the table's terms, or the name of what the table has not.
    pub(super) fn action(&self, action: Action<u16>, table: &Table) -> Result<Action, String> {
        Ok(match action {
            Action::Set { param, value } => {
                let (param, value) = self.value(param, value)?;
                Action::Set { param, value }
            }
            Action::SetUnit { param, unit } => {
                let last = self.choices(param).map_or(0, |choices| choices.len() - 1);
                if last > 0 {
                    let value = libm::round(unit.clamp(0.0, 1.0) * last as f64);
                    let (param, value) = self.value(param, value)?;
                    Action::Set { param, value }
                } else {
                    let (param, _) = self.value(param, 0.0)?;
                    Action::of_written_unit(param, unit, table.row(param))
                }
            }
            Action::Nudge { param, delta } => Action::Nudge {
                param: self.value(param, 0.0)?.0,
                delta,
            },
            Action::Trigger { param } => Action::Trigger {
                param: self.value(param, 0.0)?.0,
            },
            Action::Text { param, text } => Action::Text {
                param: self.value(param, 0.0)?.0,
                text,
            },
            Action::Source { source, value } => match self.sources.get(source) {
                Some(Some(source)) => Action::Source {
                    source: *source,
                    value,
                },
                Some(None) => return Err(self.names.sources[source].clone()),
                None => return Err(format!("source {source}")),
            },
            Action::Clock {
                beat,
                tempo,
                running,
            } => Action::Clock {
                beat,
                tempo,
                running,
            },
        })
    }

    /// The file's choices of a parameter, where they are not the table's.
    fn choices(&self, param: u16) -> Option<&[Option<usize>]> {
        let entry = self.params.get(usize::from(param))?.as_ref()?;
        entry
            .choices
            .as_deref()
            .filter(|choices| !choices.is_empty())
    }

    fn value(&self, param: u16, value: f64) -> Result<(ParamId, f64), String> {
        let index = usize::from(param);
        match self.params.get(index) {
            None => Err(format!("parameter {index}")),
            Some(None) => Err(self.names.params[index].name.clone()),
            Some(Some(Known {
                param,
                choices: None,
            })) => Ok((*param, value)),
            Some(Some(Known {
                param,
                choices: Some(choices),
            })) => match choices.get(value as usize) {
                Some(Some(choice)) => Ok((*param, *choice as f64)),
                _ => Err(match self.names.params[index].choices.get(value as usize) {
                    Some(choice) => format!("{} = {choice}", self.names.params[index].name),
                    None => format!("{} = {value}", self.names.params[index].name),
                }),
            },
        }
    }
}
