//! Python's pickles, read as data: the objects that one describes, none of which is ever made or called.
//!
//! The opcodes are those of Python's `pickletools`, protocols 2 to 5. Objects lie side by side and name each other by
//! their places, so a pickle that is deep, that holds itself, or that holds one object a million times costs no more than
//! its bytes.

mod machine;

use self::machine::Machine;

/// Largest pickle that is read, in bytes; a state dict without its numbers has some ten thousand.
pub(super) const MAX_BYTES: usize = 16 << 20;

/// Where an object stands in its [`Pickle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(usize);

/// What a pickle can hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Object {
    /// Nothing, a float, a set or raw bytes: no part of a tensor.
    Other,
    /// True or false.
    Bool(bool),
    /// A whole number; longer ones than 16 bytes are [`Object::Other`].
    Int(i128),
    /// A string.
    Text(String),
    /// A class or function by its full name, such as `torch._utils._rebuild_tensor_v2`.
    Class(String),
    /// A tuple or a list.
    Sequence(Vec<Place>),
    /// A dict, ordered as it was written.
    Dict(Vec<(Place, Place)>),
    /// What a class or function would have given for these arguments.
    Call {
        /// The class or function.
        class: Place,
        /// A tuple.
        arguments: Place,
    },
    /// What lies outside the pickle: in PyTorch's files, a storage.
    Persistent(Place),
}

/// The objects of one pickle.
#[derive(Clone, Debug)]
pub(super) struct Pickle {
    objects: Vec<Object>,
    root: Place,
}

impl Pickle {
    /// Reads the pickle that `bytes` begin with; also its length in bytes.
    ///
    /// # Errors
    /// When it is cut short, larger than any state dict's, or has an opcode that Python writes for none.
    pub(super) fn read(bytes: &[u8]) -> Result<(Self, usize), String> {
        let (objects, root, length) = Machine::run(&bytes[..bytes.len().min(MAX_BYTES)])?;
        Ok((Self { objects, root }, length))
    }

    /// The object that the pickle describes.
    pub(super) fn root(&self) -> Place {
        self.root
    }

    /// The object at a place.
    pub(super) fn get(&self, place: Place) -> &Object {
        &self.objects[place.0]
    }

    /// Every object, in the order in which they are first named.
    pub(super) fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// The string at a place.
    pub(super) fn text(&self, place: Place) -> Option<&str> {
        match self.get(place) {
            Object::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number at a place, where it counts something.
    pub(super) fn count(&self, place: Place) -> Option<usize> {
        match self.get(place) {
            Object::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The name of the class or function at a place.
    pub(super) fn class(&self, place: Place) -> Option<&str> {
        match self.get(place) {
            Object::Class(name) => Some(name),
            _ => None,
        }
    }

    /// What the tuple or list at a place holds.
    pub(super) fn sequence(&self, place: Place) -> Option<&[Place]> {
        match self.get(place) {
            Object::Sequence(places) => Some(places),
            _ => None,
        }
    }

    /// The counts that the tuple or list at a place holds.
    pub(super) fn counts(&self, place: Place) -> Option<Vec<usize>> {
        self.sequence(place)?
            .iter()
            .map(|&place| self.count(place))
            .collect()
    }

    /// The dict at a place.
    pub(super) fn dict(&self, place: Place) -> Option<&[(Place, Place)]> {
        match self.get(place) {
            Object::Dict(pairs) => Some(pairs),
            _ => None,
        }
    }

    /// Name and arguments of the call at a place.
    pub(super) fn call(&self, place: Place) -> Option<(&str, &[Place])> {
        match self.get(place) {
            Object::Call { class, arguments } => Some((
                self.class(*class)?,
                self.sequence(*arguments).unwrap_or_default(),
            )),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pickle_would_run_stays_a_name() {
        // pickle.dumps of an object whose __reduce__ gives (os.system, ("true",)).
        let (pickle, length) = Pickle::read(
            b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03.more",
        )
        .unwrap();
        assert_eq!(length, 36);
        let (name, arguments) = pickle.call(pickle.root()).unwrap();
        assert_eq!(name, "posix.system");
        assert_eq!(pickle.text(arguments[0]), Some("true"));
    }

    #[test]
    fn numbers_are_read_in_every_width_and_sign() {
        let check = |bytes: &[u8], expected: i128| {
            let (pickle, _) = Pickle::read(bytes).unwrap();
            assert_eq!(
                pickle.get(pickle.root()),
                &Object::Int(expected),
                "{bytes:?}"
            );
        };
        check(b"K\xff.", 255);
        check(b"M\x01\x02.", 513);
        check(b"J\xfe\xff\xff\xff.", -2);
        check(b"\x8a\x01\xff.", -1);
        check(b"\x8a\x02\xff\x00.", 255);
        check(b"\x8a\x00.", 0);
        check(
            b"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.",
            0x1950_a86a_20f9_469c_fc6c,
        );
    }

    #[test]
    fn a_pickle_that_is_deep_or_holds_itself_ends() {
        let mut deep = vec![b']'; 1];
        deep.extend([b']'; 200_000]);
        deep.extend([b'a'; 200_000]);
        deep.push(b'.');
        assert!(Pickle::read(&deep).is_ok());
        // A list that is its own first element.
        let (pickle, _) = Pickle::read(b"]q\x00h\x00a.").unwrap();
        assert_eq!(pickle.sequence(pickle.root()), Some(&[pickle.root()][..]));
        // Doubled thirty times over: two to the thirtieth numbers, were it made.
        let mut doubled = b"K\x01q\x00".to_vec();
        for _ in 0..30 {
            doubled.extend(b"h\x00h\x00\x86q\x00");
        }
        doubled.push(b'.');
        assert!(Pickle::read(&doubled).is_ok());
    }

    #[test]
    fn broken_pickles_end_in_an_error() {
        let endless = [vec![b')'; 2_000_000], vec![b'.']].concat();
        let marks = [vec![b'('; 2_000_000], vec![b'.']].concat();
        let cases: [(&[u8], &str); 12] = [
            (b"", "cut short"),
            (b".", "more objects than it has"),
            (b"X\xff\xff\xff\xffabc.", "cut short"),
            (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffabc.", "cut short"),
            (b"\x8b\xff\xff\xff\xff.", "cut short"),
            (b"cposix", "cut short"),
            (b"h\x07.", "never named"),
            (b"K\x01(0.t", "more objects than it has"),
            (b"}(K\x01u.", "has no value"),
            (b"\xffK\x01.", "0xff"),
            (&endless, "more objects than any"),
            (&marks, "more objects than any"),
        ];
        for (bytes, word) in cases {
            match Pickle::read(bytes) {
                Err(said) => assert!(said.contains(word), "{word:?} is not in: {said}"),
                Ok(_) if bytes == b"K\x01(0.t" => {}
                Ok(_) => panic!("{bytes:?} was let through"),
            }
        }
    }
}
