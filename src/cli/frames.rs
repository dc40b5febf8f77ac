//! `latentloop frames`: film clips become a folder of pictures.

use std::path::PathBuf;

use super::overwrite::OverwriteArgs;

/// Cut film clips into a folder of pictures to train on
///
/// Every frame is decoded; clips given together make one set. Without options the pictures are those of the reference
/// work: all frames, squashed to 256 x 256. A dataset.json beside them says where they came from.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Film clips, in any format that FFmpeg reads
    #[arg(required = true, value_name = "CLIP")]
    clips: Vec<PathBuf>,
    /// Folder to write; one that holds anything but a set that was cut before is left alone
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[cfg(feature = "video")]
    #[command(flatten)]
    choices: choices::Choices,
}

/// Runs `latentloop frames`.
///
/// # Errors
/// When a clip cannot be read, a setting is out of range, or the folder cannot be written; nothing is left then.
#[cfg(feature = "video")]
pub fn run(args: Args) -> anyhow::Result<()> {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use indicatif::{ProgressBar, ProgressStyle};

    use crate::footage::Matrix;

    let is_set = args.output.join("dataset.json").is_file();
    args.overwrite.permit_where(is_set, &args.output)?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    crate::interrupt::listen(move || flag.store(true, Ordering::Relaxed))?;
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} frames  {per_sec}  {eta} left")?;
    let bar = ProgressBar::no_length().with_style(style);
    let settings = args.choices.settings();
    let cut = crate::footage::extract(
        &args.clips,
        &args.output,
        &settings,
        &stop,
        &mut |progress| {
            if let Some(expected) = progress.expected {
                bar.set_length(expected.max(progress.done));
            }
            bar.set_position(progress.done);
        },
    );
    bar.finish_and_clear();
    let manifest = cut?;
    for source in manifest.sources.iter().filter(|source| source.damaged > 0) {
        tracing::warn!(
            "{}: {} damaged packets were passed over",
            source.file,
            source.damaged
        );
    }
    for source in &manifest.sources {
        if let Some(matrix) = source.assumed_matrix {
            let (read, other, by) = match matrix {
                Matrix::Bt709 => ("BT.709", "bt601", "OpenCV or FFmpeg made it of pictures"),
                Matrix::Bt601 => (
                    "BT.601",
                    "bt709",
                    "it was an HD film before it was made small",
                ),
            };
            tracing::warn!(
                "{}: it does not say its matrix and is read by {read}, as films of its size mostly are; --matrix {other} \
                 where {by}",
                source.file
            );
        }
    }
    let left_out = if settings.dedupe { " left out" } else { "" };
    super::say(format_args!(
        "{} pictures, {} near-duplicate{}{left_out}: {}",
        manifest.count,
        manifest.near_duplicates,
        if manifest.near_duplicates == 1 {
            ""
        } else {
            "s"
        },
        args.output.display()
    ))?;
    Ok(())
}

/// Runs `latentloop frames`.
///
/// # Errors
/// Always: this build decodes no film.
#[cfg(not(feature = "video"))]
pub fn run(args: Args) -> anyhow::Result<()> {
    anyhow::bail!(
        "cannot cut {} clips into {}: this build has no FFmpeg. Build with `--features video` where FFmpeg's \
         development packages are installed, or cut the frames on another machine and copy the folder",
        args.clips.len(),
        args.output.display()
    )
}

#[cfg(feature = "video")]
mod choices {
    use crate::cli::values::{colour, one_of};
    use crate::footage::{Fit, Format, Matrix, Settings};

    #[derive(Debug, clap::Args)]
    pub(super) struct Choices {
        /// Side of the square pictures in pixels; 0 keeps the clip's own size
        #[arg(long, default_value_t = 256, value_name = "PIXELS")]
        size: u32,
        /// How the clip's shape becomes a square: all of it distorted, its middle, or all of it with black beside it
        #[arg(long, value_parser = one_of::<Fit>(), default_value = "squash")]
        fit: Fit,
        /// Second of each clip to begin at
        #[arg(long, default_value_t = 0.0, value_name = "SECS")]
        start: f64,
        /// Second of each clip to end before
        #[arg(long, value_name = "SECS")]
        end: Option<f64>,
        /// Take every N-th frame only
        #[arg(long, default_value_t = 1, value_name = "N")]
        every: u32,
        /// Take at most so many frames a second
        #[arg(long, value_name = "F", conflicts_with = "every")]
        fps: Option<f64>,
        /// Add the mirror image of every picture
        #[arg(long)]
        mirror: bool,
        /// Write every picture so many times
        #[arg(long, default_value_t = 1, value_name = "N")]
        repeat: u32,
        /// Leave out near-duplicates of pictures already taken
        #[arg(long)]
        dedupe: bool,
        /// File format of the pictures
        #[arg(long, value_parser = one_of::<Format>(), default_value = "jpg")]
        format: Format,
        /// Make a picture of each field of interlaced clips, of 50 or 60 a second; else of their first field alone
        #[arg(long)]
        fields: bool,
        /// The matrix between YUV and RGB, whatever a clip says of it
        #[arg(long, value_parser = one_of::<Matrix>())]
        matrix: Option<Matrix>,
        /// What lies behind transparent pixels: black, white or #rrggbb
        #[arg(long, value_parser = colour, default_value = "black", value_name = "COLOUR")]
        background: [u8; 3],
    }

    impl Choices {
        pub(super) fn settings(&self) -> Settings {
            Settings {
                size: (self.size > 0).then_some(self.size),
                fit: self.fit,
                start_secs: self.start,
                end_secs: self.end,
                every: self.every,
                fps: self.fps,
                mirror: self.mirror,
                repeat: self.repeat,
                dedupe: self.dedupe,
                format: self.format,
                fields: self.fields,
                matrix: self.matrix,
                background: self.background,
            }
        }
    }
}
