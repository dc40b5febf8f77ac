//! The layout of the keyframe ring.

use std::f32::consts::{FRAC_PI_2, TAU};

use egui::{Color32, Mesh, Pos2, Rect, TextureId, Vec2};

/// Where the cells begin, as a part of the ring's radius, and the track of the play head inside them, in points.
const INNER: f32 = 0.70;
const TRACK: f32 = 9.0;
/// How far from the track a hand may take hold of the play head.
const GRIP: f32 = 11.0;

/// A part of the ring.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum RingPart {
    Nothing,
    PlayHead,
    Keyframe(usize),
}

/// The layout of a ring of so many keyframes.
pub(super) struct RingLayout {
    pub(super) centre: Pos2,
    pub(super) outer: f32,
    pub(super) inner: f32,
    pub(super) count: usize,
}

impl RingLayout {
    pub(super) fn new(area: Rect, count: usize) -> Self {
        let outer = (area.width().min(area.height()) / 2.0 - 4.0).max(1.0);
        Self {
            centre: area.center(),
            outer,
            inner: outer * INNER,
            count: count.max(1),
        }
    }

    /// The direction of a position on the loop: the first keyframe is at the top, the loop goes on clockwise.
    pub(super) fn direction(&self, position: f64) -> Vec2 {
        let angle = position as f32 / self.count as f32 * TAU - FRAC_PI_2;
        Vec2::angled(angle)
    }

    /// The position in that direction, in [0, count).
    pub(super) fn position(&self, at: Pos2) -> f64 {
        let angle = (at - self.centre).angle() + FRAC_PI_2;
        let position = f64::from(angle.rem_euclid(TAU) / TAU) * self.count as f64;
        // The remainder can be the whole turn.
        if position >= self.count as f64 {
            0.0
        } else {
            position
        }
    }

    /// The part at a point.
    pub(super) fn hit(&self, at: Pos2) -> RingPart {
        let distance = (at - self.centre).length();
        if (self.inner..=self.outer + 4.0).contains(&distance) {
            RingPart::Keyframe(self.position(at).round() as usize % self.count)
        } else if (distance - self.track()).abs() <= GRIP {
            RingPart::PlayHead
        } else {
            RingPart::Nothing
        }
    }

    pub(super) fn track(&self) -> f32 {
        self.inner - TRACK
    }

    /// The square that fits into the ring.
    pub(super) fn middle(&self) -> Rect {
        let side = (self.track() - 9.0).max(0.0) * std::f32::consts::SQRT_2;
        Rect::from_center_size(self.centre, Vec2::splat(side))
    }

    /// How wide a cell is along the ring.
    pub(super) fn room(&self) -> f32 {
        TAU * (self.outer + self.inner) / 2.0 / self.count as f32
    }

    /// A line along a keyframe's cell, `gap` points short of its ends.
    pub(super) fn arc(&self, keyframe: usize, radius: f32, gap: f32) -> Vec<Pos2> {
        let half = 0.5 - f64::from(gap / radius) * self.count as f64 / f64::from(TAU);
        let steps = self.steps();
        let point = |step: usize| {
            let offset = -half + 2.0 * half * step as f64 / steps as f64;
            self.centre + self.direction(keyframe as f64 + offset) * radius
        };
        (0..=steps).map(point).collect()
    }

    /// The edge of a keyframe's cell, all around.
    pub(super) fn edge(&self, keyframe: usize, inset: f32) -> Vec<Pos2> {
        let mut edge = self.arc(keyframe, self.outer - inset, 2.0 + inset);
        let inner = self.arc(keyframe, self.inner + inset, 2.0 + inset);
        edge.extend(inner.into_iter().rev());
        edge
    }

    /// A keyframe's cell as a window onto an upright picture behind it.
    pub(super) fn cell(&self, keyframe: usize, texture: TextureId, tint: Color32) -> Mesh {
        let outer = self.arc(keyframe, self.outer, 2.0);
        let inner = self.arc(keyframe, self.inner, 2.0);
        let bounds = Rect::from_points(&outer).union(Rect::from_points(&inner));
        let side = bounds.width().max(bounds.height()).max(1.0);
        let mut mesh = Mesh::with_texture(texture);
        for &at in outer
            .iter()
            .zip(&inner)
            .flat_map(|(outer, inner)| [outer, inner])
        {
            let place = (at - bounds.center()) / side + Vec2::splat(0.5);
            mesh.vertices.push(egui::epaint::Vertex {
                pos: at,
                uv: place.to_pos2(),
                color: tint,
            });
        }
        for corner in 0..2 * self.steps() as u32 {
            mesh.add_triangle(corner, corner + 1, corner + 2);
        }
        mesh
    }

    fn steps(&self) -> usize {
        (96 / self.count).clamp(4, 48)
    }
}

/// The places whose swaps with the next bring a cell to another place, the shorter way round.
pub(super) fn swaps(from: usize, to: usize, count: usize) -> Vec<usize> {
    let ahead = (to + count - from) % count;
    let behind = count - ahead;
    if ahead == 0 {
        Vec::new()
    } else if ahead <= behind {
        (0..ahead).map(|step| (from + step) % count).collect()
    } else {
        (1..=behind)
            .map(|step| (from + count - step) % count)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_brought_to_another_place_the_shorter_way() {
        for (from, to, expected) in [
            (2, 3, vec![2]),
            (3, 2, vec![2]),
            (7, 0, vec![7]),
            (0, 7, vec![7]),
            (0, 3, vec![0, 1, 2]),
            (1, 6, vec![0, 7, 6]),
            (4, 4, vec![]),
        ] {
            let found = swaps(from, to, 8);
            assert_eq!(found, expected, "{from} to {to}");
            let mut cells: Vec<usize> = (0..8).collect();
            found.iter().for_each(|&at| cells.swap(at, (at + 1) % 8));
            assert_eq!(cells[to], from);
        }
    }

    #[test]
    fn what_is_under_the_hand_is_found() {
        let area = Rect::from_min_size(Pos2::new(10.0, 20.0), Vec2::splat(400.0));
        let plan = RingLayout::new(area, 8);
        let at = |position: f64, radius: f32| plan.centre + plan.direction(position) * radius;
        let cells = (plan.inner + plan.outer) / 2.0;
        for (position, keyframe) in [(0.0, 0), (0.4, 0), (0.6, 1), (6.9, 7), (7.6, 0)] {
            assert_eq!(plan.hit(at(position, cells)), RingPart::Keyframe(keyframe));
            let head = at(position, plan.track());
            assert_eq!(plan.hit(head), RingPart::PlayHead);
            assert!((plan.position(head) - position).abs() < 1e-3);
        }
        assert_eq!(plan.hit(plan.centre), RingPart::Nothing);
        assert!(plan.middle().width() > 160.0);
        assert!(!plan.middle().contains(at(2.5, plan.track())));
    }

    #[test]
    fn a_cell_shows_an_upright_picture_and_no_part_of_it_twice() {
        let area = Rect::from_min_size(Pos2::ZERO, Vec2::splat(400.0));
        for count in [1, 2, 8, 64] {
            let plan = RingLayout::new(area, count);
            for keyframe in 0..count {
                let mesh = plan.cell(keyframe, TextureId::default(), Color32::WHITE);
                assert!(mesh.is_valid());
                let scale = |a: &egui::epaint::Vertex, b: &egui::epaint::Vertex| {
                    (b.uv - a.uv) / (b.pos - a.pos).length()
                };
                for pair in mesh.vertices.windows(2) {
                    let [a, b] = pair else { continue };
                    let inside = -1e-3..=1.0 + 1e-3;
                    assert!(inside.contains(&a.uv.x) && inside.contains(&a.uv.y));
                    // The same direction on the screen and in the picture.
                    let along = (b.pos - a.pos).normalized();
                    assert!((scale(a, b).normalized() - along).length() < 1e-2);
                }
            }
        }
    }
}
