//! What is let in and what is not.

use proptest::prelude::*;

use super::*;
use crate::stage::effects::effect::EffectId;
use crate::stage::effects::shader;

const TOP: &str = "//! waves = 12 (1..40) \"across\"
struct Settings { size: vec2<f32>, tick: u32, seed: u32, waves: f32 }
@group(0) @binding(0) var picture: texture_2d<f32>;
@group(0) @binding(1) var linear_sampler: sampler;
@group(1) @binding(0) var last: texture_2d<f32>;
@group(2) @binding(0) var<uniform> settings: Settings;
";

/// A whole pass with this in its middle; it begins in line 9.
fn pass(body: &str) -> String {
    format!(
        "{TOP}@fragment fn f(@builtin(position) at: vec4<f32>) -> @location(0) vec4<f32> {{\n\
         var sum = textureLoad(picture, vec2<i32>(at.xy), 0) * settings.waves;\n{body}\nreturn sum;\n}}\n"
    )
}

fn refused(text: &str) -> String {
    match check(text) {
        Ok(_) => panic!("let in: {text}"),
        Err(fault) => fault.to_string(),
    }
}

#[test]
fn a_whole_pass_is_let_in() {
    let checked = check(&pass("")).unwrap();
    assert_eq!(checked.entry, "f");
    assert_eq!(checked.header.knobs.len(), 1);
    // An effect that comes with the program is one, as far as its settings.
    let effects = EffectId::all().map(EffectId::effect);
    let chromatic = effects.into_iter().find(|one| one.name == "chromatic");
    let said = refused(&shader::single(chromatic.unwrap()));
    assert!(
        said.contains("the header makes them size, tick, seed"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_drawn_with_is_named_with_its_line_and_column() {
    let cases = [
        (pass("let x = 1.0 +;"), "9:14: "),
        (pass("let x: f32 = 1u;"), "9:"),
        (pass("sum = sum * undeclared;"), "9:13: "),
        (TOP.to_owned(), "draws nothing"),
        (
            format!("{TOP}@fragment fn f() {{\n let x = 1.0;\n}}\n"),
            "`f` has no output",
        ),
        (
            format!(
                "{TOP}@fragment fn f() -> @location(1) vec4<f32> {{\n return vec4<f32>(0.0);\n}}\n"
            ),
            "the output of `f`",
        ),
        (
            format!("{TOP}@fragment fn f() -> @location(0) f32 {{\n return 0.0;\n}}\n"),
            "the output of `f`",
        ),
        (
            format!(
                "{TOP}@fragment fn f(@location(0) uv: vec2<f32>) -> @location(0) vec4<f32> {{\n return vec4<f32>(uv, 0.0, 1.0);\n}}\n"
            ),
            "takes more than",
        ),
        (
            format!(
                "{}{}",
                pass(""),
                "@fragment fn g() -> @location(0) vec4<f32> { return vec4<f32>(); }"
            ),
            "2 fragment entry points",
        ),
        (
            format!(
                "{}@group(0) @binding(2) var more: texture_2d<f32>;\n",
                pass("")
            ),
            "12:23: `more` is bound to nothing",
        ),
        (
            format!(
                "{}@group(3) @binding(0) var<storage, read_write> more: array<u32>;\n",
                pass("")
            ),
            "`more`",
        ),
        (format!("{}var<workgroup> more: u32;\n", pass("")), "`more`"),
        (
            format!("{}override size_of: u32 = 3u;\n", pass("")),
            "use `const`",
        ),
        (
            pass("")
                .replace("seed: u32, waves: f32", "seed: u32, other: f32")
                .replace("settings.waves", "settings.other"),
            ": the settings have size, tick, seed, other; the header makes them size, tick, seed, waves",
        ),
        (
            pass("")
                .replace("waves: f32 }", "waves: u32 }")
                .replace("settings.waves", "f32(settings.waves)"),
            "`waves` of the settings must be f32",
        ),
        (
            pass("var big: array<vec4<f32>, 513>;\nsum += big[u32(at.x)];"),
            "9:1: with `big` the variables of this shader have 8",
        ),
        ("(".repeat(70), "1:65: brackets stand more than 64 deep"),
        ("/".repeat(40_000), "at most 32768"),
        (
            pass("").replace("= 12 (1..40)", "= 99 (1..40)"),
            "1:5: the knob `waves` begins at 99",
        ),
    ];
    for (text, words) in cases {
        let said = refused(&text);
        assert!(said.contains(words), "{words:?} is not in: {said}\n{text}");
    }
}

#[test]
fn loops_that_end_for_certain_are_let_in() {
    for body in [
        "for (var i = 0; i < 64; i++) { sum += vec4<f32>(f32(i)); }",
        "for (var i = 0u; i <= 1023u; i += 1u) { if sum.x > 3.0 { break; } if sum.y > 2.0 { continue; } sum.z += 1.0; }",
        "for (var i = 64; i > 0; i -= 4) { sum.x += 1.0; }",
        "for (var i = 10; i >= -10; i--) { sum.x += 1.0; }",
        "const N = 30u * 2u; for (var i = 0u; i < N; i++) { sum.x += 1.0; }",
        "for (var y = 0; y < 16; y++) { for (var x = 0; x < 16; x++) { sum.x += f32(x * y); } }",
        "var i = 0; for (; i < 5; i++) { sum.x += 1.0; }",
        "for (var i = 9; i < 5; i++) { sum.x += 1.0; }",
    ] {
        let text = pass(body);
        assert_eq!(check(&text).err(), None, "{text}");
    }
    let called = format!(
        "{}const ROUNDS: u32 = 8u;\nfn g(x: f32) -> f32 {{ var s = x; for (var i = 0u; i < ROUNDS; i++) {{ s *= 1.1; }} return s; }}\n",
        pass("for (var i = 0; i < 1024; i++) { sum.x += g(sum.y); }")
    );
    assert_eq!(check(&called).err(), None);
}

#[test]
fn loops_that_may_not_end_are_refused() {
    let form = "9:1: a loop must be";
    let cases = [
        ("loop { sum.x += 1.0; }", form),
        ("loop { sum.x += 1.0; if sum.x > 9.0 { break; } }", form),
        ("while sum.x < 9.0 { sum.x += 1.0; }", form),
        ("for (;;) { sum.x += 1.0; }", form),
        ("for (var i = 0; i < 64; ) { sum.x += 1.0; }", form),
        ("for (var i = 0; i < 64; i += 0) { sum.x += 1.0; }", form),
        ("for (var i = 0; i < 64; i--) { sum.x += 1.0; }", form),
        ("for (var i = 0; i != 64; i++) { sum.x += 1.0; }", form),
        ("for (var i = 0; i < 64; i++) { i -= 1; }", form),
        ("for (var i = 0; i < 64; i++) { let p = &i; *p = 0; }", form),
        (
            "for (var i = 0; i < 64; i++) { if sum.x > 0.0 { i = 0; } }",
            form,
        ),
        (
            "for (var i = 0; i < i32(sum.x); i++) { sum.x += 1.0; }",
            form,
        ),
        (
            "for (var i = i32(sum.x); i < 64; i++) { sum.x += 1.0; }",
            form,
        ),
        (
            "for (var i = 0; i < 64; i += i32(sum.x)) { sum.x += 1.0; }",
            form,
        ),
        (
            "for (var f = 0.0; f < 64.0; f += 1.0) { sum.x += 1.0; }",
            form,
        ),
        (
            "for (var i = 0; i < 1025; i++) { sum.x += 1.0; }",
            "runs 1025 times; at most 1024",
        ),
        (
            "for (var i = 0u; i <= 4294967295u; i++) { sum.x += 1.0; }",
            "at most 1024",
        ),
        (
            "for (var i = 9u; i >= 0u; i--) { sum.x += 1.0; }",
            "cannot hold",
        ),
        (
            "for (var i = 4294967290u; i < 4294967295u; i += 10u) { sum.x += 1.0; }",
            "cannot hold",
        ),
        (
            "for (var y = 0; y < 512; y++) { for (var x = 0; x < 512; x++) { sum.x += 1.0; } }",
            "come to 262144 in all",
        ),
        // The condition and the step look at what was there before the loop.
        (
            "var i = 0; let c = i < 4; loop { if c {} else { break; } continuing { i += 1; } }",
            "9:27: a loop must be",
        ),
        (
            "var i = 0; let k = i; loop { if k < 4 {} else { break; } continuing { i += 1; } }",
            "a loop must be",
        ),
        (
            "var i = 0; let k = i + 1; loop { if i < 4 {} else { break; } continuing { i = k; } }",
            "a loop must be",
        ),
        (
            "var i = 0; loop { if i < 4 {} else { break; } continuing { i += 1; break if sum.x > 0.0; } }",
            "a loop must be",
        ),
    ];
    for (body, words) in cases {
        let said = refused(&pass(body));
        assert!(said.contains(words), "{words:?} is not in: {said}\n{body}");
    }
    let given = format!(
        "{}fn g(i: ptr<function, i32>) {{ *i = 0; }}\n",
        pass("for (var i = 0; i < 64; i++) { g(&i); }")
    );
    assert!(refused(&given).contains("a loop must be"));
    let called = format!(
        "{}fn g(x: f32) -> f32 {{ var s = x; for (var i = 0u; i < 100u; i++) {{ s *= 1.1; }} return s; }}\n",
        pass("for (var i = 0; i < 1000; i++) { sum.x += g(sum.y); }")
    );
    assert!(refused(&called).contains("come to 101000 in all"));
    // Each calls the one before it twice: two to the power of thirty.
    let mut chain = "fn f0(x: f32) -> f32 { return x + 1.0; }\n".to_owned();
    for number in 1..30 {
        let before = number - 1;
        chain += &format!(
            "fn f{number}(x: f32) -> f32 {{ return f{before}(x) + f{before}(x + 1.0); }}\n"
        );
    }
    let said = refused(&format!("{}{chain}", pass("sum.x += f29(sum.y);")));
    assert!(said.contains("in all"), "{said}");
}

#[test]
fn what_a_point_costs_is_counted_through_loops_branches_and_calls() {
    let cost = |body: &str| check(&pass(body)).unwrap().operations;
    let bare = cost("");
    let read = cost("sum += textureLoad(last, vec2<i32>(0), 0);") - bare;
    assert!((17..30).contains(&read), "{read}");
    let reads = |rounds: u32| {
        cost(&format!(
            "for (var i = 0; i < {rounds}; i++) {{ sum += textureLoad(last, vec2<i32>(0), 0); }}"
        )) - bare
    };
    assert!(reads(100) >= 100 * read && reads(100) < 200 * read);
    // But for what stands once before the loop.
    assert!(reads(200) - reads(100) == reads(300) - reads(200));
    let nested = cost(
        "for (var y = 0; y < 9; y++) { for (var x = 0; x < 9; x++) { sum += textureLoad(last, vec2<i32>(x, y), 0); } }",
    ) - bare;
    assert!(nested >= 81 * read, "{nested}");
    let both = cost(
        "if sum.x > 0.5 { sum += textureLoad(last, vec2<i32>(0), 0); } else { sum -= textureLoad(last, vec2<i32>(1), 0); }",
    ) - bare;
    assert!(both >= 2 * read, "{both}");
    let called = format!(
        "{}fn g(x: i32) -> vec4<f32> {{ return textureLoad(last, vec2<i32>(x), 0); }}\n",
        pass("for (var i = 0; i < 50; i++) { sum += g(i); }")
    );
    let called = check(&called).unwrap().operations - bare;
    assert!(called >= 50 * 17, "{called}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever happens to a good file, it is let in or refused with a place in it.
    #[test]
    fn a_file_that_is_damaged_anywhere_is_let_in_or_named(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        end in any::<prop::sample::Index>(),
    ) {
        let good = pass("for (var i = 0; i < 64; i++) { sum.x += sin(f32(i)); }");
        let mut bytes = good.clone().into_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte & 0x7f;
        }
        bytes.truncate(end.index(good.len()).max(good.len() / 2));
        let text = String::from_utf8(bytes).unwrap();
        if let Err(fault) = check(&text) {
            let lines = text.lines().count() as u32 + 1;
            prop_assert!((1..=lines).contains(&fault.line), "{fault}");
            prop_assert!(!fault.reason.contains("compiler failed"), "{fault}: {text}");
        }
    }
}
