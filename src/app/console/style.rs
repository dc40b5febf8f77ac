//! How the console looks: dark, for eyes that look at a stage, and large, for hands in a hurry.

use egui::{Color32, Context, CornerRadius, FontFamily, FontId, Stroke, TextStyle, Theme, Vec2};

pub(super) const GROUND: Color32 = Color32::from_rgb(11, 12, 14);
pub(super) const PANEL: Color32 = Color32::from_rgb(19, 20, 23);
pub(super) const CELL: Color32 = Color32::from_rgb(34, 36, 41);
pub(super) const HOVER: Color32 = Color32::from_rgb(46, 49, 56);
pub(super) const EDGE: Color32 = Color32::from_rgb(58, 62, 70);
pub(super) const INK: Color32 = Color32::from_rgb(222, 224, 228);
pub(super) const DIM: Color32 = Color32::from_rgb(142, 146, 154);
pub(super) const FILL: Color32 = Color32::from_rgb(96, 79, 42);
pub(super) const NEAR: Color32 = Color32::from_rgb(120, 94, 42);
pub(super) const LIT: Color32 = Color32::from_rgb(240, 182, 74);
pub(super) const DARK: Color32 = Color32::from_rgb(24, 18, 6);
pub(super) const RED: Color32 = Color32::from_rgb(226, 58, 50);
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
        let visuals = &mut style.visuals;
        visuals.panel_fill = GROUND;
        visuals.window_fill = PANEL;
        visuals.window_stroke = Stroke::new(1.0, EDGE);
        visuals.extreme_bg_color = Color32::from_rgb(7, 8, 9);
        visuals.faint_bg_color = PANEL;
        visuals.selection.bg_fill = FILL;
        visuals.selection.stroke = Stroke::new(1.0, LIT);
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
    });
}
