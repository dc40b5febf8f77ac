//! Textures of the ring: thumbnails of the keyframes, and the preview of the output.

use egui::{ColorImage, Context, TextureHandle, TextureOptions};

use crate::app::thumbnail::{ContentHashes, Thumbnail};
use crate::instrument::MAX_KEYFRAMES;
use crate::stage::Canvas;

/// Thumbnails that are kept: what comes back by an undo need not be drawn again.
const KEPT: usize = 3 * MAX_KEYFRAMES;

/// The textures of the ring.
pub(super) struct RingTextures {
    /// Thumbnails by the stamp of their keyframe; the oldest first.
    keyframes: Vec<(u64, TextureHandle)>,
    /// The stamp under which each keyframe was shown last.
    seen: ContentHashes,
    pub(super) preview: Option<TextureHandle>,
}

impl Default for RingTextures {
    fn default() -> Self {
        Self {
            keyframes: Vec::with_capacity(KEPT),
            seen: ContentHashes::default(),
            preview: None,
        }
    }
}

impl RingTextures {
    /// Takes a picture of the output.
    pub(super) fn take_preview(&mut self, context: &Context, canvas: &Canvas) {
        let Some(image) = image(canvas) else {
            return;
        };
        match &mut self.preview {
            Some(texture) => texture.set(image, TextureOptions::LINEAR),
            None => {
                let texture = context.load_texture("preview", image, TextureOptions::LINEAR);
                self.preview = Some(texture);
            }
        }
    }

    /// Takes the picture of a keyframe; gives up the oldest that none of the present keyframes looks like.
    pub(super) fn take(
        &mut self,
        context: &Context,
        thumbnail: &Thumbnail,
        present: &ContentHashes,
    ) {
        let stamp = thumbnail.stamp;
        let Some(image) = image(&thumbnail.canvas) else {
            return;
        };
        self.keyframes.retain(|(known, _)| *known != stamp);
        if self.keyframes.len() >= KEPT {
            let is_old = |stamp: &u64| !present.0.contains(stamp) && !self.seen.0.contains(stamp);
            let oldest = self.keyframes.iter().position(|(stamp, _)| is_old(stamp));
            drop(self.keyframes.remove(oldest.unwrap_or(0)));
        }
        let name = format!("keyframe {stamp:x}");
        let texture = context.load_texture(name, image, TextureOptions::LINEAR);
        self.keyframes.push((stamp, texture));
    }

    /// The picture of a keyframe, and whether it is its present one: the last stays until the next is drawn.
    pub(super) fn keyframe(
        &mut self,
        keyframe: usize,
        present: &ContentHashes,
    ) -> Option<(TextureHandle, bool)> {
        let (&stamp, seen) = (present.0.get(keyframe)?, self.seen.0.get_mut(keyframe)?);
        let find = |stamp: u64| {
            let found = self.keyframes.iter().find(|(known, _)| *known == stamp);
            found.map(|(_, texture)| texture.clone())
        };
        if let Some(texture) = find(stamp) {
            *seen = stamp;
            return Some((texture, true));
        }
        Some((find(*seen)?, false))
    }
}

fn image(canvas: &Canvas) -> Option<ColorImage> {
    let size = [canvas.size.0 as usize, canvas.size.1 as usize];
    (canvas.rgba.len() == size[0] * size[1] * 4)
        .then(|| ColorImage::from_rgba_premultiplied(size, &canvas.rgba))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyframe_keeps_its_last_picture_until_the_next_is_drawn() {
        let context = Context::default();
        let mut pictures = RingTextures::default();
        let mut present = ContentHashes::default();
        let canvas = Canvas::black((4, 4));
        let take = |pictures: &mut RingTextures, stamp: u64, present: &ContentHashes| {
            let thumbnail = Thumbnail {
                stamp,
                canvas: canvas.clone(),
            };
            pictures.take(&context, &thumbnail, present);
        };
        present.0[0] = 7;
        assert!(pictures.keyframe(0, &present).is_none());
        take(&mut pictures, 7, &present);
        let (seventh, fresh) = pictures.keyframe(0, &present).unwrap();
        assert!(fresh);
        present.0[0] = 8;
        let (old, fresh) = pictures.keyframe(0, &present).unwrap();
        assert_eq!((old.id(), fresh), (seventh.id(), false));
        take(&mut pictures, 8, &present);
        assert!(pictures.keyframe(0, &present).unwrap().1);
        // Swapped, each brings its picture.
        (present.0[0], present.0[1]) = (9, 8);
        assert!(pictures.keyframe(1, &present).unwrap().1);
        for stamp in 100..100 + 2 * KEPT as u64 {
            take(&mut pictures, stamp, &present);
        }
        assert_eq!(pictures.keyframes.len(), KEPT);
        assert!(pictures.keyframe(1, &present).unwrap().1, "it is in use");
    }
}
