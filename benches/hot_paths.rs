//! The hot paths: `cargo bench`, or one of them by name: `cargo bench -- osc`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
#[cfg(feature = "live")]
use std::time::Instant;

use candle_core::Device;
#[cfg(feature = "live")]
use criterion::BatchSize;
use criterion::Criterion;
use latentloop::engine::{Backend, EngineOptions, Norm, Rounding, Winograd, open};
use latentloop::instrument::{Action, Instrument, Preset, Table};
use latentloop::network::spec::Spec;
use latentloop::network::weights::GeneratorWeights;

/// A frame at a quarter of the reference work's width, as bytes, in both norms.
fn generator_frame(criterion: &mut Criterion) {
    let spec = Spec::studies(256, 0.25, 200).expect("a quarter of the width is a network");
    let weights = GeneratorWeights::random(&spec, 0);
    let options = EngineOptions {
        backend: Backend::Cpu,
        winograd: Winograd::Auto,
        ..EngineOptions::default()
    };
    let mut engine = open(&weights, &options).expect("the processor draws any network");
    let mut rgba = vec![0; 256 * 256 * 4];
    for norm in [Norm::Running, Norm::Batch] {
        let z: Vec<f32> = (0..norm.rows() * 200)
            .map(|i| ((i * 37 % 101) as f32 - 50.0) / 30.0)
            .collect();
        criterion.bench_function(
            &format!("generator frame, quarter width, {norm:?}"),
            |bench| {
                bench.iter(|| {
                    engine
                        .render_rgba(black_box(&z), norm, Rounding::Nearest, &mut rgba)
                        .expect("the latents fit the network");
                });
            },
        );
    }
}

/// A training step at a quarter of the width, batch 8.
fn training_step(criterion: &mut Criterion) {
    let spec = Spec::studies(256, 0.25, 200).expect("a quarter of the width is a network");
    criterion.bench_function("training step, quarter width, batch 8", |bench| {
        bench.iter_custom(|runs| {
            let times_ms = latentloop::train::bench(&spec, 8, runs, &Device::Cpu);
            let times_ms = times_ms.expect("the processor trains any network");
            let total_ms: f64 = times_ms.iter().sum();
            Duration::from_secs_f64(total_ms / 1e3)
        });
    });
}

/// A sixtieth of a second of the instrument: eight ticks, and the latents of eight rows.
fn loop_tick(criterion: &mut Criterion) {
    let table = Arc::new(Table::standard());
    let instrument = |seeds| {
        Instrument::new(&Preset::of_seeds(seeds), Arc::clone(&table), 200)
            .expect("seeds fit any model")
    };
    let mut small = instrument(1..=8);
    let mut z = vec![0.0; 8 * 200];
    criterion.bench_function("loop, eight ticks and eight rows", |bench| {
        bench.iter(|| {
            (0..8).for_each(|_| small.tick());
            small.latents(black_box(&mut z));
        });
    });
    let mut large = instrument(1..=64);
    criterion.bench_function("a tick of 64 keyframes, and one row", |bench| {
        bench.iter(|| {
            large.tick();
            large.latents(black_box(&mut z[..200]));
        });
    });
    let param = table.id("loop.reroll").expect("a row of the table");
    criterion.bench_function("re-roll of eight keyframes", |bench| {
        bench.iter(|| small.apply(black_box(&Action::Trigger { param })));
    });
}

/// A bundle of two hundred floats, as TouchDesigner sends them, from bytes to actions.
#[cfg(feature = "live")]
fn osc_parse(criterion: &mut Criterion) {
    use latentloop::control::osc::{Decoder, messages};
    use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType};
    let message = |number: usize| {
        OscPacket::Message(OscMessage {
            addr: if number.is_multiple_of(2) {
                "/loop/speed".to_owned()
            } else {
                format!("/keyframe/{}/lock", number % 64 + 1)
            },
            args: vec![OscType::Float(0.5)],
        })
    };
    let bundle = OscPacket::Bundle(OscBundle {
        timetag: OscTime {
            seconds: 0,
            fractional: 1,
        },
        content: (0..200).map(message).collect(),
    });
    let packet = rosc::encoder::encode(&bundle).expect("it is a bundle");
    let table = Table::standard();
    let mut decoder = Decoder::new(&table);
    let now = Instant::now();
    criterion.bench_function("osc, a bundle of 200 messages", |bench| {
        bench.iter_batched(
            || packet.clone(),
            |packet| {
                messages(&packet, |message| {
                    if let Ok((message, _)) = message {
                        decoder.requests(&message, &table, now, |request| {
                            let _ = black_box(request);
                        });
                    }
                });
            },
            BatchSize::SmallInput,
        );
    });
}

/// A hundred messages of a controller, from bytes to actions: the largest map that ships, faders that are picked up, and pads.
#[cfg(feature = "live")]
fn midi_read(criterion: &mut Criterion) {
    use latentloop::control::Values;
    use latentloop::control::midi::{BoundMap, ControllerMap, Reader, SHIPPED};
    let table = Table::standard();
    let values = Values::new(&table);
    let largest = SHIPPED.iter().max_by_key(|(_, text)| text.len());
    let (_, text) = largest.expect("maps ship");
    let map = ControllerMap::parse(text, &table).expect("it fits the table");
    let map = BoundMap::new(map);
    let mut reader = Reader::default();
    let message = |number: u8| match number % 2 {
        0 => [0xb0, 48 + number % 9, number],
        _ => [0x90, number % 64, 100],
    };
    let bytes: Vec<u8> = (0..100).flat_map(message).collect();
    let mut now = 0;
    criterion.bench_function("midi, a hundred messages to actions", |bench| {
        bench.iter(|| {
            now += 1_000_000;
            for action in reader.actions(black_box(&bytes), now, &map, &values) {
                black_box(action);
            }
        });
    });
}

/// A picture of 640 x 360 with four passes, drawn, limited and read back: in one go, and one by one.
#[cfg(feature = "live")]
fn look(criterion: &mut Criterion) {
    use latentloop::instrument::params::{LOOK_FEEDBACK, LOOK_GAIN, LOOK_GRAIN, LOOK_VIGNETTE};
    use latentloop::stage::{
        Canvas, EffectRenderer, EffectValues, PostChain, PostFrame, Projection, Readback,
    };
    let mut frame = PostFrame {
        values: EffectValues::default()
            .with(LOOK_FEEDBACK, 0.6)
            .with(LOOK_GAIN, 1.1)
            .with(LOOK_GRAIN, 0.3)
            .with(LOOK_VIGNETTE, 0.5),
        brightness: 1.0,
        tick: 0,
        seed: 0,
        palette: None,
    };
    let mut canvas = Canvas::black((640, 360));
    for (pixel, byte) in canvas.rgba.iter_mut().enumerate() {
        *byte = (pixel * 31 % 251) as u8;
    }
    type Kind = fn(EffectRenderer) -> EffectRenderer;
    let kinds: [(&str, Kind); 2] = [
        ("in one go", EffectRenderer::waiting),
        ("one by one", EffectRenderer::one_by_one),
    ];
    let projection = Projection::default();
    for (name, kind) in kinds {
        let renderer =
            EffectRenderer::headless().expect("a graphics driver, be it the processor's");
        let (mut chain, mut readback) = (PostChain::with_gpu(kind(renderer)), Readback::default());
        criterion.bench_function(&format!("look, 640 x 360, four passes {name}"), |bench| {
            bench.iter(|| {
                frame.tick += 16;
                let finished = chain.run(black_box(&canvas), &frame);
                readback.request(&finished, &projection, Instant::now());
                assert!(readback.wait().is_some(), "nothing is read back");
            });
        });
    }
}

/// The limiter of flashes before a recording of the picture's own size: where nothing flashes, and where it darkens.
fn limiter(criterion: &mut Criterion) {
    use latentloop::stage::{Canvas, Filter, OutputFrame, Projection};
    let size = (512, 512);
    let level = |level: u8| Canvas {
        size,
        rgba: vec![level; size.0 as usize * size.1 as usize * 4],
    };
    for (name, levels) in [("a calm", [90, 90]), ("a flashing", [20, 230])] {
        let pictures = levels.map(level);
        let mut output = OutputFrame::new(size, Filter::CatmullRom, 1);
        let mut projection = Projection {
            limits: true,
            ..Projection::default()
        };
        let mut number = 0;
        criterion.bench_function(&format!("limiter, {name} picture of 512"), |bench| {
            bench.iter(|| {
                number += 1;
                projection.tick += 8;
                let picture = &pictures[number / 4 % 2];
                black_box(output.draw(black_box(picture), &projection)[0])
            });
        });
    }
}

/// A picture of 256 x 256, enlarged to 1920 x 1080 on one core: as recordings and films are.
fn scale(criterion: &mut Criterion) {
    use latentloop::stage::{Canvas, FilmEmulation, Filter, Fit, Projection, Scaler};
    let mut picture = Canvas::black((256, 256));
    for (at, byte) in picture.rgba.iter_mut().enumerate() {
        let (x, y) = (at / 4 % 256, at / 1024);
        *byte = (((x + 2 * y) / 8 * 37 + at * 7919 % 13) % 256) as u8;
    }
    let mut frame = Canvas::black((1920, 1080));
    let film = FilmEmulation {
        halation: 0.5,
        halation_threshold: 0.6,
        halation_radius: 0.3,
        grain: 0.3,
        grain_size: 1.0,
        exposure: 1,
    };
    let plain = FilmEmulation::default();
    for (name, filter, film) in [
        ("Catmull-Rom", Filter::CatmullRom, plain),
        ("Lanczos", Filter::Lanczos, plain),
        ("edge", Filter::Edge, plain),
        ("Catmull-Rom, halation and grain", Filter::CatmullRom, film),
    ] {
        let projection = Projection {
            fit: Fit::Fill,
            filter: Some(filter),
            film,
            ..Projection::default()
        };
        let mut scaler = Scaler::new(filter, 1);
        criterion.bench_function(&format!("scale to 1080p, {name}"), |bench| {
            bench.iter(|| scaler.scale(black_box(&picture), &mut frame, &projection));
        });
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    #[cfg(feature = "live")]
    osc_parse(&mut criterion);
    #[cfg(feature = "live")]
    midi_read(&mut criterion);
    #[cfg(feature = "live")]
    look(&mut criterion);
    #[cfg(feature = "live")]
    limiter(&mut criterion);
    loop_tick(&mut criterion);
    scale(&mut criterion);
    generator_frame(&mut criterion);
    training_step(&mut criterion);
    criterion.final_summary();
}
