//! Effects: what one of them is, and what it is told of a frame.

use super::EffectValues;
use super::builtin::EFFECTS;
use crate::instrument::params::LOOK_LIMITER;
use crate::instrument::{OWN_KNOBS, OWN_PASSES, ParamId};
use crate::palette::Oklab;

/// Least and greatest value of each knob of a user's shader.
pub(super) type KnobRanges = [[f32; 2]; OWN_KNOBS.len()];

/// An effect: a function in WGSL, when it is drawn, and with which numbers. Each has a file in `builtin/`.
#[derive(Debug)]
pub(super) struct Effect {
    /// Its name in an order of effects.
    pub(super) name: &'static str,
    /// Where the performer finds it.
    pub(super) group: EffectGroup,
    /// Its parameters; every row of the look is one effect's, or the limiter's.
    pub(super) params: &'static [ParamId],
    /// The function in [`Effect::wgsl`]; its settings are the struct of that name with a capital letter. A pointwise effect is
    /// `fn NAME(light: vec3<f32>, at: vec2<f32>, own: Name) -> vec3<f32>`, any other `fn NAME(at: vec2<f32>, own: Name)`.
    pub(super) function: &'static str,
    /// The function and its settings; every name at module scope begins with the function's.
    pub(super) wgsl: &'static str,
    /// Whether what it draws at a point depends on nothing of the picture but that point, so that it can be drawn in one pass with
    /// others.
    pub(super) is_pointwise: bool,
    /// What it reads besides the picture.
    pub(super) second: SecondInput,
    /// Whether it leaves every picture as it is.
    pub(super) is_neutral: fn(&EffectValues) -> bool,
    /// Whether all is there that it draws with.
    pub(super) is_ready: fn(&FrameContext) -> bool,
    /// Writes its settings.
    pub(super) write: fn(&EffectValues, &FrameContext, &mut Uniform),
}

/// Effects that stand together on the console, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EffectGroup {
    /// What bends or replaces the picture.
    Frame,
    /// The last picture in this one.
    Feedback,
    /// Grading.
    Colour,
    /// What lenses and bright light do.
    Light,
    /// Grain.
    Grain,
    /// Users' shaders.
    User,
    /// What flashes, and what holds it.
    Flashes,
}

impl EffectGroup {
    /// Every group, in the console's order.
    pub const ALL: [Self; 7] = [
        Self::Frame,
        Self::Feedback,
        Self::Colour,
        Self::Light,
        Self::Grain,
        Self::User,
        Self::Flashes,
    ];

    /// The group of a parameter of an effect or of the limiter; none for any other.
    pub fn of(param: ParamId) -> Option<Self> {
        if param == LOOK_LIMITER {
            return Some(Self::Flashes);
        }
        let mut effects = EFFECTS.iter();
        let effect = effects.find(|effect| effect.params.contains(&param))?;
        Some(effect.group)
    }

    /// Its name on the console.
    pub fn name(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Feedback => "feedback",
            Self::Colour => "colour",
            Self::Light => "light",
            Self::Grain => "grain",
            Self::User => "own passes",
            Self::Flashes => "flashes",
        }
    }
}

/// The texture that an effect reads besides the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SecondInput {
    /// None.
    Nothing,
    /// What it drew last.
    Feedback,
    /// The picture at the last keyframe.
    Keyframe,
    /// What `fn NAME_prefilter` has made of the picture, a quarter of the size.
    Prefiltered,
    /// What a user's shader has drawn, by its slot.
    User(usize),
}

/// What an effect needs to know of a frame besides the values.
#[derive(Clone, Copy, Debug)]
pub(super) struct FrameContext {
    /// The picture's size in pixels.
    pub(super) size: (u32, u32),
    /// The time in ticks.
    pub(super) tick: u64,
    /// Ticks since the last picture.
    pub(super) elapsed: u64,
    /// What grain is drawn from.
    pub(super) seed: u32,
    /// What the model paints with.
    pub(super) palette: Option<Oklab>,
    /// Which way the play head walks: 1 or -1.
    pub(super) direction: f32,
    /// Ranges of the knobs of the users' shaders; none where a slot is empty.
    pub(super) ranges: [Option<KnobRanges>; OWN_PASSES],
}

impl Effect {
    /// An effect that is never drawn, to be completed.
    pub(super) const fn new(name: &'static str, wgsl: &'static str) -> Self {
        Self {
            name,
            group: EffectGroup::Frame,
            params: &[],
            function: name,
            wgsl,
            is_pointwise: false,
            second: SecondInput::Nothing,
            is_neutral: |_| true,
            is_ready: |_| true,
            write: |_, _, _| {},
        }
    }
}

/// An effect, by its place in [`EFFECTS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EffectId(u8);

impl EffectId {
    /// The first, where one must stand for nothing.
    pub(super) const FIRST: Self = Self(0);

    /// The effect at a place in [`EFFECTS`].
    pub(super) fn at(index: usize) -> Self {
        debug_assert!(index < EFFECTS.len(), "there is no effect {index}");
        Self(index.min(EFFECTS.len() - 1) as u8)
    }

    /// All, in their usual order.
    pub(super) fn all() -> impl Iterator<Item = Self> {
        (0..EFFECTS.len()).map(Self::at)
    }

    /// Its place in [`EFFECTS`].
    pub(super) fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(super) fn effect(self) -> &'static Effect {
        &EFFECTS[self.index()]
    }

    /// Whether the effect changes a picture.
    pub(super) fn is_active(self, values: &EffectValues, context: &FrameContext) -> bool {
        let effect = self.effect();
        !(effect.is_neutral)(values) && (effect.is_ready)(context)
    }
}

/// Numbers of a shader's uniform.
pub(super) const UNIFORM_LEN: usize = 80;
/// Where the effects' settings begin: after size, tick and seed.
const HEADER_LEN: usize = 4;

/// A shader's uniform, `Settings` in WGSL: size, tick and seed, then the settings of every effect that is drawn in the pass.
pub(super) struct Uniform {
    numbers: [f32; UNIFORM_LEN],
    len: usize,
}

impl Uniform {
    /// The uniform of a pass that draws these effects.
    pub(super) fn of(effects: &[EffectId], values: &EffectValues, context: &FrameContext) -> Self {
        let mut uniform = Self {
            numbers: [0.0; UNIFORM_LEN],
            len: HEADER_LEN,
        };
        uniform.numbers[0] = context.size.0 as f32;
        uniform.numbers[1] = context.size.1 as f32;
        uniform.numbers[2] = f32::from_bits(context.tick as u32);
        uniform.numbers[3] = f32::from_bits(context.seed);
        for id in effects {
            (id.effect().write)(values, context, &mut uniform);
            // Each begins at a multiple of 16 bytes.
            uniform.len = uniform.len.next_multiple_of(4);
        }
        uniform
    }

    /// Adds numbers. What has no room is left out.
    pub(super) fn push(&mut self, numbers: &[f32]) {
        debug_assert!(self.len + numbers.len() <= UNIFORM_LEN, "no room");
        let room = &mut self.numbers[self.len.min(UNIFORM_LEN)..];
        for (to, from) in room.iter_mut().zip(numbers) {
            *to = *from;
        }
        self.len += numbers.len();
    }

    pub(super) fn numbers(&self) -> &[f32; UNIFORM_LEN] {
        &self.numbers
    }
}

#[cfg(test)]
pub(super) mod tests {
    use wgpu::naga::front::wgsl::parse_str;
    use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

    use super::*;

    pub(in super::super) fn context() -> FrameContext {
        FrameContext {
            size: (64, 64),
            tick: 0,
            elapsed: 16,
            seed: 0,
            palette: Some(super::super::tests::amber()),
            direction: 1.0,
            ranges: [Some(KnobRanges::default()); OWN_PASSES],
        }
    }

    /// Checks a shader without a graphics card, and gives it as naga has it.
    pub(in super::super) fn checked(wgsl: &str) -> wgpu::naga::Module {
        let module =
            parse_str(wgsl).unwrap_or_else(|error| panic!("{}", error.emit_to_string(wgsl)));
        Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string(wgsl)));
        module
    }

    #[test]
    fn with_defaults_no_effect_is_active() {
        let neutral = EffectValues::default();
        for id in EffectId::all() {
            assert!(!id.is_active(&neutral, &context()), "{}", id.effect().name);
        }
        assert!(!neutral.is_active());
    }
}
