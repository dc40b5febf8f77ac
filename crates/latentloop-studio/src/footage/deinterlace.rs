//! Interlaced frames made whole by FFmpeg's bwdif.

use std::collections::VecDeque;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::ffi::AVPixelFormat;
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{color, filter, frame};

/// Units of a second that frames are timed in on their way.
const UNITS_A_SEC: f64 = 1e6;

/// What a graph is made for: a film may change it on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Kind {
    format: Pixel,
    size: (u32, u32),
    space: color::Space,
    range: color::Range,
    primaries: color::Primaries,
    transfer: color::TransferCharacteristic,
}

impl Kind {
    fn of(frame: &frame::Video) -> Self {
        Self {
            format: frame.format(),
            size: (frame.width(), frame.height()),
            space: frame.color_space(),
            range: frame.color_range(),
            primaries: frame.color_primaries(),
            transfer: frame.color_transfer_characteristic(),
        }
    }
}

/// Frames go in, with their seconds, and come out whole: those that say that they are interlaced by way of bwdif, others as they are.
pub(super) struct Deinterlacer {
    fields: bool,
    graph: Option<(filter::Graph, Kind)>,
    ready: VecDeque<(frame::Video, f64)>,
}

impl Deinterlacer {
    /// With `fields` each field of an interlaced frame becomes a picture, else its first alone.
    pub(super) fn new(fields: bool) -> Self {
        Self {
            fields,
            graph: None,
            ready: VecDeque::new(),
        }
    }

    /// The next frame that is whole, and its second.
    pub(super) fn take(&mut self) -> Option<(frame::Video, f64)> {
        self.ready.pop_front()
    }

    pub(super) fn put(&mut self, mut frame: frame::Video, secs: f64) -> Result<(), ffmpeg::Error> {
        let kind = Kind::of(&frame);
        if self.graph.as_ref().is_none_or(|(_, made)| *made != kind) {
            // Progressive frames need no graph until the first interlaced one.
            if self.graph.is_none() && !frame.is_interlaced() {
                self.ready.push_back((frame, secs));
                return Ok(());
            }
            self.end()?;
            self.graph = Some((graph(kind, self.fields)?, kind));
        }
        let Some((graph, kind)) = &mut self.graph else {
            return Ok(());
        };
        frame.set_pts(Some((secs * UNITS_A_SEC).round() as i64));
        let mut source = graph.get(SOURCE).ok_or(ffmpeg::Error::FilterNotFound)?;
        source.source().add(&frame)?;
        drain(graph, *kind, &mut self.ready)
    }

    /// Has what is under way come out; the next frame begins anew.
    pub(super) fn end(&mut self) -> Result<(), ffmpeg::Error> {
        let Some((mut graph, kind)) = self.graph.take() else {
            return Ok(());
        };
        let mut source = graph.get(SOURCE).ok_or(ffmpeg::Error::FilterNotFound)?;
        source.source().flush()?;
        drain(&mut graph, kind, &mut self.ready)
    }
}

const SOURCE: &str = "in";
const SINK: &str = "out";

fn graph(kind: Kind, fields: bool) -> Result<filter::Graph, ffmpeg::Error> {
    let found = |name| filter::find(name).ok_or(ffmpeg::Error::FilterNotFound);
    let mut graph = filter::Graph::new();
    let (width, height) = kind.size;
    let format = AVPixelFormat::from(kind.format) as i32;
    let source = format!(
        "video_size={width}x{height}:pix_fmt={format}:time_base=1/{UNITS_A_SEC}:pixel_aspect=1/1"
    );
    let mode = if fields { "send_field" } else { "send_frame" };
    let bwdif = format!("mode={mode}:parity=auto:deint=interlaced");
    let mut source = graph.add(&found("buffer")?, SOURCE, &source)?;
    let mut bwdif = graph.add(&found("bwdif")?, "bwdif", &bwdif)?;
    let mut sink = graph.add(&found("buffersink")?, SINK, "")?;
    source.link(0, &mut bwdif, 0);
    bwdif.link(0, &mut sink, 0);
    graph.validate()?;
    Ok(graph)
}

fn drain(
    graph: &mut filter::Graph,
    kind: Kind,
    ready: &mut VecDeque<(frame::Video, f64)>,
) -> Result<(), ffmpeg::Error> {
    let mut sink = graph.get(SINK).ok_or(ffmpeg::Error::FilterNotFound)?;
    let unit = f64::from(sink.sink().time_base());
    loop {
        let mut whole = frame::Video::empty();
        match sink.sink().frame(&mut whole) {
            Ok(()) => {
                // What a graph is not told it may lose.
                whole.set_color_space(kind.space);
                whole.set_color_range(kind.range);
                whole.set_color_primaries(kind.primaries);
                whole.set_color_transfer_characteristic(kind.transfer);
                let secs = whole.pts().unwrap_or(0) as f64 * unit;
                ready.push_back((whole, secs));
            }
            Err(ffmpeg::Error::Eof) => return Ok(()),
            Err(ffmpeg::Error::Other { errno }) if errno == ffmpeg::error::EAGAIN => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
