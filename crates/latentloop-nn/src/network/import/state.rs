//! State dicts: named tensors out of a PyTorch or safetensors file.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors};

use super::archive::{Archive, Element, describe};
use super::pickle::{Pickle, Place};
use super::view::{number, view};
use crate::network::checkpoint::METADATA_KEY;
use crate::network::impostor::impostor;
use crate::network::model_file::is_safetensors;

/// Most tensors of one state dict.
const MAX_TENSORS: usize = 4096;
/// Most numbers of one state dict; a generator of full width has some 25 million.
const MAX_NUMBERS: usize = 1 << 28;
/// Most entries of a dict that are looked at where it holds no tensors.
const MAX_GLANCES: usize = 64;
/// Most names that an error lists.
const LISTED: usize = 10;
/// What wrappers put before every name: `DataParallel` and `torch.compile`.
const WRAPPERS: [&str; 2] = ["module.", "_orig_mod."];

/// A named tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    /// Its name, without what a wrapper put before it.
    pub(super) name: String,
    /// Its shape.
    pub(super) shape: Vec<usize>,
    /// Its numbers, rows first, all finite.
    pub(super) numbers: Vec<f32>,
}

/// The tensors of a state dict.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct State {
    /// In the order of the module that they come from.
    pub(super) tensors: Vec<Tensor>,
    /// What `--key` would have before their names, with a full stop at its end, or nothing.
    pub(super) prefix: String,
}

/// Reads the tensors of a file in the order of the module that they come from; counters, which are whole numbers, are
/// left out. `key` leads through nested dicts, and then to names that begin with it.
///
/// # Errors
/// When the file is of no known format, is damaged, or holds no tensors.
pub(super) fn read(bytes: &[u8], key: Option<&str>) -> Result<State, String> {
    if let Some(reason) = impostor(bytes).or_else(|| refusal(bytes)) {
        return Err(reason);
    }
    let State {
        mut tensors,
        mut prefix,
    } = if is_safetensors(bytes) {
        of_safetensors(bytes, key)?
    } else {
        of_pytorch(bytes, key)?
    };
    while let Some(wrapper) = WRAPPERS.iter().find(|wrapper| {
        let mut names = tensors.iter().map(|tensor| &tensor.name);
        !tensors.is_empty() && names.all(|name| name.starts_with(**wrapper))
    }) {
        for tensor in &mut tensors {
            tensor.name.drain(..wrapper.len());
        }
        prefix.push_str(wrapper);
    }
    for Tensor { name, numbers, .. } in &tensors {
        if let Some(at) = numbers.iter().position(|v| !v.is_finite()) {
            return Err(format!(
                "number {at} of its tensor {name} is {}: the training run diverged",
                numbers[at]
            ));
        }
    }
    Ok(State { tensors, prefix })
}

/// Why a file that begins so is no state dict, where that shows.
pub(super) fn refusal(head: &[u8]) -> Option<String> {
    let is_known = head.starts_with(b"PK") || head.starts_with(b"\x80") || is_safetensors(head);
    (!is_known)
        .then(|| "it is neither a file of torch.save (.pth, .pt) nor a safetensors file".to_owned())
}

/// Whether a tensor of that name counts the batches that a norm has seen: whatever its type, it is no weight.
fn is_counter(name: &str) -> bool {
    name.rsplit('.').next() == Some("num_batches_tracked")
}

fn of_safetensors(bytes: &[u8], key: Option<&str>) -> Result<State, String> {
    let broken = |error| format!("it is no whole safetensors file ({error}); copy it again");
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(broken)?;
    let file = SafeTensors::deserialize(bytes).map_err(broken)?;
    let metadata = header.metadata().as_ref();
    if metadata.is_some_and(|metadata| metadata.contains_key(METADATA_KEY)) {
        return Err("it is a model of latentloop, which can be played as it is".to_owned());
    }
    let mut views = file.tensors();
    // The file's order is by size and letter; that of the module is nearer to how people count.
    views.sort_by_key(|(name, _)| natural(name));
    let all: Vec<&str> = views.iter().map(|(name, _)| name.as_str()).collect();
    let mut tensors = Vec::new();
    let mut budget = Budget::of(bytes);
    for (name, view) in &views {
        let Some(name) = below(name, key).filter(|name| !is_counter(name)) else {
            continue;
        };
        let element = match view.dtype() {
            Dtype::F32 => Element::Single,
            Dtype::F16 => Element::Half,
            Dtype::BF16 => Element::Bfloat16,
            Dtype::F64 => Element::Double,
            _ => continue,
        };
        let count = budget.spend(name, view.shape())?;
        tensors.push(Tensor {
            name: name.to_owned(),
            shape: view.shape().to_vec(),
            numbers: (0..count)
                .map(|at| number(view.data(), element, at))
                .collect(),
        });
    }
    match (tensors.is_empty(), key) {
        (true, Some(key)) => Err(format!(
            "it has no tensors under --key {key}; it holds {}",
            listed(&heads(&all, ""))
        )),
        (true, None) => Err("it holds no tensors of weights".to_owned()),
        _ => Ok(State {
            tensors,
            prefix: dotted(key.unwrap_or_default()),
        }),
    }
}

fn of_pytorch(bytes: &[u8], key: Option<&str>) -> Result<State, String> {
    let mut archive = Archive::open(bytes)?;
    let Chosen {
        dict,
        path,
        rest: prefix,
    } = chosen(&archive.pickle, key)?;
    let mut views = Vec::new();
    for &(name, value) in archive.pickle.dict(dict).unwrap_or_default() {
        let name = archive
            .pickle
            .text(name)
            .and_then(|name| below(name, prefix))
            .filter(|name| !is_counter(name));
        let Some(name) = name else {
            continue;
        };
        let view = view(&archive.pickle, value);
        if let Some(view) = view.map_err(|reason| format!("its tensor {name}: {reason}"))? {
            views.push((name.to_owned(), view));
        }
        if views.len() > MAX_TENSORS {
            return Err(format!(
                "it holds more than {MAX_TENSORS} tensors, more than any generator"
            ));
        }
    }
    if views.is_empty() {
        return Err(nothing(&archive.pickle, dict, &path));
    }
    let mut budget = Budget::of(bytes);
    let mut storages: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut tensors = Vec::new();
    for (name, view) in views {
        if matches!(view.element, Element::Whole(_)) {
            continue;
        }
        let count = budget.spend(&name, &view.shape)?;
        if !storages.contains_key(&view.key) {
            storages.insert(view.key.clone(), archive.storage(&view.key)?);
        }
        let numbers = view
            .numbers(&storages[&view.key], count)
            .map_err(|reason| format!("its tensor {name} {reason}"))?;
        tensors.push(Tensor {
            name,
            shape: view.shape,
            numbers,
        });
    }
    Ok(State {
        tensors,
        prefix: path + &dotted(prefix.unwrap_or_default()),
    })
}

/// A dict of tensors, and how it was come by.
struct Chosen<'a> {
    dict: Place,
    /// The keys that lead to it, each with a full stop behind it.
    path: String,
    /// What the names of its tensors begin with.
    rest: Option<&'a str>,
}

/// Follows `--key` through nested dicts; what is left of it names the beginning of tensors' names. A dict that holds no
/// tensors, but one dict of such, is opened by itself, as are checkpoints of Lightning with their `state_dict`.
fn chosen<'a>(pickle: &Pickle, key: Option<&'a str>) -> Result<Chosen<'a>, String> {
    let key = key.filter(|key| !key.is_empty());
    let found = follow(pickle, pickle.root(), String::new(), key);
    let inner = match &found {
        Ok(chosen) => nested(pickle, chosen.dict),
        // What the key does not name may lie in the one dict that there is.
        Err(_) => nested(pickle, pickle.root()),
    };
    let one = match &inner[..] {
        [one] => Some(*one),
        several => several
            .iter()
            .find(|(name, _)| *name == "state_dict")
            .copied()
            .filter(|_| found.is_err()),
    };
    match (found, one) {
        (Ok(chosen), Some((name, place))) if !has_tensors(pickle, chosen.dict) => {
            let path = chosen.path + &dotted(name);
            follow(pickle, place, path, chosen.rest)
        }
        (Err(reason), Some((name, place))) => {
            follow(pickle, place, dotted(name), key).map_err(|inner| match key {
                Some(_) => inner,
                None => reason,
            })
        }
        (found, _) => found,
    }
}

fn follow<'a>(
    pickle: &Pickle,
    mut place: Place,
    mut way: String,
    key: Option<&'a str>,
) -> Result<Chosen<'a>, String> {
    let mut rest = key;
    while let (Some(path), Some(pairs)) = (rest, pickle.dict(place)) {
        let step = pairs.iter().find_map(|&(name, value)| {
            let rest = path.strip_prefix(pickle.text(name)?)?;
            match rest.strip_prefix('.') {
                None if rest.is_empty() => Some((value, None)),
                Some(rest) if pickle.dict(value).is_some() => Some((value, Some(rest))),
                _ => None,
            }
        });
        let Some((value, after)) = step else {
            break;
        };
        way.push_str(&dotted(
            path[..path.len() - after.map_or(0, str::len)].trim_end_matches('.'),
        ));
        (place, rest) = (value, after);
    }
    if let Some(pairs) = pickle.dict(place) {
        let names: Vec<&str> = pairs
            .iter()
            .filter_map(|(name, _)| pickle.text(*name))
            .collect();
        if rest.is_some() && !names.iter().any(|name| below(name, rest).is_some()) {
            return Err(format!(
                "it has no entry for --key {}; it holds {}",
                key.unwrap_or_default(),
                listed(&heads(&names, &way))
            ));
        }
        return Ok(Chosen {
            dict: place,
            path: way,
            rest,
        });
    }
    let found = describe(pickle, place);
    Err(match pickle.call(place) {
        Some((name, _)) if name.starts_with("torch._utils") => {
            "it holds a single tensor where the state dict of a generator was expected".to_owned()
        }
        Some((name, _)) => format!(
            "it holds a whole pickled module, {name}, where its state dict was expected; in Python: torch.save(generator.state_dict(), \"generator.pth\")"
        ),
        None => format!("it holds {found} where a state dict was expected"),
    })
}

/// Whether a dict holds tensors itself. A pickle may name one dict a million times: only the first entries are looked at.
fn has_tensors(pickle: &Pickle, dict: Place) -> bool {
    let entries = pickle.dict(dict).unwrap_or_default().iter();
    entries
        .take(MAX_GLANCES)
        .any(|(_, value)| matches!(view(pickle, *value), Ok(Some(_))))
}

/// The dicts of tensors in a dict, among its first entries.
fn nested(pickle: &Pickle, dict: Place) -> Vec<(&str, Place)> {
    let entries = pickle.dict(dict).unwrap_or_default().iter();
    entries
        .filter_map(|&(name, value)| Some((pickle.text(name)?, value)))
        .take(MAX_GLANCES)
        .filter(|(_, value)| has_tensors(pickle, *value))
        .collect()
}

/// The first parts of names, each once, behind the way to them.
fn heads(names: &[&str], way: &str) -> Vec<String> {
    let mut heads: Vec<String> = Vec::new();
    for name in names {
        let head = format!("{way}{}", name.split('.').next().unwrap_or_default());
        if !heads.contains(&head) && heads.len() <= LISTED {
            heads.push(head);
        }
    }
    heads
}

/// A key before another one.
fn dotted(key: &str) -> String {
    match key {
        "" => String::new(),
        key => format!("{key}."),
    }
}

/// What to say of a dict without tensors.
fn nothing(pickle: &Pickle, dict: Place, within: &str) -> String {
    let entries: Vec<(&str, Place)> = pickle
        .dict(dict)
        .unwrap_or_default()
        .iter()
        .filter_map(|&(name, value)| Some((pickle.text(name)?, value)))
        .take(MAX_GLANCES)
        .collect();
    if entries.is_empty() {
        return "it holds an empty dict, no tensors, where the state dict of a generator was expected"
            .to_owned();
    }
    let nested: Vec<String> = nested(pickle, dict)
        .into_iter()
        .map(|(name, _)| format!("{within}{name}"))
        .collect();
    if nested.is_empty() {
        let held: Vec<String> = entries
            .iter()
            .map(|&(name, value)| format!("{name} ({})", describe(pickle, value)))
            .collect();
        return format!(
            "it holds no tensors, but {}, where the state dict of a generator was expected",
            listed(&held)
        );
    }
    let names: Vec<&str> = entries.iter().map(|(name, _)| *name).collect();
    format!(
        "it holds several things: {}; choose the generator's state dict with --key: {}",
        listed(&names),
        listed(&nested)
    )
}

/// What a state dict may still hold.
#[derive(Debug)]
struct Budget {
    tensors: usize,
    numbers: usize,
    most: usize,
}

impl Budget {
    /// That of a file. Tensors may share their numbers, but not so that they come to more numbers than the file has bytes.
    fn of(bytes: &[u8]) -> Self {
        Self {
            tensors: 0,
            numbers: 0,
            most: bytes.len().min(MAX_NUMBERS),
        }
    }

    /// Counts the numbers of a tensor in.
    fn spend(&mut self, name: &str, shape: &[usize]) -> Result<usize, String> {
        let count = shape
            .iter()
            .try_fold(1usize, |count, &size| count.checked_mul(size));
        self.tensors += 1;
        self.numbers = count.map_or(usize::MAX, |count| self.numbers.saturating_add(count));
        match count {
            Some(0) => Err(format!("its tensor {name} is empty, with shape {shape:?}")),
            Some(count) if self.tensors <= MAX_TENSORS && self.numbers <= self.most => Ok(count),
            _ => Err(format!(
                "its tensor {name}, with shape {shape:?}, makes it larger than its file or than any generator"
            )),
        }
    }
}

/// A name without the prefix that `key` stands for; none where it has another.
fn below<'a>(name: &'a str, key: Option<&str>) -> Option<&'a str> {
    match key.filter(|key| !key.is_empty()) {
        None => Some(name),
        Some(key) => name.strip_prefix(key)?.strip_prefix('.'),
    }
}

/// Names for an error, the first few.
pub(super) fn listed(names: &[impl AsRef<str>]) -> String {
    let more = if names.len() > LISTED { ", …" } else { "" };
    let first: Vec<&str> = names.iter().take(LISTED).map(AsRef::as_ref).collect();
    format!("{}{more}", first.join(", "))
}

/// Orders names by their parts, numbers as numbers: `main.9` before `main.10`.
fn natural(name: &str) -> Vec<(String, u64)> {
    let mut parts = Vec::new();
    let mut rest = name;
    while !rest.is_empty() {
        let words = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(words);
        let digits = after
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(after.len());
        let (number, after) = after.split_at(digits);
        parts.push((word.to_owned(), number.parse().unwrap_or(0)));
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_as_people_count() {
        let mut names = vec![
            "net.10.weight",
            "net.9.weight",
            "input.weight",
            "net.9.bias",
        ];
        names.sort_by_key(|name| natural(name));
        assert_eq!(
            names,
            [
                "input.weight",
                "net.9.bias",
                "net.9.weight",
                "net.10.weight"
            ]
        );
    }

    #[test]
    fn a_state_dict_larger_than_any_generator_is_refused_before_memory_is_asked_for() {
        let mut budget = Budget::of(&[0; 13]);
        assert_eq!(budget.spend("a", &[3, 4]), Ok(12));
        assert!(budget.spend("b", &[2]).is_err());
        assert!(Budget::of(&[0; 13]).spend("c", &[14]).is_err());
        assert!(Budget::of(&[0; 13]).spend("d", &[usize::MAX, 2]).is_err());
        assert!(Budget::of(&[0; 13]).spend("e", &[3, 0]).is_err());
    }
}
