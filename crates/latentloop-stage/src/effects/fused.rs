//! Effects that stand beside one another and look at nothing but a point at a time, drawn in one pass.

use super::builtin::MAX_FUSED;
use super::effect::{EffectId, SecondInput};

/// A pass that draws pointwise effects, each at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FusedPass {
    effects: [EffectId; MAX_FUSED],
    len: usize,
}

impl FusedPass {
    /// The pass that some effects begin with.
    pub(super) fn of(effects: &[EffectId]) -> Self {
        let pointwise = effects.iter().take_while(|id| id.effect().is_pointwise);
        let mut fused = Self {
            effects: [EffectId::FIRST; MAX_FUSED],
            len: 0,
        };
        for (slot, id) in fused.effects.iter_mut().zip(pointwise) {
            *slot = *id;
            fused.len += 1;
        }
        fused
    }

    pub(super) fn effects(&self) -> &[EffectId] {
        &self.effects[..self.len]
    }

    /// Whether drawing them in one pass saves anything.
    pub(super) fn is_worth_it(&self) -> bool {
        self.len > 1
    }

    /// Whether feedback is among them: then there is a second output, what feedback goes on from.
    pub(super) fn has_feedback(&self) -> bool {
        let is_feedback = |id: &EffectId| id.effect().second == SecondInput::Feedback;
        self.effects().iter().any(is_feedback)
    }
}

#[cfg(test)]
mod tests {
    use super::super::effect::Uniform;
    use super::super::effect::tests::{checked, context};
    use super::super::shader;
    use super::*;
    use crate::stage::EffectValues;

    fn named(names: &[&str]) -> Vec<EffectId> {
        let find = |name: &&str| EffectId::all().find(|id| id.effect().name == *name);
        names.iter().map(|name| find(name).unwrap()).collect()
    }

    #[test]
    fn every_pointwise_effect_is_fused_and_the_shader_is_valid_in_any_order() {
        let pointwise = EffectId::all().filter(|id| id.effect().is_pointwise);
        let mut effects: Vec<EffectId> = pointwise.collect();
        assert_eq!(effects.len(), MAX_FUSED);
        for _ in 0..MAX_FUSED {
            effects.rotate_left(1);
            for length in 2..=MAX_FUSED {
                let fused = FusedPass::of(&effects[..length]);
                assert_eq!(fused.effects(), &effects[..length]);
                // All of their settings have room.
                Uniform::of(fused.effects(), &EffectValues::default(), &context());
                let module = checked(&shader::fused(fused.effects()));
                let entry = &module.entry_points[1];
                assert_eq!(entry.name, shader::ENTRY);
                let output = entry.function.result.as_ref().unwrap().ty;
                let wgpu::naga::TypeInner::Struct { members, .. } = &module.types[output].inner
                else {
                    panic!("the outputs are no struct");
                };
                let has_feedback = effects[..length].contains(&named(&["feedback"])[0]);
                assert_eq!(fused.has_feedback(), has_feedback);
                assert_eq!(members.len(), if has_feedback { 2 } else { 1 });
            }
        }
    }

    #[test]
    fn a_fused_pass_ends_where_an_effect_looks_around() {
        let fused = FusedPass::of(&named(&["grain", "colour", "bloom", "strobe"]));
        assert_eq!(fused.effects(), named(&["grain", "colour"]));
        assert!(fused.is_worth_it());
        assert!(!FusedPass::of(&named(&["grain", "bloom"])).is_worth_it());
        assert!(!FusedPass::of(&named(&["tilt"])).is_worth_it());
    }
}
