//! Files that come, go, break and are mended.

use std::sync::Mutex;

use super::*;
use crate::report::Reporter;

fn pass(header: &str) -> String {
    format!(
        "{header}@group(0) @binding(0) var picture: texture_2d<f32>;\n@fragment fn f(@builtin(position) at: vec4<f32>) \
         -> @location(0) vec4<f32> {{\n return textureLoad(picture, vec2<i32>(at.xy), 0);\n}}\n"
    )
}

/// A registry, and what it was told.
fn registry() -> (Arc<ShaderRegistry>, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&told);
    let reporter = Reporter::new(move |_, text| into.lock().unwrap().push(text));
    (Arc::new(ShaderRegistry::new(reporter)), told)
}

fn names(registry: &ShaderRegistry) -> Vec<Option<String>> {
    (0..OWN_PASSES)
        .map(|place| registry.shader(place).map(|shader| shader.name.clone()))
        .collect()
}

#[test]
fn files_find_their_places_and_keep_them() {
    let place = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(place.path().join(name), text).unwrap();
    let (registry, told) = registry();
    let mut folder = Folder::new(place.path().to_owned(), &registry);
    folder.look();
    assert_eq!(registry.version(), 0);
    write("m.wgsl", &pass("//! speed = 0.5 (0..2)\n"));
    write("z.wgsl", &pass("//! name: zoom\n//! slot: 1\n"));
    write("notes.txt", "none");
    folder.look();
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(names(&registry), [some("zoom"), some("m"), None, None]);
    let loaded: Vec<_> = std::iter::from_fn(|| registry.next_loaded()).collect();
    assert_eq!(loaded.len(), 2);
    assert_eq!((loaded[1].slot, loaded[1].replaces), (1, false));
    assert_eq!(loaded[1].defaults, [0.25, 0.5, 0.5, 0.5]);
    // A file that comes later moves none of those that are there.
    write("a.wgsl", &pass(""));
    folder.look();
    assert_eq!(names(&registry), [some("zoom"), some("m"), some("a"), None]);
    // Broken, the last good version stays; mended, it is read.
    let version = registry.version();
    write("a.wgsl", "fn broken( {");
    folder.look();
    assert_eq!(registry.version(), version);
    let said = told.lock().unwrap().pop().unwrap();
    assert!(
        said.contains("a.wgsl:1:12: ") && said.contains("last good"),
        "{said}"
    );
    write("a.wgsl", &pass("//! name: mended\n"));
    folder.look();
    assert_eq!(names(&registry)[2], some("mended"));
    // Moved by its header.
    write("a.wgsl", &pass("//! name: moved\n//! slot: 4\n"));
    folder.look();
    assert_eq!(
        names(&registry),
        [some("zoom"), some("m"), None, some("moved")]
    );
    // A fifth finds no place, and is told so once.
    write("b.wgsl", &pass(""));
    write("c.wgsl", &pass(""));
    folder.look();
    folder.look();
    let count = |words: &str| {
        told.lock()
            .unwrap()
            .iter()
            .filter(|said| said.contains(words))
            .count()
    };
    assert_eq!(count("all 4 slots are taken"), 1);
    // One that is gone leaves its place to it.
    while registry.next_loaded().is_some() {}
    std::fs::remove_file(place.path().join("m.wgsl")).unwrap();
    (0..LOOKS).for_each(|_| folder.look());
    assert_eq!(
        names(&registry),
        [some("zoom"), some("c"), some("b"), some("moved")]
    );
    assert_eq!(count("m.wgsl is gone"), 1);
    assert!(
        registry
            .next_loaded()
            .is_some_and(|arrival| arrival.replaces)
    );
}

#[test]
fn what_is_nested_or_long_beyond_reason_is_refused_and_ends_nothing() {
    let place = tempfile::tempdir().unwrap();
    let (registry, told) = registry();
    let long = |words: &str, times: usize| {
        pass("").replace(
            "return",
            &format!("let x = {}1;\n return", words.repeat(times)),
        )
    };
    let cases = [
        long("1+", 15_000),
        long("-", 30_000),
        long("!", 30_000),
        long("(", 60),
        pass("").replace(
            "f32>;",
            &format!("f32>;\nalias A = {}f32;", "array<".repeat(5_000)),
        ),
        pass("").replace(
            " return",
            &format!("{} return", "if true {} else ".repeat(1_900)),
        ),
        "\u{0}\u{1b}[31m".repeat(100),
    ];
    for (number, text) in cases.iter().enumerate() {
        std::fs::write(place.path().join(format!("{number}.wgsl")), text).unwrap();
    }
    std::fs::write(place.path().join("bytes.wgsl"), [0xff; 100]).unwrap();
    registry.read(place.path().to_owned()).unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told.len(), cases.len() + 1, "{told:?}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_a_pass_and_a_name_with_a_dot_before_it_no_pass() {
    let place = tempfile::tempdir().unwrap();
    let (registry, told) = registry();
    let mut folder = Folder::new(place.path().to_owned(), &registry);
    let text = format!("\u{feff}{}", pass("//! name: marked\n"));
    std::fs::write(place.path().join("a.wgsl"), text).unwrap();
    std::fs::write(place.path().join("._a.wgsl"), [0, 5, 22, 7]).unwrap();
    folder.look();
    assert_eq!(
        names(&registry),
        [Some("marked".to_owned()), None, None, None]
    );
    let told = told.lock().unwrap();
    assert!(told.iter().all(|said| !said.contains("._a")), "{told:?}");
}
