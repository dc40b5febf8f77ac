//! Pictures that come back, from the card and from memory.

use std::time::Duration;

use super::*;
use crate::instrument::params::{LOOK_GAIN, LOOK_LIMITER};
use crate::stage::{EffectRenderer, EffectValues, PostChain, PostFrame, Projection};

const SIZE: (u32, u32) = (64, 64);

fn flat(level: u8, size: (u32, u32)) -> Canvas {
    let mut canvas = Canvas::black(size);
    canvas.rgba.fill(level);
    canvas
}

fn frame(gain: f64, number: u64) -> PostFrame {
    PostFrame {
        values: EffectValues::default()
            .with(LOOK_GAIN, gain)
            .with(LOOK_LIMITER, false),
        brightness: 1.0,
        tick: number * 16,
        seed: 7,
        palette: None,
    }
}

#[test]
fn pictures_come_back_from_the_card_in_order_each_of_them_once_and_without_anyone_waiting() {
    let mut chain = PostChain::with_gpu(EffectRenderer::headless().unwrap());
    let mut readback = Readback::default();
    let begun = Instant::now();
    // Each picture is brighter than the one before: its level says which it is, and its time as well.
    let time = |number: u64| begun + Duration::from_millis(number);
    let (mut come, mut late) = (Vec::new(), 0);
    for number in 0..60u64 {
        let picture = flat(4 * number as u8, SIZE);
        let finished = chain.run(&picture, &frame(1.01, number));
        assert!(matches!(finished, Finished::Gpu(_)));
        readback.request(&finished, &Projection::default(), time(number));
        while let Some((canvas, _, at)) = readback.next() {
            assert_eq!(canvas.size, SIZE);
            let seen = (u64::from(canvas.rgba[0]) + 2) / 4;
            assert_eq!(at, time(seen), "{number} shows {seen}");
            late += usize::from(seen < number);
            come.push(seen);
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    assert!(come.is_sorted_by(|a, b| a < b), "{come:?}");
    // How many depends on how busy the machine is.
    assert!(come.len() > 10, "{come:?}");
    assert!(late > 0, "none came late, which is what this is about");
}

#[test]
fn a_picture_in_memory_comes_at_once_and_what_is_still_on_its_way_from_the_card_no_more() {
    let mut chain = PostChain::with_gpu(EffectRenderer::headless().unwrap());
    let mut plain = PostChain::default();
    let mut readback = Readback::default();
    let begun = Instant::now();
    for size in [SIZE, (60, 36)] {
        let bright = flat(200, size);
        readback.request(
            &chain.run(&bright, &frame(1.1, 0)),
            &Projection::default(),
            begun,
        );
        let dark = flat(20, size);
        readback.request(
            &plain.run(&dark, &frame(1.0, 1)),
            &Projection::default(),
            begun,
        );
        let (canvas, _, at) = readback.next().unwrap();
        assert_eq!((canvas, at), (&dark, begun));
        assert_eq!(readback.newest(), &dark);
        // Later pictures of the card come, and that one does not come before them.
        readback.request(
            &chain.run(&dark, &frame(2.0, 2)),
            &Projection::default(),
            begun,
        );
        let level = readback.wait().unwrap().rgba[0];
        assert!((30..60).contains(&level), "{level}");
        assert!(readback.next().is_none());
    }
}

#[test]
fn nothing_comes_that_was_not_asked_for() {
    let mut readback = Readback::default();
    assert!(readback.next().is_none());
    assert!(readback.wait().is_none());
}
