//! Data folders: where presets, takes and models are looked for that no path names, and those that are inside the program.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, bail};

use crate::files::{sha256, write_atomic};
use crate::report::chain;

/// Names a data folder that is looked in first.
pub const VARIABLE: &str = "LATENTLOOP_DATA";
/// The folder of this program among those of others.
const NAME: &str = "latentloop";

/// A file inside the program.
struct BuiltinFile {
    name: &'static str,
    /// Tells that a written one is whole without a look at `bytes`: a page of the program that is read stays in memory.
    sha256: &'static str,
    bytes: &'static [u8],
}

/// What the first preset, those of the same model and the first take need.
const BUILTIN: [BuiltinFile; 5] = [
    BuiltinFile {
        name: "presets/first.toml",
        sha256: "c4cd76e7cc132de5466a764b077b3bbc9480f38e18f2da1ffcbf8d5f700f7247",
        bytes: include_bytes!("../../presets/first.toml"),
    },
    BuiltinFile {
        name: "presets/drift.toml",
        sha256: "b65f9d0e0ecde6568842dfc30825f70163fb5f6a9781651a24a463324298bd80",
        bytes: include_bytes!("../../presets/drift.toml"),
    },
    BuiltinFile {
        name: "presets/pulse.toml",
        sha256: "d785c96a8dfdaf0248b2dccbb652e12377501e648b23a6116d0f1c29e863a504",
        bytes: include_bytes!("../../presets/pulse.toml"),
    },
    BuiltinFile {
        name: "presets/first.take",
        sha256: "ebb174470f0487596c22223ff5b8f5111c4d4446eb63249cf4b545e08d8db17c",
        bytes: include_bytes!("../../presets/first.take"),
    },
    BuiltinFile {
        name: "models/nosferatu.safetensors",
        sha256: "aa8146c34768dc1ffdb8de78fb1ea8c0eaae8a0eda6ae0e0b369f3bf81796c11",
        bytes: include_bytes!("../../models/nosferatu.safetensors"),
    },
];

/// Data folders, each with the folders `presets` and `models`, in the order in which they are looked in.
///
/// [`VARIABLE`], the working folder, then the *shared* ones: the user's (`$XDG_DATA_HOME/latentloop`), beside the program and
/// `../share/latentloop` from there, the system's (`$XDG_DATA_DIRS`), and what is inside the program.
#[derive(Debug)]
pub struct DataFolders {
    /// What [`VARIABLE`] names.
    named: Option<PathBuf>,
    /// The user's own.
    user: Option<PathBuf>,
    /// Those that came with the program, installed or unpacked.
    installed: Vec<PathBuf>,
    /// Where files inside the program are written, the better place first.
    builtin: Vec<PathBuf>,
    /// The folder to which they were written, or why they were not.
    unpacked: OnceLock<Result<PathBuf, String>>,
}

/// The data folders of this process.
pub fn folders() -> &'static DataFolders {
    static FOLDERS: OnceLock<DataFolders> = OnceLock::new();
    FOLDERS.get_or_init(|| {
        DataFolders::new(
            &|name| std::env::var_os(name),
            std::env::current_exe().ok().as_deref(),
            dirs::data_dir(),
            dirs::cache_dir(),
        )
    })
}

impl DataFolders {
    /// The data folders of a program at `program`, by its environment and the platform's folders for data and for caches.
    pub fn new(
        variable: &dyn Fn(&str) -> Option<OsString>,
        program: Option<&Path>,
        data: Option<PathBuf>,
        cache: Option<PathBuf>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let mut installed = Vec::new();
        // Where a link on the path leads to, the folder of the program is.
        let program = program.map(|program| program.canonicalize().unwrap_or(program.to_owned()));
        if let Some(folder) = program.as_deref().and_then(Path::parent) {
            installed.push(folder.to_owned());
            if let Some(above) = folder.parent() {
                installed.push(above.join("share").join(NAME));
            }
        }
        if cfg!(all(unix, not(target_os = "macos"))) {
            let system = set("XDG_DATA_DIRS").unwrap_or("/usr/local/share:/usr/share".into());
            let absolute = std::env::split_paths(&system).filter(|folder| folder.is_absolute());
            for folder in absolute.map(|folder| folder.join(NAME)) {
                if !installed.contains(&folder) {
                    installed.push(folder);
                }
            }
        }
        let own = std::env::temp_dir().join(format!("{NAME}-{}", std::process::id()));
        let cached = cache.map(|cache| cache.join(NAME).join("builtin"));
        Self {
            named: set(VARIABLE).map(PathBuf::from),
            user: data.map(|data| data.join(NAME)),
            installed,
            builtin: cached.into_iter().chain([own]).collect(),
            unpacked: OnceLock::new(),
        }
    }

    /// Finds a file by its path in a data folder, such as `presets/first.toml`.
    ///
    /// # Errors
    /// When it is in none of them, with every place that was looked at; when [`VARIABLE`] names no folder; when it is inside the
    /// program and cannot be written out.
    pub fn find(&self, relative: &str) -> anyhow::Result<PathBuf> {
        match self.first_of(&[relative.to_owned()])? {
            Some(place) => Ok(place),
            None => bail!("there is no {relative} {}", self.looked()),
        }
    }

    /// Finds what a command line names: a file by its path; else, by the same relative path in a data folder, or by name alone,
    /// with or without its ending, among the presets and the models there.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn locate(&self, argument: &Path) -> anyhow::Result<PathBuf> {
        if argument.exists() {
            return Ok(argument.to_owned());
        }
        let shown = argument.display();
        let is_plain = |part: Component| matches!(part, Component::Normal(_));
        let name = match argument.to_str() {
            Some(name) if argument.components().all(is_plain) && !name.is_empty() => name,
            _ => bail!("cannot open {shown}: there is no such file"),
        };
        let mut names = vec![name.to_owned()];
        if argument.components().count() == 1 {
            let kinds = [("presets", ".toml"), ("models", ".safetensors")];
            names.extend(kinds.map(|(folder, _)| format!("{folder}/{name}")));
            names.extend(kinds.map(|(folder, ending)| format!("{folder}/{name}{ending}")));
        }
        match self.first_of(&names)? {
            Some(place) => Ok(place),
            None => bail!(
                "cannot open {shown}: there is no such file, and none of that name {}",
                self.looked()
            ),
        }
    }

    /// The first of these relative paths in the first data folder that has one.
    fn first_of(&self, names: &[String]) -> anyhow::Result<Option<PathBuf>> {
        if let Some(named) = &self.named
            && !named.is_dir()
        {
            bail!(
                "{VARIABLE} names {}, which is no folder: name one that has presets and models in it, or unset it",
                named.display()
            );
        }
        for folder in self.outside() {
            let found = names.iter().map(|name| folder.join(name));
            if let Some(place) = found.into_iter().find(|place| place.is_file()) {
                return Ok(Some(place));
            }
        }
        let is_inside = |name: &&String| BUILTIN.iter().any(|inside| inside.name == **name);
        match names.iter().find(is_inside) {
            Some(name) => Ok(Some(self.builtin()?.join(name))),
            None => Ok(None),
        }
    }

    /// The data folders before that which is inside the program.
    fn outside(&self) -> impl Iterator<Item = &Path> {
        let before = [
            self.named.as_deref(),
            Some(Path::new("")),
            self.user.as_deref(),
        ];
        let installed = self.installed.iter().map(PathBuf::as_path);
        before.into_iter().flatten().chain(installed)
    }

    /// Where was looked, for errors.
    fn looked(&self) -> String {
        let shown = |folder: &Path| match folder.as_os_str().is_empty() {
            true => "this folder".to_owned(),
            false => folder.display().to_string(),
        };
        let folders: Vec<String> = self.outside().map(shown).collect();
        format!("in {}, or inside the program", folders.join(", "))
    }

    /// The other folders of that kind among the shared data folders, where `folder` is one: their presets belong together.
    pub fn beside(&self, folder: &Path) -> Vec<PathBuf> {
        let kind = folder.file_name().unwrap_or_default();
        let shared: Vec<PathBuf> = self.shared().map(|shared| shared.join(kind)).collect();
        let is_this = |other: &PathBuf| is_same(other, folder);
        if !shared.iter().any(is_this) {
            return Vec::new();
        }
        shared.into_iter().filter(|other| !is_this(other)).collect()
    }

    /// The folders of models of every data folder, and those inside the program.
    pub fn models(&self) -> impl Iterator<Item = PathBuf> {
        let named = self.named.iter().cloned();
        named
            .chain(self.shared())
            .map(|folder| folder.join("models"))
    }

    /// Where a preset is saved that came from `folder`: there, or among the user's own where that folder came with the program.
    pub fn saved_from(&self, folder: &Path) -> PathBuf {
        let came_with_it = self.installed.iter().chain(self.unpacked());
        let mut kinds = came_with_it.flat_map(|data| [data.join("presets"), data.join("models")]);
        match &self.user {
            Some(user) if kinds.any(|kind| is_same(&kind, folder)) => user.join("presets"),
            _ => folder.to_owned(),
        }
    }

    /// The shared data folders; where what is inside the program cannot be written out, without it.
    fn shared(&self) -> impl Iterator<Item = PathBuf> {
        let outside = self.user.iter().chain(&self.installed).cloned();
        outside.chain(self.builtin().ok())
    }

    /// The folder of the files inside the program, where they have been needed already.
    fn unpacked(&self) -> Option<&PathBuf> {
        self.unpacked.get()?.as_ref().ok()
    }

    /// The folder of the files inside the program. They are written there where they are not; at the first call alone.
    fn builtin(&self) -> anyhow::Result<PathBuf> {
        let unpacked = self.unpacked.get_or_init(|| {
            let mut failed = Vec::new();
            for folder in &self.builtin {
                match unpack(folder) {
                    Ok(()) => return Ok(folder.clone()),
                    Err(error) => failed.push(chain(error.as_ref())),
                }
            }
            Err(failed.join("; "))
        });
        match unpacked {
            Ok(folder) => Ok(folder.clone()),
            Err(reason) => bail!(
                "the files inside the program cannot be written out ({reason}): set XDG_CACHE_HOME or TMPDIR to a folder that can be written to, or {VARIABLE} to one that has presets and models"
            ),
        }
    }
}

/// Writes the files inside the program into a folder; those that are there already, and whole, are left alone.
fn unpack(folder: &Path) -> anyhow::Result<()> {
    for builtin in BUILTIN {
        let file = folder.join(builtin.name);
        if sha256(&file).is_ok_and(|found| found == builtin.sha256) {
            continue;
        }
        let parent = file.parent().unwrap_or(folder);
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot make the folder {}", parent.display()))?;
        write_atomic(&file, builtin.bytes)
            .with_context(|| format!("cannot write {}", file.display()))?;
    }
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> bool {
    one == other
        || one
            .canonicalize()
            .is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    /// Data folders below a place of their own, and what the place is.
    fn data(named: Option<&str>) -> (TempDir, DataFolders) {
        let place = tempfile::tempdir().unwrap();
        let root = place.path().to_owned();
        std::fs::create_dir_all(root.join("opt/bin")).unwrap();
        std::fs::write(root.join("opt/bin/latentloop"), "").unwrap();
        let variable = |name: &str| match name {
            VARIABLE => named.map(|named| root.join(named).into_os_string()),
            "XDG_DATA_DIRS" => std::env::join_paths([root.join("sys"), "relative".into()]).ok(),
            _ => None,
        };
        let folders = DataFolders::new(
            &variable,
            Some(&root.join("opt/bin/latentloop")),
            Some(root.join("user")),
            Some(root.join("cache")),
        );
        (place, folders)
    }

    fn put(place: &TempDir, file: &str) -> PathBuf {
        let file = place.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, "x").unwrap();
        file
    }

    #[test]
    fn the_nearest_data_folder_counts_and_what_is_inside_the_program_last() {
        let (place, folders) = data(Some("named"));
        std::fs::create_dir(place.path().join("named")).unwrap();
        // Under test the working folder is the crate's own, which has every preset: a name that it has not.
        let [name, builtin] = ["presets/odd.toml", "models/nosferatu.safetensors"];
        let order = [
            "named",
            "user/latentloop",
            "opt/bin",
            "opt/share/latentloop",
            "sys/latentloop",
        ];
        let files = order.map(|folder| put(&place, &format!("{folder}/{name}")));
        for file in &files {
            assert_eq!(folders.find(name).unwrap(), *file);
            std::fs::remove_file(file).unwrap();
        }
        let error = folders.find(name).unwrap_err().to_string();
        for folder in order {
            let folder = place.path().join(folder).display().to_string();
            assert!(error.contains(&folder), "{folder} is not named: {error}");
        }
        assert!(!error.contains("relative"), "{error}");
        // Inside the program, but also in the crate's folder, which comes first.
        assert_eq!(folders.find(builtin).unwrap(), Path::new(builtin));
        let unpacked = folders.builtin().unwrap().join(builtin);
        assert_eq!(
            std::fs::read(unpacked).unwrap(),
            std::fs::read(builtin).unwrap()
        );
    }

    #[test]
    fn a_variable_that_names_no_folder_is_an_error_that_says_so() {
        let (_place, folders) = data(Some("nowhere"));
        let error = folders.find("presets/first.toml").unwrap_err().to_string();
        assert!(
            error.starts_with(VARIABLE) && error.contains("nowhere"),
            "{error}"
        );
    }

    #[test]
    fn what_is_inside_the_program_is_written_out_whole_and_mended() {
        let (place, folders) = data(None);
        let damaged = put(&place, "cache/latentloop/builtin/presets/first.toml");
        let folder = folders.builtin().unwrap();
        assert_eq!(folder, place.path().join("cache/latentloop/builtin"));
        for builtin in BUILTIN {
            let written = folder.join(builtin.name);
            assert_eq!(std::fs::read(&written).unwrap(), builtin.bytes);
            assert_eq!(
                sha256(&written).unwrap(),
                builtin.sha256,
                "{}",
                builtin.name
            );
        }
        assert!(damaged.starts_with(&folder));
        let table = crate::instrument::Table::standard();
        let piece = crate::library::preset(&damaged, &table).unwrap();
        assert!(is_same(
            &piece.model,
            &folder.join("models/nosferatu.safetensors")
        ));
    }

    #[test]
    fn where_the_cache_cannot_be_written_it_goes_into_the_temporary_folder() {
        let (place, mut folders) = data(None);
        put(&place, "cache/latentloop");
        let spare = place.path().join("tmp");
        folders.builtin[1].clone_from(&spare);
        assert_eq!(folders.builtin().unwrap(), spare);

        let (place, mut folders) = data(None);
        let [cache, spare] = ["cache/latentloop", "tmp"].map(|file| put(&place, file));
        folders.builtin[1].clone_from(&spare);
        let error = folders.builtin().unwrap_err().to_string();
        for file in [cache, spare] {
            assert!(error.contains(&file.display().to_string()), "{error}");
        }
    }

    #[test]
    fn a_name_finds_presets_and_models_but_leads_out_of_no_folder() {
        let (place, folders) = data(None);
        let preset = put(&place, "user/latentloop/presets/slow.toml");
        let model = put(&place, "sys/latentloop/models/fog.safetensors");
        put(&place, "user/latentloop/secret");
        for name in ["slow", "slow.toml", "presets/slow.toml"] {
            assert_eq!(folders.locate(Path::new(name)).unwrap(), preset);
        }
        for name in ["fog", "fog.safetensors", "models/fog.safetensors"] {
            assert_eq!(folders.locate(Path::new(name)).unwrap(), model);
        }
        for name in ["presets/../secret", "../secret", "/slow.toml", "none", ""] {
            assert!(folders.locate(Path::new(name)).is_err(), "{name}");
        }
    }

    #[test]
    fn presets_of_the_shared_folders_lie_beside_one_another_and_are_saved_among_the_users() {
        let (place, folders) = data(None);
        let at = |file: &str| place.path().join(file);
        let builtin = folders.builtin().unwrap().join("presets");
        let (user, system) = (at("user/latentloop/presets"), at("sys/latentloop/presets"));
        let beside = folders.beside(&system);
        assert!(beside.contains(&user) && beside.contains(&builtin) && !beside.contains(&system));
        assert_eq!(folders.beside(&at("my own/presets")), Vec::<PathBuf>::new());
        for folder in [&system, &builtin, &user, &at("opt/bin/models")] {
            assert_eq!(folders.saved_from(folder), user);
        }
        assert_eq!(folders.saved_from(&at("mine")), at("mine"));
    }
}
