//! `latentloop params`: the parameter table.

use crate::instrument::{Kind, Row, Table};

/// Print the parameter table: every knob with its range, OSC address and help
#[derive(Debug, clap::Args)]
pub struct Args {
    /// As JSON
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// As a Markdown table
    #[arg(long)]
    markdown: bool,
}

/// Runs `latentloop params`.
///
/// # Errors
/// Never, but for a broken pipe.
pub fn run(args: Args) -> anyhow::Result<()> {
    let table = Table::standard();
    if args.json {
        let rows: Vec<_> = table.iter().map(|(_, row)| json(row)).collect();
        super::say(serde_json::to_string_pretty(&rows)?)?;
    } else if args.markdown {
        super::say(markdown(&table).trim_end())?;
    } else {
        for row in condensed(&table) {
            super::say(format_args!(
                "{:26} {:34} {}",
                row.name,
                range(&row),
                row.help
            ))?;
        }
    }
    Ok(())
}

/// The table as the README has it, keyframe N standing for all.
pub fn markdown(table: &Table) -> String {
    let mut text =
        String::from("| Parameter | OSC | Range (default) | What it does |\n|---|---|---|---|\n");
    for row in condensed(table) {
        let address = address(&row.name);
        text.push_str(&format!(
            "| `{}` | `{address}` | {} | {} |\n",
            row.name,
            range(&row),
            row.help
        ));
    }
    text
}

/// Every row, those of the first keyframe standing for all keyframes.
fn condensed(table: &Table) -> Vec<Row> {
    let rows = table
        .iter()
        .filter_map(|(_, row)| match row.name.strip_prefix("keyframe.") {
            None => Some(row.clone()),
            Some(rest) => rest.strip_prefix("1.").map(|part| Row {
                name: format!("keyframe.N.{part}"),
                ..row.clone()
            }),
        });
    rows.collect()
}

fn address(name: &str) -> String {
    format!("/{}", name.replace('.', "/"))
}

fn range(row: &Row) -> String {
    match row.kind {
        Kind::Trigger => "fires".to_owned(),
        Kind::Text => "a name".to_owned(),
        Kind::Toggle => format!("off, on ({})", if row.default > 0.5 { "on" } else { "off" }),
        Kind::Choice(names) => format!("{} ({})", names.join(", "), names[row.default as usize]),
        Kind::Int | Kind::Float if row.name.ends_with(".seed") => {
            format!("{} to {} (N)", row.min, row.max)
        }
        Kind::Int | Kind::Float => {
            let unit = if row.unit.is_empty() {
                String::new()
            } else {
                format!(" {}", row.unit)
            };
            format!("{} to {}{unit} ({})", row.min, row.max, row.default)
        }
    }
}

fn json(row: &Row) -> serde_json::Value {
    let (kind, choices): (_, &[&str]) = match row.kind {
        Kind::Float => ("float", &[]),
        Kind::Int => ("int", &[]),
        Kind::Toggle => ("toggle", &[]),
        Kind::Choice(names) => ("choice", names),
        Kind::Trigger => ("trigger", &[]),
        Kind::Text => ("text", &[]),
    };
    serde_json::json!({
        "name": row.name, "osc": address(&row.name), "kind": kind, "choices": choices, "min": row.min, "max": row.max,
        "default": row.default, "unit": row.unit, "help": row.help,
    })
}
