//! The style of the console: dark, for eyes that look at a stage, and large, for hands in a hurry.

use egui::style::ScrollAnimation;
use egui::text::{LayoutJob, TextFormat};
use egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Painter, Pos2, Rect, Stroke, TextStyle,
    Theme, Vec2,
};

pub(super) const GROUND: Color32 = Color32::from_rgb(11, 12, 14);
pub(super) const PANEL: Color32 = Color32::from_rgb(19, 20, 23);
pub(super) const CELL: Color32 = Color32::from_rgb(34, 36, 41);
pub(super) const HOVER: Color32 = Color32::from_rgb(46, 49, 56);
pub(super) const EDGE: Color32 = Color32::from_rgb(58, 62, 70);
pub(super) const INK: Color32 = Color32::from_rgb(222, 224, 228);
pub(super) const SOFT: Color32 = Color32::from_rgb(189, 192, 198);
pub(super) const DIM: Color32 = Color32::from_rgb(156, 160, 168);
pub(super) const FILL: Color32 = Color32::from_rgb(78, 64, 34);
pub(super) const NEAR: Color32 = Color32::from_rgb(120, 94, 42);
pub(super) const LIT: Color32 = Color32::from_rgb(240, 182, 74);
pub(super) const DARK: Color32 = Color32::from_rgb(24, 18, 6);
/// Red areas, and red words.
pub(super) const RED: Color32 = Color32::from_rgb(190, 38, 34);
pub(super) const ALARM: Color32 = Color32::from_rgb(244, 104, 92);
pub(super) const GREEN: Color32 = Color32::from_rgb(92, 176, 104);
pub(super) const BLUE: Color32 = Color32::from_rgb(96, 164, 222);

/// Behind words on a picture.
pub(super) const SCRIM: Color32 = Color32::from_rgba_premultiplied(8, 8, 10, 200);

/// Corners of everything that is touched.
pub(super) const CORNER: f32 = 4.0;

/// Text of that size.
pub(super) fn font(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// A heading: small capitals, far apart.
pub(super) fn caption(painter: &Painter, at: Pos2, text: &str, ink: Color32) -> Rect {
    let format = TextFormat {
        font_id: font(12.0),
        extra_letter_spacing: 1.2,
        color: ink,
        ..TextFormat::default()
    };
    let job = LayoutJob::single_section(text.to_uppercase(), format);
    let galley = painter.layout_job(job);
    let area = Rect::from_min_size(at - Vec2::new(0.0, galley.size().y / 2.0), galley.size());
    painter.galley(area.min, galley, ink);
    area
}

/// The ink that is read best on a colour.
pub(super) fn ink_on(colour: Color32) -> Color32 {
    if contrast(DARK, colour) > contrast(INK, colour) {
        DARK
    } else {
        INK
    }
}

/// How well one colour is told from another, 1 to 21 (WCAG 2.2, relative luminance).
fn contrast(one: Color32, other: Color32) -> f32 {
    let luminance = |colour: Color32| {
        let [red, green, blue, _] = egui::Rgba::from(colour).to_array();
        0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05
    };
    let (one, other) = (luminance(one), luminance(other));
    one.max(other) / one.min(other)
}

/// A colour between two.
pub(super) fn mix(from: Color32, to: Color32, share: f32) -> Color32 {
    from.lerp_to_gamma(to, share.clamp(0.0, 1.0))
}

/// Sets a context's look.
pub(super) fn apply(context: &Context) {
    context.set_theme(Theme::Dark);
    context.all_styles_mut(|style| {
        style.text_styles = [
            (TextStyle::Small, font(12.0)),
            (TextStyle::Body, font(15.0)),
            (TextStyle::Button, font(15.0)),
            (TextStyle::Heading, font(20.0)),
            (
                TextStyle::Monospace,
                FontId::new(13.0, FontFamily::Monospace),
            ),
        ]
        .into();
        style.spacing.item_spacing = Vec2::new(6.0, 6.0);
        style.spacing.button_padding = Vec2::new(10.0, 4.0);
        style.spacing.interact_size.y = 26.0;
        style.interaction.tooltip_delay = 0.35;
        style.interaction.selectable_labels = false;
        style.animation_time = 0.0;
        style.scroll_animation = ScrollAnimation::none();
        let visuals = &mut style.visuals;
        visuals.panel_fill = GROUND;
        visuals.window_fill = PANEL;
        visuals.window_stroke = Stroke::new(1.0, EDGE);
        visuals.extreme_bg_color = Color32::from_rgb(7, 8, 9);
        visuals.faint_bg_color = PANEL;
        visuals.selection.bg_fill = FILL;
        visuals.selection.stroke = Stroke::new(1.5, LIT);
        visuals.hyperlink_color = LIT;
        visuals.warn_fg_color = LIT;
        visuals.error_fg_color = RED;
        let widgets = &mut visuals.widgets;
        for (state, fill, ink) in [
            (&mut widgets.noninteractive, PANEL, INK),
            (&mut widgets.inactive, CELL, INK),
            (&mut widgets.hovered, HOVER, Color32::WHITE),
            (&mut widgets.active, FILL, Color32::WHITE),
            (&mut widgets.open, HOVER, INK),
        ] {
            state.bg_fill = fill;
            state.weak_bg_fill = fill;
            state.bg_stroke = Stroke::NONE;
            state.fg_stroke = Stroke::new(1.0, ink);
            state.corner_radius = CornerRadius::same(CORNER as u8);
            state.expansion = 0.0;
        }
        widgets.noninteractive.bg_stroke = Stroke::new(1.0, CELL);
        // What the keyboard has reached.
        widgets.active.bg_stroke = Stroke::new(1.5, BLUE);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_readable_on_every_ground_and_nothing_is_white() {
        // 4.5 is WCAG's AA, 7 its AAA.
        for (ink, grounds, least) in [
            (INK, &[GROUND, PANEL, CELL, HOVER][..], 7.0),
            (INK, &[FILL], 7.0),
            (SOFT, &[CELL, HOVER, FILL], 4.5),
            (DIM, &[GROUND, PANEL, CELL, HOVER], 4.5),
            (LIT, &[GROUND, PANEL, CELL, HOVER], 4.5),
            (BLUE, &[GROUND, PANEL, CELL], 4.5),
            (GREEN, &[GROUND, PANEL, CELL], 4.5),
            (ALARM, &[GROUND, PANEL, CELL], 4.5),
            (INK, &[RED], 4.5),
            (DARK, &[LIT, BLUE], 4.5),
        ] {
            for &ground in grounds {
                let found = contrast(ink, ground);
                assert!(found >= least, "{ink:?} on {ground:?}: {found}");
            }
        }
        assert_eq!([ink_on(LIT), ink_on(BLUE), ink_on(RED)], [DARK, DARK, INK]);
        // The ground of a room that is dark: under a hundredth of white.
        for ground in [GROUND, PANEL] {
            assert!(contrast(ground, Color32::BLACK) < 1.2);
        }
    }
}
