//! `latentloop take info`: what is in a take.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::instrument::SOURCES;
use crate::instrument::{Action, Table};
use crate::library::{self, TakeFile};
use crate::take::{Ended, Event, Model, Script, Take, log, secs};

/// Say what is in a take: how long it is, what was played, on which models
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The take
    take: PathBuf,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// What there is to say.
#[derive(Debug, Default, Serialize)]
struct Info {
    kind: &'static str,
    version: u32,
    length_secs: f64,
    /// How often each parameter was acted upon.
    actions: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preset: Option<String>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    log: Option<Log>,
}

/// What there is to say of a logged take besides.
#[derive(Debug, Serialize)]
struct Log {
    /// `whole`, `cut` or `damaged`.
    ended: &'static str,
    /// The byte where it is cut or damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at_byte: Option<usize>,
    states: usize,
    latents: usize,
    models: Vec<Named>,
    presets: Vec<At>,
    marks: Vec<At>,
    unknown: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Named {
    at_secs: f64,
    #[serde(flatten)]
    model: Model,
}

#[derive(Debug, Serialize)]
struct At {
    at_secs: f64,
    text: String,
}

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let table = Table::standard();
    let info = match library::take(&library::locate(&args.take)?, &table)? {
        TakeFile::Script(script) => of_script(script, &table),
        TakeFile::Logged(take) => of_take(&take, &table),
    };
    if args.json {
        return super::super::say(serde_json::to_string_pretty(&info)?);
    }
    tell(&args.take, &info)
}

fn of_script(script: Script, table: &Table) -> Info {
    let mut info = Info {
        kind: "written",
        version: 1,
        length_secs: secs(script.length),
        preset: Some(script.preset),
        ..Info::default()
    };
    for (_, action) in &script.events {
        *info.actions.entry(name(action, table)).or_default() += 1;
    }
    info
}

fn of_take(take: &Take, table: &Table) -> Info {
    let mut info = Info {
        kind: "logged",
        version: log::VERSION,
        length_secs: secs(take.length()),
        ..Info::default()
    };
    let (ended, ended_at_byte) = match take.ended {
        Ended::Whole => ("whole", None),
        Ended::Cut(at) => ("cut", Some(at)),
        Ended::Damaged(at) => ("damaged", Some(at)),
    };
    let mut log = Log {
        ended,
        ended_at_byte,
        states: 0,
        latents: 0,
        models: Vec::new(),
        presets: Vec::new(),
        marks: Vec::new(),
        unknown: take.unknown.clone(),
    };
    log.states += 1;
    log.model(0.0, &take.opening.model);
    for (tick, event) in &take.events {
        let at_secs = secs(tick - take.start());
        match event {
            Event::Action(action) => *info.actions.entry(name(action, table)).or_default() += 1,
            Event::State(snapshot) => {
                log.states += 1;
                log.model(at_secs, &snapshot.model);
            }
            Event::Model(model) => log.model(at_secs, model),
            Event::Latents { .. } => log.latents += 1,
            Event::Preset { preset, .. } => log.presets.push(At {
                at_secs,
                text: format!("{} keyframes", preset.keyframes.len()),
            }),
            Event::Mark(text) => log.marks.push(At {
                at_secs,
                text: text.clone(),
            }),
        }
    }
    info.log = Some(log);
    info
}

impl Log {
    /// Adds a model where it is another than the one before.
    fn model(&mut self, at_secs: f64, model: &Model) {
        if self.models.last().is_none_or(|last| last.model != *model) {
            let model = model.clone();
            self.models.push(Named { at_secs, model });
        }
    }
}

fn name(action: &Action, table: &Table) -> String {
    match action {
        Action::Set { param, .. }
        | Action::SetUnit { param, .. }
        | Action::Nudge { param, .. }
        | Action::Trigger { param }
        | Action::Text { param, .. } => table.row(*param).name.clone(),
        Action::Source { source, .. } => SOURCES[*source].to_owned(),
        Action::Clock { .. } => "clock".to_owned(),
    }
}

fn tell(file: &Path, info: &Info) -> anyhow::Result<()> {
    use super::super::say;
    say(format_args!(
        "{}: a {} take, version {}, {:.3} s",
        file.display(),
        info.kind,
        info.version,
        info.length_secs
    ))?;
    if let Some(preset) = &info.preset {
        say(format_args!("preset    {preset}"))?;
    }
    if let Some(log) = &info.log {
        match log.ended_at_byte {
            None => say("ended     whole")?,
            Some(at) => say(format_args!("ended     {} at byte {at}", log.ended))?,
        }
        for Named { at_secs, model } in &log.models {
            say(format_args!(
                "model     {at_secs:8.3} s  {}, {} latents, SHA-256 {}",
                clean(&model.name),
                model.latent,
                clean(&model.sha256)
            ))?;
        }
        for (kind, list) in [("preset", &log.presets), ("mark", &log.marks)] {
            for At { at_secs, text } in list {
                say(format_args!("{kind:9} {at_secs:8.3} s  {}", clean(text)))?;
            }
        }
        say(format_args!("states    {}", log.states))?;
        say(format_args!("latents   {}", log.latents))?;
        for (name, count) in &log.unknown {
            say(format_args!("left out  {count:8}  {}", clean(name)))?;
        }
    }
    for (name, count) in &info.actions {
        say(format_args!("action    {count:8}  {name}"))?;
    }
    Ok(())
}

/// A text out of a file, safe to print.
fn clean(text: &str) -> String {
    let safe = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(200).map(safe).collect()
}

/// Says what of a take cannot be played.
pub(super) fn warn_of(file: &Path, take: &Take) {
    match take.ended {
        Ended::Whole => {}
        Ended::Cut(at) => tracing::warn!("{} is cut off at byte {at}", file.display()),
        Ended::Damaged(at) => tracing::warn!(
            "{} is damaged at byte {at}; what came before it is played",
            file.display()
        ),
    }
    for (name, count) in &take.unknown {
        tracing::warn!(
            "{} names {}, which this program has not: left out {count} times",
            file.display(),
            clean(name)
        );
    }
}
