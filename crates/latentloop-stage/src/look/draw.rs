//! One picture through the passes that do something, in their order.

use super::card::{HOLD, LIMITER, Look, RUNS, STRIDE};
use super::fused::Run;
use super::pass::{Moment, Numbers, Pass, header};
use super::pipeline::attachment;
use super::plane::{Plane, Planes};
use crate::instrument::TICKS_PER_SEC;
use crate::stage::limiter::{State, shader_tick};
use crate::stage::upload::TextureId;
use crate::stage::{Canvas, PostFrame};

/// What is drawn in one go.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// A pass by itself.
    One(Pass),
    /// A run, where its pipeline is, and which of the runs' uniforms it has.
    Fused(Run, usize, usize),
}

/// What is drawn, in order.
struct Plan {
    steps: [Step; Pass::ALL.len()],
    count: usize,
    has_feedback: bool,
}

impl Look {
    /// Draws a picture with a look. `before` is what was shown without this card until now, where that is so.
    pub(crate) fn draw(
        &mut self,
        canvas: &Canvas,
        frame: &PostFrame,
        before: Option<(&State, &Canvas)>,
    ) {
        self.take_made();
        self.follow_size(canvas.size);
        let goes_on_from_before = before.is_some_and(|before| self.go_on(canvas, before));
        let is_held = self.follow_head(frame);
        let moment = self.moment(canvas.size, frame);
        let plan = self.plan(frame, &moment);
        self.stage(frame, &moment, &plan);
        let Some(planes) = &self.planes else {
            return;
        };
        planes.input.fill(&self.queue, &canvas.rgba, canvas.size);
        let last = if goes_on_from_before {
            &planes.before
        } else {
            &planes.kept[1 - self.turn]
        };
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut drawing = Drawing {
            look: self,
            planes,
            last,
            encoder: &mut encoder,
            source: &planes.input,
            free: 0,
        };
        for step in &plan.steps[..plan.count] {
            match *step {
                Step::One(pass) => drawing.one(pass, is_held),
                Step::Fused(run, pipeline, number) => drawing.fused(run, pipeline, number),
            }
        }
        drawing.limit();
        self.queue.submit([encoder.finish()]);
        self.turn = 1 - self.turn;
        self.has_last = true;
        self.has_trail = plan.has_feedback;
        self.last_tick = frame.tick;
    }

    /// Draws every pass once on a picture of a size, and forgets it: drivers put off compiling until then, and in the middle of a show
    /// that is a picture that comes late.
    pub(crate) fn warm(&mut self, size: (u32, u32)) {
        let planes = Planes::new(&self.device, &self.binding, size);
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut drawing = Drawing {
            look: self,
            planes: &planes,
            last: &planes.kept[1],
            encoder: &mut encoder,
            source: &planes.input,
            free: 0,
        };
        for pass in Pass::ALL {
            drawing.one(pass, true);
        }
        drawing.limit();
        self.queue.submit([encoder.finish()]);
        // A card that fails is lost, and that is seen when it is asked for a picture.
        let _ = self.device.poll(wgpu::PollType::wait_indefinitely());
        let fresh = bytemuck::Zeroable::zeroed();
        self.queue
            .write_buffer(&self.memory, 0, bytemuck::bytes_of::<State>(&fresh));
        self.follow_size(size);
    }

    fn follow_size(&mut self, size: (u32, u32)) {
        if self
            .planes
            .as_ref()
            .is_none_or(|planes| planes.size != size)
        {
            self.planes = Some(Planes::new(&self.device, &self.binding, size));
            self.output = TextureId::new();
            self.has_trail = false;
            self.has_last = false;
            self.head.holds = false;
        }
    }

    /// Goes on from what another path has shown; whether that is a picture of this size.
    fn go_on(&mut self, canvas: &Canvas, (state, last): (&State, &Canvas)) -> bool {
        self.queue
            .write_buffer(&self.memory, 0, bytemuck::bytes_of(state));
        self.has_last = last.size == canvas.size;
        if let (Some(planes), true) = (&self.planes, self.has_last) {
            planes.before.fill(&self.queue, &last.rgba, last.size);
        }
        self.has_last
    }

    /// Follows the play head; whether the present picture is to be kept, for the transition to go on from.
    fn follow_head(&mut self, frame: &PostFrame) -> bool {
        let now = frame.values.position;
        let before = self.head.position.replace(now).unwrap_or(now);
        let is_asked_for = Pass::Transition.is_asked_for(&frame.values);
        let is_another = libm::floorf(before) != libm::floorf(now);
        if is_another || self.head.direction == 0.0 {
            // Past the loop's end the position leaps back.
            let is_leap = (now - before).abs() > 1.0;
            self.head.direction = if (now >= before) != is_leap {
                1.0
            } else {
                -1.0
            };
        }
        let is_held = is_asked_for && (is_another || !self.head.holds);
        self.head.holds = is_asked_for;
        is_held
    }

    fn moment(&self, size: (u32, u32), frame: &PostFrame) -> Moment {
        // Two pictures within a tick are one tick apart, and after a pause feedback does not leap.
        let passed = frame
            .tick
            .saturating_sub(self.last_tick)
            .clamp(1, TICKS_PER_SEC / 4);
        Moment {
            size,
            tick: frame.tick,
            passed,
            seed: frame.seed,
            palette: frame.palette,
            direction: self.head.direction,
            ranges: std::array::from_fn(|place| self.own[place].as_ref().map(|own| own.ranges)),
        }
    }

    /// Which passes are drawn, and which of them in one go.
    fn plan(&mut self, frame: &PostFrame, moment: &Moment) -> Plan {
        let mut active = [Pass::Tilt; Pass::ALL.len()];
        let mut count = 0;
        for place in frame.values.order.passes() {
            let pass = Pass::ALL[place];
            if pass.is_active(&frame.values, moment) {
                active[count] = pass;
                count += 1;
            }
        }
        let active = &active[..count];
        let mut plan = Plan {
            steps: [Step::One(Pass::Tilt); Pass::ALL.len()],
            count: 0,
            has_feedback: active.contains(&Pass::Feedback),
        };
        let (mut at, mut runs) = (0, 0);
        while let Some(&pass) = active.get(at) {
            let run = Run::of(&active[at..]);
            // Without a last picture feedback begins with the one that comes in, which is drawn only by itself.
            let can_be = self.has_trail || !run.has_feedback();
            let fused = if can_be { self.find_fused(run) } else { None };
            plan.steps[plan.count] = match fused {
                Some(pipeline) => {
                    runs += 1;
                    at += run.passes().len();
                    Step::Fused(run, pipeline, runs - 1)
                }
                None => {
                    at += 1;
                    Step::One(pass)
                }
            };
            plan.count += 1;
        }
        plan
    }

    /// Copies every uniform to the card.
    fn stage(&mut self, frame: &PostFrame, moment: &Moment, plan: &Plan) {
        let values = &frame.values;
        let mut put = |index: usize, numbers: Numbers| {
            let bytes: &[u8] = bytemuck::cast_slice(&numbers);
            self.staged[index * STRIDE..][..bytes.len()].copy_from_slice(bytes);
        };
        for step in &plan.steps[..plan.count] {
            match step {
                Step::One(pass) => put(pass.place(), pass.numbers(values, moment)),
                Step::Fused(run, _, number) => put(RUNS + number, run.numbers(values, moment)),
            }
        }
        put(HOLD, header(moment));
        let mut limits = header(moment);
        limits[2] = f32::from_bits(shader_tick(frame.tick));
        limits[3] = f32::from_bits(u32::from(self.has_last));
        limits[4] = frame.brightness;
        limits[5] = if frame.limits() { 1.0 } else { 0.0 };
        limits[6] = if frame.blackout { 1.0 } else { 0.0 };
        limits[8..24].copy_from_slice(&frame.visible.columns);
        limits[24..40].copy_from_slice(&frame.visible.rows);
        put(LIMITER, limits);
        self.queue.write_buffer(&self.uniforms, 0, &self.staged);
    }
}

/// A picture on its way through the passes.
struct Drawing<'a> {
    look: &'a Look,
    planes: &'a Planes,
    /// What was shown last.
    last: &'a Plane,
    encoder: &'a mut wgpu::CommandEncoder,
    /// Where the picture is now, and which of the two working planes is free.
    source: &'a Plane,
    free: usize,
}

impl<'a> Drawing<'a> {
    /// Draws with a pipeline and the uniform of that number.
    fn with(
        &mut self,
        pipeline: Option<&wgpu::RenderPipeline>,
        second: &Plane,
        targets: &[&Plane],
        uniform: usize,
    ) {
        let Some(pipeline) = pipeline else {
            return;
        };
        let mut pass = begin(self.encoder, targets);
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &self.source.group, &[]);
        pass.set_bind_group(1, &second.group, &[]);
        pass.set_bind_group(2, &self.look.uniform_group, &[offset(uniform)]);
        pass.draw(0..3, 0..1);
    }

    /// The picture goes on in the free plane.
    fn go_on(&mut self) {
        self.source = &self.planes.work[self.free];
        self.free = 1 - self.free;
    }

    fn one(&mut self, pass: Pass, is_held: bool) {
        let (look, planes, source) = (self.look, self.planes, self.source);
        let (pipeline, place) = (look.pipelines[pass.place()].as_ref(), pass.place());
        let work = &planes.work[self.free];
        match pass {
            Pass::Feedback => {
                let trail = &planes.trail[look.turn];
                let before = if look.has_trail {
                    &planes.trail[1 - look.turn]
                } else {
                    source
                };
                self.with(pipeline, before, &[trail], place);
                self.source = trail;
                return;
            }
            Pass::Bloom => {
                self.with(Some(&look.gather), source, &[&planes.quarter], place);
                self.with(pipeline, &planes.quarter, &[work], place);
            }
            Pass::Transition => {
                if is_held {
                    self.with(Some(&look.mix), source, &[&planes.held], HOLD);
                }
                self.with(pipeline, &planes.held, &[work], place);
            }
            Pass::Own(number) => {
                let own = look.own[number].as_ref().map(|own| &own.pipeline);
                self.with(own, self.last, &[&planes.own], place);
                self.with(Some(&look.mix), &planes.own, &[work], place);
            }
            _ => self.with(pipeline, source, &[work], place),
        }
        self.go_on();
    }

    fn fused(&mut self, run: Run, pipeline: usize, number: usize) {
        let (look, planes) = (self.look, self.planes);
        let pipeline = look.fused[pipeline].1.as_ref();
        let work = &planes.work[self.free];
        let uniform = RUNS + number;
        if run.has_feedback() {
            let trail = &planes.trail[look.turn];
            let before = &planes.trail[1 - look.turn];
            self.with(pipeline, before, &[work, trail], uniform);
        } else {
            self.with(pipeline, self.source, &[work], uniform);
        }
        self.go_on();
    }

    /// The limiter decides, and its picture goes to the output.
    fn limit(&mut self) {
        let (look, planes) = (self.look, self.planes);
        {
            let mut deciding = self
                .encoder
                .begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            deciding.set_pipeline(&look.decide);
            deciding.set_bind_group(0, &self.source.group, &[]);
            deciding.set_bind_group(1, &self.last.group, &[]);
            deciding.set_bind_group(2, &look.uniform_group, &[offset(LIMITER)]);
            deciding.set_bind_group(3, &look.memory_groups[0], &[]);
            deciding.dispatch_workgroups(1, 1, 1);
        }
        let mut pass = begin(self.encoder, &[&planes.kept[look.turn], &planes.output]);
        pass.set_pipeline(&look.limit);
        pass.set_bind_group(0, &self.source.group, &[]);
        pass.set_bind_group(1, &self.last.group, &[]);
        pass.set_bind_group(2, &look.uniform_group, &[offset(LIMITER)]);
        pass.set_bind_group(3, &look.memory_groups[1], &[]);
        pass.draw(0..3, 0..1);
    }
}

fn offset(index: usize) -> u32 {
    (index * STRIDE) as u32
}

fn begin<'a>(encoder: &'a mut wgpu::CommandEncoder, targets: &[&Plane]) -> wgpu::RenderPass<'a> {
    // At most two.
    let all = [targets.first(), targets.get(1)].map(|plane| plane.map(|plane| attachment(plane)));
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("look"),
        color_attachments: &all[..targets.len()],
        ..Default::default()
    })
}
