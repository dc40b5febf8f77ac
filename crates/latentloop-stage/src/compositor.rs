//! The compositor: from the engine's frames to the picture before its effects, and all that the parameters say about it.
//!
//! The show and the offline renderer both compose with it, so that a take is rendered as it was seen.

use super::{Canvas, Crossfade, EffectValues, PostFrame, Projection};
use crate::instrument::params::{MASTER_BLACKOUT, MASTER_FADE, MASTER_FREEZE, PRESET_FADE_SECS};
use crate::instrument::{Instrument, OUTPUTS, ticks};
use crate::palette::Oklab;

/// Blends the engine's last two frames, crossfades from one model to the next, holds a frozen picture, and reads off what the
/// effects and the outputs are to do.
#[derive(Debug)]
pub struct Compositor {
    seed: u32,
    /// The engine's last two frames, and the request that the newer one was drawn from.
    older: Canvas,
    newer: Canvas,
    number: u64,
    has_frame: bool,
    /// The first request of a model that has come, and how many ticks its first frame takes to fade in.
    fade_in: Option<(u64, u64)>,
    crossfade: Crossfade,
    canvas: Canvas,
}

/// A composed picture, and what is still to be done to it.
#[derive(Clone, Copy, Debug)]
pub struct Composed<'a> {
    /// The picture, undimmed: the effects come before the master's fader.
    pub canvas: &'a Canvas,
    /// What the effects need to know.
    pub post: PostFrame,
    /// Where it lies on each output; the first is the recording's too.
    pub projections: [Projection; OUTPUTS],
    /// The request that the newer of its frames was drawn from.
    pub number: u64,
}

impl Compositor {
    /// A compositor without a frame yet: a black picture of `size`. Grain is drawn from `seed`.
    pub fn new(size: (u32, u32), seed: u32) -> Self {
        Self {
            seed,
            older: Canvas::black(size),
            newer: Canvas::black(size),
            number: 0,
            has_frame: false,
            fade_in: None,
            crossfade: Crossfade::default(),
            canvas: Canvas::black(size),
        }
    }

    /// Whether an instrument asks for a frozen picture.
    pub fn freezes(&self, instrument: &Instrument) -> bool {
        instrument.get(MASTER_FREEZE)
    }

    /// Whether the picture is frozen: then no frame is taken. What was never drawn cannot be frozen.
    pub fn is_frozen(&self, instrument: &Instrument) -> bool {
        self.has_frame && self.freezes(instrument)
    }

    /// Takes the engine's newest frame at tick `now` and leaves a spent one in its place. The first frame of another model
    /// begins to fade in. Allocates where the size is another.
    pub fn take(&mut self, frame: &mut Canvas, number: u64, now: u64) {
        let fade_in = self.fade_in.take_if(|(first, _)| number >= *first);
        if let Some((_, length)) = fade_in {
            self.crossfade.begin(&self.newer, frame.size, now, length);
        }
        std::mem::swap(&mut self.older, &mut self.newer);
        std::mem::swap(&mut self.newer, frame);
        // The first frame, and the first of another model, has none before it.
        if fade_in.is_some() || !self.has_frame || self.older.size != self.newer.size {
            self.older.copy_from(&self.newer);
        }
        (self.number, self.has_frame) = (number, true);
    }

    /// How many ticks the pictures of another model take to fade in by `instrument`.
    pub fn fade_length(&self, instrument: &Instrument) -> u64 {
        ticks(instrument.get(PRESET_FADE_SECS))
    }

    /// Another model has come: its first frame, that of request `first` or a later one, fades in over `length` ticks.
    pub fn change_model(&mut self, first: u64, length: u64) {
        self.fade_in = Some((first, length));
    }

    /// Whether the first frame of another model is awaited.
    pub fn awaits_model(&self) -> bool {
        self.fade_in.is_some()
    }

    /// Whether there is a frame, and the request that it was drawn from.
    pub fn number(&self) -> Option<u64> {
        self.has_frame.then_some(self.number)
    }

    /// What an instrument's rows have the effects do now.
    pub fn post(&self, instrument: &Instrument, palette: Option<Oklab>) -> PostFrame {
        PostFrame {
            values: EffectValues::of(instrument),
            brightness: if instrument.get(MASTER_BLACKOUT) {
                0.0
            } else {
                instrument.get(MASTER_FADE) as f32
            },
            tick: instrument.ticks(),
            seed: self.seed,
            palette,
        }
    }

    /// Composes a picture as an instrument has it now. `weight` is the newer frame's, 0..=1, over the older one's; see
    /// [`super::blend_weight`].
    pub fn frame(
        &mut self,
        instrument: &Instrument,
        weight: f32,
        palette: Option<Oklab>,
    ) -> Composed<'_> {
        self.canvas.resize(self.newer.size);
        self.canvas
            .compose(&self.older.rgba, &self.newer.rgba, weight);
        self.crossfade.apply(&mut self.canvas, instrument.ticks());
        Composed {
            canvas: &self.canvas,
            post: self.post(instrument, palette),
            projections: Projection::of_outputs(instrument, self.seed),
            number: self.number,
        }
    }

    /// Size of the composed picture, in pixels.
    pub fn size(&self) -> (u32, u32) {
        self.canvas.size
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::instrument::{Action, Preset, Table};

    const SIZE: (u32, u32) = (4, 4);

    fn flat(level: u8, size: (u32, u32)) -> Canvas {
        let mut canvas = Canvas::black(size);
        for pixel in canvas.rgba.chunks_exact_mut(4) {
            pixel[..3].fill(level);
        }
        canvas
    }

    struct Stage {
        instrument: Instrument,
        compositor: Compositor,
    }

    impl Stage {
        fn new() -> Self {
            let table = Arc::new(Table::standard());
            let compositor = Compositor::new(SIZE, 5);
            let instrument = Instrument::new(&Preset::of_seeds([1, 2]), table, 6).unwrap();
            Self {
                instrument,
                compositor,
            }
        }

        fn set(&mut self, name: &str, value: f64) {
            let param = self.instrument.table().find(name).unwrap();
            self.instrument.apply(&Action::Set { param, value });
        }

        fn take(&mut self, level: u8, size: (u32, u32), number: u64) {
            let now = self.instrument.ticks();
            self.compositor.take(&mut flat(level, size), number, now);
        }

        fn level(&mut self, weight: f32) -> u8 {
            let composed = self.compositor.frame(&self.instrument, weight, None);
            composed.canvas.rgba[0]
        }

        fn pass(&mut self, ticks: u64) {
            (0..ticks).for_each(|_| self.instrument.tick());
        }
    }

    #[test]
    fn two_frames_are_blended_and_the_first_has_none_before_it() {
        let mut stage = Stage::new();
        assert_eq!(stage.compositor.number(), None);
        stage.take(100, SIZE, 1);
        assert_eq!(stage.level(0.25), 100);
        stage.take(200, SIZE, 2);
        assert_eq!(stage.level(0.25), 125);
        assert_eq!(stage.level(1.0), 200);
        assert_eq!(stage.compositor.number(), Some(2));
    }

    #[test]
    fn another_model_fades_in_from_its_own_first_frame_on_and_not_before() {
        let mut stage = Stage::new();
        stage.take(200, SIZE, 1);
        stage.set("preset.fade_secs", 1.0);
        let length = stage.compositor.fade_length(&stage.instrument);
        stage.compositor.change_model(3, length);
        stage.pass(480);
        stage.take(180, SIZE, 2);
        assert_eq!(stage.level(1.0), 180, "the old model's last frame");
        stage.take(40, (8, 8), 3);
        assert_eq!(
            stage
                .compositor
                .frame(&stage.instrument, 1.0, None)
                .canvas
                .size,
            (8, 8)
        );
        assert_eq!(stage.level(1.0), 180, "no leap");
        assert_eq!(
            stage.level(0.0),
            180,
            "the new model's frame has none before it"
        );
        stage.pass(240);
        assert_eq!(stage.level(1.0), 110);
        stage.pass(240);
        assert_eq!(stage.level(1.0), 40);
    }

    #[test]
    fn nothing_is_frozen_before_there_is_a_frame() {
        let mut stage = Stage::new();
        stage.set("master.freeze", 1.0);
        assert!(!stage.compositor.is_frozen(&stage.instrument));
        stage.take(90, SIZE, 1);
        assert!(stage.compositor.is_frozen(&stage.instrument));
        stage.set("master.freeze", 0.0);
        assert!(!stage.compositor.is_frozen(&stage.instrument));
    }

    #[test]
    fn the_canvas_is_undimmed_and_the_master_goes_with_it() {
        let mut stage = Stage::new();
        stage.take(90, SIZE, 1);
        stage.set("master.fade", 0.5);
        stage.pass(480);
        let composed = stage.compositor.frame(&stage.instrument, 1.0, None);
        assert_eq!(composed.canvas.rgba[0], 90);
        assert!((composed.post.brightness - 0.5).abs() < 1e-3);
        assert_eq!((composed.post.seed, composed.post.tick), (5, 480));
        stage.set("master.blackout", 1.0);
        let composed = stage.compositor.frame(&stage.instrument, 1.0, None);
        assert_eq!(composed.post.brightness, 0.0);
    }
}
