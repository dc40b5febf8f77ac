//! What lies between two modules, as far as their names tell: a Sequential numbers its modules, those without numbers of
//! their own, such as activations, too.

use std::collections::{BTreeMap, BTreeSet};

/// Most parts of a name that is looked at: names of networks have a few.
const MAX_PARTS: usize = 16;

/// What lies between two modules that follow one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Between {
    /// Names do not tell.
    Unknown,
    /// Nothing.
    Nothing,
    /// So many modules without tensors; one at least.
    Modules(usize),
}

/// The numbers of every Sequential that names tell of.
#[derive(Debug)]
pub(super) struct Numbering(BTreeMap<String, BTreeSet<usize>>);

impl Numbering {
    /// Of all modules' names.
    pub(super) fn of<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut numbers: BTreeMap<String, BTreeSet<usize>> = BTreeMap::new();
        for name in names {
            let Some(parts) = parts(name) else {
                continue;
            };
            for (place, part) in parts.iter().enumerate() {
                if let Ok(number) = part.parse() {
                    let parent = parts[..place].join(".");
                    numbers.entry(parent).or_default().insert(number);
                }
            }
        }
        Self(numbers)
    }

    /// What lies between module `before` and the one that follows it.
    pub(super) fn between(&self, before: &str, after: &str) -> Between {
        let (Some(a), Some(b)) = (parts(before), parts(after)) else {
            return Between::Unknown;
        };
        let shared = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
        let number = |name: &[&str]| name.get(shared)?.parse::<usize>().ok();
        // Those before it in its own Sequential, where it is the first that has tensors.
        let ahead: usize = (shared + 1..b.len())
            .filter_map(|place| {
                let number = b[place].parse::<usize>().ok()?;
                let numbers = self.0.get(&b[..place].join("."))?;
                (numbers.first() == Some(&number)).then_some(number)
            })
            .sum();
        let apart = match (number(&a), number(&b)) {
            (Some(a), Some(b)) if b > a => Some(b - a - 1),
            (None, None) => None,
            // Other orders than that of the numbers.
            _ => return Between::Unknown,
        };
        match apart.unwrap_or(0) + ahead {
            0 => {
                let siblings = a.len() == shared + 1 && b.len() == shared + 1;
                // Numbers without any gap may be those of a ModuleList, which has no activations in between.
                let is_sequential = || self.has_gaps(&a[..shared].join("."));
                if apart.is_some() && siblings && is_sequential() {
                    Between::Nothing
                } else {
                    Between::Unknown
                }
            }
            count => Between::Modules(count),
        }
    }

    fn has_gaps(&self, parent: &str) -> bool {
        self.0.get(parent).is_some_and(|numbers| {
            let [first, last] = [numbers.first(), numbers.last()].map(|n| n.copied().unwrap_or(0));
            last - first + 1 > numbers.len()
        })
    }
}

fn parts(name: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = name.splitn(MAX_PARTS + 1, '.').collect();
    (parts.len() <= MAX_PARTS).then_some(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_in_a_sequentials_numbers_tell_what_lies_between() {
        let check = |names: &[&str], before: &str, after: &str, expected: Between| {
            let numbering = Numbering::of(names.iter().copied());
            assert_eq!(
                numbering.between(before, after),
                expected,
                "{before}, {after}"
            );
        };
        let main = ["main.0", "main.1", "main.3", "main.4"];
        check(&main, "main.0", "main.1", Between::Nothing);
        check(&main, "main.1", "main.3", Between::Modules(1));
        check(&main, "main.3", "main.1", Between::Unknown);
        check(&["0", "3"], "0", "3", Between::Modules(2));
        // A list of convolutions is numbered without gaps, and the forward pass does the rest.
        let list = ["convs.0", "convs.1", "convs.2"];
        check(&list, "convs.0", "convs.1", Between::Unknown);
        check(
            &["bns.0", "convs.0", "convs.1"],
            "bns.0",
            "convs.1",
            Between::Unknown,
        );
        // What ends a Sequential leaves no trace, what begins one does.
        let nested = ["net.0.0", "net.0.1", "net.1.0"];
        check(&nested, "net.0.1", "net.1.0", Between::Unknown);
        check(&["fc", "up.1", "up.2"], "fc", "up.1", Between::Modules(1));
        check(&["fc", "up.1", "up.2"], "fc", "up.2", Between::Unknown);
        check(
            &["net.0.0", "net.2.1"],
            "net.0.0",
            "net.2.1",
            Between::Modules(2),
        );
        check(&["fc", "conv1"], "fc", "conv1", Between::Unknown);
        check(&["input", "net.0"], "input", "net.0", Between::Unknown);
    }
}
