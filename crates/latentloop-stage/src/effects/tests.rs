//! Effects on whatever card there is.

use std::sync::Arc;
use std::time::Instant;

use super::user::ShaderRegistry;
use super::{EffectRenderer, EffectValues};
use crate::instrument::LookOrder;
use crate::instrument::params::{
    LOOK_BLOOM, LOOK_FEEDBACK, LOOK_FEEDBACK_HUE, LOOK_FEEDBACK_ZOOM, LOOK_GAIN, LOOK_GRAIN,
    LOOK_GRAIN_SIZE, LOOK_HUE, LOOK_LIMITER, LOOK_PALETTE, LOOK_SATURATION, LOOK_STROBE,
    LOOK_STROBE_RATE, LOOK_TRANSITION, LOOK_TRANSITION_AMOUNT, LOOK_VIGNETTE, Transition,
};

use crate::palette::{Oklab, Palette, Swatch};
use crate::stage::{Canvas, Finished, PostChain, PostFrame, Projection, Readback};

mod builtin;
mod user;

const SIZE: (u32, u32) = (64, 64);

/// A picture with edges, slopes, colours, black and white.
fn synthetic() -> Canvas {
    let mut canvas = Canvas::black(SIZE);
    for (at, pixel) in canvas.rgba.chunks_exact_mut(4).enumerate() {
        let (x, y) = ((at % 64) as i32, (at / 64) as i32);
        let disc = (x - 22).pow(2) + (y - 26).pow(2) < 170;
        let bar = (44..50).contains(&x) && y > 10;
        let spot = (x - 50).pow(2) + (y - 8).pow(2) < 12;
        let colour = match (disc, bar, spot) {
            (.., true) => [255, 250, 230],
            (true, ..) => [220, 70 + y as u8, 40],
            (_, true, _) => [30, 120, 210],
            _ => [(x * 2) as u8, (y * 2) as u8, (60 + (x + y) / 2) as u8],
        };
        pixel[..3].copy_from_slice(&colour);
    }
    canvas
}

/// Night blue, rust, amber and cream.
pub(super) fn amber() -> Oklab {
    let swatch = |colour: &str| Swatch {
        colour: colour.parse().unwrap(),
        share: 0.25,
    };
    let four = ["#171f3e", "#883a21", "#da8928", "#f9eed1"].map(swatch);
    Palette::try_from(four.to_vec()).unwrap().oklab()
}

fn frame(values: EffectValues, number: u64) -> PostFrame {
    PostFrame {
        values,
        brightness: 1.0,
        tick: number * 16,
        seed: 7,
        palette: Some(amber()),
    }
}

/// A post chain whose pictures are waited for.
#[derive(Default)]
struct Finish {
    chain: PostChain,
    readback: Readback,
}

impl Finish {
    fn of(look: EffectRenderer) -> Self {
        Self {
            chain: PostChain::with_gpu(look),
            ..Self::default()
        }
    }

    /// Finishes a picture in place; whether the card did it.
    fn finish(&mut self, canvas: &mut Canvas, frame: &PostFrame) -> bool {
        let finished = self.chain.run(canvas, frame);
        let on_card = matches!(finished, Finished::Gpu(_));
        let plain = Projection::default();
        self.readback.request(&finished, &plain, Instant::now());
        canvas.copy_from(self.readback.wait().unwrap());
        on_card
    }
}

/// The last of so many pictures that a look makes of the synthetic one, shifted by a pixel each time.
fn drawn(values: EffectValues, pictures: u64) -> Canvas {
    drawn_by(
        EffectRenderer::headless().unwrap().waiting(),
        values,
        pictures,
    )
}

fn drawn_by(look: EffectRenderer, values: EffectValues, pictures: u64) -> Canvas {
    let mut finish = Finish::of(look);
    let mut canvas = Canvas::default();
    for number in 0..pictures {
        canvas = synthetic();
        canvas.rgba.rotate_right(4 * number as usize);
        let mut frame = frame(values, number);
        // Half a keyframe goes by while a golden picture is drawn.
        frame.values.position += 0.125 * number as f32;
        finish.finish(&mut canvas, &frame);
    }
    canvas
}

/// How far two pictures are apart at most, in levels.
fn apart(a: &Canvas, b: &Canvas) -> u8 {
    let levels = a.rgba.iter().zip(&b.rgba).map(|(a, b)| a.abs_diff(*b));
    levels.max().unwrap_or(0)
}

/// Drawn in one go, light is kept in 32 bits from pass to pass and not in 16: the pictures may differ by a level.
#[test]
fn fused_effects_make_the_picture_that_they_make_one_by_one() {
    let v = EffectValues::default()
        .with(LOOK_LIMITER, false)
        .with(LOOK_FEEDBACK, 0.7)
        .with(LOOK_FEEDBACK_ZOOM, 0.5)
        .with(LOOK_FEEDBACK_HUE, 90.0)
        .with(LOOK_PALETTE, 0.6)
        .with(LOOK_GAIN, 1.2)
        .with(LOOK_SATURATION, 1.3)
        .with(LOOK_HUE, 20.0)
        .with(LOOK_VIGNETTE, 0.6)
        .with(LOOK_GRAIN, 0.3)
        .with(LOOK_GRAIN_SIZE, 2.0)
        .with(LOOK_STROBE, 0.5)
        .with(LOOK_STROBE_RATE, 8.0);
    let turned = LookOrder::of(&["grain", "colour", "feedback", "strobe", "palette"]).unwrap();
    // With bloom in the middle there are two runs.
    for (order, bloom) in [
        (LookOrder::default(), 0.0),
        (turned, 0.0),
        (LookOrder::default(), 0.4),
    ] {
        let v = v.with(LOOK_BLOOM, bloom).with_order(order);
        let fused = drawn(v, 6);
        let single = drawn_by(EffectRenderer::headless().unwrap().one_by_one(), v, 6);
        assert!(apart(&fused, &single) <= 1, "{}", apart(&fused, &single));
    }
    let usual = drawn(v, 6);
    let other = drawn(v.with_order(turned), 6);
    assert!(apart(&usual, &other) > 20, "the order makes a difference");
}

#[test]
fn a_transition_begins_at_every_keyframe_with_the_picture_that_was_there() {
    let mut finish = Finish::of(EffectRenderer::headless().unwrap().waiting());
    let mut number = 0;
    let mut shown = |position: f32, level: u8| {
        let mut canvas = Canvas::black(SIZE);
        canvas.rgba.fill(level);
        let values = EffectValues::default()
            .with(LOOK_LIMITER, false)
            .with(LOOK_TRANSITION, Transition::Dissolve)
            .with(LOOK_TRANSITION_AMOUNT, 1.0)
            .with_position(position);
        assert!(finish.finish(&mut canvas, &frame(values, number)));
        number += 1;
        canvas.rgba[0]
    };
    // Switched on in the middle of the way it changes nothing at first.
    assert_eq!(shown(6.5, 100), 100);
    assert_eq!(shown(6.99, 200), 200);
    // From 200 at the keyframe to 0.
    assert_eq!(shown(7.0, 200), 200);
    let half = shown(7.5, 0);
    assert!((140..152).contains(&half), "half of the light: {half}");
    assert!(shown(7.99, 0) < 10);
    // The loop's end is no way back.
    assert_eq!(shown(0.0, 80), 80);
    assert!(shown(0.99, 160) > 155);
    // Backwards over a keyframe.
    assert_eq!(shown(1.0, 160), 160);
    assert_eq!(shown(0.999, 60), 60);
    assert!(shown(0.9, 250) < 120);
    assert!(shown(0.05, 250) > 240);
}

#[test]
fn with_defaults_the_picture_is_the_same_bit_for_bit_and_the_card_draws_nothing() {
    let mut finish = Finish::of(EffectRenderer::headless().unwrap());
    let mut canvas = synthetic();
    let on_card = finish.finish(&mut canvas, &frame(EffectValues::default(), 0));
    assert!(!on_card);
    assert!(canvas == synthetic());
}

#[test]
fn the_card_gives_back_what_no_pass_has_changed() {
    let mut finish = Finish::of(EffectRenderer::headless().unwrap());
    // Every grey there is, and every level of one colour.
    let mut every = Canvas::black(SIZE);
    for (at, pixel) in every.rgba.chunks_exact_mut(4).enumerate() {
        let level = (at % 256) as u8;
        pixel[..3].copy_from_slice(&if at < 2048 {
            [level; 3]
        } else {
            [level, 255 - level, 0]
        });
    }
    // Between the strobe's dark halves.
    let strobe = EffectValues::default().with(LOOK_STROBE, 1.0);
    let mut canvas = every.clone();
    assert!(finish.finish(&mut canvas, &frame(strobe, 0)));
    assert!(canvas.rgba == every.rgba);
    assert!(!finish.finish(&mut canvas, &frame(EffectValues::default(), 1)));
}

#[test]
fn a_blackout_is_black_at_once_behind_feedback_and_grain() {
    let mut finish = Finish::of(EffectRenderer::headless().unwrap());
    let values = EffectValues::default()
        .with(LOOK_FEEDBACK, 0.9)
        .with(LOOK_GRAIN, 0.5);
    for number in 0..3 {
        finish.finish(&mut synthetic(), &frame(values, number));
    }
    let mut canvas = synthetic();
    let black = PostFrame {
        brightness: 0.0,
        ..frame(values, 3)
    };
    assert!(finish.finish(&mut canvas, &black));
    assert!(canvas == Canvas::black(SIZE));
}
