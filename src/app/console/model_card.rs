//! A model's card: what it is made of, what is written beside it, and its contact sheet.

use std::io::BufReader;
use std::path::Path;

use egui::{Color32, ColorImage};
use image::{DynamicImage, ImageDecoder};

use crate::files::{self, MAX_TEXT_BYTES, read_text_limited};
use crate::network::description::Description;
use crate::palette::Swatch;

/// Lines that are taken from what is written beside a model, and the letters of one.
const LINES: usize = 10;
const LETTERS: usize = 110;
/// The width of a contact sheet in pixels, and what is refused: a longer side, and more memory to decode.
const WIDTH: u32 = 560;
const MAX_SIDE: u32 = 16_384;
const MAX_BYTES: u64 = 256 << 20;

/// A card of a model, as the browser shows it.
#[derive(Clone, Debug)]
pub(super) struct ModelCard {
    /// The file's name.
    pub(super) name: String,
    /// Its size and precision, in a line; or why it cannot be read.
    pub(super) summary: Result<String, String>,
    /// Names and what they say, as the card beside the file has them.
    pub(super) lines: Vec<(String, String)>,
    /// The colours of its footage and how common each is, where its file tells them.
    pub(super) palette: Option<Vec<(Color32, f32)>>,
    /// The contact sheet; nothing where there is none; or why it cannot be shown.
    pub(super) sheet: Result<Option<ColorImage>, String>,
}

impl ModelCard {
    /// Reads everything that lies around a model's file. Takes its time.
    pub(super) fn read(model: &Path) -> Self {
        let name = model.file_name().unwrap_or_default();
        let described = Description::read(model);
        let written =
            read_text_limited(&model.with_extension("md"), MAX_TEXT_BYTES, "model's card")
                .map(|text| lines(&text));
        let lines = match (written, &described) {
            (Ok(lines), _) if !lines.is_empty() => lines,
            (_, Ok(description)) => metadata_lines(description),
            _ => Vec::new(),
        };
        Self {
            name: name.to_string_lossy().into_owned(),
            summary: described.as_ref().map(summary).map_err(ToString::to_string),
            lines,
            palette: described
                .as_ref()
                .ok()
                .and_then(|description| description.palette())
                .map(|palette| palette.swatches().iter().map(coloured).collect()),
            sheet: sheet(&model.with_extension("png")),
        }
    }

    /// The name without its ending.
    pub(super) fn title(&self) -> &str {
        self.name.strip_suffix(".safetensors").unwrap_or(&self.name)
    }
}

fn coloured(swatch: &Swatch) -> (Color32, f32) {
    let [red, green, blue] = swatch.colour.0;
    (Color32::from_rgb(red, green, blue), swatch.share as f32)
}

fn summary(description: &Description) -> String {
    let colour = if description.colour { "colour" } else { "grey" };
    format!(
        "{0} x {0}, {colour}   {1:.1} M numbers, {2}   {3:.1} MB",
        description.size,
        description.parameters as f64 / 1e6,
        description.precision,
        description.bytes as f64 / 1e6
    )
}

/// The lines of every table of two columns in a text.
fn lines(text: &str) -> Vec<(String, String)> {
    let cells = |line: &str| {
        let row = line.trim().strip_prefix('|')?.strip_suffix('|')?;
        let (name, says) = row.split_once('|')?;
        let (name, says) = (plain(name), plain(says));
        let is_rule = name.chars().all(|sign| "-: ".contains(sign));
        (!is_rule && !says.is_empty() && !says.contains('|')).then_some((name, says))
    };
    text.lines().filter_map(cells).take(LINES).collect()
}

/// Markdown without its signs: code, and handle as what they are called.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text.trim();
    while let Some((before, link)) = rest.split_once('[') {
        plain.push_str(before);
        let parts = link
            .split_once("](")
            .and_then(|(name, after)| Some((name, after.split_once(')')?.1)));
        match parts {
            Some((name, after)) => {
                plain.push_str(name);
                rest = after;
            }
            None => {
                plain.push('[');
                rest = link;
            }
        }
    }
    plain.push_str(rest);
    let plain = plain.replace(['`', '*'], "");
    let mut signs = plain.chars().filter(|sign| !sign.is_control());
    let mut short: String = signs.by_ref().take(LETTERS).collect();
    if signs.next().is_some() {
        short.push('…');
    }
    short
}

/// The lines of the metadata in the model's file.
fn metadata_lines(description: &Description) -> Vec<(String, String)> {
    let card = description.card.as_ref();
    let card = card.and_then(|card| card.as_object());
    let lines = card.into_iter().flatten().filter_map(|(name, value)| {
        let says = match value {
            serde_json::Value::String(text) => plain(text),
            serde_json::Value::Number(number) => number.to_string(),
            _ => return None,
        };
        Some((plain(name), says))
    });
    lines.take(LINES).collect()
}

fn sheet(path: &Path) -> Result<Option<ColorImage>, String> {
    if !path.exists() {
        return Ok(None);
    }
    let failed = |reason: String| format!("{} cannot be shown: {reason}", path.display());
    let file = files::open(path).map_err(|error| failed(error.to_string()))?;
    let mut reader = image::ImageReader::new(BufReader::new(file));
    reader.set_format(image::ImageFormat::Png);
    let mut limits = image::Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let picture = reader
        .into_decoder()
        .and_then(|mut decoder| {
            let orientation = decoder.orientation()?;
            let mut picture = DynamicImage::from_decoder(decoder)?;
            picture.apply_orientation(orientation);
            Ok(picture)
        })
        .map_err(|error| failed(error.to_string()))?;
    let height = u64::from(picture.height()) * u64::from(WIDTH) / u64::from(picture.width().max(1));
    let small = if picture.width() > WIDTH {
        picture.thumbnail_exact(WIDTH, (height as u32).clamp(1, 4 * WIDTH))
    } else {
        picture
    };
    let small = small.to_rgba8();
    let size = [small.width() as usize, small.height() as usize];
    Ok(Some(ColorImage::from_rgba_unmultiplied(
        size,
        small.as_raw(),
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_ships_has_its_card_and_its_sheet() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let card = ModelCard::read(&root.join("models/crystal.safetensors"));
        assert_eq!(card.title(), "crystal");
        let summary = card.summary.unwrap();
        assert!(summary.starts_with("256 x 256, colour"), "{summary}");
        assert!(summary.contains("f16"), "{summary}");
        let find = |name: &str| card.lines.iter().find(|(found, _)| found == name).unwrap();
        assert_eq!(find("Licence of the footage").1, "CC0 1.0");
        assert!(find("Attribution").1.ends_with("crystal.mp4"));
        let palette = card.palette.unwrap();
        assert_eq!(palette[0].0, Color32::from_rgb(0x70, 0x42, 0x2b));
        assert_eq!(palette.len(), 8);
        let sheet = card.sheet.unwrap().unwrap();
        assert_eq!(sheet.size, [WIDTH as usize, 318]);
    }

    #[test]
    fn what_is_no_model_and_no_picture_is_named_and_the_rest_is_shown() {
        let place = tempfile::tempdir().unwrap();
        let model = place.path().join("x.safetensors");
        std::fs::write(&model, "nothing").unwrap();
        std::fs::write(place.path().join("x.png"), "nothing").unwrap();
        std::fs::write(
            place.path().join("x.md"),
            "# x\n| a | b |\n|---|---|\n| | |\n",
        )
        .unwrap();
        let card = ModelCard::read(&model);
        assert!(card.summary.unwrap_err().contains("x.safetensors"));
        assert!(card.sheet.unwrap_err().contains("x.png"));
        assert_eq!(card.palette, None);
        assert_eq!(card.lines, [("a".to_owned(), "b".to_owned())]);
    }

    #[test]
    fn signs_of_markdown_are_not_shown() {
        for (text, expected) in [
            (" `a` **b** ", "a b"),
            ("see [`x.mp4`](https://x/(y)) now", "see x.mp4) now"),
            ("[not a link", "[not a link"),
            ("[[a](b)](c)", "[a](c)"),
        ] {
            assert_eq!(plain(text), expected);
        }
    }
}
