//! Loops and takes drawn offline: nothing is dropped, and the same input gives the same pictures.
//!
//! The instrument, the engine and the stage are those of the show; only the clock is counted, and the sink waits.

#[cfg(test)]
mod flashes;
mod offline_render;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::{EngineError, Norm};
use crate::instrument::params::{LOOP_MODE, LOOP_NORM, LOOP_SPEED, LoopMode};
use crate::instrument::{Instrument, InstrumentError, Preset, Table, ticks};
use crate::latent::{Path, interpolate};
use crate::record::RecordError;
use crate::stage::{Compositor, EffectValues};
use crate::take::{Model, Player, PlayerError, Script, secs};

pub use offline_render::{FrameRange, ModelEngine, OfflineRender, RenderSettings};

/// Why nothing was rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The preset does not fit the model.
    #[error(transparent)]
    Instrument(#[from] InstrumentError),
    /// The take cannot be played.
    #[error(transparent)]
    Player(#[from] PlayerError),
    /// A model that the take changes to cannot be opened.
    #[error("the take changes its model: {0:#}")]
    Model(anyhow::Error),
    /// A picture could not be drawn.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A picture could not be recorded.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A picture with a look did not come back.
    #[error(
        "the graphics card stopped drawing the look; try again, or set the preset's look.* rows to their defaults"
    )]
    Look,
    /// The loop stands still.
    #[error("the loop's speed is 0, so that it never closes; give --speed or --frames")]
    Still,
    /// Longer than anyone means.
    #[error(
        "that is {0} pictures, more than a day's worth; give a higher --speed or fewer --frames"
    )]
    Length(f64),
    /// None of the pictures that were asked for is there.
    #[error(
        "there is no picture from {from} on: there are {of}, counted from 0; give another --range"
    )]
    Range {
        /// The first that was asked for.
        from: u64,
        /// How many there are.
        of: u64,
    },
    /// Ctrl-C.
    #[error("stopped; nothing was written")]
    Stopped,
}

/// Most pictures of one rendering: a day at sixty a second.
const MAX_PICTURES: f64 = 86_400.0 * 60.0;

/// What happens around a rendering.
pub struct RenderContext<'a> {
    /// Set: the rendering stops.
    pub stop: &'a AtomicBool,
    /// Called after each picture with how many are done, and how many there will be.
    pub progress: &'a mut dyn FnMut(u64, u64),
}

impl RenderContext<'_> {
    fn done(&mut self, number: u64, of: u64) -> Result<(), RenderError> {
        (self.progress)(number, of);
        if self.stop.load(Ordering::Relaxed) {
            return Err(RenderError::Stopped);
        }
        Ok(())
    }
}

/// Renders a preset's loop once round, at `speed` keyframes a second; as much of it as the film's form says. Returns how many
/// pictures those are.
///
/// # Errors
/// When the preset does not fit the model, or a picture is not drawn or written. The film is discarded then.
pub fn render_loop(
    preset: &Preset,
    table: &Arc<Table>,
    speed: f64,
    film: &mut OfflineRender,
    around: &mut RenderContext,
) -> Result<u64, RenderError> {
    let mut instrument = Instrument::new(preset, Arc::clone(table), film.latent())?;
    let count = instrument.keyframes().len() as f64;
    let ping_pong = instrument.get(LOOP_MODE) == LoopMode::PingPong;
    let way = if ping_pong {
        2.0 * (count - 1.0)
    } else {
        count
    };
    if speed == 0.0 {
        return Err(RenderError::Still);
    }
    let pictures = (way / speed.abs() * film.fps()).round();
    if pictures > MAX_PICTURES {
        return Err(RenderError::Length(pictures));
    }
    instrument.set(LOOP_SPEED, speed);
    let still = Script {
        preset: String::new(),
        length: 0,
        events: Vec::new(),
    };
    let mut player = Player::script(&still, instrument);
    render_player(&mut player, pictures as u64, film, around, &mut |_| {
        no_model()
    })
}

/// Renders a script on the preset that it names.
///
/// # Errors
/// As [`render_loop`].
pub fn script(
    script: &Script,
    preset: &Preset,
    table: &Arc<Table>,
    film: &mut OfflineRender,
    around: &mut RenderContext,
) -> Result<u64, RenderError> {
    let instrument = Instrument::new(preset, Arc::clone(table), film.latent())?;
    let pictures = pictures(secs(script.length) * film.fps())?;
    let mut player = Player::script(script, instrument);
    render_player(&mut player, pictures, film, around, &mut |_| no_model())
}

/// Renders what `player` plays for that many ticks. `open` opens a model, where the take changes it.
///
/// # Errors
/// As [`render_loop`], and where a model cannot be opened.
pub fn take(
    player: &mut Player,
    length: u64,
    film: &mut OfflineRender,
    around: &mut RenderContext,
    open: &mut dyn FnMut(&Model) -> anyhow::Result<ModelEngine>,
) -> Result<u64, RenderError> {
    let pictures = pictures(secs(length) * film.fps())?;
    render_player(player, pictures, film, around, open)
}

fn no_model() -> anyhow::Result<ModelEngine> {
    anyhow::bail!("only a logged take changes its model")
}

/// At least one picture, and no more than anyone means.
fn pictures(number: f64) -> Result<u64, RenderError> {
    match number.round().max(1.0) {
        number if number > MAX_PICTURES => Err(RenderError::Length(number)),
        number => Ok(number as u64),
    }
}

fn render_player(
    player: &mut Player,
    pictures: u64,
    film: &mut OfflineRender,
    around: &mut RenderContext,
    open: &mut dyn FnMut(&Model) -> anyhow::Result<ModelEngine>,
) -> Result<u64, RenderError> {
    let mut compositor = Compositor::new(film.frame_size(), player.seed());
    let range = film.range(pictures)?;
    let count = range.end - range.start;
    let mut model = player.model().cloned();
    for number in 0..range.end {
        let tick = player.start() + ticks(number as f64 / film.fps());
        // As in the show: what held before the preset that may come with a model.
        player.advance_before_model(tick)?;
        let fade_in = compositor.fade_length(player.instrument());
        // At whatever rate it is rendered, another model fades in from where it was first seen.
        let seen_at = player.next_drawn_at().map_or(tick, |seen| seen.min(tick));
        player.advance_to_picture(tick)?;
        let mut drawn_at = tick;
        if player.model() != model.as_ref() {
            model = player.model().cloned();
            if let Some(model) = &model {
                let painter = open(model).map_err(RenderError::Model)?;
                // The last picture, which a film that begins later did not need until now.
                film.draw(&mut compositor)?;
                film.change(painter);
                compositor.change_model(number, fade_in);
                drawn_at = seen_at;
            }
        }
        let instrument = player.instrument();
        if compositor.freezes(instrument) {
            // The picture that stays.
            film.draw(&mut compositor)?;
        }
        if !compositor.is_frozen(instrument) {
            film.set_latents(instrument.get(LOOP_NORM), (number, drawn_at), |z| {
                instrument.latents(z);
            });
            // From here on it fades in, also where nobody sees it.
            if compositor.awaits_model() {
                film.draw(&mut compositor)?;
            }
        }
        let values = EffectValues::of(instrument);
        let is_shown = number >= range.start;
        // What comes before is played; it is drawn only where a look or the limiter remembers it.
        if is_shown || values.remembers() {
            film.draw(&mut compositor)?;
            let palette = film.palette(&values)?;
            let composed = compositor.frame(instrument, 1.0, palette);
            if is_shown {
                film.show(&composed)?;
            } else {
                film.pass(&composed)?;
            }
        }
        around.done((number + 1).saturating_sub(range.start), count)?;
    }
    Ok(count)
}

/// Renders the loop as the reference work does: between neighbours `frames` pictures at evenly spaced weights from 0 to 1,
/// both ends included, so that every keyframe is shown twice in a row.
///
/// # Errors
/// As [`render_loop`].
pub fn reference(
    preset: &Preset,
    table: &Arc<Table>,
    frames: u64,
    film: &mut OfflineRender,
    around: &mut RenderContext,
) -> Result<u64, RenderError> {
    let latent = film.latent();
    let instrument = Instrument::new(preset, Arc::clone(table), latent)?;
    let keyframes = instrument.keyframes();
    let range = film.range(keyframes.len() as u64 * frames)?;
    let total = range.end - range.start;
    let mut row = vec![0.0; latent];
    for (index, from) in keyframes.iter().enumerate() {
        let to = &keyframes[(index + 1) % keyframes.len()];
        for frame in 0..frames {
            let number = index as u64 * frames + frame;
            if !range.contains(&number) {
                continue;
            }
            let weight = frame as f64 / (frames - 1).max(1) as f64;
            film.show_plain(Norm::Batch, |z| {
                for (number, out) in z.chunks_exact_mut(latent).enumerate() {
                    let place = number * latent..(number + 1) * latent;
                    let (a, b) = (&from.latents[place.clone()], &to.latents[place]);
                    interpolate(Path::Lerp, [a, a, b, b], weight, &mut row);
                    for (out, &value) in out.iter_mut().zip(&row) {
                        *out = value as f32;
                    }
                }
            })?;
            around.done(number + 1 - range.start, total)?;
        }
    }
    Ok(total)
}
