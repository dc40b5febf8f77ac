//! The examples do what they say.

use std::path::Path;

use image::{Rgb, RgbImage};

#[allow(dead_code, reason = "its main is not called")]
#[path = "../../examples/draw_picture.rs"]
mod draw_picture;
#[allow(dead_code, reason = "its main is not called")]
#[path = "../../examples/play_take.rs"]
mod play_take;
#[allow(dead_code, reason = "its main is not called")]
#[path = "../../examples/train_folder.rs"]
mod train_folder;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_network_is_trained_on_a_folder_and_draws_a_seeds_picture() {
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("pictures");
    std::fs::create_dir(&folder).unwrap();
    for number in 0..8u8 {
        let picture = RgbImage::from_pixel(64, 64, Rgb([number * 30, 80, 160]));
        picture.save(folder.join(format!("{number}.png"))).unwrap();
    }
    let output = place.path().join("small.safetensors");
    let model = train_folder::train(folder, output, 2).unwrap().unwrap();

    let drawn = |seed: u32| {
        let file = place.path().join(format!("seed-{seed}.png"));
        draw_picture::draw(&model, seed, &file).unwrap();
        image::open(file).unwrap().to_rgb8()
    };
    let picture = drawn(5);
    assert_eq!(picture.dimensions(), (64, 64));
    assert_ne!(picture, drawn(6));
}

#[test]
fn a_written_take_is_played_into_pictures() {
    let place = tempfile::tempdir().unwrap();
    let model = root().join("tests/parity/generator.safetensors");
    std::fs::copy(model, place.path().join("generator.safetensors")).unwrap();
    let preset = "version = 1\nmodel = \"generator.safetensors\"\nkeyframes = [{ seed = 1 }, { seed = 2 }]\n";
    std::fs::write(place.path().join("two.toml"), preset).unwrap();
    let take = place.path().join("two.take");
    let script =
        "latentloop take 1\npreset two.toml\nlength 2\n0 loop.speed 0\n1.5 loop.position 1\n";
    std::fs::write(&take, script).unwrap();

    let folder = place.path().join("pictures");
    play_take::play(&take, &folder).unwrap();
    let picture = |name: &str| image::open(folder.join(name)).unwrap().to_rgb8();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 3);
    // Nothing moves until a hand moves the head to the other keyframe.
    assert_eq!(picture("000.png"), picture("001.png"));
    assert_ne!(picture("001.png"), picture("002.png"));
}
