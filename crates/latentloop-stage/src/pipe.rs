//! Raw pictures for other programs: headerless RGBA, one a frame shown, into a pipe or to a TCP receiver.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::reader::Reader;
use super::target::Target;
use super::{Canvas, Filter, OutputFrame, Projection};
use crate::report::Reporter;

/// Pictures that can wait for a reader.
const PICTURES: usize = 3;
/// How long a picture that is on its way when the show ends may still take.
const LAST_PICTURE: Duration = Duration::from_millis(500);

/// Every place that raw pictures go to; each has a thread of its own, `out-1` and so on.
pub struct Pipes(Vec<Pipe>);

impl Pipes {
    /// Starts a thread for each target, which waits for its reader. Pictures go out at `size`, always: nothing in the stream
    /// would tell another one. `from` is the size that they come in.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn open(
        targets: &[Target],
        from: (u32, u32),
        size: (u32, u32),
        reporter: &Reporter,
    ) -> std::io::Result<Self> {
        let open = |(number, target): (usize, &Target)| {
            Pipe::open(number + 1, target.clone(), from, size, reporter.clone())
        };
        let pipes = targets.iter().enumerate().map(open);
        Ok(Self(pipes.collect::<Result<_, _>>()?))
    }

    /// Offers a picture that is shown to every reader. Copies it, and never waits; where a reader is behind, it loses the
    /// picture.
    pub fn offer(&self, canvas: &Canvas, projection: &Projection) {
        for pipe in &self.0 {
            pipe.offer(canvas, projection);
        }
    }

    /// Pictures that readers took, all of them together.
    pub fn sent(&self) -> u64 {
        let sent = |pipe: &Pipe| pipe.shared.sent.load(Ordering::Relaxed);
        self.0.iter().map(sent).sum()
    }

    /// Pictures that readers lost, for they were too slow. While there is no reader none are lost.
    pub fn dropped(&self) -> u64 {
        let dropped = |pipe: &Pipe| pipe.shared.dropped.load(Ordering::Relaxed);
        self.0.iter().map(dropped).sum()
    }
}

#[derive(Default)]
struct Shared {
    has_reader: AtomicBool,
    closing: AtomicBool,
    sent: AtomicU64,
    dropped: AtomicU64,
}

type Picture = (Canvas, Projection);

/// One of them.
struct Pipe {
    /// Gone when it is closed.
    pictures: Option<Sender<Picture>>,
    spent: Receiver<Picture>,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Pipe {
    fn open(
        number: usize,
        target: Target,
        from: (u32, u32),
        size: (u32, u32),
        reporter: Reporter,
    ) -> std::io::Result<Self> {
        let (pictures, inbox) = bounded(PICTURES);
        let (back, spent) = bounded(PICTURES);
        for _ in 0..PICTURES {
            // The channel has room for all of them, here and when they come back.
            let _ = back.send((Canvas::black(from), Projection::default()));
        }
        let shared = Arc::new(Shared::default());
        let work = Work {
            target,
            size,
            inbox,
            back,
            shared: Arc::clone(&shared),
            reporter,
            frame: OutputFrame::new(size, Filter::CatmullRom, 1),
        };
        let thread = std::thread::Builder::new()
            .name(format!("out-{number}"))
            .spawn(move || work.run())?;
        Ok(Self {
            pictures: Some(pictures),
            spent,
            shared,
            thread: Some(thread),
        })
    }

    fn offer(&self, canvas: &Canvas, projection: &Projection) {
        let Some(pictures) = &self.pictures else {
            return;
        };
        if !self.shared.has_reader.load(Ordering::Relaxed) {
            return;
        }
        let taken = self.spent.try_recv().is_ok_and(|mut picture| {
            // Grows only where a larger model has come.
            picture.0.resize(canvas.size);
            picture.0.rgba.copy_from_slice(&canvas.rgba);
            picture.1 = *projection;
            pictures.try_send(picture).is_ok()
        });
        if !taken {
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.shared.closing.store(true, Ordering::Relaxed);
        self.pictures = None;
        if let Some(thread) = self.thread.take() {
            // A panic there was reported when it happened.
            let _ = thread.join();
        }
    }
}

struct Work {
    target: Target,
    size: (u32, u32),
    inbox: Receiver<Picture>,
    back: Sender<Picture>,
    shared: Arc<Shared>,
    reporter: Reporter,
    frame: OutputFrame,
}

impl Work {
    fn run(mut self) {
        while let Some(mut reader) = self.connect() {
            let (width, height) = self.size;
            self.reporter.info(format!(
                "{}: a reader is there; pictures of {width} x {height} go out",
                self.target
            ));
            self.shared.has_reader.store(true, Ordering::Relaxed);
            let served = self.serve(&mut reader);
            self.shared.has_reader.store(false, Ordering::Relaxed);
            match served {
                Ok(()) => return,
                Err(_) if self.shared.closing.load(Ordering::Relaxed) => return,
                Err(error) if self.target == Target::Stdout => {
                    return self
                        .reporter
                        .info(format!("{}: the reader has gone ({error})", self.target));
                }
                Err(error) => self.reporter.info(format!(
                    "{}: the reader has gone ({error}); waiting for it to return",
                    self.target
                )),
            }
        }
    }

    /// Waits for a reader; nothing where the show ends before.
    fn connect(&self) -> Option<Reader> {
        let mut is_told = false;
        loop {
            let error = match Reader::open(&self.target) {
                Ok(reader) => return Some(reader),
                Err(error) => error,
            };
            if !is_told {
                is_told = true;
                self.reporter.info(format!(
                    "{}: no reader yet ({error}); trying again",
                    self.target
                ));
            }
            let until = Instant::now() + Reader::again(&self.target);
            loop {
                let left = until.saturating_duration_since(Instant::now());
                match self.inbox.recv_timeout(left) {
                    // It was meant for the reader that has gone.
                    Ok(picture) => self.give_back(picture),
                    Err(RecvTimeoutError::Timeout) => break,
                    Err(RecvTimeoutError::Disconnected) => return None,
                }
            }
        }
    }

    /// Writes pictures until the show ends or the reader goes.
    fn serve(&mut self, reader: &mut Reader) -> std::io::Result<()> {
        while let Ok(picture) = self.inbox.recv() {
            let written = self.write(&picture, reader);
            self.give_back(picture);
            written?;
            self.shared.sent.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn write(
        &mut self,
        (canvas, projection): &Picture,
        reader: &mut Reader,
    ) -> std::io::Result<()> {
        let bytes = self.frame.draw(canvas, projection);
        let mut last = None;
        reader.write_all(bytes, || {
            let closing = self.shared.closing.load(Ordering::Relaxed);
            closing && last.get_or_insert_with(Instant::now).elapsed() > LAST_PICTURE
        })
    }

    fn give_back(&self, picture: Picture) {
        // Only a pipe that is being closed no longer takes pictures back.
        let _ = self.back.try_send(picture);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use super::*;

    fn listening() -> (TcpListener, Target) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        (listener, Target::Tcp(address))
    }

    /// Offers pictures of rising levels until the pipe has sent so many.
    fn offer(pipes: &Pipes, count: u64) {
        let until = pipes.sent() + count;
        let mut canvas = Canvas::black((4, 2));
        while pipes.sent() < until {
            let level = canvas.rgba[0].wrapping_add(1);
            canvas.rgba.fill(level);
            pipes.offer(&canvas, &Projection::default());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn pictures_arrive_whole_and_in_order_and_a_reader_that_returns_is_served_again() {
        let (listener, target) = listening();
        let pipes = Pipes::open(&[target], (4, 2), (4, 2), &Reporter::silent()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        offer(&pipes, 20);
        let mut first = vec![0; 4 * 2 * 4 * 5];
        stream.read_exact(&mut first).unwrap();
        let levels: Vec<u8> = first.chunks_exact(32).map(|picture| picture[0]).collect();
        assert!(levels.is_sorted(), "{levels:?}");
        for picture in first.chunks_exact(32) {
            assert!(
                picture.iter().all(|&byte| byte == picture[0]),
                "{picture:?}"
            );
        }
        drop(stream);
        std::thread::scope(|scope| {
            let accepted = scope.spawn(|| listener.accept().unwrap().0);
            let canvas = Canvas::black((4, 2));
            while !accepted.is_finished() {
                pipes.offer(&canvas, &Projection::default());
                std::thread::sleep(Duration::from_millis(1));
            }
            let mut stream = accepted.join().unwrap();
            offer(&pipes, 3);
            stream.read_exact(&mut [0; 32]).unwrap();
        });
    }

    #[test]
    fn a_reader_that_stalls_loses_pictures_and_holds_nobody_up() {
        let (listener, target) = listening();
        let size = (512, 512);
        let pipes = Pipes::open(&[target], size, size, &Reporter::silent()).unwrap();
        let stream = listener.accept().unwrap();
        let canvas = Canvas::black(size);
        while pipes.dropped() < 100 {
            pipes.offer(&canvas, &Projection::default());
        }
        // Closing ends though the reader still stalls.
        drop(pipes);
        drop(stream);
    }

    #[test]
    fn pictures_of_another_size_are_brought_to_the_one_of_the_stream() {
        let (listener, target) = listening();
        let pipes = Pipes::open(&[target], (4, 2), (8, 8), &Reporter::silent()).unwrap();
        let (mut stream, _) = listener.accept().unwrap();
        offer(&pipes, 1);
        let mut picture = [9; 8 * 8 * 4];
        stream.read_exact(&mut picture).unwrap();
        assert_eq!(picture[..4], [0, 0, 0, 255], "beside the picture");
        assert!(picture[3 * 8 * 4] > 0, "the picture");
    }
}
