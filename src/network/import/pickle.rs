//! Python's pickles, read as data: the objects that one describes, none of which is ever made or called.
//!
//! The opcodes are those of Python's `pickletools`, protocols 2 to 5. Objects lie side by side and name each other by
//! their places, so a pickle that is deep, that holds itself, or that holds one object a million times costs no more than
//! its bytes.

use std::collections::BTreeMap;

/// Largest pickle that is read, in bytes; a state dict without its numbers has some ten thousand.
pub(super) const MAX_BYTES: usize = 16 << 20;
/// Most objects of a pickle, and most that wait on its stack.
const MAX_OBJECTS: usize = 1 << 20;

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
        let mut machine = Machine {
            bytes: &bytes[..bytes.len().min(MAX_BYTES)],
            at: 0,
            objects: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: BTreeMap::new(),
        };
        while !machine.step()? {}
        let root = machine.pop()?;
        let pickle = Self {
            objects: machine.objects,
            root,
        };
        Ok((pickle, machine.at))
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

/// The machine that a pickle is a program for, without the instructions that act.
struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    objects: Vec<Object>,
    stack: Vec<Place>,
    /// Heights of the stack below which nothing is taken.
    marks: Vec<usize>,
    memo: BTreeMap<usize, Place>,
}

impl<'a> Machine<'a> {
    /// One opcode; true at the last.
    fn step(&mut self) -> Result<bool, String> {
        let code = self.take(1)?[0];
        match code {
            b'.' => return Ok(true),
            0x80 => {
                self.take(1)?;
            }
            0x95 => {
                self.take(8)?;
            }
            b'(' => {
                self.within(self.marks.len())?;
                self.marks.push(self.stack.len());
            }
            b'0' if self.marks.last() == Some(&self.stack.len()) => {
                self.marks.pop();
            }
            b'0' => {
                self.pop()?;
            }
            b'1' => {
                self.pop_to_mark()?;
            }
            b'2' => self.stack_place(self.top()?)?,
            b'N' => self.push(Object::Other)?,
            0x88 | 0x89 => self.push(Object::Bool(code == 0x88))?,
            b'K' => self.int(1, false)?,
            b'M' => self.int(2, false)?,
            b'J' => self.int(4, true)?,
            0x8a | 0x8b => {
                let length = self.length(if code == 0x8a { 1 } else { 4 })?;
                self.int(length, true)?;
            }
            b'G' => {
                self.take(8)?;
                self.push(Object::Other)?;
            }
            b'U' | 0x8c => self.string(1)?,
            b'T' | b'X' => self.string(4)?,
            0x8d => self.string(8)?,
            b'C' | b'B' | 0x8e | 0x96 => {
                let length = self.length(match code {
                    b'C' => 1,
                    b'B' => 4,
                    _ => 8,
                })?;
                self.take(length)?;
                self.push(Object::Other)?;
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.push(Object::Class(format!("{module}.{name}")))?;
            }
            0x93 => {
                let (name, module) = (self.pop()?, self.pop()?);
                let part = |place| match &self.objects[place] {
                    Object::Text(text) => Ok(text.as_str()),
                    _ => Err("its pickle names a class by something else than text"),
                };
                let class = format!("{}.{}", part(module.0)?, part(name.0)?);
                self.push(Object::Class(class))?;
            }
            b')' | b']' => self.push(Object::Sequence(Vec::new()))?,
            b'}' => self.push(Object::Dict(Vec::new()))?,
            0x8f => self.push(Object::Other)?,
            b't' | b'l' => {
                let places = self.pop_to_mark()?;
                self.push(Object::Sequence(places))?;
            }
            0x85..=0x87 => {
                let mut places = Vec::with_capacity(3);
                for _ in 0x84..code {
                    places.push(self.pop()?);
                }
                places.reverse();
                self.push(Object::Sequence(places))?;
            }
            0x91 => {
                self.pop_to_mark()?;
                self.push(Object::Other)?;
            }
            b'd' => {
                let places = self.pop_to_mark()?;
                self.push(Object::Dict(pairs(&places)?))?;
            }
            b'a' => {
                let place = self.pop()?;
                self.extend(&[place])?;
            }
            b'e' | 0x90 | b'u' => {
                let places = self.pop_to_mark()?;
                self.extend(&places)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.extend(&[key, value])?;
            }
            b'R' | 0x81 | 0x92 => {
                if code == 0x92 {
                    self.pop()?;
                }
                let (arguments, class) = (self.pop()?, self.pop()?);
                let call = self.called(class, arguments);
                self.push(call)?;
            }
            // The state that an object is given: no part of a tensor, nor of a dict's entries.
            b'b' => {
                self.pop()?;
                self.top()?;
            }
            b'q' | b'r' => {
                let number = self.length(if code == b'q' { 1 } else { 4 })?;
                self.remember(number)?;
            }
            0x94 => self.remember(self.memo.len())?,
            b'h' | b'j' => {
                let number = self.length(if code == b'h' { 1 } else { 4 })?;
                let known = self.memo.get(&number).copied();
                self.stack_place(known.ok_or("its pickle recalls what it never named")?)?;
            }
            b'Q' => {
                let place = self.pop()?;
                self.push(Object::Persistent(place))?;
            }
            code => {
                return Err(format!(
                    "byte {} of its pickle is {code:#04x}, which PyTorch never writes there",
                    self.at - 1
                ));
            }
        }
        Ok(false)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], String> {
        let rest = &self.bytes[self.at..];
        if count > rest.len() {
            return Err(match self.bytes.len() {
                MAX_BYTES => "its pickle is larger than any state dict's".to_owned(),
                length => format!("its pickle is cut short after {length} bytes; copy it again"),
            });
        }
        self.at += count;
        Ok(&rest[..count])
    }

    /// An unsigned number of `width` bytes.
    fn length(&mut self, width: usize) -> Result<usize, String> {
        let bytes = self.take(width)?;
        let number = bytes
            .iter()
            .rev()
            .fold(0u64, |number, &byte| (number << 8) | u64::from(byte));
        // What does not fit is longer than any pickle.
        Ok(usize::try_from(number).unwrap_or(usize::MAX))
    }

    fn int(&mut self, width: usize, signed: bool) -> Result<(), String> {
        let bytes = self.take(width)?;
        let negative = signed && bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        if width > 16 {
            return self.push(Object::Other);
        }
        let number = bytes
            .iter()
            .rev()
            .fold(if negative { -1i128 } else { 0 }, |number, &byte| {
                (number << 8) | i128::from(byte)
            });
        self.push(Object::Int(number))
    }

    fn string(&mut self, width: usize) -> Result<(), String> {
        let length = self.length(width)?;
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.push(Object::Text(text))
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&byte| byte == b'\n');
        let line = self.take(length.map_or(usize::MAX, |length| length + 1))?;
        Ok(String::from_utf8_lossy(line).trim_end().to_owned())
    }

    fn within(&self, count: usize) -> Result<(), String> {
        if count >= MAX_OBJECTS {
            return Err("its pickle holds more objects than any state dict".to_owned());
        }
        Ok(())
    }

    fn stack_place(&mut self, place: Place) -> Result<(), String> {
        self.within(self.stack.len())?;
        self.stack.push(place);
        Ok(())
    }

    fn push(&mut self, object: Object) -> Result<(), String> {
        self.within(self.objects.len())?;
        self.objects.push(object);
        self.stack_place(Place(self.objects.len() - 1))
    }

    fn top(&self) -> Result<Place, String> {
        let floor = self.marks.last().copied().unwrap_or(0);
        let above = self.stack.get(floor..).and_then(<[Place]>::last);
        above
            .copied()
            .ok_or_else(|| "its pickle takes more objects than it has".to_owned())
    }

    fn pop(&mut self) -> Result<Place, String> {
        let place = self.top()?;
        self.stack.pop();
        Ok(place)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Place>, String> {
        let mark = self
            .marks
            .pop()
            .ok_or("its pickle takes more objects than it has")?;
        Ok(self.stack.split_off(mark))
    }

    fn remember(&mut self, number: usize) -> Result<(), String> {
        self.within(self.memo.len())?;
        let place = self.top()?;
        self.memo.insert(number, place);
        Ok(())
    }

    /// Adds to the list, set or dict on top.
    fn extend(&mut self, places: &[Place]) -> Result<(), String> {
        let top = self.top()?;
        match &mut self.objects[top.0] {
            Object::Sequence(held) => held.extend(places),
            Object::Dict(held) => held.extend(pairs(places)?),
            // A set, or what a class that is no plain dict or list would have collected.
            _ => {}
        }
        Ok(())
    }

    /// Python's ordered and default dicts are dicts here; all else stays a call that nobody makes.
    fn called(&self, class: Place, arguments: Place) -> Object {
        let Object::Class(name) = &self.objects[class.0] else {
            return Object::Call { class, arguments };
        };
        let held = |place: Place| match &self.objects[place.0] {
            Object::Sequence(places) => places.as_slice(),
            _ => &[],
        };
        match name.as_str() {
            "collections.defaultdict" => Object::Dict(Vec::new()),
            // Python 2 hands the entries over as a list of pairs.
            "collections.OrderedDict" => {
                let entries = held(arguments).first().map_or(&[][..], |&list| held(list));
                let pair = |&entry: &Place| match held(entry) {
                    &[key, value] => Some((key, value)),
                    _ => None,
                };
                Object::Dict(entries.iter().filter_map(pair).collect())
            }
            _ => Object::Call { class, arguments },
        }
    }
}

fn pairs(places: &[Place]) -> Result<Vec<(Place, Place)>, String> {
    if places.len() % 2 != 0 {
        return Err("its pickle holds a dict with a key that has no value".to_owned());
    }
    Ok(places
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_pickle_would_run_stays_a_name() {
        // pickle.dumps of an object whose __reduce__ gives (os.system, ("true",)).
        let (pickle, length) =
            Pickle::read(b"\x80\x02cposix\nsystem\nq\x00X\x04\x00\x00\x00trueq\x01\x85q\x02Rq\x03.more")
                .unwrap();
        assert_eq!(length, 41);
        let (name, arguments) = pickle.call(pickle.root()).unwrap();
        assert_eq!(name, "posix.system");
        assert_eq!(pickle.text(arguments[0]), Some("true"));
    }

    #[test]
    fn numbers_are_read_in_every_width_and_sign() {
        let check = |bytes: &[u8], expected: i128| {
            let (pickle, _) = Pickle::read(bytes).unwrap();
            assert_eq!(pickle.get(pickle.root()), &Object::Int(expected), "{bytes:?}");
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
