//! `latentloop check`: flashes and patterns of films, as the guidelines count them.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::values::ReadingArgs;
#[cfg(feature = "video")]
use super::values::one_of;
use crate::photosensitivity::{Counter, Rule, Verdict, plot};
use crate::pictures;

/// Count the flashes of films: where they break the guidelines on photosensitive epilepsy
///
/// WCAG 2.2, success criterion 2.3.1, and ITU-R BT.1702-3, rule by rule. It ends with 1 where a film breaks a rule. It is an aid and no
/// certificate: broadcasters ask for a certified analyser.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Films, or folders of pictures
    #[arg(required = true, value_name = "FILM")]
    films: Vec<PathBuf>,
    /// As one JSON object a film
    #[arg(long)]
    json: bool,
    /// Write a plot of flashes over time: a PNG file, or a folder where there are several films
    #[arg(long, value_name = "PNG")]
    plot: Option<PathBuf>,
    /// Pictures a second of folders
    #[arg(long, default_value_t = 30.0, value_name = "F")]
    fps: f64,
    #[command(flatten)]
    reading: ReadingArgs,
    /// The matrix between YUV and RGB, whatever a film says of it
    #[cfg(feature = "video")]
    #[arg(long, value_parser = one_of::<crate::footage::Matrix>())]
    matrix: Option<crate::footage::Matrix>,
}

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Report<'a> {
    film: String,
    holds: bool,
    pictures: u64,
    damaged: u64,
    length_secs: f64,
    rules: &'a [Verdict],
}

/// Runs `latentloop check`.
///
/// # Errors
/// When a film cannot be read, a plot cannot be written, or a rule is broken.
pub fn run(args: Args) -> anyhow::Result<()> {
    if !(args.fps > 0.0 && args.fps <= 1000.0) {
        bail!("--fps {}: it is more than 0 and at most 1000", args.fps);
    }
    let mut broken = 0;
    for film in &args.films {
        let mut reader = Reader::default();
        let damaged = if film.is_dir() {
            folder(film, &args, &mut reader)?
        } else {
            read(film, &args, &mut reader)?
        };
        let counter = reader
            .counter
            .with_context(|| format!("cannot check {}: it has no picture", film.display()))?;
        let verdicts = counter.verdicts();
        let holds = verdicts.iter().all(|verdict| verdict.holds);
        broken += usize::from(!holds);
        let report = Report {
            film: film.display().to_string(),
            holds,
            pictures: reader.pictures,
            damaged,
            length_secs: counter.series().last().map_or(0.0, |&(secs, ..)| secs),
            rules: verdicts,
        };
        if args.json {
            super::say(serde_json::to_string(&report)?)?;
        } else {
            tell(&report)?;
        }
        if let Some(path) = &args.plot {
            let path = plot_path(path, film, args.films.len());
            let image = plot(counter.series());
            image
                .save_with_format(&path, image::ImageFormat::Png)
                .with_context(|| format!("cannot write the plot {}", path.display()))?;
        }
    }
    if broken > 0 {
        bail!(
            "{broken} of {} films {} a rule",
            args.films.len(),
            if broken == 1 { "breaks" } else { "break" }
        );
    }
    Ok(())
}

#[derive(Default)]
struct Reader {
    counter: Option<Counter>,
    size: (u32, u32),
    pictures: u64,
}

impl Reader {
    fn add(&mut self, picture: &image::RgbImage, secs: f64) {
        let size = picture.dimensions();
        let counter = self.counter.get_or_insert_with(|| {
            self.size = size;
            Counter::new(size)
        });
        if size == self.size {
            counter.add(picture, secs);
        } else {
            // It is shown in the first one's size.
            let filter = image::imageops::FilterType::Triangle;
            let resized = image::imageops::resize(picture, self.size.0, self.size.1, filter);
            counter.add(&resized, secs);
        }
        self.pictures += 1;
    }
}

fn tell(report: &Report) -> anyhow::Result<()> {
    let Report {
        film,
        pictures,
        damaged,
        length_secs,
        ..
    } = report;
    super::say(format_args!(
        "{film}: {length_secs:.1} s, {pictures} pictures"
    ))?;
    if *damaged > 0 {
        super::say(format_args!("  {damaged} pictures could not be read"))?;
    }
    for verdict in report.rules {
        let (worst, at) = (verdict.worst, verdict.at_secs);
        let figure = match verdict.rule {
            Rule::Moving => format!("{worst:.0} in a second"),
            Rule::Extended => format!("{worst:.1} s"),
            _ => format!("{:.1} %", worst * 100.0),
        };
        super::say(format_args!(
            "  {}  {:<50} at most {figure}, {} {at:.2} s",
            if verdict.holds { "holds " } else { "BROKEN" },
            verdict.rule.text(),
            if verdict.holds { "at" } else { "first at" },
        ))?;
    }
    Ok(())
}

/// A plot for each film: in a folder where there are several.
fn plot_path(asked: &Path, film: &Path, films: usize) -> PathBuf {
    if films == 1 && !asked.is_dir() {
        return asked.to_owned();
    }
    let name = film.file_name().unwrap_or_default().to_string_lossy();
    asked.join(format!("{name}.png"))
}

fn folder(folder: &Path, args: &Args, reader: &mut Reader) -> anyhow::Result<u64> {
    let reading = args.reading.reading();
    let files = pictures::list(folder, reading.recursive)?;
    for (number, file) in files.iter().enumerate() {
        let picture = pictures::read(file, reading.background)
            .with_context(|| format!("cannot read the picture {}", file.display()))?;
        reader.add(&picture, number as f64 / args.fps);
    }
    Ok(0)
}

#[cfg(feature = "video")]
fn read(film: &Path, args: &Args, reader: &mut Reader) -> anyhow::Result<u64> {
    let settings = crate::footage::Settings {
        matrix: args.matrix,
        background: args.reading.background,
        ..Default::default()
    };
    Ok(crate::footage::read(film, &settings, |picture, secs| {
        reader.add(picture, secs);
    })?)
}

#[cfg(not(feature = "video"))]
fn read(film: &Path, _: &Args, _: &mut Reader) -> anyhow::Result<u64> {
    bail!(
        "cannot check {}: this build has no FFmpeg. Build with `--features video`, or give a folder of pictures",
        film.display()
    )
}
