//! Takes: logged while an instrument is played, and played again by the real program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use latentloop::app::TakeLog;
use latentloop::engine::{Engine, EngineOptions, Norm, Rounding, open};
use latentloop::instrument::params::LOOP_NORM;
use latentloop::instrument::{Action, Instrument, Preset, Recall, Table, ticks};
use latentloop::network::weights::GeneratorWeights;
use latentloop::stage::{
    Canvas, Compositor, EffectRenderer, Filter, OutputFrame, PostChain, Readback,
};
use latentloop::take::log::fingerprint;
use latentloop::take::{Event, Model, Take};

use crate::support::{refused, root, succeed};

fn pictures(folder: &Path) -> Vec<image::RgbImage> {
    let count = std::fs::read_dir(folder).unwrap().count();
    (1..=count)
        .map(|number| {
            let path = folder.join(format!("{number:06}.png"));
            image::open(path).unwrap().to_rgb8()
        })
        .collect()
}

/// Copies a model of the repository.
fn model(folder: &Path, file: &str, latent: u32) -> Arc<Model> {
    let from = root().join(file);
    let name = from.file_name().unwrap().to_str().unwrap();
    let to = folder.join(name);
    std::fs::copy(&from, &to).unwrap();
    Arc::new(Model {
        name: name.to_owned(),
        sha256: latentloop::files::sha256(&to).unwrap(),
        latent,
    })
}

/// The seed of grain.
const SEED: u32 = 99;

/// A show of sixty frames a second without a screen.
struct Show {
    log: TakeLog,
    instrument: Instrument,
    table: Arc<Table>,
    stage: Option<Stage>,
}

/// What a show does to the engine's frames, and the pictures that come of it.
struct Stage {
    engine: Box<dyn Engine>,
    number: u64,
    frame: Canvas,
    compositor: Compositor,
    chain: PostChain,
    readback: Readback,
    output: OutputFrame,
    pictures: Vec<image::RgbImage>,
}

/// The size of what is recorded.
const SIZE: (u32, u32) = (120, 80);

fn engine(folder: &Path, model: &Model) -> Box<dyn Engine> {
    let weights = GeneratorWeights::load(&folder.join(&model.name)).unwrap();
    open(&weights, &EngineOptions::default()).unwrap()
}

impl Stage {
    fn new(engine: Box<dyn Engine>) -> Self {
        Self {
            number: 0,
            frame: Canvas::black(engine.size()),
            compositor: Compositor::new(engine.size(), SEED),
            chain: PostChain::with_gpu(EffectRenderer::headless().unwrap().waiting()),
            readback: Readback::default(),
            output: OutputFrame::new(SIZE, Filter::Edge, 1),
            pictures: Vec::new(),
            engine,
        }
    }

    fn show(&mut self, instrument: &Instrument, z: &[f32], norm: Norm) {
        self.number += 1;
        if !self.compositor.is_frozen(instrument) {
            self.frame.resize(self.engine.size());
            let rgba = &mut self.frame.rgba;
            self.engine
                .render_rgba(z, norm, Rounding::Nearest, rgba)
                .unwrap();
            let now = instrument.ticks();
            self.compositor.take(&mut self.frame, self.number, now);
        }
        let composed = self.compositor.frame(instrument, 1.0, None);
        let finished = self.chain.run(composed.canvas, &composed.post);
        let projection = &composed.projections[0];
        self.readback.request(&finished, projection, Instant::now());
        let canvas = self.readback.wait().unwrap();
        let picture = self.output.draw(canvas, projection).to_vec();
        let picture = image::RgbaImage::from_raw(SIZE.0, SIZE.1, picture).unwrap();
        self.pictures
            .push(image::DynamicImage::from(picture).to_rgb8());
    }
}

impl Show {
    fn start(folder: &Path, model: Arc<Model>) -> Self {
        let table = Arc::new(Table::standard());
        let latent = model.latent as usize;
        let mut instrument =
            Instrument::new(&Preset::of_seeds(1..=4), Arc::clone(&table), latent).unwrap();
        instrument.seed(77);
        let reporter = latentloop::report::Reporter::silent();
        let log = TakeLog::start(folder, &instrument, model, SEED, reporter).unwrap();
        Self {
            log,
            instrument,
            table,
            stage: None,
        }
    }

    fn now(&self) -> u64 {
        self.instrument.ticks()
    }

    fn set(&mut self, name: &str, value: f64) {
        let param = self.table.find(name).unwrap();
        self.act(Action::Set { param, value });
    }

    fn fire(&mut self, name: &str) {
        let param = self.table.find(name).unwrap();
        self.act(Action::Trigger { param });
    }

    fn act(&mut self, action: Action) {
        self.instrument.apply(&action);
        self.log.action(self.now(), action);
    }

    fn recall(&mut self, preset: Preset, fade_secs: f64) {
        let latent = self.instrument.latent();
        let recall = Recall::new(&preset, &self.table, latent).unwrap();
        self.instrument.recall(recall, ticks(fade_secs));
        self.log
            .preset(self.now(), Arc::new(preset), fade_secs, false);
    }

    /// So many frames.
    fn play(&mut self, frames: usize) {
        for _ in 0..frames {
            (0..8).for_each(|_| self.instrument.tick());
            let norm = self.instrument.get(LOOP_NORM);
            let rows = norm.rows();
            let mut z = vec![0.0; rows * self.instrument.latent()];
            self.instrument.latents(&mut z);
            self.log.latents(self.now(), rows as u8, fingerprint(&z));
            if let Some(stage) = &mut self.stage {
                stage.show(&self.instrument, &z, norm);
            }
        }
    }
}

/// A take of three seconds, in which much happens, begun a second after the show.
fn played(folder: &Path) -> PathBuf {
    let model = model(folder, "tests/parity/generator.safetensors", 12);
    let path = folder.join("played.take");
    let mut show = Show::start(folder, model);
    show.set("loop.speed", 2.0);
    show.play(30);
    show.fire("loop.reroll");
    show.fire("keyframe.2.capture");
    show.play(30);
    show.log.begin_file(show.now(), path.clone());
    show.play(20);
    show.fire("keyframe.3.jump");
    show.fire("loop.reroll");
    show.play(40);
    show.set("loop.norm", 1.0);
    show.recall(Preset::of_seeds(11..=16), 0.7);
    show.play(10);
    show.fire("keyframe.1.reroll");
    show.act(Action::Source {
        source: 1,
        value: 0.4,
    });
    show.set("loop.position", 4.5);
    show.play(60);
    show.fire("loop.undo");
    show.set("master.fade", 0.5);
    show.play(50);
    show.log.end_file(show.now(), 0);
    drop(show);
    path
}

#[test]
fn a_take_renders_the_same_at_any_rate_and_its_latents_are_those_that_were_logged() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    played(folder);
    let said = succeed(folder, &["take", "render", "played.take", "--verify"]);
    assert_eq!(said, "180 of 180 latents agree, bit for bit\n");
    for (out, fps) in [("a", "10"), ("b", "10"), ("c", "30")] {
        succeed(
            folder,
            &["take", "render", "played.take", "-o", out, "--fps", fps],
        );
    }
    let [a, b, c] = ["a", "b", "c"].map(|name| pictures(&folder.join(name)));
    assert_eq!((a.len(), c.len()), (30, 90));
    assert_eq!(a, b);
    assert!(a.iter().eq(c.iter().step_by(3)));
    assert!(a.windows(2).filter(|pair| pair[0] != pair[1]).count() > 25);
}

#[test]
fn a_take_with_a_latent_that_differs_is_named() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let path = played(folder);
    let table = Table::standard();
    let mut take = Take::read(&std::fs::read(&path).unwrap(), &table).unwrap();
    let hash = take
        .events
        .iter_mut()
        .filter_map(|(_, event)| match event {
            Event::Latents { hash, .. } => Some(hash),
            _ => None,
        })
        .nth(59)
        .unwrap();
    *hash ^= 1;
    std::fs::write(&path, take.write(&table).unwrap()).unwrap();
    refused(
        folder,
        &["take", "render", "played.take", "--verify"],
        1,
        &["179 of 180", "at 1.000 s"],
    );
}

#[test]
fn a_part_of_a_take_is_played_as_in_the_whole() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    played(folder);
    succeed(
        folder,
        &[
            "take",
            "trim",
            "played.take",
            "-o",
            "part.take",
            "--from",
            "1.3",
            "--to",
            "2.8",
        ],
    );
    let said = succeed(folder, &["take", "render", "part.take", "--verify"]);
    assert_eq!(said, "90 of 90 latents agree, bit for bit\n");
    for name in ["played", "part"] {
        let take = format!("{name}.take");
        succeed(
            folder,
            &["take", "render", &take, "-o", name, "--fps", "10"],
        );
    }
    let [whole, part] = ["played", "part"].map(|name| pictures(&folder.join(name)));
    assert_eq!(part, whole[13..28]);
    // Where it stands becomes a preset, which opens with the same picture.
    succeed(
        folder,
        &[
            "take",
            "to-preset",
            "played.take",
            "-o",
            "then.toml",
            "--at",
            "0",
        ],
    );
    let preset = Preset::parse(
        &std::fs::read_to_string(folder.join("then.toml")).unwrap(),
        &Table::standard(),
    )
    .unwrap();
    assert_eq!(preset.model.as_deref(), Some("generator.safetensors"));
    assert_eq!(preset.keyframes.len(), 4);
    assert!(
        preset.keyframes[1].latents.is_some(),
        "the second was captured"
    );
    assert_eq!(preset.params["loop.speed"].as_float(), Some(2.0));
}

#[test]
fn a_take_tells_what_is_in_it_also_where_it_is_cut() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let path = played(folder);
    let info = |file: &str| -> serde_json::Value {
        serde_json::from_str(&succeed(folder, &["take", "info", file, "--json"])).unwrap()
    };
    let whole = info("played.take");
    assert_eq!(whole["kind"], "logged");
    assert_eq!(whole["ended"], "whole");
    assert_eq!(whole["length_secs"], 3.0);
    assert_eq!(whole["latents"], 180);
    assert_eq!(whole["actions"]["loop.reroll"], 1);
    assert_eq!(whole["actions"]["sound.low"], 1);
    assert_eq!(whole["models"][0]["name"], "generator.safetensors");
    assert_eq!(whole["presets"][0]["at_secs"], 1.0);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(folder.join("cut.take"), &bytes[..bytes.len() - 700]).unwrap();
    let cut = info("cut.take");
    assert_eq!(cut["ended"], "cut");
    let at = cut["ended_at_byte"].as_u64().unwrap();
    assert!(at <= bytes.len() as u64 - 700 && at > bytes.len() as u64 - 750);
    let said = succeed(folder, &["take", "render", "cut.take", "--verify"]);
    assert!(said.contains("latents agree"), "{said}");
    let said = succeed(folder, &["take", "info", "cut.take"]);
    assert!(said.contains("cut at byte"), "{said}");
    let text = "latentloop take 1\npreset p.toml\nlength 4\n1 loop.reroll\n";
    std::fs::write(folder.join("written.take"), text).unwrap();
    let written = info("written.take");
    assert_eq!(written["kind"], "written");
    assert_eq!(written["actions"]["loop.reroll"], 1);
}

#[test]
fn a_model_that_a_take_changes_to_fades_in() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let crystal = model(folder, "models/crystal.safetensors", 200);
    let flower = model(folder, "models/flower.safetensors", 200);
    let take = |name: &str, fade_secs: f64| {
        let mut show = Show::start(folder, Arc::clone(&crystal));
        show.log.begin_file(0, folder.join(name));
        show.set("loop.speed", 0.0);
        show.set("preset.fade_secs", fade_secs);
        show.play(24);
        show.log.model(show.now(), Arc::clone(&flower));
        let preset = Preset::of_seeds(5..=8);
        let recall = Recall::new(&preset, &show.table, flower.latent as usize).unwrap();
        show.instrument.recall(recall, 0);
        show.log.preset(show.now(), Arc::new(preset), 0.0, false);
        show.set("loop.speed", 0.0);
        show.play(18);
        show.log.end_file(show.now(), 0);
    };
    take("cut.take", 0.0);
    take("fade.take", 0.2);
    let render = |name: &str, out: &str| {
        succeed(folder, &["take", "render", name, "-o", out, "--fps", "10"]);
        pictures(&folder.join(out))
    };
    let cut = render("cut.take", "cut");
    let fade = render("fade.take", "fade");
    assert_eq!((cut.len(), fade.len()), (7, 7));
    let distance = |one: &image::RgbImage, other: &dyn Fn(usize) -> f64| {
        let bytes = one.as_raw().iter().enumerate();
        let sum: f64 = bytes
            .map(|(at, byte)| (f64::from(*byte) - other(at)).abs())
            .sum();
        sum / one.as_raw().len() as f64
    };
    let byte = |picture: usize, at: usize| f64::from(cut[picture].as_raw()[at]);
    assert!(fade[..5] == cut[..5], "nothing fades yet");
    assert!(distance(&cut[4], &|at| byte(5, at)) > 20.0, "they differ");
    assert!(cut[5] == cut[6], "it stands");
    // The model came at tick 192, after the picture of that tick, and drew its first one at 200: it fades in up to 296.
    for (picture, tick) in [(5, 240.0), (6, 288.0)] {
        let share = (tick - 200.0) / 96.0;
        let mixed = |at| byte(4, at) + (byte(5, at) - byte(4, at)) * share;
        let off = distance(&fade[picture], &mixed);
        assert!(off < 1.0, "{off} at picture {picture}");
    }
    // A part of it that begins in the middle of the fade.
    let arguments = [
        "take",
        "render",
        "fade.take",
        "-o",
        "part",
        "--fps",
        "10",
        "--range",
        "5..6",
    ];
    succeed(folder, &arguments);
    let part = image::open(folder.join("part/000006.png")).unwrap();
    assert!(part.to_rgb8() == fade[5], "it is that of the whole");
}

#[test]
fn a_take_is_rendered_as_it_was_seen_to_the_byte() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let small = model(folder, "tests/parity/generator.safetensors", 12);
    let large = model(folder, "models/crystal.safetensors", 200);
    let mut show = Show::start(folder, Arc::clone(&small));
    show.stage = Some(Stage::new(engine(folder, &small)));
    show.play(1);
    show.log.begin_file(show.now(), folder.join("seen.take"));
    show.play(2);
    show.set("loop.speed", 2.0);
    show.play(4);
    // Grain of both kinds, and feedback, which goes on from the last picture.
    show.set("look.grain", 0.8);
    show.set("look.feedback", 0.5);
    show.set("stage.grain", 0.6);
    show.play(6);
    show.set("master.freeze", 1.0);
    show.play(4);
    show.recall(Preset::of_seeds(11..=16), 0.1);
    show.play(2);
    show.set("master.freeze", 0.0);
    show.set("loop.norm", 1.0);
    show.play(3);
    show.set("preset.fade_secs", 0.1);
    show.play(1);
    // Another model, frozen while it comes.
    show.set("master.freeze", 1.0);
    show.play(1);
    let stage = show.stage.as_mut().unwrap();
    let length = stage.compositor.fade_length(&show.instrument);
    stage.compositor.change_model(stage.number + 1, length);
    stage.engine = engine(folder, &large);
    show.log.model(show.now(), Arc::clone(&large));
    let preset = Preset::of_seeds(5..=8);
    let recall = Recall::new(&preset, &show.table, large.latent as usize).unwrap();
    show.instrument.recall(recall, 0);
    show.log.preset(show.now(), Arc::new(preset), 0.0, false);
    show.play(2);
    show.set("master.freeze", 0.0);
    show.play(9);
    show.set("master.fade", 0.3);
    show.play(5);
    show.set("master.blackout", 1.0);
    show.play(2);
    show.set("master.blackout", 0.0);
    show.set("look.grain", 0.0);
    show.play(5);
    show.log.end_file(show.now(), 0);
    let seen = show.stage.take().unwrap().pictures;
    drop(show);
    let (width, height) = SIZE;
    let size = format!("{width}x{height}");
    let arguments = ["seen.take", "-o", "out", "--fps", "60", "--size", &size];
    succeed(folder, &[&["take", "render"], &arguments[..]].concat());
    let rendered = pictures(&folder.join("out"));
    // The last picture is drawn at the take's last tick, where the film is over.
    assert_eq!(rendered.len() + 1, seen.len());
    for (number, (rendered, seen)) in rendered.iter().zip(&seen).enumerate() {
        assert!(rendered == seen, "picture {number} is another one");
    }
    let changes = seen.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(changes > 40, "{changes}");
}

#[test]
fn a_take_that_changes_its_model_goes_on_with_the_other() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let small = model(folder, "tests/parity/generator.safetensors", 12);
    let large = model(folder, "models/crystal.safetensors", 200);
    let path = folder.join("both.take");
    let mut show = Show::start(folder, small);
    show.log.begin_file(0, path);
    show.play(24);
    // Latents of another length come with a preset.
    show.log.model(show.now(), Arc::clone(&large));
    let preset = Preset::of_seeds(5..=8);
    let recall = Recall::new(&preset, &show.table, large.latent as usize).unwrap();
    show.instrument.recall(recall, 0);
    show.log.preset(show.now(), Arc::new(preset), 0.0, false);
    show.play(12);
    show.log.end_file(show.now(), 0);
    drop(show);
    let said = succeed(
        folder,
        &[
            "take",
            "render",
            "both.take",
            "--verify",
            "-o",
            "out",
            "--fps",
            "10",
        ],
    );
    assert!(said.contains("36 of 36"), "{said}");
    let out = pictures(&folder.join("out"));
    assert_eq!(out.len(), 6);
    assert!(
        out.iter()
            .all(|picture| picture.dimensions() == out[0].dimensions())
    );
    // The same file name with other bytes is another model.
    let bytes = std::fs::read(folder.join("generator.safetensors")).unwrap();
    std::fs::write(
        folder.join("generator.safetensors"),
        [&bytes[..], b" "].concat(),
    )
    .unwrap();
    let found = latentloop::files::sha256(&folder.join("generator.safetensors")).unwrap();
    refused(
        folder,
        &["take", "render", "both.take", "-o", "no"],
        1,
        &[&found, "--any-model", "generator.safetensors"],
    );
    std::fs::write(folder.join("generator.safetensors"), bytes).unwrap();
    std::fs::remove_file(folder.join("crystal.safetensors")).unwrap();
    refused(
        folder,
        &["take", "render", "both.take", "-o", "no"],
        1,
        &["changes its model", "crystal.safetensors is not at"],
    );
    assert!(!folder.join("no").exists());
}

#[test]
fn what_cannot_be_done_with_a_take_is_named() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    let path = played(folder);
    let written = "latentloop take 1\npreset p.toml\n1 loop.reroll\n";
    std::fs::write(folder.join("written.take"), written).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(folder.join("head.take"), &bytes[..40]).unwrap();
    for (arguments, words) in [
        (
            &["trim", "written.take", "-o", "x"][..],
            &["written as a text"][..],
        ),
        (
            &["to-preset", "written.take", "-o", "x"],
            &["written as a text"],
        ),
        (&["render", "written.take", "--verify"], &["no latents"]),
        (
            &["trim", "played.take", "-o", "x", "--from", "9"],
            &["3.000 s long"],
        ),
        (&["info", "head.take"], &["no state to start from"]),
        (&["info", "none.take"], &["none.take"]),
        (
            &["render", "played.take", "-o", "x.mp4", "--codec", "ffv1"],
            &["FFV1", ".mkv", "x.mp4"],
        ),
        (
            &["render", "played.take", "-o", "x", "--codec", "h264"],
            &["H.264", ".mp4"],
        ),
        (
            &["render", "played.take", "-o", "x.mkv", "--codec", "png"],
            &["PNG", "folder"],
        ),
    ] {
        refused(folder, &[&["take"], arguments].concat(), 1, words);
    }
    assert!(!folder.join("x").exists());
}

#[cfg(feature = "video")]
#[test]
fn every_codec_goes_into_its_files_and_the_lossless_one_loses_nothing() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path();
    played(folder);
    succeed(
        folder,
        &["take", "trim", "played.take", "-o", "t.take", "--to", "0.5"],
    );
    let probe = |file: &str| {
        let output = Command::new("ffprobe")
            .current_dir(folder)
            .args(["-v", "error", "-of", "csv=p=0", "-show_entries"])
            .args(["stream=codec_name,codec_tag_string,width,height", file])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    for (file, codec, found) in [
        ("a.mp4", "h264", "h264,avc1,98,66"),
        ("b.mp4", "h265", "hevc,hvc1,98,66"),
        ("c.mkv", "h265", "hevc,[0][0][0][0],98,66"),
        ("d.mkv", "ffv1", "ffv1,FFV1,97,65"),
        ("e.webm", "vp9", "vp9,[0][0][0][0],98,66"),
        ("f.mov", "prores", "prores,apch,98,66"),
    ] {
        let mut arguments = vec!["take", "render", "t.take", "-o", file, "--codec", codec];
        arguments.extend(["--size", "97x65", "--fps", "10"]);
        succeed(folder, &arguments);
        assert_eq!(probe(file), found, "{file}");
    }
    let mut arguments = vec!["take", "render", "t.take", "-o", "png", "--codec", "png"];
    arguments.extend(["--size", "97x65", "--fps", "10"]);
    succeed(folder, &arguments);
    std::fs::create_dir(folder.join("lossless")).unwrap();
    let decoded = Command::new("ffmpeg")
        .current_dir(folder)
        .args([
            "-v",
            "error",
            "-i",
            "d.mkv",
            "-pix_fmt",
            "rgb24",
            "lossless/%06d.png",
        ])
        .status()
        .unwrap();
    assert!(decoded.success());
    let [png, lossless] = ["png", "lossless"].map(|name| pictures(&folder.join(name)));
    assert_eq!(png.len(), 5);
    assert_eq!(png, lossless);
}
