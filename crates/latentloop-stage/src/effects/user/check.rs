//! Validation of a user's shader: all that can be found out without a graphics card.

use std::panic::catch_unwind;

use wgpu::naga::front::wgsl::parse_str;
use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};
use wgpu::naga::{
    AddressSpace, Binding, BuiltIn, EntryPoint, GlobalVariable, Module, ScalarKind, ShaderStage,
    SourceLocation, Span, TypeInner, VectorSize,
};

use super::{Header, ShaderError, loops};

/// Longest file, in bytes, and deepest nesting of brackets: naga reads them by calling itself.
const MAX_BYTES: usize = 32 << 10;
const MAX_DEPTH: usize = 64;
/// Most bytes of variables, as the limits of WGSL have it (section 2.4): every point that is drawn at once has its own.
const MAX_VARIABLES: u64 = 8192;
/// Members of a pass's settings before its knobs.
const SETTINGS: [&str; 3] = ["size", "tick", "seed"];
/// Bytes of a pass's settings: those, and four knobs.
const MAX_SETTINGS: u32 = 32;

/// What was found out about a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checked {
    pub(super) header: Header,
    /// The fragment entry point.
    pub(super) entry: String,
    /// The most operations that a point takes.
    pub(super) operations: u64,
}

/// Checks a file's text.
///
/// # Errors
/// With the first thing that is wrong with it.
pub(super) fn check(text: &str) -> Result<Checked, ShaderError> {
    measure(text)?;
    // A text that is too much for naga must not end the thread that reads the next one.
    catch_unwind(|| check_measured(text)).unwrap_or_else(|_| {
        Err(error_at(
            None,
            "the shader compiler failed on it; what was changed last is the likely cause",
        ))
    })
}

fn check_measured(text: &str) -> Result<Checked, ShaderError> {
    let header = Header::parse(text)?;
    let module =
        parse_str(text).map_err(|error| error_at(error.location(text), error.message()))?;
    let checked = Validator::new(ValidationFlags::all(), Capabilities::empty()).validate(&module);
    if let Err(error) = checked {
        return Err(error_at(error.location(text), &reasons(error.as_inner())));
    }
    let at = |(span, reason): (Span, String)| error_at(Some(span.location(text)), &reason);
    let entry = entry(&module).map_err(at)?;
    for (_, variable) in module.global_variables.iter() {
        bound(&module, variable, &header).map_err(at)?;
    }
    if let Some((handle, _)) = module.overrides.iter().next() {
        let span = module.overrides.get_span(handle);
        return Err(at((
            span,
            "`override` is set by nobody here: use `const`".to_owned(),
        )));
    }
    room(&module, entry).map_err(at)?;
    let operations = loops::check(&module, &entry.function).map_err(at)?;
    Ok(Checked {
        header,
        entry: entry.name.clone(),
        operations,
    })
}

fn error_at(at: Option<SourceLocation>, reason: &str) -> ShaderError {
    ShaderError {
        line: at.map_or(1, |at| at.line_number),
        column: at.map_or(1, |at| at.line_position),
        reason: reason.to_owned(),
    }
}

/// An error and what caused it, in one line.
fn reasons(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!(": {error}");
        cause = error.source();
    }
    text
}

/// Whether naga can read a text without running out of stack.
fn measure(text: &str) -> Result<(), ShaderError> {
    if text.len() > MAX_BYTES {
        return Err(error_at(
            None,
            &format!("it has {} bytes, at most {MAX_BYTES} are read", text.len()),
        ));
    }
    let mut depth: usize = 0;
    for (number, line) in text.lines().enumerate() {
        for (column, byte) in line.bytes().enumerate() {
            match byte {
                b'(' | b'[' | b'{' => depth += 1,
                b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth > MAX_DEPTH {
                return Err(ShaderError {
                    line: number as u32 + 1,
                    column: column as u32 + 1,
                    reason: format!("brackets stand more than {MAX_DEPTH} deep"),
                });
            }
        }
    }
    Ok(())
}

/// The one fragment entry point, with the one output.
fn entry(module: &Module) -> Result<&EntryPoint, (Span, String)> {
    const WANTED: &str =
        "`@fragment fn NAME(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32>`";
    let mut fragments = module
        .entry_points
        .iter()
        .filter(|e| e.stage == ShaderStage::Fragment);
    let (Some(entry), None) = (fragments.next(), fragments.next()) else {
        let many = module
            .entry_points
            .iter()
            .filter(|e| e.stage == ShaderStage::Fragment);
        let reason = match many.count() {
            0 => format!("it draws nothing: it has no {WANTED}"),
            count => format!("it has {count} fragment entry points; a pass is one {WANTED}"),
        };
        return Err((Span::default(), reason));
    };
    let span = body_span(entry);
    let wrong = |reason: String| Err((span, reason));
    for argument in &entry.function.arguments {
        let is_position = matches!(
            argument.binding,
            Some(Binding::BuiltIn(BuiltIn::Position { .. }))
        );
        if !is_position {
            return wrong(format!(
                "`{}` takes more than `@builtin(position)`, which is all that there is here",
                entry.name
            ));
        }
    }
    let Some(result) = &entry.function.result else {
        return wrong(format!(
            "`{}` has no output: it must be {WANTED}",
            entry.name
        ));
    };
    let (binding, ty) = match (&result.binding, &module.types[result.ty].inner) {
        (None, TypeInner::Struct { members, .. }) if members.len() == 1 => {
            (members[0].binding.as_ref(), members[0].ty)
        }
        (binding, _) => (binding.as_ref(), result.ty),
    };
    let is_colour = matches!(
        module.types[ty].inner,
        TypeInner::Vector { size: VectorSize::Quad, scalar } if scalar.kind == ScalarKind::Float
    );
    let is_first = matches!(
        binding,
        Some(Binding::Location {
            location: 0,
            blend_src: None,
            ..
        })
    );
    if is_first && is_colour {
        Ok(entry)
    } else {
        wrong(format!("the output of `{}` must be {WANTED}", entry.name))
    }
}

/// Whether the variables of all functions have room.
fn room(module: &Module, entry: &EntryPoint) -> Result<(), (Span, String)> {
    let size = |ty| u64::from(module.types[ty].inner.size(module.to_ctx()));
    let mut total = 0;
    let mut add = |name: &Option<String>, bytes: u64, span: Span| {
        total += bytes;
        if total <= MAX_VARIABLES {
            return Ok(());
        }
        let name = name.as_deref().unwrap_or("");
        let reason = format!(
            "with `{name}` the variables of this shader have {total} bytes, at most {MAX_VARIABLES} are let in"
        );
        Err((span, reason))
    };
    for (handle, variable) in module.global_variables.iter() {
        if variable.space == AddressSpace::Private {
            let span = module.global_variables.get_span(handle);
            add(&variable.name, size(variable.ty), span)?;
        }
    }
    // A constant that is indexed becomes a variable.
    for (handle, constant) in module.constants.iter() {
        add(
            &constant.name,
            size(constant.ty),
            module.constants.get_span(handle),
        )?;
    }
    let functions = module.functions.iter().map(|(_, function)| function);
    for function in functions.chain([&entry.function]) {
        for (handle, variable) in function.local_variables.iter() {
            let span = function.local_variables.get_span(handle);
            add(&variable.name, size(variable.ty), span)?;
        }
    }
    Ok(())
}

/// Where an entry point begins, as near as naga tells it.
fn body_span(entry: &EntryPoint) -> Span {
    let statements = entry.function.body.span_iter().map(|(_, span)| *span);
    statements
        .into_iter()
        .find(|span| span.is_defined())
        .unwrap_or_default()
}

/// Whether a variable of the module is one that is bound here.
fn bound(
    module: &Module,
    variable: &GlobalVariable,
    header: &Header,
) -> Result<(), (Span, String)> {
    let mut all = module.global_variables.iter();
    let handle = all.find(|(_, other)| std::ptr::eq(*other, variable));
    let span = handle.map_or(Span::default(), |(handle, _)| {
        module.global_variables.get_span(handle)
    });
    let name = variable.name.as_deref().unwrap_or("");
    let ty = &module.types[variable.ty].inner;
    let Some(binding) = &variable.binding else {
        return match variable.space {
            AddressSpace::Private => Ok(()),
            _ => Err((
                span,
                format!("`{name}` lies where a picture's shader has nothing"),
            )),
        };
    };
    let is_float_texture = matches!(
        ty,
        TypeInner::Image {
            dim: wgpu::naga::ImageDimension::D2,
            arrayed: false,
            class: wgpu::naga::ImageClass::Sampled {
                kind: ScalarKind::Float,
                multi: false
            },
        }
    );
    let is_sampler = matches!(ty, TypeInner::Sampler { comparison: false });
    let fits = match (binding.group, binding.binding) {
        (0 | 1, 0) => is_float_texture,
        (0 | 1, 1) => is_sampler,
        (2, 0) if variable.space == AddressSpace::Uniform => {
            return settings(module, ty, header).map_err(|reason| (span, reason));
        }
        _ => false,
    };
    if fits {
        return Ok(());
    }
    let reason = format!(
        "`{name}` is bound to nothing: there are @group(0) @binding(0) `texture_2d<f32>`, the picture, \
         @group(1) @binding(0) `texture_2d<f32>`, what was shown last, @binding(1) of both, a `sampler`, \
         and @group(2) @binding(0) `var<uniform>`, the settings"
    );
    Err((span, reason))
}

/// Whether the settings are a struct that begins with size, tick and seed, and has the header's knobs in their order.
fn settings(module: &Module, ty: &TypeInner, header: &Header) -> Result<(), String> {
    let TypeInner::Struct { members, span } = ty else {
        return Err("the settings must be a struct: `size: vec2<f32>, tick: u32, seed: u32`, then the knobs".to_owned());
    };
    let knobs = header.knobs.iter().map(|knob| knob.name.as_str());
    let wanted: Vec<&str> = SETTINGS.into_iter().chain(knobs).collect();
    let found: Vec<&str> = members
        .iter()
        .map(|member| member.name.as_deref().unwrap_or(""))
        .collect();
    let begins = wanted
        .iter()
        .zip(&found)
        .all(|(wanted, found)| wanted == found);
    if !begins || found.len() > wanted.len() || *span > MAX_SETTINGS {
        return Err(format!(
            "the settings have {}; the header makes them {}",
            found.join(", "),
            wanted.join(", ")
        ));
    }
    for (number, member) in members.iter().enumerate() {
        let inner = &module.types[member.ty].inner;
        let (fits, kind) = match number {
            0 => (
                matches!(inner, TypeInner::Vector { size: VectorSize::Bi, scalar } if scalar.kind == ScalarKind::Float),
                "vec2<f32>",
            ),
            1 | 2 => (
                matches!(inner, TypeInner::Scalar(scalar) if scalar.kind == ScalarKind::Uint),
                "u32",
            ),
            _ => (
                matches!(inner, TypeInner::Scalar(scalar) if scalar.kind == ScalarKind::Float),
                "f32",
            ),
        };
        if !fits {
            return Err(format!(
                "`{}` of the settings must be {kind}",
                found[number]
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
