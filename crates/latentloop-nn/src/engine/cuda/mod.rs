//! The CUDA engine: half-precision products by cuBLAS, our own kernels for all the rest.
//!
//! Everything of an engine happens on its one stream, in buffers made once. After a trial run the launches of a painted
//! frame are recorded as a CUDA graph, so that a frame costs two copies and one launch.

#![allow(
    unsafe_code,
    reason = "launches and matrix products hand pointers to code that the compiler cannot see into"
)]

mod blas;
mod plan;

use std::sync::Arc;

use candle_core::cuda::cudarc::driver::sys::{CUgraphInstantiate_flags, CUstreamCaptureMode};
use candle_core::cuda::cudarc::driver::{
    CudaContext, CudaFunction, CudaGraph, CudaModule, CudaSlice, CudaStream, LaunchConfig,
    PinnedHostSlice, PushKernelArg,
};
use half::f16;

use self::blas::Blas;
use self::plan::{Failure, Plan};
use super::{Engine, EngineError, EngineShape, Norm, ROWS, Rounding};
use crate::cuda::{FLAT_THREADS, Kernel, flat, per_channel};
use crate::network::weights::GeneratorWeights;

/// Most rows of latents at once: they are a side of the stem's grid.
const MAX_ROWS: usize = 65535;

/// The CUDA engine, on the first NVIDIA card, in f16 with sums in f32.
pub struct CudaEngine {
    name: String,
    /// Recorded frames, one for each way of painting; dropped before what they point at.
    graphs: [Recording; 4],
    blas: Blas,
    plan: Plan,
    buffers: Buffers,
    functions: Functions,
    stream: Arc<CudaStream>,
    context: Arc<CudaContext>,
}

/// What is written anew for every frame.
struct Buffers {
    /// Rows of latents that fit.
    rows: usize,
    z: CudaSlice<f32>,
    /// Two maps that take turns.
    maps: [CudaSlice<f16>; 2],
    columns: CudaSlice<f16>,
    /// `[rows, 3, size, size]`.
    planes: CudaSlice<f32>,
    rgba: CudaSlice<u8>,
    /// The painted frame in host memory that the card writes to directly.
    host: PinnedHostSlice<u8>,
}

struct Functions {
    stem: CudaFunction,
    col2im: CudaFunction,
    batch_norm: CudaFunction,
    rgba: CudaFunction,
    planes: CudaFunction,
}

/// A painted frame as a graph.
#[derive(Default)]
enum Recording {
    /// Not tried yet.
    #[default]
    None,
    /// Ready.
    Graph(Graph),
    /// The driver or cuBLAS refused: launch one by one.
    Refused,
}

struct Graph(CudaGraph);

// SAFETY: a graph may be used from any thread, from one at a time; `&mut CudaEngine` sees to that.
unsafe impl Send for Graph {}

/// What comes out of a run.
#[derive(Clone, Copy)]
enum Output {
    /// Every row, into `planes`.
    Planes,
    /// The first row, into `rgba`.
    Rgba(Rounding),
}

pub(super) fn open(weights: &GeneratorWeights) -> Result<Box<dyn Engine>, EngineError> {
    let refuse =
        |reason: String| EngineError::Device(format!("--engine cuda: {reason}; take --engine cpu"));
    plan::check(weights).map_err(|error| refuse(error.0))?;
    let (context, module) = crate::cuda::open().map_err(|error| refuse(error.to_string()))?;
    let engine = CudaEngine::new(weights, context, &module).map_err(|error| refuse(error.0))?;
    Ok(Box::new(engine))
}

impl CudaEngine {
    /// Copies the weights over and draws both kinds of frame once, for what does not work to show here and not on stage.
    fn new(
        weights: &GeneratorWeights,
        context: Arc<CudaContext>,
        module: &Arc<CudaModule>,
    ) -> Result<Self, Failure> {
        // SAFETY: the context is this engine's own, and everything in it happens on the one stream made next.
        unsafe { context.disable_event_tracking() };
        let stream = context.new_stream()?;
        let function = |kernel: Kernel| module.load_function(kernel.name());
        let plan = Plan::new(weights, &stream)?;
        let mut engine = Self {
            name: format!("cuda ({}, f16)", context.name()?),
            graphs: Default::default(),
            blas: Blas::new(&stream)?,
            buffers: Buffers::new(&plan, ROWS, &context, &stream)?,
            functions: Functions {
                stem: function(Kernel::Stem)?,
                col2im: function(Kernel::Col2ImHalf)?,
                batch_norm: function(Kernel::BatchNorm)?,
                rgba: function(Kernel::PictureRgba)?,
                planes: function(Kernel::PicturePlanes)?,
            },
            plan,
            stream,
            context,
        };
        let z = vec![0.0; ROWS * engine.plan.latent];
        for norm in [Norm::Running, Norm::Batch] {
            engine.frame(
                &z[..norm.rows() * engine.plan.latent],
                norm,
                Rounding::Nearest,
            )?;
        }
        Ok(engine)
    }

    /// Puts a run on the stream; `z` is already there.
    fn enqueue(&mut self, rows: usize, norm: Norm, output: Output) -> Result<(), Failure> {
        let Self {
            blas,
            plan,
            buffers,
            functions,
            stream,
            ..
        } = self;
        let [even, odd] = &mut buffers.maps;
        let (mut from, mut to) = (even, odd);

        let stem = &plan.stem;
        let into = plan.layers[0].entry.of(norm);
        let [units, latent, count, area] =
            [stem.bias.len(), plan.latent, rows, plan.side * plan.side].map(|n| n as u32);
        let warps = FLAT_THREADS / 32;
        let config = LaunchConfig {
            grid_dim: (units.div_ceil(warps), count, 1),
            block_dim: (FLAT_THREADS, 1, 1),
            shared_mem_bytes: 0,
        };
        let mut launch = stream.launch_builder(&functions.stem);
        launch.arg(&stem.weight).arg(&stem.bias).arg(&into.affine);
        launch.arg(&buffers.z).arg(&mut *from).arg(&into.slope);
        launch.arg(&units).arg(&latent).arg(&count).arg(&area);
        // SAFETY: arguments and buffers are those of the kernel's description; `z` has `rows` rows, a map has room for all.
        unsafe { launch.launch(config) }?;

        let last = plan.layers.len() - 1;
        for (index, layer) in plan.layers.iter().enumerate() {
            let places = rows * layer.side * layer.side;
            if let (Norm::Batch, Some(by)) = (norm, &layer.entry.norm) {
                let count = places as u32;
                let mut launch = stream.launch_builder(&functions.batch_norm);
                launch.arg(&mut *from).arg(&by.weight).arg(&by.bias);
                launch.arg(&by.eps).arg(&by.slope).arg(&count);
                // SAFETY: the map is [inputs, places].
                unsafe { launch.launch(per_channel(layer.inputs, places)?) }?;
            }
            // Only the first row of a painted frame is looked at.
            let wanted = match output {
                Output::Rgba(_) if index == last => layer.side * layer.side,
                _ => places,
            };
            // SAFETY: the map is [inputs, places], the weights [inputs, 16 * outputs], and the columns have room for
            // [16 * outputs, places].
            unsafe { blas.columns(layer, from, places, wanted, &mut buffers.columns) }?;
            let [channels, pictures, side] = [layer.outputs, rows, layer.side].map(|n| n as u32);
            match output {
                _ if index < last => {
                    let into = plan.layers[index + 1].entry.of(norm);
                    let mut launch = stream.launch_builder(&functions.col2im);
                    launch.arg(&buffers.columns).arg(&into.affine).arg(&mut *to);
                    launch.arg(&into.slope).arg(&channels).arg(&pictures);
                    launch.arg(&side).arg(&side);
                    // SAFETY: the columns are [16 * outputs, places]; the other map has room for four times the places.
                    unsafe { launch.launch(flat(layer.outputs * places)?) }?;
                    std::mem::swap(&mut from, &mut to);
                }
                Output::Rgba(rounding) => {
                    let cut = u32::from(rounding == Rounding::Truncate);
                    let mut launch = stream.launch_builder(&functions.rgba);
                    launch
                        .arg(&buffers.columns)
                        .arg(&plan.bias)
                        .arg(&mut buffers.rgba);
                    launch.arg(&cut).arg(&side).arg(&side);
                    // SAFETY: the columns are [48, wanted], the picture is 4 * wanted pixels of four bytes.
                    unsafe { launch.launch(flat(wanted)?) }?;
                }
                Output::Planes => {
                    let mut launch = stream.launch_builder(&functions.planes);
                    launch
                        .arg(&buffers.columns)
                        .arg(&plan.bias)
                        .arg(&mut buffers.planes);
                    launch.arg(&pictures).arg(&side).arg(&side);
                    // SAFETY: the columns are [48, places], the planes three times four times the places.
                    unsafe { launch.launch(flat(3 * places)?) }?;
                }
            }
        }
        Ok(())
    }

    /// Paints into `buffers.host`; `z` holds `norm.rows()` rows.
    fn frame(&mut self, z: &[f32], norm: Norm, rounding: Rounding) -> Result<(), Failure> {
        self.stream.memcpy_htod(z, &mut self.buffers.z)?;
        let place =
            2 * usize::from(norm == Norm::Batch) + usize::from(rounding == Rounding::Truncate);
        if matches!(self.graphs[place], Recording::None) {
            // Libraries load their code at first use, which is not to happen while a recording runs.
            self.enqueue(norm.rows(), norm, Output::Rgba(rounding))?;
            self.stream.synchronize()?;
            self.graphs[place] = self.record(norm, rounding)?;
        }
        match &self.graphs[place] {
            Recording::Graph(graph) => graph.0.launch()?,
            _ => self.enqueue(norm.rows(), norm, Output::Rgba(rounding))?,
        }
        let Buffers { rgba, host, .. } = &mut self.buffers;
        self.stream.memcpy_dtoh(rgba, host)?;
        self.stream.synchronize()?;
        Ok(())
    }

    /// Records the launches of a frame, without running them.
    fn record(&mut self, norm: Norm, rounding: Rounding) -> Result<Recording, Failure> {
        // Relaxed: other threads may open engines meanwhile.
        self.stream
            .begin_capture(CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_RELAXED)?;
        let enqueued = self.enqueue(norm.rows(), norm, Output::Rgba(rounding));
        // A recording is to be ended also where it failed.
        let ended = self.stream.end_capture(CUgraphInstantiate_flags(0));
        match (enqueued, ended) {
            (Ok(()), Ok(Some(graph))) => Ok(Recording::Graph(Graph(graph))),
            (Ok(()), Ok(None)) => Ok(Recording::Refused),
            (Err(Failure(reason)), _) => Ok(self.refused(&reason)),
            (Ok(()), Err(error)) => Ok(self.refused(&error.to_string())),
        }
    }

    fn refused(&self, reason: &str) -> Recording {
        tracing::debug!(
            "{}: frames are launched piece by piece ({reason})",
            self.name
        );
        Recording::Refused
    }

    /// Draws every row of `z` into `pictures`.
    fn planes(&mut self, z: &[f32], norm: Norm, pictures: &mut [f32]) -> Result<(), Failure> {
        let rows = z.len() / self.plan.latent;
        if rows > self.buffers.rows {
            // The recordings point at the buffers that go.
            self.graphs = Default::default();
            self.buffers = Buffers::new(&self.plan, rows, &self.context, &self.stream)?;
        }
        self.stream.memcpy_htod(z, &mut self.buffers.z)?;
        self.enqueue(rows, norm, Output::Planes)?;
        let planes = self.buffers.planes.slice(..pictures.len());
        self.stream.memcpy_dtoh(&planes, pictures)?;
        self.stream.synchronize()?;
        Ok(())
    }

    fn shape(&self) -> EngineShape {
        EngineShape {
            latent: self.plan.latent,
            size: self.plan.size,
        }
    }

    fn failed(&self, failure: &Failure) -> EngineError {
        EngineError::Device(format!("{} could not draw: {}", self.name, failure.0))
    }
}

impl Buffers {
    fn new(
        plan: &Plan,
        rows: usize,
        context: &Arc<CudaContext>,
        stream: &Arc<CudaStream>,
    ) -> Result<Self, Failure> {
        let plane = plan.size * plan.size;
        let map = || stream.alloc_zeros::<f16>(rows * plan.largest_map());
        // SAFETY: the card writes it before anybody reads it. Flag 0: memory that the processor also reads fast.
        let host = unsafe { context.alloc_pinned_with_flags(4 * plane, 0) }?;
        Ok(Self {
            rows,
            z: stream.alloc_zeros(rows * plan.latent)?,
            maps: [map()?, map()?],
            columns: stream.alloc_zeros(rows * plan.largest_columns())?,
            planes: stream.alloc_zeros(rows * 3 * plane)?,
            rgba: stream.alloc_zeros(4 * plane)?,
            host,
        })
    }
}

impl Engine for CudaEngine {
    fn name(&self) -> &str {
        &self.name
    }

    fn latent(&self) -> usize {
        self.plan.latent
    }

    fn size(&self) -> (u32, u32) {
        self.shape().sides()
    }

    fn forward(&mut self, z: &[f32], norm: Norm, pictures: &mut [f32]) -> Result<(), EngineError> {
        let rows = self.shape().check_pictures(z, pictures)?;
        if rows > MAX_ROWS {
            return Err(EngineError::Length {
                what: "latents",
                got: z.len(),
                expected: MAX_ROWS * self.plan.latent,
            });
        }
        self.planes(z, norm, pictures)
            .map_err(|failure| self.failed(&failure))
    }

    fn render_rgba(
        &mut self,
        z: &[f32],
        norm: Norm,
        rounding: Rounding,
        rgba: &mut [u8],
    ) -> Result<(), EngineError> {
        self.shape().check_rgba(z, norm.rows(), rgba)?;
        self.frame(z, norm, rounding)
            .map_err(|failure| self.failed(&failure))?;
        let painted = self.buffers.host.as_slice();
        let painted = painted.map_err(|error| self.failed(&error.into()))?;
        rgba.copy_from_slice(painted);
        Ok(())
    }
}

impl Drop for CudaEngine {
    fn drop(&mut self) {
        // What follows is freed on the thread that drops the engine, which may never have used the card. A card that
        // fails even here has nothing left to free.
        let _ = self.context.bind_to_thread();
        let _ = self.stream.synchronize();
    }
}

#[cfg(test)]
mod tests;
