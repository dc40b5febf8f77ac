//! The machine that runs a pickle's opcodes, without those that act.

use std::collections::BTreeMap;

use super::{MAX_BYTES, Object, Place};

/// Most objects of a pickle, and most that wait on its stack.
const MAX_OBJECTS: usize = 1 << 20;
/// Longest name of a module, class or function, in bytes.
const MAX_NAME: usize = 256;

/// The state of a pickle that is being read.
pub(super) struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    objects: Vec<Object>,
    stack: Vec<Place>,
    /// Heights of the stack below which nothing is taken.
    marks: Vec<usize>,
    memo: BTreeMap<usize, Place>,
    /// What lists, tuples and dicts hold so far.
    held: usize,
}

impl<'a> Machine<'a> {
    /// Runs the pickle that `bytes` begin with: its objects, the one that it describes, and its length in bytes.
    ///
    /// # Errors
    /// As [`Pickle::read`](super::Pickle::read).
    pub(super) fn run(bytes: &'a [u8]) -> Result<(Vec<Object>, Place, usize), String> {
        let mut machine = Self {
            bytes,
            at: 0,
            objects: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: BTreeMap::new(),
            held: 0,
        };
        while !machine.step()? {}
        let root = machine.pop()?;
        Ok((machine.objects, root, machine.at))
    }

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
                // Two long texts, named over and over, would be joined into many more bytes than the pickle has.
                let part = |place: Place| match &self.objects[place.0] {
                    Object::Text(text) if text.len() <= MAX_NAME => Ok(text.as_str()),
                    _ => Err("its pickle names a class by something else than a short text"),
                };
                let class = format!("{}.{}", part(module)?, part(name)?);
                self.push(Object::Class(class))?;
            }
            b')' | b']' => self.push(Object::Sequence(Vec::new()))?,
            b'}' => self.push(Object::Dict(Vec::new()))?,
            0x8f => self.push(Object::Other)?,
            b't' | b'l' => {
                let places = self.pop_to_mark()?;
                self.hold(places.len())?;
                self.push(Object::Sequence(places))?;
            }
            0x85..=0x87 => {
                let mut places = Vec::with_capacity(3);
                for _ in 0x84..code {
                    places.push(self.pop()?);
                }
                places.reverse();
                self.hold(places.len())?;
                self.push(Object::Sequence(places))?;
            }
            0x91 => {
                self.pop_to_mark()?;
                self.push(Object::Other)?;
            }
            b'd' => {
                let places = self.pop_to_mark()?;
                self.hold(places.len())?;
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
                let call = self.called(class, arguments)?;
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

    /// Counts what a list, tuple or dict takes in. What they hold was named by a byte at least, each; only an ordered dict
    /// could take in one list over and over.
    fn hold(&mut self, count: usize) -> Result<(), String> {
        self.held += count;
        if self.held > self.bytes.len() {
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
        self.hold(places.len())?;
        match &mut self.objects[top.0] {
            Object::Sequence(held) => held.extend(places),
            Object::Dict(held) => held.extend(pairs(places)?),
            // A set, or what a class that is no plain dict or list would have collected.
            _ => {}
        }
        Ok(())
    }

    /// Python's ordered and default dicts are dicts here; all else stays a call that nobody makes.
    fn called(&mut self, class: Place, arguments: Place) -> Result<Object, String> {
        let name = match &self.objects[class.0] {
            Object::Class(name) => name.as_str(),
            _ => "",
        };
        Ok(match name {
            "collections.defaultdict" => Object::Dict(Vec::new()),
            "collections.OrderedDict" => {
                let entries = self.entries(arguments);
                self.hold(entries.len())?;
                Object::Dict(entries)
            }
            _ => Object::Call { class, arguments },
        })
    }

    /// The entries of an ordered dict that Python 2 wrote: it hands them over as a list of pairs.
    fn entries(&self, arguments: Place) -> Vec<(Place, Place)> {
        let held = |place: Place| match &self.objects[place.0] {
            Object::Sequence(places) => places.as_slice(),
            _ => &[],
        };
        let list = held(arguments).first().map_or(&[][..], |&list| held(list));
        let pair = |&entry: &Place| match held(entry) {
            &[key, value] => Some((key, value)),
            _ => None,
        };
        list.iter().filter_map(pair).collect()
    }
}

fn pairs(places: &[Place]) -> Result<Vec<(Place, Place)>, String> {
    if !places.len().is_multiple_of(2) {
        return Err("its pickle holds a dict with a key that has no value".to_owned());
    }
    Ok(places
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect())
}
