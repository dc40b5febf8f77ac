//! The order of the look's passes.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::nearest;

/// The passes in their usual order; `own.1` to `own.4` are the performer's.
pub const PASSES: [&str; 17] = [
    "tilt",
    "displace",
    "mirror",
    "kaleidoscope",
    "transition",
    "feedback",
    "palette",
    "colour",
    "bloom",
    "chromatic",
    "own.1",
    "own.2",
    "own.3",
    "own.4",
    "vignette",
    "grain",
    "strobe",
];

/// In which order the passes of the look are drawn: each of [`PASSES`] once. The limiter is always last and is not among them.
///
/// In a preset it is a list of names; passes that it leaves out come after those that it names, in their usual order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookOrder([u8; PASSES.len()]);

impl Default for LookOrder {
    fn default() -> Self {
        Self(std::array::from_fn(|at| at as u8))
    }
}

impl LookOrder {
    /// The order that begins with these passes.
    ///
    /// # Errors
    /// When a name is no pass's, or comes twice.
    pub fn of(names: &[&str]) -> Result<Self, String> {
        let mut order = Vec::with_capacity(PASSES.len());
        for name in names {
            let at = number(name)?;
            if order.contains(&at) {
                return Err(format!("the pass `{name}` is named twice"));
            }
            order.push(at);
        }
        let left = (0..PASSES.len() as u8).filter(|at| !order.contains(at));
        let all: Vec<u8> = order.iter().copied().chain(left).collect();
        let mut order = Self::default();
        order.0.copy_from_slice(&all);
        Ok(order)
    }

    /// The order that a list of any names gives; what is no pass, or comes again, is left out.
    pub fn of_known<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let mut known: Vec<&str> = Vec::new();
        for name in names {
            if PASSES.contains(&name) && !known.contains(&name) {
                known.push(name);
            }
        }
        Self::of(&known).unwrap_or_default()
    }

    /// The passes, each by its place in [`PASSES`].
    pub fn passes(&self) -> impl Iterator<Item = usize> {
        self.0.into_iter().map(usize::from)
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.passes().map(|at| PASSES[at])
    }
}

/// A pass's place in [`PASSES`].
fn number(name: &str) -> Result<u8, String> {
    let found = PASSES.iter().position(|pass| *pass == name);
    found.map(|at| at as u8).ok_or_else(|| {
        format!(
            "there is no pass `{name}`; nearest: {}; there are {}",
            nearest(name, PASSES.into_iter()).unwrap_or("none"),
            PASSES.join(", ")
        )
    })
}

impl Serialize for LookOrder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.names())
    }
}

/// A pass that is looked up where its name stands, so that its line can be told.
struct Named(u8);

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Named;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("the name of a pass")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Named, E> {
        number(name).map(Named).map_err(E::custom)
    }
}

impl<'de> Deserialize<'de> for Named {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

impl<'de> Deserialize<'de> for LookOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let named = Vec::<Named>::deserialize(deserializer)?;
        let names: Vec<&str> = named
            .iter()
            .map(|pass| PASSES[usize::from(pass.0)])
            .collect();
        Self::of(&names).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::OWN_PASSES;
    use super::*;

    #[test]
    fn an_order_names_some_passes_and_the_rest_come_after() {
        let order = LookOrder::of(&["grain", "own.2", "feedback"]).unwrap();
        let names: Vec<_> = order.names().collect();
        assert_eq!(&names[..4], ["grain", "own.2", "feedback", "tilt"]);
        let mut all = names.clone();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), PASSES.len());
        assert_eq!(LookOrder::of(&[]), Ok(LookOrder::default()));
        assert_eq!(
            LookOrder::of_known(["strobe", "smoke", "strobe", "tilt"].into_iter()),
            LookOrder::of(&["strobe", "tilt"]).unwrap()
        );
        let mine = PASSES.iter().filter(|name| name.starts_with("own."));
        assert_eq!(mine.count(), OWN_PASSES);
    }

    #[test]
    fn what_is_no_pass_or_comes_twice_is_named() {
        let error = LookOrder::of(&["feedbak"]).unwrap_err();
        assert!(error.contains("nearest: feedback"), "{error}");
        let error = LookOrder::of(&["grain", "tilt", "grain"]).unwrap_err();
        assert!(error.contains("`grain` is named twice"), "{error}");
    }
}
