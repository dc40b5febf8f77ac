//! Pictures that come back from the card.

use super::*;

#[test]
fn pictures_come_back_without_anyone_waiting_for_them() {
    let mut finish = Finish::with(Look::headless().unwrap());
    let values = LookValues {
        gain: 0.5,
        ..LookValues::default()
    };
    let mut come = 0;
    for number in 0..200 {
        let mut canvas = synthetic();
        canvas.resize(if number < 100 { SIZE } else { (60, 36) });
        assert!(finish.finish(&mut canvas, &frame(values, number)));
        let (size, plain) = (canvas.size, canvas.rgba.clone());
        finish.read(&mut canvas, &frame(values, number));
        assert_eq!(canvas.size, size);
        come += usize::from(canvas.rgba != plain);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    // How many depends on how busy the machine is.
    assert!(come > 20, "{come}");
}

#[test]
fn a_picture_that_comes_back_says_when_it_was_drawn() {
    let mut finish = Finish::with(Look::headless().unwrap());
    let values = LookValues {
        gain: 1.01,
        ..LookValues::default()
    };
    // Each picture is brighter than the one before: its level says which it is.
    let mut drawn = Vec::new();
    let mut late = 0;
    for number in 0..60u64 {
        let mut canvas = synthetic();
        canvas.rgba.fill(4 * number as u8);
        assert!(finish.finish(&mut canvas, &frame(values, number)));
        let before = std::time::Instant::now();
        let at = finish.read(&mut canvas, &frame(values, number));
        drawn.push(before..=std::time::Instant::now());
        if let Some(at) = at {
            let level = usize::from(canvas.rgba[0]);
            let seen = (level + 2) / 4;
            assert!(drawn[seen].contains(&at), "{number} shows {seen}");
            late += usize::from(seen < number as usize);
        }
        std::thread::sleep(std::time::Duration::from_millis(3));
    }
    assert!(late > 0, "none came late, which is what this is about");
}
