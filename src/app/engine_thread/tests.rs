//! Engines that draw, change and fail.

use super::*;

/// Paints its own level; fails where it is told to.
struct Level {
    level: u8,
    fails: bool,
}

impl Level {
    fn boxed(level: u8) -> Box<dyn Engine> {
        Box::new(Self {
            level,
            fails: false,
        })
    }
}

impl Engine for Level {
    fn name(&self) -> &str {
        "level"
    }
    fn latent(&self) -> usize {
        2
    }
    fn size(&self) -> (u32, u32) {
        (2, 2)
    }
    fn forward(&mut self, _: &[f32], _: Norm, _: &mut [f32]) -> Result<(), EngineError> {
        Ok(())
    }
    fn render_rgba(
        &mut self,
        _: &[f32],
        _: Norm,
        _: Rounding,
        rgba: &mut [u8],
    ) -> Result<(), EngineError> {
        if self.fails {
            return Err(EngineError::Device("it is unplugged".to_owned()));
        }
        rgba.fill(self.level);
        Ok(())
    }
}

fn request(thread: &mut EngineThread, number: u64, generation: u32) {
    let request = thread.request.input_buffer_mut();
    (request.number, request.generation) = (number, generation);
    thread.publish();
}

/// The number and the level of the newest frame, where it is new.
fn frame(thread: &mut EngineThread) -> Option<(u64, u8)> {
    thread.frame.update().then(|| {
        let frame = thread.frame.peek_output_buffer();
        (frame.number, frame.canvas.rgba[0])
    })
}

#[test]
fn each_request_becomes_a_frame_of_the_engine_that_it_is_meant_for() {
    let notices = Arc::new(Notices::default());
    let mut thread = EngineThread::inline(Level::boxed(10), notices);
    request(&mut thread, 1, 0);
    assert_eq!(frame(&mut thread), Some((1, 10)));
    assert!(thread.change(1, Level::boxed(20)).is_none());
    // Meant for the engine before.
    request(&mut thread, 2, 0);
    assert_eq!(frame(&mut thread), None);
    request(&mut thread, 3, 1);
    assert_eq!(frame(&mut thread), Some((3, 20)));
    assert_eq!((thread.drawn(), thread.interpolated()), (2, 0));
    assert!(thread.frame_time() > Duration::ZERO);
}

#[test]
fn of_engines_that_come_at_once_the_newest_draws_and_the_other_is_given_back() {
    let notices = Arc::new(Notices::default());
    let mut thread = EngineThread::inline(Level::boxed(10), notices);
    assert!(thread.change(1, Level::boxed(20)).is_none());
    assert!(thread.change(2, Level::boxed(30)).is_some());
    request(&mut thread, 1, 2);
    assert_eq!(frame(&mut thread), Some((1, 30)));
}

#[test]
fn an_engine_that_fails_is_told_of_once_and_its_last_frame_stays() {
    let notices = Arc::new(Notices::default());
    let mut thread = EngineThread::inline(Level::boxed(10), Arc::clone(&notices));
    request(&mut thread, 1, 0);
    assert_eq!(frame(&mut thread), Some((1, 10)));
    let broken = Level {
        level: 0,
        fails: true,
    };
    thread.change(1, Box::new(broken));
    for number in 2..20 {
        request(&mut thread, number, 1);
    }
    assert_eq!(frame(&mut thread), None);
    let told: Vec<_> = std::iter::from_fn(|| notices.take()).collect();
    assert_eq!(told, ["drawing: it is unplugged; the last picture stays"]);
}

#[test]
fn the_thread_draws_what_is_published_and_ends_with_its_owner() {
    let notices = Arc::new(Notices::default());
    let mut thread = EngineThread::start(Level::boxed(10), None, notices).unwrap();
    request(&mut thread, 1, 0);
    while frame(&mut thread) != Some((1, 10)) {
        std::thread::yield_now();
    }
    assert!(thread.change(1, Level::boxed(20)).is_none());
    // A request that comes just before its engine is left out, as in a show: the next one is drawn.
    while frame(&mut thread) != Some((2, 20)) {
        request(&mut thread, 2, 1);
        std::thread::yield_now();
    }
}
