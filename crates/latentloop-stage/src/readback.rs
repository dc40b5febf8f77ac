//! The read-back: finished pictures brought into memory for whoever records them or hands them on, without the show waiting.

use std::time::Instant;

use super::{Canvas, Finished, Projection};

use belt::Belt;

/// Finished pictures on their way into memory, in the order in which they were finished. Those that lie on a graphics card come
/// some pictures later; those in memory at once.
#[derive(Default)]
pub struct Readback {
    /// The picture that came last.
    newest: Canvas,
    /// How it is thrown onto a frame.
    projection: Projection,
    /// When it was finished, where nobody has taken it yet.
    fresh: Option<Instant>,
    belt: Option<Belt>,
}

impl Readback {
    /// Asks for a picture that was finished at that time, to be thrown so. Where too many are on their way it is left out. Allocates where the
    /// size is another than before.
    pub fn request(&mut self, finished: &Finished, projection: &Projection, at: Instant) {
        match finished {
            Finished::Cpu(canvas) => {
                self.newest.copy_from(canvas);
                self.projection = *projection;
                self.fresh = Some(at);
                // What is still on its way is older.
                if let Some(belt) = &mut self.belt {
                    belt.forget();
                }
            }
            Finished::Gpu(frame) => {
                if self.belt.as_ref().is_none_or(|belt| !belt.is_of(frame)) {
                    self.belt = Some(Belt::new(frame));
                }
                if let Some(belt) = &mut self.belt {
                    belt.request(frame, projection, at);
                }
            }
        }
    }

    /// The next picture that has come, each of them once, how it is thrown, and when it was finished. Does not wait.
    #[allow(
        clippy::should_implement_trait,
        reason = "the picture lies in a buffer of the read-back's, which no iterator can lend"
    )]
    pub fn next(&mut self) -> Option<(&Canvas, &Projection, Instant)> {
        if let Some(at) = self.fresh.take() {
            return Some((&self.newest, &self.projection, at));
        }
        let (projection, at) = self.belt.as_mut()?.take(&mut self.newest)?;
        self.projection = projection;
        Some((&self.newest, &self.projection, at))
    }

    /// Waits for the next picture: none where nothing was asked for, or the card fails.
    pub fn wait(&mut self) -> Option<&Canvas> {
        if self.fresh.is_none() {
            self.belt.as_ref()?.wait();
        }
        self.next().map(|(canvas, ..)| canvas)
    }

    /// The picture that came last; empty before there is one.
    pub fn newest(&self) -> &Canvas {
        &self.newest
    }
}

mod belt {
    //! Buffers that a graphics card copies pictures of one texture to.

    use std::sync::Arc;
    use std::sync::atomic::{AtomicU8, Ordering};
    use std::time::Instant;

    use super::super::upload::TextureId;
    use super::super::{Canvas, GpuFrame, Projection};

    /// Pictures that may be on their way at once.
    const SLOTS: usize = 4;

    const FREE: u8 = 0;
    const COMING: u8 = 1;
    const READY: u8 = 2;
    const FAILED: u8 = 3;

    pub(super) struct Belt {
        device: wgpu::Device,
        texture: TextureId,
        size: (u32, u32),
        /// Bytes of a row in a buffer: a multiple of 256.
        stride: u32,
        slots: [Slot; SLOTS],
        asked: u64,
        /// Pictures up to this one are wanted no longer.
        forgotten: u64,
    }

    struct Slot {
        buffer: wgpu::Buffer,
        state: Arc<AtomicU8>,
        number: u64,
        /// How its picture is thrown, and when it was finished.
        projection: Projection,
        at: Instant,
    }

    impl Belt {
        pub(super) fn new(frame: &GpuFrame) -> Self {
            let size = frame.size;
            let stride = (size.0 * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
            let slot = || Slot {
                buffer: frame.device.create_buffer(&wgpu::BufferDescriptor {
                    label: Some("read-back"),
                    size: u64::from(stride) * u64::from(size.1),
                    usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                    mapped_at_creation: false,
                }),
                state: Arc::new(AtomicU8::new(FREE)),
                number: 0,
                projection: Projection::default(),
                at: Instant::now(),
            };
            Self {
                device: frame.device.clone(),
                texture: frame.id,
                size,
                stride,
                slots: std::array::from_fn(|_| slot()),
                asked: 0,
                forgotten: 0,
            }
        }

        pub(super) fn is_of(&self, frame: &GpuFrame) -> bool {
            self.texture == frame.id
        }

        /// What was asked for until now is wanted no longer.
        pub(super) fn forget(&mut self) {
            self.forgotten = self.asked;
        }

        /// Asks for the texture's picture, unless all buffers are on their way.
        pub(super) fn request(&mut self, frame: &GpuFrame, projection: &Projection, at: Instant) {
            let is_free = |slot: &&mut Slot| slot.state.load(Ordering::Acquire) == FREE;
            let Some(slot) = self.slots.iter_mut().find(is_free) else {
                return;
            };
            let mut encoder = frame
                .device
                .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
            let into = wgpu::TexelCopyBufferInfo {
                buffer: &slot.buffer,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(self.stride),
                    rows_per_image: None,
                },
            };
            let extent = wgpu::Extent3d {
                width: self.size.0,
                height: self.size.1,
                depth_or_array_layers: 1,
            };
            encoder.copy_texture_to_buffer(frame.texture.as_image_copy(), into, extent);
            frame.queue.submit([encoder.finish()]);
            self.asked += 1;
            (slot.number, slot.projection, slot.at) = (self.asked, *projection, at);
            slot.state.store(COMING, Ordering::Release);
            let state = Arc::clone(&slot.state);
            slot.buffer
                .map_async(wgpu::MapMode::Read, .., move |mapped| {
                    let reached = if mapped.is_ok() { READY } else { FAILED };
                    state.store(reached, Ordering::Release);
                });
        }

        /// Takes the next picture that has come, so that none is left out; how it is thrown, and when it was finished.
        pub(super) fn take(&mut self, canvas: &mut Canvas) -> Option<(Projection, Instant)> {
            // What the driver has to say comes with the next picture.
            let _ = self.device.poll(wgpu::PollType::Poll);
            let forgotten = self.forgotten;
            let state = |slot: &Slot| slot.state.load(Ordering::Acquire);
            for slot in &self.slots {
                let is_unwanted = state(slot) == READY && slot.number <= forgotten;
                if is_unwanted {
                    slot.buffer.unmap();
                }
                if is_unwanted || state(slot) == FAILED {
                    slot.state.store(FREE, Ordering::Release);
                }
            }
            let ready = self.slots.iter().filter(|slot| state(slot) == READY);
            let slot = ready.min_by_key(|slot| slot.number)?;
            let taken = match slot.buffer.slice(..).get_mapped_range() {
                Ok(bytes) => {
                    canvas.resize(self.size);
                    let line = self.size.0 as usize * 4;
                    let lines = bytes.chunks_exact(self.stride as usize);
                    for (out, from) in canvas.rgba.chunks_exact_mut(line).zip(lines) {
                        out.copy_from_slice(&from[..line]);
                    }
                    Some((slot.projection, slot.at))
                }
                Err(_) => None,
            };
            slot.buffer.unmap();
            slot.state.store(FREE, Ordering::Release);
            taken
        }

        /// Waits for what was asked for.
        pub(super) fn wait(&self) {
            // A card that fails brings nothing, and that is seen then.
            let _ = self.device.poll(wgpu::PollType::wait_indefinitely());
        }
    }
}

#[cfg(test)]
mod tests;
