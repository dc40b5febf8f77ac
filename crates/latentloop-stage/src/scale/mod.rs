//! Bringing pictures to another size on the processor: what `upscale/upscale.wgsl` does on the card.
//!
//! Bytes are weighed as they are, not as light: they are near to how bright things look, and what a filter overshoots at an edge is
//! as wide on its dark side as on its bright one. Light is added as light, by halation.

mod develop;
mod edge;
mod separable;

use super::Canvas;
use super::film::Exposure;
use super::projection::{Filter, Projection, Resampling};
use develop::Developer;
use edge::Edge;
use separable::Separable;

/// Scales pictures into frames. It allocates where their sizes, the fit or the filter change, and not from picture to picture.
pub struct Scaler {
    auto: Filter,
    threads: usize,
    plan: Option<Plan>,
    developer: Developer,
    scratch: Vec<Scratch>,
}

/// What stays the same from picture to picture.
struct Plan {
    from: (u32, u32),
    to: (u32, u32),
    place: Placement,
    way: Resampling,
    method: Method,
}

enum Method {
    Separable(Separable),
    Edge(Edge),
}

/// What one line of a frame is made in.
#[derive(Default)]
struct Scratch {
    /// The frame's line, RGBA, levels of 255.
    line: Vec<f32>,
    edge: edge::Scratch,
    /// The glow at the height of the line.
    gleam: Vec<f32>,
}

use super::fit::Placement;

impl Scaler {
    /// A scaler whose filter is `auto` where a projection names none; it divides a frame among so many threads. With one it
    /// starts none.
    pub fn new(auto: Filter, threads: usize) -> Self {
        Self {
            auto,
            threads: threads.max(1),
            plan: None,
            developer: Developer::new(),
            scratch: Vec::new(),
        }
    }

    /// Scales a picture into a frame, which keeps its size. What the picture does not cover is black.
    pub fn scale(&mut self, picture: &Canvas, frame: &mut Canvas, projection: &Projection) {
        let (from, to) = (picture.size, frame.size);
        if from.0 * from.1 == 0 || to.0 * to.1 == 0 {
            return;
        }
        let place = Placement::of(projection.fit, from, to);
        let way = projection.filter.unwrap_or(self.auto).way(from, &place);
        let is_same =
            |plan: &Plan| (plan.from, plan.to, plan.place, plan.way) == (from, to, place, way);
        let plan = match &mut self.plan {
            Some(plan) if is_same(plan) => plan,
            slot => slot.insert(Plan::new(from, to, place, way)),
        };
        match &mut plan.method {
            Method::Separable(separable) => separable.take(&picture.rgba),
            Method::Edge(edge) => edge.take(&picture.rgba),
        }
        let exposure = Exposure::new(&projection.film, from, to);
        self.developer.take(picture, to, &place, exposure);

        let bands = self.threads.min(to.1 as usize);
        self.scratch.resize_with(bands, Scratch::default);
        let (plan, developer) = (&*plan, &self.developer);
        let stride = to.0 as usize * 4;
        if let [scratch] = &mut self.scratch[..] {
            return draw(plan, developer, scratch, 0, &mut frame.rgba);
        }
        let lines = (to.1 as usize).div_ceil(bands);
        std::thread::scope(|scope| {
            let bands = frame.rgba.chunks_mut(lines * stride);
            for (number, (band, scratch)) in bands.zip(&mut self.scratch).enumerate() {
                scope.spawn(move || draw(plan, developer, scratch, number * lines, band));
            }
        });
    }
}

impl Scaler {
    /// What halation made of a level, sRGB 0..=1, at a place of the last frame, in pixels.
    pub(super) fn halated(&self, level: [f32; 3], at: (f32, f32)) -> [f32; 3] {
        self.developer.halated(level, at)
    }
}

impl Plan {
    fn new(from: (u32, u32), to: (u32, u32), place: Placement, way: Resampling) -> Self {
        let method = match way {
            Resampling::Enlarge(Filter::Edge) => Method::Edge(Edge::new(from, to, &place)),
            way => Method::Separable(Separable::new(from, to, &place, way)),
        };
        Self {
            from,
            to,
            place,
            way,
            method,
        }
    }
}

/// Draws the lines of a frame from the one numbered `first` on.
fn draw(plan: &Plan, developer: &Developer, scratch: &mut Scratch, first: usize, lines: &mut [u8]) {
    let stride = plan.to.0 as usize * 4;
    let Scratch { line, edge, gleam } = scratch;
    line.resize(stride, 0.0);
    for (at, out) in lines.chunks_exact_mut(stride).enumerate() {
        let y = first + at;
        let is_inside = match &plan.method {
            Method::Separable(separable) => separable.line(y, line),
            Method::Edge(method) => method.line(y, line, edge),
        };
        if is_inside {
            developer.line(y, line, gleam);
        } else {
            line.fill(0.0);
        }
        // Values beyond 0..=255 become these.
        for (out, &level) in out.iter_mut().zip(&*line) {
            *out = (level + 0.5) as u8;
        }
        out.chunks_exact_mut(4).for_each(|pixel| pixel[3] = 255);
    }
}

#[cfg(test)]
mod tests;
