//! `latentloop play`: the instrument.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::bail;

use super::film::size;
use super::values::{EngineArgs, one_of};
use crate::app::{self, ConsoleChoice, Settings, open_display};
use crate::engine::{EngineOptions, Norm, Rounding, Winograd};
use crate::instrument::OUTPUTS;
use crate::library;
use crate::quote::printable;
use crate::record::{Codec, Encoders, FpsMode};
use crate::render;
use crate::stage::Target;

/// Where recordings go.
const TAKES: &str = "takes";
/// The take that is performed where there is no display.
const FIRST_TAKE: &str = "presets/first.take";

/// Play a model: the instrument
///
/// Keys: 1-8 jump, Shift+1-8 re-roll, R re-roll all, Space pause, arrows speed and scrub, Backspace undo, B blackout,
/// F fullscreen, C console, Tab heads-up display, V record, N next preset, Ctrl+Q quit.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model (.safetensors) or preset (.toml) [default: the preset that ships]
    piece: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArgs,
    /// Statistics of batch norm, instead of the preset's [default: running]
    #[arg(long, value_parser = one_of::<Norm>())]
    norm: Option<Norm>,
    /// Pictures a second
    #[arg(long, default_value_t = 60.0, value_parser = fps)]
    fps: f64,
    /// Width and height of what is recorded, such as 1920x1080 [default: the model's own]
    #[arg(long, value_parser = size, value_name = "WxH")]
    size: Option<(u32, u32)>,
    /// How recordings are coded [default: H.264]
    #[arg(long, value_parser = one_of::<Codec>())]
    codec: Option<Codec>,
    /// What codes recordings
    #[arg(long, value_parser = one_of::<Encoders>(), default_value = "auto", value_name = "WHICH")]
    encoder: Encoders,
    /// Whether recordings have a variable or a constant frame rate
    #[arg(long, value_parser = one_of::<FpsMode>(), default_value = "vfr", value_name = "MODE")]
    fps_mode: FpsMode,
    /// Make recordings plain mp4 files when they end: in fragments until then, so that a crash loses a second at most
    #[arg(long)]
    plain_mp4: bool,
    /// Record pictures as they were before their look
    #[arg(long)]
    without_look: bool,
    /// Where to send raw RGBA pictures: pipe:1, pipe:PATH of a named pipe, or tcp://HOST:PORT; may be repeated
    #[arg(long, value_name = "TARGET")]
    out: Vec<Target>,
    /// Width and height of raw pictures [default: the model's own]
    #[arg(long, value_parser = size, value_name = "WxH", requires = "out")]
    out_size: Option<(u32, u32)>,
    /// Where to listen to OSC: HOST:PORT, or none
    #[arg(long, default_value = "127.0.0.1:7000", value_name = "HOST:PORT")]
    osc: String,
    /// Where to serve OSCQuery: HOST:PORT, or none [default: a free port beside OSC]
    #[arg(long, value_name = "HOST:PORT")]
    oscquery: Option<String>,
    /// Let only this network in over OSC and OSCQuery, such as 192.168.1.0/24; may be repeated [default: all]
    #[arg(long, value_name = "NETWORK", value_parser = crate::control::network)]
    osc_allow: Vec<ipnet::IpNet>,
    /// Where to send every change over OSC
    #[arg(long, value_name = "HOST:PORT")]
    osc_out: Option<String>,
    /// Where to send MIDI clock: a part of the ports' names
    #[arg(long, value_name = "NAME")]
    midi_clock_out: Option<String>,
    /// Whose MIDI clock to take: a part of the ports' names [default: the first that sends]
    #[arg(long, value_name = "NAME")]
    midi_clock_in: Option<String>,
    /// The sound input to listen to: default, or a part of a name
    #[arg(long, value_name = "NAME")]
    sound_in: Option<String>,
    /// The monitor to play on, by a part of its name; begins fullscreen; may be repeated, for up to four outputs [default: where
    /// it was last]
    #[arg(long, value_name = "NAME", conflicts_with = "headless")]
    monitor: Vec<String>,
    /// The performer's console: auto (where there is a second monitor), none, window, or a part of a monitor's name; C opens and closes it
    #[arg(long, value_name = "WHERE", num_args = 0..=1, default_value = "auto", default_missing_value = "window", conflicts_with = "headless")]
    console: String,
    /// Begin fullscreen
    #[arg(long, conflicts_with = "headless")]
    fullscreen: bool,
    /// Where the seeds of re-rolls begin, so that two shows roll alike [default: another one each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Play offscreen, in real time
    #[arg(long)]
    headless: bool,
    /// End after that many seconds, counted from the first frame
    #[arg(long, value_name = "N", value_parser = seconds)]
    seconds: Option<Duration>,
    /// Write the show's figures when it ends
    #[arg(long, value_name = "FILE.json")]
    stats: Option<PathBuf>,
}

/// Runs `latentloop play`.
///
/// # Errors
/// When the preset, the model or the engine cannot be opened. What fails later is named while the show goes on.
pub fn run(args: Args) -> anyhow::Result<()> {
    check(&args.out)?;
    if let Some(codec) = args
        .codec
        .filter(|codec| args.plain_mp4 && !codec.goes_into("mp4"))
    {
        bail!("--plain-mp4: {codec} does not go into mp4; h264, h265, vp9 and av1 do");
    }
    if args.plain_mp4 && cfg!(not(feature = "video")) {
        bail!("--plain-mp4: this build has no FFmpeg, and records pictures alone");
    }
    check_monitors(&args.monitor)?;
    let settings = Settings {
        patch: args.piece,
        engine: args.engine.options_or(Winograd::Auto),
        norm: args.norm,
        fps: args.fps,
        size: args.size,
        codec: args.codec,
        encoder: args.encoder,
        fps_mode: args.fps_mode,
        plain_mp4: args.plain_mp4,
        without_look: args.without_look,
        out: args.out,
        out_size: args.out_size,
        osc: (args.osc != "none").then_some(args.osc),
        oscquery: args.oscquery,
        osc_allow: args.osc_allow,
        osc_out: args.osc_out,
        midi_clock_out: args.midi_clock_out,
        midi_clock_in: args.midi_clock_in,
        sound_in: args.sound_in,
        monitors: args.monitor,
        console: match args.console.as_str() {
            "auto" => ConsoleChoice::Auto,
            "none" => ConsoleChoice::Never,
            "window" => ConsoleChoice::Window,
            _ => ConsoleChoice::Monitor(args.console),
        },
        fullscreen: args.fullscreen,
        length: args.seconds,
        stats: args.stats,
        seed: args.seed.unwrap_or_else(another),
        takes: TAKES.into(),
    };
    if args.headless {
        return app::run(&settings, None);
    }
    match open_display() {
        Ok(display) => app::run(&settings, Some(display)),
        Err(reason) if !settings.out.is_empty() => {
            bail!(
                "there is no display to play on ({reason}); --headless sends pictures without one"
            )
        }
        Err(reason) => perform_first_take(&reason, &settings, &args.engine.options()),
    }
}

/// Refuses more outputs than there can be.
fn check_monitors(monitors: &[String]) -> anyhow::Result<()> {
    if monitors.len() > OUTPUTS {
        bail!(
            "--monitor is given {} times; there are {OUTPUTS} outputs at most",
            monitors.len()
        );
    }
    if monitors.iter().any(|name| name.trim().is_empty()) {
        bail!("--monitor needs a part of a monitor's name; `latentloop devices` lists them");
    }
    Ok(())
}

/// Refuses targets of raw pictures that can never have a reader.
fn check(targets: &[Target]) -> anyhow::Result<()> {
    for (at, target) in targets.iter().enumerate() {
        if targets[..at].contains(target) {
            bail!("--out {target} is given twice");
        }
        match target {
            Target::Stdout if std::io::stdout().is_terminal() => {
                bail!(
                    "--out pipe:1: raw pictures would fill the terminal; pipe them into a program"
                )
            }
            Target::Fifo(path) if !path.exists() => bail!(
                "--out {target}: there is no such pipe; make it with `mkfifo {}`",
                path.display()
            ),
            Target::Fifo(path) if path.is_file() || path.is_dir() => {
                bail!(
                    "--out {target}: it is no named pipe; make one with `mkfifo` under another name"
                )
            }
            _ => {}
        }
    }
    Ok(())
}

/// Without a display there is nothing to play on: the take that ships becomes a film instead.
fn perform_first_take(
    reason: &str,
    settings: &Settings,
    engine: &EngineOptions,
) -> anyhow::Result<()> {
    let take = library::data::folders().find(FIRST_TAKE)?;
    let ending = if cfg!(feature = "video") { ".mp4" } else { "" };
    let output = Path::new(TAKES).join(format!("first-take{ending}"));
    let told = format!(
        "There is no display to play on ({reason}).\nPerforming {} into {} instead; --headless plays in real time without a display.",
        take.display(),
        output.display()
    );
    eprintln!("{}", printable(&told));
    let form = render::RenderSettings {
        fps: 30.0,
        size: settings.size,
        norm: settings.norm,
        codec: None,
        rounding: Rounding::Nearest,
        range: None,
    };
    super::take::render_take(&take, &output, form, engine)
}

/// A number that no other show begins with.
fn another() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed();
    since.map_or(0, |since| since.as_nanos() as u64)
}

fn fps(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(fps) if (1.0..=240.0).contains(&fps) => Ok(fps),
        _ => Err("give pictures a second, 1 to 240".to_owned()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(secs) if secs > 0.0 && secs <= 1e6 => Ok(Duration::from_secs_f64(secs)),
        _ => Err("give seconds, above 0".to_owned()),
    }
}
