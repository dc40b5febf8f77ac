//! `latentloop params`: the parameter table.

use crate::instrument::{Curve, Kind, Row, Table};

/// Print the parameter table: every knob with its range, OSC address and help
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub struct Args {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// As docs/parameters.md
    #[arg(long)]
    markdown: bool,
    /// As the table of docs/touchdesigner.md
    #[arg(long)]
    touchdesigner: bool,
    /// As docs/touchdesigner.tsv: every address, for a Table DAT or another program
    #[arg(long)]
    tsv: bool,
}

/// Runs `latentloop params`.
///
/// # Errors
/// Never, but for a broken pipe.
pub fn run(args: Args) -> anyhow::Result<()> {
    let table = Table::standard();
    if args.json {
        let rows: Vec<_> = table.iter().map(|(_, row)| json(row)).collect();
        return super::say(serde_json::to_string_pretty(&rows)?);
    }
    let text = match args {
        Args { markdown: true, .. } => parameters(&table),
        Args {
            touchdesigner: true,
            ..
        } => touchdesigner(&table),
        Args { tsv: true, .. } => tsv(&table),
        _ => plain(&table),
    };
    super::say(text.trim_end())
}

fn plain(table: &Table) -> String {
    let rows = condensed(table);
    let lines = rows
        .iter()
        .map(|row| format!("{:26} {:34} {}\n", row.name, range(row), row.help));
    lines.collect()
}

/// All that there is to say of every parameter: `docs/parameters.md`.
pub fn parameters(table: &Table) -> String {
    let mut text = String::from(
        "# Parameters\n\n\
         Made by `latentloop params --markdown > docs/parameters.md`; change `crates/latentloop-core/src/instrument/params/standard.rs`, not this.\n\n\
         `N` stands for 1 to 64 in `keyframe.N`, and for 1 to 16 in `preset.bank.N`. A *square* curve is finer near the low end \
         of a fader, *high* near its high end, *centre* around its middle, where it rests. *Smoothing* is the time over which a stepped control is slewed.\n\n\
         | Parameter | OSC | Type | Range (default) | Unit | Curve | Smoothing | Access | What it does |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for row in condensed(table) {
        let (curve, smoothing) = match row.kind {
            Kind::Float | Kind::Int => (
                match row.curve {
                    Curve::Linear => "linear",
                    Curve::Square => "square",
                    Curve::Centre => "centre",
                    Curve::High => "high",
                },
                if row.smoothing_secs > 0.0 {
                    format!("{} s", row.smoothing_secs)
                } else {
                    String::new()
                },
            ),
            _ => ("", String::new()),
        };
        text.push_str(&format!(
            "| `{}` | `{}` | {} | {} | {} | {curve} | {smoothing} | {} | {} |\n",
            row.name,
            address(&row.name),
            kind(&row).0,
            bare_range(&row),
            row.unit,
            access(&row),
            row.help
        ));
    }
    text
}

/// What TouchDesigner sends and receives: the table of `docs/touchdesigner.md`.
pub fn touchdesigner(table: &Table) -> String {
    let mut text = String::from(
        "| Channel | Address | Operator | Values (default) | Comes back | What it does |\n|---|---|---|---|---|---|\n",
    );
    for row in condensed(table) {
        let address = address(&row.name);
        let channel = &address[1..];
        let (operator, back) = match row.kind {
            Kind::Trigger => ("OSC Out CHOP (0 to 1) or DAT", "no"),
            Kind::Text => ("OSC Out DAT", "no"),
            _ if row.read_only => ("none: it only tells", "yes"),
            _ => ("OSC Out CHOP", "yes"),
        };
        let values = match row.kind {
            Kind::Toggle => format!("0, 1 ({})", row.default),
            Kind::Choice(names) => {
                let numbered = names
                    .iter()
                    .enumerate()
                    .map(|(index, name)| format!("{index} {name}"));
                format!(
                    "{} ({})",
                    numbered.collect::<Vec<_>>().join(", "),
                    row.default
                )
            }
            Kind::Trigger => "rises to 1".to_owned(),
            _ => range(&row),
        };
        text.push_str(&format!(
            "| `{channel}` | `{address}` | {operator} | {values} | {back} | {} |\n",
            row.help
        ));
    }
    text
}

/// Every address with all that a program needs to know of it, tabs between: `docs/touchdesigner.tsv`.
pub fn tsv(table: &Table) -> String {
    let mut text = String::from("address\ttype\tmin\tmax\tdefault\tunit\thelp\n");
    for (_, row) in table.iter() {
        let (kind, choices) = kind(row);
        let kind = if choices.is_empty() {
            kind.to_owned()
        } else {
            format!("{kind} {}", choices.join("|"))
        };
        let numbers = match row.kind {
            Kind::Trigger | Kind::Text => ["", "", ""].map(str::to_owned),
            _ => [row.min, row.max, row.default].map(|number| number.to_string()),
        };
        text.push_str(&format!(
            "{}\t{kind}\t{}\t{}\t{}\n",
            address(&row.name),
            numbers.join("\t"),
            row.unit,
            row.help
        ));
    }
    text
}

/// Every row, the first of those that are numbered standing for all.
fn condensed(table: &Table) -> Vec<Row> {
    let rows = table.iter().filter_map(|(_, row)| {
        let mut parts: Vec<&str> = row.name.split('.').collect();
        match parts.iter_mut().find(|part| part.parse::<u32>().is_ok()) {
            None => Some(row.clone()),
            Some(number) if *number == "1" => {
                *number = "N";
                Some(Row {
                    name: parts.join("."),
                    ..row.clone()
                })
            }
            Some(_) => None,
        }
    });
    rows.collect()
}

fn address(name: &str) -> String {
    format!("/{}", name.replace('.', "/"))
}

fn access(row: &Row) -> &'static str {
    match row.kind {
        Kind::Trigger => "fires",
        Kind::Text => "takes a text",
        _ if row.read_only => "ask",
        _ => "set, ask",
    }
}

fn range(row: &Row) -> String {
    let unit = match row.kind {
        Kind::Int | Kind::Float if !row.unit.is_empty() => format!(" {}", row.unit),
        _ => String::new(),
    };
    let bare = bare_range(row);
    match bare.split_once(" (") {
        Some((range, default)) => format!("{range}{unit} ({default}"),
        None => bare,
    }
}

/// The range and the default, without the unit.
fn bare_range(row: &Row) -> String {
    match row.kind {
        Kind::Trigger => "fires".to_owned(),
        Kind::Text => "a name".to_owned(),
        Kind::Toggle => format!("off, on ({})", if row.default > 0.5 { "on" } else { "off" }),
        Kind::Choice(names) => format!("{} ({})", names.join(", "), names[row.default as usize]),
        Kind::Int | Kind::Float if row.name.ends_with(".seed") => {
            format!("{} to {} (N)", row.min, row.max)
        }
        Kind::Int | Kind::Float => format!("{} to {} ({})", row.min, row.max, row.default),
    }
}

/// The kind's name, and the names of its choices.
fn kind(row: &Row) -> (&'static str, &'static [&'static str]) {
    match row.kind {
        Kind::Float => ("float", &[]),
        Kind::Int => ("int", &[]),
        Kind::Toggle => ("toggle", &[]),
        Kind::Choice(names) => ("choice", names),
        Kind::Trigger => ("trigger", &[]),
        Kind::Text => ("text", &[]),
    }
}

fn json(row: &Row) -> serde_json::Value {
    let (kind, choices) = kind(row);
    serde_json::json!({
        "name": row.name, "osc": address(&row.name), "kind": kind, "choices": choices, "min": row.min, "max": row.max,
        "default": row.default, "unit": row.unit, "access": access(row), "help": row.help,
    })
}
