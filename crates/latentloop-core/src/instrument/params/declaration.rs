//! Declarations of parameters: the macro `params!`, and the constants that it makes.

use std::marker::PhantomData;
use std::ops::RangeInclusive;

use super::Choice;
use super::standard::SECTIONS;
use super::table::{Curve, Kind, PresetUse, Row, Scope, Table, Text, Trigger};

/// The value side of a declaration: kind, range, default, unit, and what smooths it.
#[derive(Clone, Copy)]
pub(super) struct Shape<T> {
    kind: Kind,
    min: f64,
    max: f64,
    default: f64,
    unit: &'static str,
    curve: Curve,
    smoothing_secs: f64,
    read_only: bool,
    unsaved: bool,
    numbered: bool,
    holds: PhantomData<fn() -> T>,
}

const fn shape<T>(kind: Kind, min: f64, max: f64, default: f64, unit: &'static str) -> Shape<T> {
    Shape {
        kind,
        min,
        max,
        default,
        unit,
        curve: Curve::Linear,
        smoothing_secs: 0.0,
        read_only: false,
        unsaved: false,
        numbered: false,
        holds: PhantomData,
    }
}

/// A real number.
pub(super) const fn float(
    range: RangeInclusive<f64>,
    default: f64,
    unit: &'static str,
) -> Shape<f64> {
    shape(Kind::Float, *range.start(), *range.end(), default, unit)
}

/// A smoothed real number, 0 to 1.
pub(super) const fn amount(default: f64) -> Shape<f64> {
    float(0.0..=1.0, default, "").smoothed()
}

/// A whole number.
pub(super) const fn int(
    range: RangeInclusive<i32>,
    default: i32,
    unit: &'static str,
) -> Shape<i64> {
    let (min, max) = (*range.start() as f64, *range.end() as f64);
    shape(Kind::Int, min, max, default as f64, unit)
}

/// Off at start.
pub(super) const fn toggle() -> Shape<bool> {
    shape(Kind::Toggle, 0.0, 1.0, 0.0, "")
}

/// One of a few names, the first at start.
pub(super) const fn choice<C: Choice>() -> Shape<C> {
    let last = (C::NAMES.len() - 1) as f64;
    shape(Kind::Choice(C::NAMES), 0.0, last, 0.0, "")
}

/// Fires.
pub(super) const fn trigger() -> Shape<Trigger> {
    shape(Kind::Trigger, 0.0, 1.0, 0.0, "")
}

/// Fires with a text.
pub(super) const fn text() -> Shape<Text> {
    shape(Kind::Text, 0.0, 1.0, 0.0, "")
}

impl Shape<bool> {
    /// On at start.
    pub(super) const fn on(self) -> Self {
        Self {
            default: 1.0,
            ..self
        }
    }
}

impl<T> Shape<T> {
    /// A control is finer near the low end.
    pub(super) const fn square(self) -> Self {
        Self {
            curve: Curve::Square,
            ..self
        }
    }

    /// A control is finer around its middle, where it rests.
    pub(super) const fn centred(self) -> Self {
        Self {
            curve: Curve::Centre,
            ..self
        }
    }

    /// A control is finer near the high end.
    pub(super) const fn fine_high(self) -> Self {
        Self {
            curve: Curve::High,
            ..self
        }
    }

    /// Steps of a control are slewed.
    pub(super) const fn smoothed(self) -> Self {
        Self {
            smoothing_secs: 0.05,
            ..self
        }
    }

    /// It can only be read.
    pub(super) const fn read_only(self) -> Self {
        Self {
            read_only: true,
            ..self
        }
    }

    /// No preset saves it, whatever its section says.
    pub(super) const fn unsaved(self) -> Self {
        Self {
            unsaved: true,
            ..self
        }
    }

    /// The default is the number in the family.
    pub(super) const fn numbered(self) -> Self {
        Self {
            numbered: true,
            ..self
        }
    }

    pub(super) const fn named(self, name: &'static str, help: &'static str) -> Declaration {
        Declaration {
            name,
            help,
            shape: Shape {
                holds: PhantomData,
                kind: self.kind,
                min: self.min,
                max: self.max,
                default: self.default,
                unit: self.unit,
                curve: self.curve,
                smoothing_secs: self.smoothing_secs,
                read_only: self.read_only,
                unsaved: self.unsaved,
                numbered: self.numbered,
            },
        }
    }
}

/// A parameter, or a family of them where its section is numbered: then `N` in the name and `{N}` in the help are the number.
pub(super) struct Declaration {
    name: &'static str,
    help: &'static str,
    shape: Shape<()>,
}

/// Parameters that stand together in the table. Numbered ones stand number by number.
pub(super) struct Section {
    pub(super) scope: Scope,
    pub(super) preset: PresetUse,
    pub(super) numbers: Option<RangeInclusive<usize>>,
    pub(super) declarations: &'static [Declaration],
}

impl Section {
    /// How many times it stands in the table.
    const fn count(&self) -> usize {
        match &self.numbers {
            Some(numbers) => *numbers.end() + 1 - *numbers.start(),
            None => 1,
        }
    }
}

/// Number of rows of the standard table.
pub(super) const COUNT: usize = {
    let (mut count, mut at) = (0, 0);
    while at < SECTIONS.len() {
        count += SECTIONS[at].count() * SECTIONS[at].declarations.len();
        at += 1;
    }
    assert!(count <= u16::MAX as usize, "ids are 16 bits");
    count
};

/// The place of a declaration's rows in the table.
pub(super) struct Place {
    pub(super) first: usize,
    pub(super) stride: usize,
    pub(super) count: usize,
}

/// The place of a declaration, by its name as it is declared.
pub(super) const fn place_of(name: &str) -> Place {
    let (mut first, mut at) = (0, 0);
    while at < SECTIONS.len() {
        let section = &SECTIONS[at];
        let stride = section.declarations.len();
        let mut within = 0;
        while within < stride {
            if is_same_name(section.declarations[within].name, name) {
                return Place {
                    first: first + within,
                    stride,
                    count: section.count(),
                };
            }
            within += 1;
        }
        first += section.count() * stride;
        at += 1;
    }
    panic!("no parameter is declared under that name")
}

/// `a == b`, in a constant.
pub const fn is_same_name(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}

impl Table {
    /// Every parameter that the program has.
    pub fn standard() -> Self {
        let mut rows = Vec::with_capacity(COUNT);
        for section in SECTIONS {
            match section.numbers.clone() {
                None => rows.extend(
                    section
                        .declarations
                        .iter()
                        .map(|one| row(section, one, None)),
                ),
                Some(numbers) => {
                    for number in numbers {
                        let declarations = section.declarations.iter();
                        rows.extend(declarations.map(|one| row(section, one, Some(number))));
                    }
                }
            }
        }
        Self::new(rows)
    }
}

fn row(section: &Section, declaration: &Declaration, number: Option<usize>) -> Row {
    let Declaration { name, help, shape } = declaration;
    let (name, help) = match number.map(|number| number.to_string()) {
        None => ((*name).to_owned(), (*help).to_owned()),
        Some(number) => (name.replacen('N', &number, 1), help.replace("{N}", &number)),
    };
    Row {
        name,
        kind: shape.kind,
        min: shape.min,
        max: shape.max,
        default: match number {
            Some(number) if shape.numbered => number as f64,
            _ => shape.default,
        },
        unit: shape.unit,
        curve: shape.curve,
        smoothing_secs: shape.smoothing_secs,
        scope: section.scope,
        preset: if shape.unsaved {
            PresetUse::Unsaved
        } else {
            section.preset
        },
        read_only: shape.read_only,
        help,
    }
}

/// Declares the parameters: the table's sections, a typed constant for each parameter, and under `id` the same constants
/// untyped, to be matched on.
///
/// A section says who acts on its parameters, what presets do with them, and, where they are numbered, from where to where.
macro_rules! params {
    ($(
        $scope:ident, $preset:ident $(, $numbers:expr)? => {
            $($constant:ident $name:literal: $type:ty = $shape:expr, $help:literal;)*
        }
    )*) => {
        pub(super) const SECTIONS: &[$crate::instrument::params::declaration::Section] = &[$(
            $crate::instrument::params::declaration::Section {
                scope: $crate::instrument::params::Scope::$scope,
                preset: $crate::instrument::params::PresetUse::$preset,
                numbers: params!(@numbers $($numbers)?),
                declarations: &[$({
                    const SHAPE: $crate::instrument::params::declaration::Shape<$type> = $shape;
                    SHAPE.named($name, $help)
                },)*],
            },
        )*];

        $(params!(@constants [$($numbers)?] $($constant $name: $type, $help;)*);)*

        /// The same parameters as untyped constants, to be matched on.
        pub mod id {
            $(super::params!(@ids [$($numbers)?] $($constant $name;)*);)*
        }
    };
    (@numbers) => { None };
    (@numbers $numbers:expr) => { Some($numbers) };
    (@constants [] $($constant:ident $name:literal: $type:ty, $help:literal;)*) => { $(
        #[doc = concat!("`", $name, "`: ", $help, ".")]
        pub const $constant: $crate::instrument::params::Param<$type> =
            $crate::instrument::params::Param::declared($name);
    )* };
    (@constants [$numbers:expr] $($constant:ident $name:literal: $type:ty, $help:literal;)*) => { $(
        #[doc = concat!("`", $name, "`: ", $help, ".")]
        pub const $constant: $crate::instrument::params::Family<$type> =
            $crate::instrument::params::Family::declared($name);
    )* };
    (@ids [] $($constant:ident $name:literal;)*) => { $(
        #[doc = concat!("`", $name, "`.")]
        pub const $constant: $crate::instrument::params::ParamId = super::$constant.id();
    )* };
    (@ids [$numbers:expr] $($constant:ident $name:literal;)*) => {};
}
pub(super) use params;

#[cfg(test)]
mod tests {
    use super::super::*;

    #[test]
    fn knobs_are_fine_where_they_are_played() {
        let table = Table::standard();
        let reached = |name: &str| -> Vec<f64> {
            let row = table.row(table.find(name).unwrap());
            let steps = (0..128).map(|step| row.from_unit(f64::from(step) / 127.0));
            steps.collect()
        };
        for name in [
            "loop.speed",
            "beat.rate",
            "look.tilt",
            "look.hue",
            "look.feedback_zoom",
            "look.feedback_rotate",
            "look.feedback_hue",
        ] {
            let (steps, row) = (reached(name), table.row(table.find(name).unwrap()));
            assert!(steps.is_sorted(), "{name}: {steps:?}");
            assert_eq!([steps[0], steps[127]], [row.min, row.max], "{name}");
            // Both middle steps of 128 rest at zero, and each side is the other's mirror image.
            assert_eq!([steps[63], steps[64]], [0.0, 0.0], "{name}");
            assert!(steps[65] > 0.0 && steps[65] < row.max * 1e-3, "{name}");
            for step in 0..64 {
                assert!((steps[step] + steps[127 - step]).abs() < 1e-9, "{name}");
            }
        }
        let near = |steps: &[f64], value: f64, by: f64| {
            assert!(
                steps.iter().any(|step| (step - value).abs() <= by),
                "{value}: {steps:?}"
            );
        };
        for speed in [-0.08, 0.08, 0.3] {
            near(&reached("loop.speed"), speed, 0.03);
        }
        // Between 0.96 and 1 lies a third of the fader.
        let drama = reached("look.feedback");
        assert!(drama.is_sorted() && drama[127] == 1.0);
        assert!(drama.iter().filter(|value| **value >= 0.96).count() >= 42);
    }

    #[test]
    fn every_value_is_reached_by_a_control() {
        for (_, row) in Table::standard().iter() {
            for part in 0..=100 {
                let value = row.clamp(row.min + (row.max - row.min) * f64::from(part) / 100.0);
                let again = row.from_unit(row.to_unit(value));
                let off = (again - value).abs();
                assert!(
                    off <= 1e-9 * (row.max - row.min),
                    "{}: {value}, {again}",
                    row.name
                );
            }
        }
    }

    #[test]
    fn constants_are_the_rows_of_their_names() {
        let table = Table::standard();
        let names = |params: &[ParamId]| -> Vec<_> {
            let rows = params.iter().map(|&param| table.row(param).name.clone());
            rows.collect()
        };
        let found = names(&[
            LOOP_POSITION.id(),
            id::BEAT_PHASE,
            KEYFRAME_JUMP.at(0).id(),
            KEYFRAME_SWAP.at(MAX_KEYFRAMES - 1).id(),
            PRESET_BANK.at(15).id(),
            LOOK_OWN_KNOBS[3].at(1).id(),
            STAGE_FITS[3].id(),
            id::WINDOW_CONSOLE,
        ]);
        let expected = [
            "loop.position",
            "beat.phase",
            "keyframe.1.jump",
            "keyframe.64.swap",
            "preset.bank.16",
            "look.own.2.d",
            "stage.fit_4",
            "window.console",
        ];
        assert_eq!(found, expected);
        for (at, (param, row)) in table.iter().enumerate() {
            assert_eq!(ParamId::at(at), Some(param));
            assert_eq!(
                table.id(&row.name),
                Some(param),
                "{} stands twice",
                row.name
            );
            assert!((row.min..=row.max).contains(&row.default), "{}", row.name);
        }
        assert_eq!(ParamId::at(table.len()), None);
        assert_eq!(
            table.row(STAGE_FITS[2]).help,
            "How the picture meets the screen of output 3"
        );
        assert_eq!(table.row(KEYFRAME_SEED.at(6)).default, 7.0);
    }

    #[test]
    fn a_family_knows_its_own() {
        for (at, param) in KEYFRAME_LOCK.iter().enumerate() {
            assert_eq!(KEYFRAME_LOCK.index_of(param.id()), Some(at));
            assert_eq!(KEYFRAME_SEED.index_of(param.id()), None);
        }
        for stranger in [id::LOOP_UNDO, id::MASTER_FADE, PRESET_BANK.at(0).id()] {
            assert_eq!(KEYFRAME_LOCK.index_of(stranger), None);
        }
    }

    #[test]
    fn values_are_what_their_numbers_say() {
        assert!(bool::from_number(true.number()));
        assert!(!bool::from_number(false.number()));
        assert_eq!(i64::from_number(7.0), 7);
        assert_eq!(Fit::from_number(Fit::OneToOne.number()), Fit::OneToOne);
        let action = Action::set(BEAT_SOURCE, BeatSource::Link);
        let expected = Action::Set {
            param: id::BEAT_SOURCE,
            value: 2.0,
        };
        assert_eq!(action, expected);
    }
}
