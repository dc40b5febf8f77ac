//! Pictures enlarged on whatever card there is.

use super::super::golden::{self, Tolerance};
use super::*;
use crate::stage::Canvas;
use crate::stage::gpu::Gpu;
use crate::stage::upload::UploadTexture;
use crate::stage::{FilmEmulation, Fit, Scaler};

const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
/// A golden picture may differ so much; of 160 x 96 pixels.
const TOLERANCE: Tolerance = Tolerance {
    levels: 4,
    pixels: 150,
};

const FITS: [(&str, Fit); 4] = [
    ("fit", Fit::Fit),
    ("fill", Fit::Fill),
    ("stretch", Fit::Stretch),
    ("one-to-one", Fit::OneToOne),
];
const FILTERS: [(&str, Filter); 5] = [
    ("nearest", Filter::Nearest),
    ("bilinear", Filter::Bilinear),
    ("catmull-rom", Filter::CatmullRom),
    ("lanczos", Filter::Lanczos),
    ("edge", Filter::Edge),
];
const FILMS: [(&str, FilmEmulation); 3] = [
    (
        "halation",
        FilmEmulation {
            halation: 1.0,
            ..FILM
        },
    ),
    ("grain", FilmEmulation { grain: 0.5, ..FILM }),
    (
        "film",
        FilmEmulation {
            halation: 0.7,
            grain: 0.3,
            ..FILM
        },
    ),
];
const FILM: FilmEmulation = FilmEmulation {
    halation: 0.0,
    halation_threshold: 0.5,
    halation_radius: 0.5,
    grain: 0.0,
    grain_size: 1.0,
    exposure: 5,
};

struct Bench {
    gpu: Gpu,
    upscale: Upscale,
    upload: UploadTexture,
}

impl Bench {
    fn new(drawn_on_processor: bool) -> Self {
        let gpu = Gpu::open_headless().unwrap();
        let card = GpuHandles {
            device: &gpu.device,
            queue: &gpu.queue,
        };
        let upscale = Upscale::new(card, FORMAT, drawn_on_processor);
        Self {
            gpu,
            upscale,
            upload: UploadTexture::default(),
        }
    }

    /// Throws a picture onto a frame.
    fn drawn(&mut self, canvas: &Canvas, projection: &Projection, size: (u32, u32)) -> Canvas {
        let Gpu { device, queue, .. } = &self.gpu;
        let card = GpuHandles { device, queue };
        let picture = self.upload.upload(device, queue, canvas);
        self.upscale.take(card, picture, projection, size, false);
        let usage = wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC;
        let target = planes::texture(device, size, FORMAT, usage);
        let view = target.create_view(&Default::default());
        let mut encoder = device.create_command_encoder(&Default::default());
        self.upscale.prepare(&mut encoder);
        self.upscale
            .draw(&mut encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
                color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                    view: &view,
                    depth_slice: None,
                    resolve_target: None,
                    ops: Default::default(),
                })],
                ..Default::default()
            }));
        let stride = (size.0 * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: u64::from(stride * size.1),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let into = wgpu::TexelCopyBufferInfo {
            buffer: &buffer,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(stride),
                rows_per_image: None,
            },
        };
        encoder.copy_texture_to_buffer(target.as_image_copy(), into, planes::extent(size));
        queue.submit([encoder.finish()]);
        buffer
            .slice(..)
            .map_async(wgpu::MapMode::Read, |mapped| mapped.unwrap());
        device.poll(wgpu::PollType::wait_indefinitely()).unwrap();
        let bytes = buffer.slice(..).get_mapped_range().unwrap();
        let lines = bytes.chunks_exact(stride as usize);
        Canvas {
            size,
            rgba: lines
                .flat_map(|line| &line[..size.0 as usize * 4])
                .copied()
                .collect(),
        }
    }
}

fn scaled(canvas: &Canvas, projection: &Projection, size: (u32, u32)) -> Canvas {
    let mut frame = Canvas::black(size);
    Scaler::new(Filter::CatmullRom, 1).scale(canvas, &mut frame, projection);
    frame
}

fn projection(fit: Fit, filter: Filter, film: FilmEmulation) -> Projection {
    Projection {
        fit,
        filter: Some(filter),
        film,
        ..Projection::default()
    }
}

/// A picture with slanted edges, slopes, colours, black and white.
fn drawing() -> Canvas {
    let mut canvas = Canvas::black((40, 40));
    for (at, pixel) in canvas.rgba.chunks_exact_mut(4).enumerate() {
        let (x, y) = ((at % 40) as i32, (at / 40) as i32);
        let disc = (x - 13).pow(2) + (y - 15).pow(2) < 72;
        let slant = (3 * x + y - 100).abs() < 5;
        let level = (x + 5 * y - 165).abs() < 7;
        let colour = match (disc, slant, level) {
            (true, ..) => [255, 250, 230],
            (_, true, _) => [30, 120, 210],
            (.., true) => [220, 70, 40],
            _ => [(x * 2) as u8, (y * 2) as u8, (40 + (x + y) / 2) as u8],
        };
        pixel[..3].copy_from_slice(&colour);
    }
    canvas
}

/// The same with noise, so that no filter has it easy.
fn noisy() -> Canvas {
    let mut canvas = drawing();
    for (at, byte) in canvas.rgba.iter_mut().enumerate() {
        if at % 4 < 3 {
            *byte = byte.saturating_add(((at * 7919) % 31) as u8);
        }
    }
    canvas
}

/// Pixels that differ by more than so many levels, and the worst of all differences.
fn compared(a: &Canvas, b: &Canvas, levels: u8) -> (usize, u8) {
    assert_eq!(a.size, b.size);
    let apart = |(a, b): (&[u8], &[u8])| (0..3).map(|n| a[n].abs_diff(b[n])).max();
    let pixels = a.rgba.chunks_exact(4).zip(b.rgba.chunks_exact(4));
    let all: Vec<u8> = pixels.filter_map(apart).collect();
    let worst = all.iter().max().copied().unwrap_or(0);
    (all.iter().filter(|&&apart| apart > levels).count(), worst)
}

#[test]
fn the_card_and_the_processor_enlarge_alike() {
    let mut bench = Bench::new(false);
    let canvas = noisy();
    let mut failed = Vec::new();
    for (fit_name, fit) in FITS {
        for (name, filter) in FILTERS {
            // Larger, much larger and odd, smaller, and one way larger and the other smaller.
            for size in [(192, 96), (233, 181), (31, 23), (90, 33)] {
                let projection = projection(fit, filter, FilmEmulation::default());
                let card = bench.drawn(&canvas, &projection, size);
                let processor = scaled(&canvas, &projection, size);
                let (_, worst) = compared(&card, &processor, 0);
                if worst > 4 {
                    failed.push(format!("{fit_name} {name} {size:?}: {worst} levels"));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn the_card_and_the_processor_develop_alike() {
    let mut bench = Bench::new(false);
    let canvas = noisy();
    for (name, film) in FILMS {
        for (_, fit) in FITS {
            for size in [(192, 96), (321, 241)] {
                let projection = projection(fit, Filter::CatmullRom, film);
                let card = bench.drawn(&canvas, &projection, size);
                let processor = scaled(&canvas, &projection, size);
                let (off, worst) = compared(&card, &processor, 5);
                assert!(
                    off == 0,
                    "{name} {fit:?} {size:?}: {off} pixels, {worst} levels"
                );
            }
        }
    }
}

#[test]
fn every_fit_filter_and_film_draws_its_golden_picture_on_the_card_and_on_the_processor() {
    let mut bench = Bench::new(false);
    let canvas = drawing();
    let plain = projection(Fit::Fit, Filter::CatmullRom, FilmEmulation::default());
    let fits = FITS.map(|(name, fit)| (format!("fit-{name}"), Projection { fit, ..plain }));
    let filters = FILTERS.map(|(name, filter)| {
        let filter = Some(filter);
        (format!("filter-{name}"), Projection { filter, ..plain })
    });
    let films = FILMS.map(|(name, film)| (format!("film-{name}"), Projection { film, ..plain }));
    let mut failed = Vec::new();
    let mut all: Vec<Canvas> = Vec::new();
    for (name, projection) in fits.into_iter().chain(filters).chain(films) {
        let size = if name == "fit-one-to-one" {
            (100, 30)
        } else {
            (160, 96)
        };
        let card = bench.drawn(&canvas, &projection, size);
        failed.extend(golden::check("upscale", &name, &card, TOLERANCE).err());
        let processor = scaled(&canvas, &projection, size);
        let found = golden::check("upscale", &name, &processor, TOLERANCE);
        failed.extend(
            found
                .err()
                .map(|error| format!("on the processor, {error}")),
        );
        let is_plain = name == "filter-catmull-rom";
        assert!(
            is_plain || !all.contains(&card),
            "{name} is a picture of its own"
        );
        all.push(card);
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

#[test]
fn left_to_itself_a_card_follows_edges_and_a_processor_does_not() {
    let canvas = drawing();
    for (drawn_on_processor, filter) in [(false, Filter::Edge), (true, Filter::Bilinear)] {
        let mut bench = Bench::new(drawn_on_processor);
        let auto = bench.drawn(&canvas, &Projection::default(), (160, 96));
        for (name, other) in FILTERS {
            let named = projection(Fit::Fit, other, FilmEmulation::default());
            let same = bench.drawn(&canvas, &named, (160, 96)) == auto;
            assert_eq!(same, other == filter, "{name}");
        }
    }
}

#[test]
fn grain_changes_with_its_exposure_and_leaves_black_and_the_frame_around_alone() {
    let mut bench = Bench::new(false);
    let mut canvas = drawing();
    canvas.rgba[..20 * 40 * 4]
        .chunks_exact_mut(4)
        .for_each(|pixel| pixel[..3].fill(0));
    let grain = |exposure| {
        let film = FilmEmulation {
            grain: 1.0,
            exposure,
            ..FILM
        };
        projection(Fit::Fit, Filter::Nearest, film)
    };
    let first = bench.drawn(&canvas, &grain(1), (160, 80));
    assert!(first == bench.drawn(&canvas, &grain(1), (160, 80)));
    assert!(first != bench.drawn(&canvas, &grain(2), (160, 80)));
    for (at, pixel) in first.rgba.chunks_exact(4).enumerate() {
        let (x, y) = (at % 160, at / 160);
        if y < 40 || !(40..120).contains(&x) {
            assert_eq!(pixel, [0, 0, 0, 255], "{x} {y}");
        }
    }
}

#[test]
fn flashes_are_held_on_the_card_as_on_the_processor() {
    let size = (96, 54);
    for (name, film) in [
        ("plain", FilmEmulation::default()),
        ("halation", FILMS[0].1),
    ] {
        let mut bench = Bench::new(true);
        let mut frame = crate::stage::OutputFrame::new(size, Filter::Bilinear, 1);
        let mut darkened = 0;
        // Not for longer: a hair's difference at a threshold grows with every flash that it lets through.
        for number in 0..36u64 {
            let mut canvas = Canvas::black((60, 60));
            for (at, pixel) in canvas.rgba.chunks_exact_mut(4).enumerate() {
                let (x, y) = (at % 60, at / 60);
                // The left pulses at 7.5 hertz, in red on its upper half; the right stays.
                let is_on = (number / 2) % 2 == 0 || x >= 30;
                let level = if is_on {
                    60 + (x * 3 + y) as u8 % 150
                } else {
                    10
                };
                let rest = if y < 30 && x < 30 { 5 } else { level };
                pixel[..3].copy_from_slice(&[level, rest, rest]);
            }
            let projection = Projection {
                limits: true,
                tick: number * 16,
                ..projection(Fit::Stretch, Filter::Bilinear, film)
            };
            let card = bench.drawn(&canvas, &projection, size);
            let processor = frame.draw(&canvas, &projection);
            let worst = card.rgba.iter().zip(processor).map(|(a, b)| a.abs_diff(*b));
            let worst = worst.max();
            assert!(worst <= Some(12), "{name} {number}: {worst:?}");
            let free = Projection {
                limits: false,
                ..projection
            };
            darkened += usize::from(scaled(&canvas, &free, size).rgba != processor);
        }
        assert!((10..36).contains(&darkened), "{name}: {darkened}");
    }
}
