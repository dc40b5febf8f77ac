//! Address patterns of OSC 1.0: `?`, `*`, `[a-z]`, `[!a-z]` and `{foo,bar}`, within the parts between slashes.

/// The longest pattern that is looked at.
const MAX_LENGTH: usize = 128;
/// The most patterns that lists in braces may stand for together.
const MAX_LISTS: usize = 64;

/// An error in an address pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Longer than any that means something here.
    #[error("a pattern of more than {MAX_LENGTH} characters")]
    Length,
    /// Brackets or braces that are not closed, or hold what they may not.
    #[error("its brackets or braces do not close")]
    Brackets,
    /// Too many lists in braces.
    #[error("its lists in braces stand for more than {MAX_LISTS} patterns")]
    Lists,
}

/// A parsed address pattern: its lists are written out, so that what is left needs no search tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern(Vec<String>);

impl Pattern {
    /// Whether an address is a pattern.
    pub(super) fn is(address: &str) -> bool {
        address.bytes().any(|byte| b"?*[]{}".contains(&byte))
    }

    /// Parses a pattern.
    pub(super) fn new(pattern: &str) -> Result<Self, PatternError> {
        if pattern.len() > MAX_LENGTH {
            return Err(PatternError::Length);
        }
        let mut open = vec![pattern.to_owned()];
        let mut done = Vec::new();
        while let Some(pattern) = open.pop() {
            let Some(start) = pattern.find('{') else {
                check_brackets(&pattern)?;
                done.push(pattern);
                continue;
            };
            let (head, rest) = (&pattern[..start], &pattern[start + 1..]);
            let (list, tail) = rest.split_once('}').ok_or(PatternError::Brackets)?;
            if list.contains(['/', '{', '[', ']', '*', '?']) {
                return Err(PatternError::Brackets);
            }
            open.extend(list.split(',').map(|word| format!("{head}{word}{tail}")));
            if open.len() + done.len() > MAX_LISTS {
                return Err(PatternError::Lists);
            }
        }
        Ok(Self(done))
    }

    /// Whether an address matches. Takes time in proportion to the product of both lengths.
    pub(super) fn matches(&self, address: &str) -> bool {
        self.0.iter().any(|pattern| {
            let (mut ours, mut theirs) = (pattern.split('/'), address.split('/'));
            loop {
                match (ours.next(), theirs.next()) {
                    (None, None) => return true,
                    (Some(pattern), Some(part))
                        if part_matches(pattern.as_bytes(), part.as_bytes()) => {}
                    _ => return false,
                }
            }
        })
    }
}

fn check_brackets(pattern: &str) -> Result<(), PatternError> {
    let mut rest = pattern.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = match byte {
            b'[' => {
                let (set, after) = class(after).ok_or(PatternError::Brackets)?;
                if set.is_empty() || set.iter().any(|byte| b"/[".contains(byte)) {
                    return Err(PatternError::Brackets);
                }
                after
            }
            b']' | b'}' => return Err(PatternError::Brackets),
            _ => after,
        };
    }
    Ok(())
}

/// The text before a closing bracket, and the text after it.
fn class(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == b']')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// One part. Where it fails, the last star takes one character more: an earlier one never needs to.
fn part_matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', after @ ..] = pattern {
            star = Some((after, text));
            pattern = after;
            continue;
        }
        let step = match (pattern, text) {
            ([], []) => return true,
            ([b'?', after @ ..], [_, rest @ ..]) => Some((after, rest)),
            ([b'[', after @ ..], [byte, rest @ ..]) => {
                class(after).and_then(|(set, after)| in_class(set, *byte).then_some((after, rest)))
            }
            ([literal, after @ ..], [byte, rest @ ..]) if literal == byte => Some((after, rest)),
            _ => None,
        };
        (pattern, text) = match (step, star) {
            (Some(step), _) => step,
            (None, Some((after, [_, rest @ ..]))) => {
                star = Some((after, rest));
                (after, rest)
            }
            (None, _) => return false,
        };
    }
}

fn in_class(set: &[u8], byte: u8) -> bool {
    let (negated, mut set) = match set {
        [b'!', rest @ ..] => (true, rest),
        set => (false, set),
    };
    let mut found = false;
    while let Some((&first, rest)) = set.split_first() {
        set = match rest {
            [b'-', last, rest @ ..] => {
                found |= (first..=*last).contains(&byte);
                rest
            }
            rest => {
                found |= first == byte;
                rest
            }
        };
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_match_as_the_specification_says() {
        for (pattern, address, expected) in [
            ("/keyframe/*/reroll", "/keyframe/3/reroll", true),
            ("/keyframe/*/reroll", "/keyframe/64/reroll", true),
            ("/keyframe/*/reroll", "/keyframe/3/jump", false),
            ("/keyframe/*", "/keyframe/3/jump", false),
            ("/*/*/jump", "/keyframe/3/jump", true),
            ("/keyframe/?/jump", "/keyframe/3/jump", true),
            ("/keyframe/?/jump", "/keyframe/13/jump", false),
            ("/keyframe/[1-4]/jump", "/keyframe/4/jump", true),
            ("/keyframe/[1-4]/jump", "/keyframe/44/jump", false),
            ("/keyframe/[!1-4]/jump", "/keyframe/5/jump", true),
            ("/keyframe/[!1-4]/jump", "/keyframe/1/jump", false),
            ("/keyframe/[15-]/jump", "/keyframe/5/jump", true),
            ("/keyframe/{1,12}/{jump,lock}", "/keyframe/12/lock", true),
            ("/keyframe/{1,12}/{jump,lock}", "/keyframe/2/lock", false),
            ("/loop/{p,path}", "/loop/path", true),
            ("/loop/p*", "/loop/path", true),
            ("/loop/*s*e*", "/loop/reverse", true),
            ("/loop/s*d", "/loop/speed", true),
            ("/loop/*", "/loop/", true),
            ("/loop/speed*", "/loop/speed", true),
        ] {
            let read = Pattern::new(pattern).unwrap();
            assert_eq!(read.matches(address), expected, "{pattern} {address}");
        }
    }

    #[test]
    fn patterns_that_mean_nothing_or_too_much_are_refused() {
        for (pattern, expected) in [
            ("/loop/[a", PatternError::Brackets),
            ("/loop/a]", PatternError::Brackets),
            ("/loop/[]", PatternError::Brackets),
            ("/loop/{a", PatternError::Brackets),
            ("/loop/a}", PatternError::Brackets),
            ("/{loop/a,b}", PatternError::Brackets),
            ("/{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}", PatternError::Lists),
            (&"/*".repeat(65), PatternError::Length),
        ] {
            assert_eq!(Pattern::new(pattern), Err(expected), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn every_pattern_ends_soon(pattern in "[/*?a\\[\\]{},!-]{0,140}", address in "[/a]{0,40}") {
            if let Ok(pattern) = Pattern::new(&pattern) {
                pattern.matches(&address);
            }
        }
    }
}
