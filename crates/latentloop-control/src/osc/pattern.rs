//! Address patterns of OSC 1.0: `?`, `*`, `[a-z]`, `[!a-z]` and `{foo,bar}`, within the parts between slashes.

/// The longest pattern that is looked at.
pub(super) const MAX_LENGTH: usize = 128;

/// An error in an address pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Longer than any that means something here.
    #[error("a pattern of more than {MAX_LENGTH} characters")]
    Length,
    /// Brackets or braces that are not closed, or hold what they may not.
    #[error("its brackets or braces do not close")]
    Brackets,
}

/// A parsed address pattern: the automaton of Glushkov (1961), whose places are bits of a word. An address is read once, whatever
/// stars and lists there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// For each ASCII character, the places that it may stand at.
    takes: Box<[u128; 128]>,
    /// For each place, those that may come after it; the last place is the end.
    after: Vec<u128>,
    /// The places that may come first.
    first: u128,
    end: u128,
}

/// A step of a pattern: what stands at a place.
#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Literal(u8),
    Any,
    Star,
    Class(&'a [u8]),
}

impl Pattern {
    /// Whether an address is a pattern.
    pub(super) fn is(address: &str) -> bool {
        address.bytes().any(|byte| b"?*[]{}".contains(&byte))
    }

    /// Parses a pattern.
    pub(super) fn new(pattern: &str) -> Result<Self, PatternError> {
        // Every address begins with a slash: without it a pattern of the greatest length has room for its end.
        let rest = pattern.strip_prefix('/').unwrap_or(pattern).as_bytes();
        if pattern.len() > MAX_LENGTH || rest.len() >= MAX_LENGTH {
            return Err(PatternError::Length);
        }
        let mut read = Self {
            takes: Box::new([0; 128]),
            after: Vec::new(),
            first: 0,
            end: 0,
        };
        // Places are numbered as they are met, from the end: what may come next is known then.
        let mut parts = Vec::new();
        let mut left = rest;
        while !left.is_empty() {
            let (part, after) = part(left)?;
            parts.push(part);
            left = after;
        }
        let count: usize = parts.iter().map(Part::len).sum();
        read.after.reserve(count);
        read.end = 1 << count;
        let mut next = read.end;
        for part in parts.iter().rev() {
            next = match part {
                Part::Step(step) => read.place(*step, next),
                Part::List(list) => list.split(|byte| *byte == b',').fold(0, |first, word| {
                    let letters = word.iter().rev();
                    first | letters.fold(next, |next, &byte| read.place(Step::Literal(byte), next))
                }),
            };
        }
        read.first = next;
        Ok(read)
    }

    /// Adds a place before those of `next`; gives those that may come first from there on.
    fn place(&mut self, step: Step<'_>, next: u128) -> u128 {
        let this = 1 << self.after.len();
        for (byte, takes) in (0..).zip(self.takes.iter_mut()) {
            let fits = match step {
                Step::Literal(literal) => byte == literal,
                Step::Any | Step::Star => byte != b'/',
                Step::Class(set) => byte != b'/' && in_class(set, byte),
            };
            if fits {
                *takes |= this;
            }
        }
        let is_star = matches!(step, Step::Star);
        self.after.push(if is_star { next | this } else { next });
        if is_star { next | this } else { this }
    }

    /// Whether an address matches. `steps` counts what that took.
    pub(super) fn matches(&self, address: &str, steps: &mut usize) -> bool {
        let Some(rest) = address.strip_prefix('/') else {
            return false;
        };
        let mut places = self.first;
        for byte in rest.bytes() {
            let mut met =
                places & self.takes.get(usize::from(byte)).copied().unwrap_or(0) & !self.end;
            places = 0;
            *steps += 1;
            while met != 0 {
                places |= self.after[met.trailing_zeros() as usize];
                met &= met - 1;
                *steps += 1;
            }
            if places == 0 {
                return false;
            }
        }
        places & self.end != 0
    }
}

/// A part of a pattern: one place, or a list in braces.
enum Part<'a> {
    Step(Step<'a>),
    List(&'a [u8]),
}

impl Part<'_> {
    /// Its places.
    fn len(&self) -> usize {
        match self {
            Self::Step(_) => 1,
            Self::List(list) => list.iter().filter(|byte| **byte != b',').count(),
        }
    }
}

/// The first part of a pattern, and the rest of it.
fn part(pattern: &[u8]) -> Result<(Part<'_>, &[u8]), PatternError> {
    let closed = |by: u8| {
        let end = pattern.iter().position(|&byte| byte == by);
        let end = end.ok_or(PatternError::Brackets)?;
        Ok((&pattern[1..end], &pattern[end + 1..]))
    };
    Ok(match pattern {
        [b'{', ..] => {
            let (list, after) = closed(b'}')?;
            if list.iter().any(|byte| b"/{[]*?".contains(byte)) {
                return Err(PatternError::Brackets);
            }
            (Part::List(list), after)
        }
        [b'[', ..] => {
            let (set, after) = closed(b']')?;
            if set.is_empty() || set.iter().any(|byte| b"/[".contains(byte)) {
                return Err(PatternError::Brackets);
            }
            (Part::Step(Step::Class(set)), after)
        }
        [b']' | b'}', ..] => return Err(PatternError::Brackets),
        [b'*', after @ ..] => {
            // Several stars are one.
            let more = after.iter().take_while(|byte| **byte == b'*').count();
            (Part::Step(Step::Star), &after[more..])
        }
        [b'?', after @ ..] => (Part::Step(Step::Any), after),
        [literal, after @ ..] => (Part::Step(Step::Literal(*literal)), after),
        [] => return Err(PatternError::Brackets),
    })
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

    fn matches(pattern: &Pattern, address: &str) -> bool {
        pattern.matches(address, &mut 0)
    }

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
            ("/loop/**d", "/loop/speed", true),
            ("/*", "/loop/speed", false),
            ("/loop?speed", "/loop/speed", false),
            ("/loop[!a]speed", "/loop/speed", false),
            ("/loop/{,s,sq}eed", "/loop/speed", false),
            ("/loop/{,s,sp}eed", "/loop/speed", true),
            (
                "/{a,l}{a,o}{a,o}{a,p}/{a,s}{a,p}{a,e}{a,e}{a,d}",
                "/loop/speed",
                true,
            ),
            ("/", "/", true),
            ("/loop/{speed}x", "/loop/speed", false),
            ("/loop/speed*", "/loop/speed", true),
        ] {
            let read = Pattern::new(pattern).unwrap();
            assert_eq!(matches(&read, address), expected, "{pattern} {address}");
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
            (&"/*".repeat(65), PatternError::Length),
        ] {
            assert_eq!(Pattern::new(pattern), Err(expected), "{pattern}");
        }
    }

    /// Whether a pattern without lists matches, tried out in every way.
    fn tried(pattern: &[u8], address: &[u8]) -> bool {
        match (pattern, address) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                tried(rest, address)
                    || matches!(address, [byte, after @ ..] if *byte != b'/' && tried(pattern, after))
            }
            ([b'?', rest @ ..], [byte, after @ ..]) => *byte != b'/' && tried(rest, after),
            ([literal, rest @ ..], [byte, after @ ..]) => literal == byte && tried(rest, after),
            _ => false,
        }
    }

    #[test]
    fn no_pattern_takes_more_steps_than_its_places_at_each_character() {
        let address = format!("/{}", "a".repeat(60));
        for pattern in [
            format!("/{}", "*a".repeat(60)),
            format!("/{}b", "*a".repeat(60)),
            format!("/{}b", "?*".repeat(60)),
            format!("/{}", "{a,}".repeat(31)),
            format!("/{}", "{a,aa}".repeat(18)),
            format!("/{}b", "[a]*".repeat(30)),
        ] {
            let read = Pattern::new(&pattern).unwrap();
            let mut steps = 0;
            read.matches(&address, &mut steps);
            assert!(steps <= address.len() * pattern.len(), "{pattern}: {steps}");
        }
    }

    proptest! {
        #[test]
        fn what_matches_is_what_matches_when_every_way_is_tried(
            pattern in "/[/*?ab]{0,10}",
            address in "/[/ab]{0,8}",
        ) {
            let read = Pattern::new(&pattern).unwrap();
            prop_assert_eq!(matches(&read, &address), tried(pattern.as_bytes(), address.as_bytes()));
        }

        #[test]
        fn lists_stand_for_each_of_their_words(
            words in proptest::collection::vec("[ab]{0,3}", 1..5),
            before in "[ab*]{0,3}",
            after in "[ab?]{0,3}",
            address in "/[ab]{0,8}",
        ) {
            let read = Pattern::new(&format!("/{before}{{{}}}{after}", words.join(","))).unwrap();
            let expected = words.iter().any(|word| {
                tried(format!("/{before}{word}{after}").as_bytes(), address.as_bytes())
            });
            prop_assert_eq!(matches(&read, &address), expected);
        }

        #[test]
        fn every_pattern_ends_soon(pattern in "[/*?a\\[\\]{},!-]{0,140}", address in "[/a]{0,40}") {
            if let Ok(pattern) = Pattern::new(&pattern) {
                matches(&pattern, &address);
            }
        }
    }
}
