//! State dicts: named tensors out of a PyTorch or safetensors file.

use std::collections::BTreeMap;

use safetensors::tensor::{Dtype, SafeTensors};

use super::archive::{Archive, Element, describe};
use super::pickle::{Pickle, Place};
use super::view::{number, view};
use crate::network::checkpoint::METADATA_KEY;

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

/// Reads the tensors of a file in the order of the module that they come from; counters, which are whole numbers, are
/// left out. `key` leads through nested dicts, and then to names that begin with it.
///
/// # Errors
/// When the file is of no known format, is damaged, or holds no tensors.
pub(super) fn read(bytes: &[u8], key: Option<&str>) -> Result<Vec<Tensor>, String> {
    let mut tensors = if bytes.starts_with(b"PK") || bytes.starts_with(b"\x80") {
        of_pytorch(bytes, key)?
    } else if bytes.get(8) == Some(&b'{') {
        of_safetensors(bytes, key)?
    } else {
        return Err(
            "it is neither a file of torch.save (.pth, .pt) nor a safetensors file".to_owned(),
        );
    };
    while let Some(wrapper) = WRAPPERS.iter().find(|wrapper| {
        let mut names = tensors.iter().map(|tensor| &tensor.name);
        !tensors.is_empty() && names.all(|name| name.starts_with(**wrapper))
    }) {
        for tensor in &mut tensors {
            tensor.name.drain(..wrapper.len());
        }
    }
    for Tensor { name, numbers, .. } in &tensors {
        if let Some(at) = numbers.iter().position(|v| !v.is_finite()) {
            return Err(format!(
                "number {at} of its tensor {name} is {}: the training run diverged",
                numbers[at]
            ));
        }
    }
    Ok(tensors)
}

fn of_safetensors(bytes: &[u8], key: Option<&str>) -> Result<Vec<Tensor>, String> {
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
        let Some(name) = below(name, key) else {
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
            listed(&all)
        )),
        (true, None) => Err("it holds no tensors of weights".to_owned()),
        _ => Ok(tensors),
    }
}

fn of_pytorch(bytes: &[u8], key: Option<&str>) -> Result<Vec<Tensor>, String> {
    let mut archive = Archive::open(bytes)?;
    let (dict, prefix) = chosen(&archive.pickle, key)?;
    let mut views = Vec::new();
    for &(name, value) in archive.pickle.dict(dict).unwrap_or_default() {
        let name = archive
            .pickle
            .text(name)
            .and_then(|name| below(name, prefix));
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
        return Err(nothing(&archive.pickle, dict, key));
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
    Ok(tensors)
}

/// Follows `--key` through nested dicts; what is left of it names the beginning of tensors' names.
fn chosen<'a>(pickle: &Pickle, key: Option<&'a str>) -> Result<(Place, Option<&'a str>), String> {
    let mut place = pickle.root();
    let mut rest = key.filter(|key| !key.is_empty());
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
                listed(&names)
            ));
        }
        return Ok((place, rest));
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

/// What to say of a dict without tensors. A pickle may name one dict a million times: only the first entries are looked at.
fn nothing(pickle: &Pickle, dict: Place, key: Option<&str>) -> String {
    let entries: Vec<(&str, Place)> = pickle
        .dict(dict)
        .unwrap_or_default()
        .iter()
        .filter_map(|&(name, value)| Some((pickle.text(name)?, value)))
        .take(MAX_GLANCES)
        .collect();
    let has_tensors = |place: Place| {
        let inner = pickle
            .dict(place)
            .unwrap_or_default()
            .iter()
            .take(MAX_GLANCES);
        inner
            .copied()
            .any(|(_, value)| matches!(view(pickle, value), Ok(Some(_))))
    };
    if entries.is_empty() {
        return "it holds an empty dict, no tensors, where the state dict of a generator was expected"
            .to_owned();
    }
    let within = key.map_or(String::new(), |key| format!("{key}."));
    let nested: Vec<String> = entries
        .iter()
        .filter(|(_, value)| has_tensors(*value))
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
