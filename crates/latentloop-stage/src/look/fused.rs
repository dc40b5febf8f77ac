//! Passes that stand beside one another and look at nothing but a point at a time, drawn in one go.
//!
//! The shader is put together from the passes' own files: what stands between their line [`BEGINS`] and their entry point.

use std::fmt::Write;

use super::LookValues;
use super::pass::{HEADER, Moment, NUMBERS, Numbers, Pass, header};

/// Most passes of a run: as many as are pointwise.
pub(super) const LONGEST: usize = 6;
/// The line after which a file's part begins.
const BEGINS: &str = "// What follows up to the entry point may be drawn together";

/// Passes in a row, each at most once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    passes: [Pass; LONGEST],
    length: usize,
}

impl Run {
    /// The run that some passes begin with.
    pub(super) fn of(passes: &[Pass]) -> Self {
        let pointwise = passes.iter().take_while(|pass| pass.is_pointwise());
        let mut run = Self {
            passes: [Pass::Strobe; LONGEST],
            length: 0,
        };
        for (slot, pass) in run.passes.iter_mut().zip(pointwise) {
            *slot = *pass;
            run.length += 1;
        }
        run
    }

    pub(super) fn passes(&self) -> &[Pass] {
        &self.passes[..self.length]
    }

    /// Whether drawing it in one go saves anything.
    pub(super) fn is_worth_it(&self) -> bool {
        self.length > 1
    }

    /// Whether feedback is among them: then there is a second output, what feedback goes on from.
    pub(super) fn has_feedback(&self) -> bool {
        self.passes().contains(&Pass::Feedback)
    }

    /// The shader's uniform: each pass's numbers, beginning at a multiple of four.
    pub(super) fn numbers(&self, v: &LookValues, at: &Moment) -> Numbers {
        let mut numbers = header(at);
        let mut next = HEADER;
        for pass in self.passes() {
            next += pass
                .own_numbers(v, at, &mut numbers[next..])
                .next_multiple_of(4);
        }
        debug_assert!(next <= NUMBERS, "every pass has room");
        numbers
    }

    /// The shader's text; its entry point is `fused`.
    pub(super) fn text(&self) -> String {
        let mut members = String::new();
        let mut parts = String::new();
        let mut steps = String::new();
        for pass in self.passes() {
            let Some((text, name, _)) = pass.shader() else {
                continue;
            };
            let kind = name[..1].to_uppercase() + &name[1..];
            // Writing to a String cannot fail.
            let _ = writeln!(members, "    @align(16) {name}: {kind},");
            let _ = writeln!(
                steps,
                "    light = {name}_of(light, at.xy, settings.{name});"
            );
            if *pass == Pass::Feedback {
                steps += "    trail = light;\n";
            }
            parts += part(text);
        }
        let (second, last, trail) = if self.has_feedback() {
            (
                "@group(1) @binding(0) var last: texture_2d<f32>;",
                "    @location(1) trail: vec4<f32>,",
                ", vec4<f32>(trail, 1.0)",
            )
        } else {
            ("", "", "")
        };
        format!(
            "struct Settings {{
    size: vec2<f32>,
    tick: u32,
    seed: u32,
{members}}}

@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var linear_sampler: sampler;
{second}
@group(2) @binding(0) var<uniform> settings: Settings;

@vertex
fn cover(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {{
    let corner = vec2<f32>(f32((index << 1u) & 2u), f32(index & 2u));
    return vec4<f32>(corner * 2.0 - 1.0, 0.0, 1.0);
}}
{parts}
struct Drawn {{
    @location(0) light: vec4<f32>,
{last}
}}

@fragment
fn fused(@builtin(position) at: vec4<f32>) -> Drawn {{
    var light = textureLoad(picture, vec2<i32>(at.xy), 0).rgb;
    var trail = light;
{steps}    return Drawn(vec4<f32>(light, 1.0){trail});
}}
"
        )
    }
}

/// A file's part: from after its line [`BEGINS`] to its entry point.
fn part(text: &str) -> &str {
    let from = text.find(BEGINS).unwrap_or(text.len());
    let from = text[from..].find('\n').map_or(text.len(), |end| from + end);
    let to = text[from..]
        .find("@fragment")
        .map_or(text.len(), |at| from + at);
    &text[from..to]
}

#[cfg(test)]
mod tests {
    use wgpu::naga::front::wgsl::parse_str;
    use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

    use super::*;

    const POINTWISE: [Pass; LONGEST] = [
        Pass::Feedback,
        Pass::Palette,
        Pass::Colour,
        Pass::Vignette,
        Pass::Grain,
        Pass::Strobe,
    ];

    #[test]
    fn every_pointwise_pass_is_fused_and_the_shader_is_valid_in_any_order() {
        let pointwise = Pass::ALL.iter().filter(|pass| pass.is_pointwise());
        assert_eq!(pointwise.count(), LONGEST);
        for turn in 0..LONGEST {
            let mut passes = POINTWISE;
            passes.rotate_left(turn);
            for length in 2..=LONGEST {
                let run = Run::of(&passes[..length]);
                assert_eq!(run.passes(), &passes[..length]);
                let text = run.text();
                let module = parse_str(&text)
                    .unwrap_or_else(|error| panic!("{}", error.emit_to_string(&text)));
                Validator::new(ValidationFlags::all(), Capabilities::empty())
                    .validate(&module)
                    .unwrap_or_else(|error| panic!("{}", error.emit_to_string(&text)));
                let last = module
                    .global_variables
                    .iter()
                    .any(|(_, v)| v.name.as_deref() == Some("last"));
                assert_eq!(last, passes[..length].contains(&Pass::Feedback));
            }
        }
    }

    #[test]
    fn a_run_ends_where_a_pass_looks_around() {
        let run = Run::of(&[Pass::Grain, Pass::Colour, Pass::Bloom, Pass::Strobe]);
        assert_eq!(run.passes(), [Pass::Grain, Pass::Colour]);
        assert!(run.is_worth_it());
        assert!(!Run::of(&[Pass::Grain, Pass::Bloom]).is_worth_it());
        assert!(!Run::of(&[Pass::Tilt]).is_worth_it());
    }
}
