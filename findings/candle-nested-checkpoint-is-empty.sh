#!/usr/bin/env bash
# candle-core 0.11.1 (candle_core::pickle)
#
# A training checkpoint of PyTorch or Lightning is a dict with the weights one level down, beside the epoch: {"epoch": 3,
# "state_dict": {...}}. `pickle::read_all` takes tensors of the outermost dict alone, passes over everything else and says Ok with an
# empty list: no weights, no error. `read_all_with_key(…, Some("state_dict"))` reads them, for whoever knows the key. An empty list
# has to be taken as an error by the caller.
#
# Seen:
#   flat.pth: Ok, 1 tensor
#   nested.pth: Ok, 0 tensors; with the key state_dict 1
#
# The two files are laid out as torch.save does (a zip with a protocol 2 pickle and its storages), so that no PyTorch is needed.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 - "$place" <<'PYTHON'
import collections, io, pickle, struct, sys, types, zipfile

torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
FloatStorage = type("FloatStorage", (), {"__module__": "torch"})
def _rebuild_tensor_v2(*arguments): ...
_rebuild_tensor_v2.__module__ = "torch._utils"
torch.FloatStorage, torch._utils, utils._rebuild_tensor_v2 = FloatStorage, utils, _rebuild_tensor_v2
sys.modules |= {"torch": torch, "torch._utils": utils}

class Storage: ...

class Tensor:
    def __reduce__(self):
        return _rebuild_tensor_v2, (Storage(), 0, (4,), (1,), False, collections.OrderedDict())

class Pickler(pickle.Pickler):
    def persistent_id(self, thing):
        return ("storage", FloatStorage, "0", "cpu", 4) if isinstance(thing, Storage) else None

weights = {"main.weight": Tensor()}
for name, content in {"flat": weights, "nested": {"epoch": 3, "state_dict": weights}}.items():
    pickled = io.BytesIO()
    Pickler(pickled, protocol=2).dump(content)
    with zipfile.ZipFile(f"{sys.argv[1]}/{name}.pth", "w") as archive:
        archive.writestr("archive/data.pkl", pickled.getvalue())
        archive.writestr("archive/data/0", struct.pack("<4f", 1, 2, 3, 4))
        archive.writestr("archive/version", "3\n")
PYTHON
mkdir "$place/src"
cat >"$place/Cargo.toml" <<'TOML'
[package]
name = "probe"
version = "0.0.0"
edition = "2021"

[dependencies]
candle-core = { version = "=0.11.1", default-features = false }

[profile.dev]
debug = false

[workspace]
TOML
cat >"$place/src/main.rs" <<'RUST'
use candle_core::pickle::{read_all, read_all_with_key};

fn main() {
    let place = std::env::args().nth(1).unwrap();
    let flat = read_all(format!("{place}/flat.pth")).unwrap();
    assert_eq!(flat[0].1.to_vec1::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0]);
    println!("flat.pth: Ok, {} tensor", flat.len());
    let nested = read_all(format!("{place}/nested.pth")).expect("a nested dict is refused now, as one would wish").len();
    let named = read_all_with_key(format!("{place}/nested.pth"), Some("state_dict")).unwrap().len();
    println!("nested.pth: Ok, {nested} tensors; with the key state_dict {named}");
    assert_eq!((nested, named), (0, 1), "it has changed");
}
RUST
cargo run --quiet --manifest-path "$place/Cargo.toml" -- "$place"
