//! Presets that are asked for, one after the other and all at once.

use std::time::Instant;

use super::*;
use crate::app::rehearsal::TinyEngine;

struct Library {
    folder: tempfile::TempDir,
    table: Arc<Table>,
    notices: Arc<Notices>,
    loader: PresetLoader,
    patch: Arc<Patch>,
    /// Models that are being opened; each waits for a permit.
    opening: Receiver<String>,
    permits: Sender<()>,
}

impl Library {
    /// Presets of these names, each of a model of its own; the first plays.
    fn new(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let model = format!("{name}.safetensors");
            std::fs::write(folder.path().join(&model), name).unwrap();
            let mut preset = Preset::of_seeds(1..=4);
            preset.model = Some(model);
            let text = preset.to_toml().unwrap();
            std::fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
        }
        let table = Arc::new(Table::standard());
        let control = ControlPlane::new(&table);
        let notices = Arc::clone(&control.notices);
        let bank = Arc::<Bank>::default();

        let first = folder.path().join(format!("{}.toml", names[0]));
        let patch = Arc::new(library::preset(&first, &table).unwrap());
        let (begun, opening) = bounded(16);
        let (permits, permitted) = bounded::<()>(16);
        let open = move |model: &Path| {
            let stem = model.file_stem().unwrap().to_string_lossy().into_owned();
            begun.send(stem).unwrap();
            permitted.recv()?;
            let engine = Box::new(TinyEngine(4));
            Ok(LoadedModel {
                engine,
                palette: None,
            })
        };
        let loader = PresetLoader::with(open, &control, &bank, &patch, 4).unwrap();
        Self {
            folder,
            table,
            notices,
            loader,
            patch,
            opening,
            permits,
        }
    }

    fn next(&self) {
        self.neighbour(1);
    }

    fn neighbour(&self, steps: isize) {
        let request = LoadRequest::Preset(PresetSelector::Neighbour(steps));
        self.loader.load(request).unwrap();
    }

    fn is_opening(&self, model: &str) {
        let begun = self.opening.recv_timeout(Duration::from_secs(60));
        assert_eq!(begun.as_deref(), Ok(model));
    }

    fn loaded(&self) -> Box<Loaded> {
        let loaded = self.loader.loaded.recv_timeout(Duration::from_secs(60));
        loaded.unwrap_or_else(|error| panic!("{error}: {:?}", self.told()))
    }

    fn told(&self) -> Vec<String> {
        std::iter::from_fn(|| self.notices.take_logged())
            .map(|notice| notice.text)
            .collect()
    }

    /// Waits until the performer has been told of something with that in it.
    fn wait_for_notice(&self, part: &str) {
        self.wait_for_notices(part, 1);
    }

    /// The same, so often.
    fn wait_for_notices(&self, part: &str, times: usize) {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut told: Vec<String> = Vec::new();
        while told.iter().filter(|text| text.contains(part)).count() < times {
            assert!(Instant::now() < deadline, "{told:?}");
            told.extend(self.told());
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_second_request_while_the_first_loads_goes_two_on() {
    let library = Library::new(&["a", "b", "c", "d"]);
    library.next();
    library.is_opening("b");
    library.next();
    library.permits.send(()).unwrap();
    library.is_opening("c");
    library.permits.send(()).unwrap();
    let loaded = library.loaded();
    assert_eq!(loaded.patch.name, "c.toml", "b was overtaken");
    assert!(loaded.recall.is_some() && loaded.model.is_some());
    assert_eq!(library.told(), ["playing c.toml"]);
    library.permits.send(()).unwrap();
    library.neighbour(-1);
    library.is_opening("b");
    assert_eq!(library.loaded().patch.name, "b.toml");
}

#[test]
fn what_is_wrong_with_a_request_that_was_overtaken_is_told() {
    let mut library = Library::new(&["a", "b", "c"]);
    library.next();
    library.is_opening("b");
    library.next();
    // No model opens any more: neither the one that is being opened nor the one that has overtaken it.
    library.permits = bounded(1).0;
    library.is_opening("c");
    library.wait_for_notices("disconnected", 2);
}

#[test]
fn the_walk_goes_on_past_presets_that_do_not_open_and_names_each_once() {
    let library = Library::new(&["a", "b", "c", "d", "e"]);
    let path = |name: &str| library.folder.path().join(name);
    std::fs::write(path("b.toml"), "version = 99").unwrap();
    std::fs::remove_file(path("c.toml")).unwrap();
    std::fs::create_dir(path("c.toml")).unwrap();
    std::fs::remove_file(path("d.safetensors")).unwrap();
    for (steps, to) in [(1, "e.toml"), (1, "a.toml"), (-1, "e.toml"), (-1, "a.toml")] {
        library.permits.send(()).unwrap();
        library.neighbour(steps);
        assert_eq!(library.loaded().patch.name, to);
        let told = library.told();
        for broken in ["b.toml", "c.toml", "d.toml"] {
            let named = told.iter().filter(|text| text.contains(broken)).count();
            let passed = (steps > 0) == (to == "e.toml");
            assert_eq!(named, usize::from(passed), "{broken}: {told:?}");
        }
    }
}

#[test]
fn a_walk_on_which_nothing_opens_ends_where_it_began() {
    let library = Library::new(&["a", "b", "c"]);
    for name in ["b.toml", "c.toml"] {
        std::fs::write(library.folder.path().join(name), "").unwrap();
    }
    for _ in 0..2 {
        library.next();
        let mut told = Vec::new();
        let deadline = Instant::now() + Duration::from_secs(60);
        while !told
            .iter()
            .any(|text: &String| text.contains("no other preset"))
        {
            assert!(Instant::now() < deadline, "{told:?}");
            told.extend(library.told());
            std::thread::yield_now();
        }
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(
            told[0].contains("b.toml") && told[1].contains("c.toml"),
            "{told:?}"
        );
    }
    // As soon as one opens again, it is gone to.
    let good = std::fs::read(library.folder.path().join("a.toml")).unwrap();
    std::fs::write(library.folder.path().join("c.toml"), good).unwrap();
    library.next();
    assert_eq!(library.loaded().patch.name, "c.toml");
}

#[test]
fn a_name_that_is_not_there_changes_nothing() {
    let library = Library::new(&["a", "b", "c"]);
    let named = PresetSelector::Named("nowhere".into());
    library.loader.load(LoadRequest::Preset(named)).unwrap();
    library.wait_for_notice("nowhere.toml");
    library.permits.send(()).unwrap();
    library.next();
    assert_eq!(library.loaded().patch.name, "b.toml");
}

#[test]
fn another_model_takes_the_place_of_the_one_that_plays() {
    let library = Library::new(&["a", "b"]);
    library.permits.send(()).unwrap();
    library.loader.load(LoadRequest::Model("b".into())).unwrap();
    let loaded = library.loaded();
    assert!(loaded.recall.is_none() && loaded.model.is_some());
    assert_eq!(loaded.patch.name, "a.toml");
    assert!(loaded.patch.model.ends_with("b.safetensors"));
    // It is there already: nothing is opened.
    library.loader.load(LoadRequest::Model("b".into())).unwrap();
    assert!(library.loaded().model.is_none());
}

#[test]
fn a_preset_whose_file_changes_is_read_again_and_one_that_is_saved_is_not() {
    let library = Library::new(&["a"]);
    let path = library.folder.path().join("a.toml");
    let mut preset = library.patch.preset.clone();
    library
        .loader
        .save("a".into(), preset.clone(), &library.patch)
        .unwrap();
    library.wait_for_notice("saved");
    let kept = library.folder.path().join("a.toml.bak");
    assert!(kept.exists(), "what was there is kept");
    preset = Preset {
        model: preset.model,
        ..Preset::of_seeds(5..=9)
    };
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    std::fs::write(&path, preset.to_toml().unwrap()).unwrap();
    let file = std::fs::File::open(&path).unwrap();
    file.set_modified(before + Duration::from_secs(5)).unwrap();
    let loaded = library.loaded();
    let (recall, _) = loaded.recall.unwrap();
    assert!(recall.keeps_head());
    assert_eq!(loaded.patch.preset.keyframes.len(), 5);
    assert_eq!(library.told(), ["read again a.toml"]);
    let saved = library::preset(&kept, &library.table);
    assert!(saved.is_ok());
}

#[test]
fn a_new_preset_takes_the_first_empty_place_and_moves_nobody() {
    let library = Library::new(&["b", "c", "d"]);
    let bank = |place: usize| {
        let request = LoadRequest::Preset(PresetSelector::Bank(place - 1));
        library.loader.load(request).unwrap();
        library.permits.send(()).unwrap();
        let loaded = library.loaded();
        assert_eq!(loaded.patch.bank, Some(place as u8));
        loaded.patch.name.clone()
    };
    let save = |name: &str| {
        let preset = library.patch.preset.clone();
        library
            .loader
            .save(name.into(), preset, &library.patch)
            .unwrap();
        library.wait_for_notice("saved");
    };
    assert_eq!(bank(2), "c.toml");
    save("a");
    assert_eq!([bank(4), bank(2)], ["a.toml", "c.toml"]);
    // Files that come and go underneath move nobody either.
    let path = |name: &str| library.folder.path().join(name);
    std::fs::rename(path("b.toml"), path("z.toml")).unwrap();
    std::fs::copy(path("c.toml"), path("aa.toml")).unwrap();
    assert_eq!([bank(2), bank(3), bank(4)], ["c.toml", "d.toml", "a.toml"]);
    assert_eq!([bank(1), bank(5)], ["aa.toml", "z.toml"]);
    // One that is saved over keeps its place, also for the next show.
    save("d");
    save("c");
    assert_eq!([bank(2), bank(3)], ["c.toml", "d.toml"]);
    let text = std::fs::read_to_string(path("c.toml")).unwrap();
    assert!(text.contains("bank = 2"), "{text}");
}

#[test]
fn what_is_retired_is_dropped_by_the_thread() {
    struct Dropped(Sender<String>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            let thread = std::thread::current().name().unwrap_or_default().to_owned();
            self.0.send(thread).unwrap();
        }
    }
    let library = Library::new(&["a"]);
    let (sender, threads) = bounded(1);
    library.loader.retire(Dropped(sender));
    let thread = threads.recv_timeout(Duration::from_secs(60));
    assert_eq!(thread.as_deref(), Ok("preset-loader"));
}
