use super::*;
use crate::light::linear;
use crate::stage::{FilmEmulation, Fit};

fn scaled(from: (u32, u32), to: (u32, u32), projection: &Projection, picture: &[u8]) -> Canvas {
    let picture = Canvas {
        size: from,
        rgba: picture.to_vec(),
    };
    let mut frame = Canvas::black(to);
    frame.rgba.fill(7);
    Scaler::new(Filter::CatmullRom, 1).scale(&picture, &mut frame, projection);
    frame
}

fn pixel(frame: &Canvas, x: u32, y: u32) -> [u8; 3] {
    let at = ((y * frame.size.0 + x) * 4) as usize;
    [frame.rgba[at], frame.rgba[at + 1], frame.rgba[at + 2]]
}

const FILTERS: [Option<Filter>; 6] = [
    None,
    Some(Filter::Nearest),
    Some(Filter::Bilinear),
    Some(Filter::CatmullRom),
    Some(Filter::Lanczos),
    Some(Filter::Edge),
];

fn projection(fit: Fit, filter: Option<Filter>) -> Projection {
    Projection {
        filter,
        ..Projection::plain(fit)
    }
}

/// A picture in which no two pixels are alike.
fn motley(size: (u32, u32)) -> Vec<u8> {
    (0..size.0 * size.1 * 4)
        .map(|i| {
            if i % 4 == 3 {
                255
            } else {
                (i * 37 % 251) as u8
            }
        })
        .collect()
}

#[test]
fn at_its_own_size_a_picture_stays_as_it_is() {
    let picture = motley((8, 6));
    for filter in FILTERS {
        for fit in [Fit::Fit, Fit::Fill, Fit::Stretch, Fit::OneToOne] {
            let frame = scaled((8, 6), (8, 6), &projection(fit, filter), &picture);
            assert_eq!(frame.rgba, picture, "{fit:?} {filter:?}");
        }
    }
}

#[test]
fn one_to_one_keeps_pixels_in_the_middle_of_any_frame() {
    let picture = motley((8, 6));
    let pixel_of = |x: u32, y: u32| {
        let at = ((y * 8 + x) * 4) as usize;
        [picture[at], picture[at + 1], picture[at + 2]]
    };
    let whole = projection(Fit::OneToOne, Some(Filter::Edge));
    let wide = scaled((8, 6), (13, 9), &whole, &picture);
    let cut = scaled((8, 6), (4, 3), &whole, &picture);
    for y in 0..9 {
        for x in 0..13 {
            let is_inside = (2..10).contains(&x) && (1..7).contains(&y);
            let expected = if is_inside {
                pixel_of(x - 2, y - 1)
            } else {
                [0; 3]
            };
            assert_eq!(pixel(&wide, x, y), expected, "{x} {y}");
        }
    }
    for y in 0..3 {
        for x in 0..4 {
            assert_eq!(pixel(&cut, x, y), pixel_of(x + 2, y + 2), "{x} {y}");
        }
    }
}

#[test]
fn an_even_picture_stays_even_larger_and_smaller_and_what_it_leaves_is_black() {
    let picture = [10, 120, 250, 255].repeat(16 * 16);
    for filter in FILTERS {
        for to in [(64, 64), (37, 37), (7, 7)] {
            let frame = scaled((16, 16), to, &projection(Fit::Fit, filter), &picture);
            let is_even = frame.rgba.chunks_exact(4).all(|p| p == [10, 120, 250, 255]);
            assert!(is_even, "{filter:?} {to:?}");
        }
        let frame = scaled((16, 16), (64, 32), &projection(Fit::Fit, filter), &picture);
        assert_eq!(pixel(&frame, 15, 16), [0, 0, 0]);
        assert_eq!(pixel(&frame, 16, 16), [10, 120, 250]);
        assert_eq!(pixel(&frame, 48, 16), [0, 0, 0]);
        let frame = scaled((16, 16), (64, 32), &projection(Fit::Fill, filter), &picture);
        assert!(frame.rgba.chunks_exact(4).all(|p| p == [10, 120, 250, 255]));
    }
}

#[test]
fn a_ramp_stays_a_ramp() {
    let picture: Vec<u8> = (0..16u8).flat_map(|x| [x * 16, 0, 0, 255]).collect();
    for filter in [
        Filter::Bilinear,
        Filter::CatmullRom,
        Filter::Lanczos,
        Filter::Edge,
    ] {
        let stretch = projection(Fit::Stretch, Some(filter));
        let frame = scaled((16, 1), (64, 1), &stretch, &picture);
        // Away from the edges the filters give back a straight line, sinc but nearly.
        let tolerance = if filter == Filter::Lanczos { 2.0 } else { 1.0 };
        for x in 12..52u32 {
            let expected = ((f64::from(x) + 0.5) / 4.0 - 0.5) * 16.0;
            let seen = f64::from(pixel(&frame, x, 0)[0]);
            let off = (seen - expected).abs();
            assert!(off <= tolerance, "{filter:?} {x}: {seen} for {expected}");
        }
    }
}

#[test]
fn threads_draw_what_one_draws() {
    let picture = Canvas {
        size: (24, 24),
        rgba: motley((24, 24)),
    };
    let film = FilmEmulation {
        halation: 1.0,
        grain: 1.0,
        grain_size: 1.0,
        ..FilmEmulation::default()
    };
    for filter in FILTERS {
        let projection = Projection {
            film,
            ..projection(Fit::Fit, filter)
        };
        let [one, many] = [1, 3].map(|threads| {
            let mut frame = Canvas::black((100, 61));
            Scaler::new(Filter::Edge, threads).scale(&picture, &mut frame, &projection);
            frame
        });
        assert!(one == many, "{filter:?}");
    }
}

fn light(pixel: &[u8]) -> [f32; 3] {
    [pixel[0], pixel[1], pixel[2]].map(|byte| linear()[usize::from(byte)])
}

fn luminance([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Mean luminance of each of 16 x 16 parts of a frame, as flashes are counted.
fn parts(frame: &Canvas) -> Vec<f32> {
    let (width, height) = (frame.size.0 as usize, frame.size.1 as usize);
    let mut sums = vec![(0.0, 0.0f32); 256];
    for (at, pixel) in frame.rgba.chunks_exact(4).enumerate() {
        let (x, y) = (at % width * 16 / width, at / width * 16 / height);
        let sum = &mut sums[y * 16 + x];
        *sum = (sum.0 + luminance(light(pixel)), sum.1 + 1.0);
    }
    sums.iter().map(|(sum, count)| sum / count).collect()
}

#[test]
fn the_coarsest_grain_changes_no_part_of_a_frame_as_a_flash_does() {
    let picture = [120, 120, 120, 255].repeat(16 * 16);
    let grained = |exposure| {
        let film = FilmEmulation {
            grain: 1.0,
            grain_size: 4.0,
            exposure,
            ..FilmEmulation::default()
        };
        let stretch = Projection {
            film,
            ..projection(Fit::Stretch, None)
        };
        parts(&scaled((16, 16), (640, 360), &stretch, &picture))
    };
    let mut last = grained(0);
    for exposure in 1..48 {
        let next = grained(exposure);
        let changes = last.iter().zip(&next).map(|(a, b)| (a - b).abs());
        let worst = changes.fold(0.0, f32::max);
        assert!(worst > 0.001 && worst < 0.1, "{exposure}: {worst}");
        last = next;
    }
}

#[test]
fn the_strongest_halation_adds_less_than_half_a_flash() {
    let mut picture = [0, 0, 0, 255].repeat(64 * 64);
    for (at, pixel) in picture.chunks_exact_mut(4).enumerate() {
        if (at % 64 + at / 64) % 5 > 0 {
            pixel[..3].fill(255);
        }
    }
    let film = FilmEmulation {
        halation: 1.0,
        halation_threshold: 0.0,
        halation_radius: 1.0,
        ..FilmEmulation::default()
    };
    let plain = projection(Fit::Fit, Some(Filter::Nearest));
    let [without, with] = [FilmEmulation::default(), film].map(|film| {
        let projection = Projection { film, ..plain };
        scaled((64, 64), (320, 320), &projection, &picture)
    });
    let mut most = [0.0f32; 2];
    for (a, b) in without.rgba.chunks_exact(4).zip(with.rgba.chunks_exact(4)) {
        let (a, b) = (light(a), light(b));
        let added = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
        most[0] = most[0].max(luminance(added));
        most[1] = most[1].max(added[0] - added[1] - added[2]);
    }
    // Nearly all of it, in the dark between the bright.
    assert!(most[0] > 0.03 && most[0] < 0.05, "{most:?}");
    assert!(most[1] > 0.04 && most[1] < 0.0625, "{most:?}");
}
