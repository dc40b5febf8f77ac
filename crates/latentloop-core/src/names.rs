//! The order of names.

use std::cmp::Ordering;
use std::ffi::OsStr;
use std::path::Path;

/// The order of two names as people have it: numbers in them compare as numbers, so that 2 comes before 10.
///
/// Two names are equal only where they are the same bytes.
///
/// ```
/// use latentloop_core::names;
///
/// let mut scenes = ["scene 10", "scene 2", "scene 1"];
/// scenes.sort_by(|a, b| names::compare(a.as_ref(), b.as_ref()));
/// assert_eq!(scenes, ["scene 1", "scene 2", "scene 10"]);
/// ```
pub fn compare(a: &OsStr, b: &OsStr) -> Ordering {
    alphanumeric_sort::compare_str(a.to_string_lossy(), b.to_string_lossy()).then_with(|| a.cmp(b))
}

/// The order of two files by their names, whatever folders they lie in.
pub fn compare_files(a: &Path, b: &Path) -> Ordering {
    let name = |path: &Path| path.file_name().unwrap_or_default().to_owned();
    compare(&name(a), &name(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_in_names_compare_as_numbers() {
        let in_order = [
            "1.toml",
            "2.toml",
            "3.toml",
            "10.toml",
            "11.toml",
            "drop 9.toml",
            "drop 10.toml",
            "drop 99999999999999999999998.toml",
            "drop 99999999999999999999999.toml",
            "scene2-9.toml",
            "scene2-10.toml",
            "scene10-1.toml",
            "\u{441}\u{446}\u{435}\u{43d}\u{430} 2.toml",
            "\u{441}\u{446}\u{435}\u{43d}\u{430} 10.toml",
        ];
        let mut names = in_order;
        names.reverse();
        names.sort_by(|a, b| compare(a.as_ref(), b.as_ref()));
        assert_eq!(names, in_order);
    }

    proptest! {
        #[test]
        fn names_have_one_order(names in proptest::collection::vec("[012a.\u{4e2d} -]{0,6}", 3)) {
            let [a, b, c] = [0, 1, 2].map(|at: usize| OsStr::new(&names[at]));
            prop_assert_eq!(compare(a, b), compare(b, a).reverse());
            prop_assert_eq!(compare(a, b) == Ordering::Equal, a == b);
            if compare(a, b).is_lt() && compare(b, c).is_lt() {
                prop_assert_eq!(compare(a, c), Ordering::Less);
            }
        }
    }
}
