//! The passes of a frame: which effects are drawn, in which order, from which texture into which.

use std::time::Instant;

use super::builtin::{EFFECTS, TRANSITION};
use super::effect::{EffectId, FrameContext, SecondInput, UNIFORM_LEN, Uniform};
use super::fused::FusedPass;
use super::renderer::{COPY, EffectRenderer, FINISH, FUSED, STRIDE};
use super::texture::{RenderTexture, RenderTextures};
use crate::instrument::{OWN_PASSES, TICKS_PER_SEC};
use crate::stage::upload::TextureId;
use crate::stage::{Canvas, PostFrame};

/// What is drawn together.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// An effect by itself.
    Single(EffectId),
    /// A fused pass, where its pipeline is, and which of the fused passes' uniforms it has.
    Fused(FusedPass, usize, usize),
}

/// What is drawn, in order.
struct FramePlan {
    steps: [Step; EFFECTS.len()],
    len: usize,
    has_feedback: bool,
}

impl FramePlan {
    fn steps(&self) -> &[Step] {
        &self.steps[..self.len]
    }

    /// The slots of the users' shaders that are drawn.
    fn user_slots(&self) -> [bool; OWN_PASSES] {
        let mut slots = [false; OWN_PASSES];
        for step in self.steps() {
            if let Step::Single(id) = step
                && let SecondInput::User(slot) = id.effect().second
            {
                slots[slot] = true;
            }
        }
        slots
    }
}

impl EffectRenderer {
    /// Draws a picture with its effects. Where a user's shader holds the card up, the picture before stays.
    pub(crate) fn draw(&mut self, canvas: &Canvas, frame: &PostFrame) {
        self.take_compiled();
        if self.is_held_up() {
            return;
        }
        self.follow_size(canvas.size);
        self.hold_to_budget(canvas.size);
        let keeps_keyframe = self.follow_head(frame);
        let context = self.context(canvas.size, frame);
        let plan = self.plan(frame, &context);
        self.write_uniforms(frame, &context, &plan);
        let Some(textures) = &self.textures else {
            return;
        };
        textures
            .input
            .upload(&self.queue, &canvas.rgba, canvas.size);
        let last = &textures.shown[1 - self.turn];
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut passes = FrameEncoder {
            renderer: self,
            textures,
            last,
            encoder: &mut encoder,
            source: &textures.input,
            free: 0,
        };
        for step in plan.steps() {
            match *step {
                Step::Single(id) => passes.single(id, keeps_keyframe),
                Step::Fused(fused, pipeline, number) => passes.fused(fused, pipeline, number),
            }
        }
        passes.finish();
        let submitted = Instant::now();
        self.queue.submit([encoder.finish()]);
        self.watch(plan.user_slots(), submitted);
        self.turn = 1 - self.turn;
        self.has_feedback = plan.has_feedback;
        self.last_tick = frame.tick;
    }

    /// Draws every effect once on a picture of a size, and forgets it: drivers put off compiling until then, and in the middle of a show
    /// that is a picture that comes late.
    pub(crate) fn warm(&mut self, size: (u32, u32)) {
        let textures = RenderTextures::new(&self.device, &self.binding, size);
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let mut passes = FrameEncoder {
            renderer: self,
            textures: &textures,
            last: &textures.shown[1],
            encoder: &mut encoder,
            source: &textures.input,
            free: 0,
        };
        for id in EffectId::all() {
            passes.single(id, true);
        }
        passes.finish();
        self.queue.submit([encoder.finish()]);
        // A card that fails is lost, and that is seen when it is asked for a picture.
        let _ = self.device.poll(wgpu::PollType::wait_indefinitely());
        self.follow_size(size);
    }

    fn follow_size(&mut self, size: (u32, u32)) {
        if self
            .textures
            .as_ref()
            .is_none_or(|textures| textures.size != size)
        {
            self.textures = Some(RenderTextures::new(&self.device, &self.binding, size));
            self.output = TextureId::new();
            self.has_feedback = false;
            self.head.has_keyframe = false;
        }
    }

    /// Follows the play head; whether the present picture is that of a keyframe, which a transition goes on from.
    fn follow_head(&mut self, frame: &PostFrame) -> bool {
        let now = frame.values.position;
        let before = self.head.position.replace(now).unwrap_or(now);
        let is_asked_for = !(TRANSITION.is_neutral)(&frame.values);
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
        let keeps_keyframe = is_asked_for && (is_another || !self.head.has_keyframe);
        self.head.has_keyframe = is_asked_for;
        keeps_keyframe
    }

    fn context(&self, size: (u32, u32), frame: &PostFrame) -> FrameContext {
        // Two pictures within a tick are one tick apart, and after a pause feedback does not leap.
        let elapsed = frame
            .tick
            .saturating_sub(self.last_tick)
            .clamp(1, TICKS_PER_SEC / 4);
        FrameContext {
            size,
            tick: frame.tick,
            elapsed,
            seed: frame.seed,
            palette: frame.palette,
            direction: self.head.direction,
            ranges: std::array::from_fn(|slot| {
                let user = self.user[slot].as_ref().filter(|user| !user.is_too_much);
                user.map(|user| user.ranges)
            }),
        }
    }

    /// Which effects are drawn, and which of them in fused passes.
    fn plan(&mut self, frame: &PostFrame, context: &FrameContext) -> FramePlan {
        let mut active = [EffectId::FIRST; EFFECTS.len()];
        let mut count = 0;
        for id in frame.values.order.passes().map(EffectId::at) {
            if id.is_active(&frame.values, context) {
                active[count] = id;
                count += 1;
            }
        }
        let active = &active[..count];
        let is_feedback = |id: &EffectId| id.effect().second == SecondInput::Feedback;
        let mut plan = FramePlan {
            steps: [Step::Single(EffectId::FIRST); EFFECTS.len()],
            len: 0,
            has_feedback: active.iter().any(is_feedback),
        };
        let (mut at, mut passes) = (0, 0);
        while let Some(&id) = active.get(at) {
            let fused = FusedPass::of(&active[at..]);
            // Without a last picture feedback begins with the one that comes in, which is drawn only by itself.
            let can_be = self.has_feedback || !fused.has_feedback();
            let pipeline = if can_be { self.find_fused(fused) } else { None };
            plan.steps[plan.len] = match pipeline {
                Some(pipeline) => {
                    passes += 1;
                    at += fused.effects().len();
                    Step::Fused(fused, pipeline, passes - 1)
                }
                None => {
                    at += 1;
                    Step::Single(id)
                }
            };
            plan.len += 1;
        }
        plan
    }

    /// Copies every uniform to the card.
    fn write_uniforms(&mut self, frame: &PostFrame, context: &FrameContext, plan: &FramePlan) {
        let uniform = |effects: &[EffectId]| Uniform::of(effects, &frame.values, context);
        let mut put = |index: usize, numbers: &[f32; UNIFORM_LEN]| {
            let bytes: &[u8] = bytemuck::cast_slice(numbers);
            self.staged[index * STRIDE..][..bytes.len()].copy_from_slice(bytes);
        };
        for step in plan.steps() {
            match step {
                Step::Single(id) => put(id.index(), uniform(&[*id]).numbers()),
                Step::Fused(fused, _, number) => {
                    put(FUSED + number, uniform(fused.effects()).numbers());
                }
            }
        }
        let bare = uniform(&[]);
        put(COPY, bare.numbers());
        let mut finish = *bare.numbers();
        finish[4] = frame.brightness;
        put(FINISH, &finish);
        self.queue.write_buffer(&self.uniforms, 0, &self.staged);
    }
}

/// Encodes the passes of a frame, one after the other.
struct FrameEncoder<'a> {
    renderer: &'a EffectRenderer,
    textures: &'a RenderTextures,
    /// What was shown last.
    last: &'a RenderTexture,
    encoder: &'a mut wgpu::CommandEncoder,
    /// Where the picture is now, and which of the ping-pong textures is free.
    source: &'a RenderTexture,
    free: usize,
}

impl FrameEncoder<'_> {
    /// A pass with a pipeline and the uniform of that number.
    fn pass(
        &mut self,
        pipeline: Option<&wgpu::RenderPipeline>,
        second: &RenderTexture,
        targets: &[&RenderTexture],
        uniform: usize,
    ) {
        let Some(pipeline) = pipeline else {
            return;
        };
        let mut pass = begin(self.encoder, targets);
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, &self.source.group, &[]);
        pass.set_bind_group(1, &second.group, &[]);
        pass.set_bind_group(2, &self.renderer.uniform_group, &[offset(uniform)]);
        pass.draw(0..3, 0..1);
    }

    /// The picture is in the free texture now.
    fn swap(&mut self) {
        self.source = &self.textures.ping_pong[self.free];
        self.free = 1 - self.free;
    }

    fn single(&mut self, id: EffectId, keeps_keyframe: bool) {
        let (renderer, textures, source) = (self.renderer, self.textures, self.source);
        let pipelines = &renderer.pipelines[id.index()];
        let (pipeline, uniform) = (pipelines.effect.as_ref(), id.index());
        let target = &textures.ping_pong[self.free];
        match id.effect().second {
            SecondInput::Nothing => self.pass(pipeline, source, &[target], uniform),
            SecondInput::Feedback => {
                let target = &textures.feedback[renderer.turn];
                let before = if renderer.has_feedback {
                    &textures.feedback[1 - renderer.turn]
                } else {
                    source
                };
                self.pass(pipeline, before, &[target], uniform);
                self.source = target;
                return;
            }
            SecondInput::Prefiltered => {
                let prefilter = pipelines.prefilter.as_ref();
                self.pass(prefilter, source, &[&textures.quarter], uniform);
                self.pass(pipeline, &textures.quarter, &[target], uniform);
            }
            SecondInput::Keyframe => {
                if keeps_keyframe {
                    self.pass(Some(&renderer.mix), source, &[&textures.keyframe], COPY);
                }
                self.pass(pipeline, &textures.keyframe, &[target], uniform);
            }
            SecondInput::User(slot) => {
                let user = renderer.user[slot].as_ref().map(|user| &user.pipeline);
                self.pass(user, self.last, &[&textures.user], uniform);
                self.pass(Some(&renderer.mix), &textures.user, &[target], uniform);
            }
        }
        self.swap();
    }

    fn fused(&mut self, fused: FusedPass, pipeline: usize, number: usize) {
        let (renderer, textures) = (self.renderer, self.textures);
        let pipeline = renderer.fused[pipeline].1.as_ref();
        let target = &textures.ping_pong[self.free];
        let uniform = FUSED + number;
        if fused.has_feedback() {
            let feedback = &textures.feedback[renderer.turn];
            let before = &textures.feedback[1 - renderer.turn];
            self.pass(pipeline, before, &[target, feedback], uniform);
        } else {
            self.pass(pipeline, self.source, &[target], uniform);
        }
        self.swap();
    }

    /// The picture goes to the output.
    fn finish(&mut self) {
        let (renderer, textures) = (self.renderer, self.textures);
        let targets = [&textures.shown[renderer.turn], &textures.output];
        self.pass(Some(&renderer.finish), self.last, &targets, FINISH);
    }
}

fn offset(index: usize) -> u32 {
    (index * STRIDE) as u32
}

fn begin<'a>(
    encoder: &'a mut wgpu::CommandEncoder,
    targets: &[&RenderTexture],
) -> wgpu::RenderPass<'a> {
    // At most two.
    let all = [targets.first(), targets.get(1)].map(|one| one.map(|texture| texture.attachment()));
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("effects"),
        color_attachments: &all[..targets.len()],
        ..Default::default()
    })
}
