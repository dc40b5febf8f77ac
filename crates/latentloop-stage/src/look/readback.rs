//! Pictures on their way back from the graphics card, without the show waiting for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use super::plane::{Plane, extent};
use crate::stage::Canvas;

/// Pictures that may be on their way at once.
const SLOTS: usize = 4;

const FREE: u8 = 0;
const COMING: u8 = 1;
const READY: u8 = 2;
const FAILED: u8 = 3;

/// A pool of buffers for pictures of one size.
pub(super) struct Readback {
    size: (u32, u32),
    /// Bytes of a row in a buffer: a multiple of 256.
    stride: u32,
    slots: [Slot; SLOTS],
    asked: u64,
}

struct Slot {
    buffer: wgpu::Buffer,
    state: Arc<AtomicU8>,
    number: u64,
    /// When it was asked for.
    at: Instant,
}

impl Readback {
    pub(super) fn new(device: &wgpu::Device, size: (u32, u32)) -> Self {
        let stride = (size.0 * 4).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT);
        let slot = || Slot {
            buffer: device.create_buffer(&wgpu::BufferDescriptor {
                label: Some("look read-back"),
                size: u64::from(stride) * u64::from(size.1),
                usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
                mapped_at_creation: false,
            }),
            state: Arc::new(AtomicU8::new(FREE)),
            number: 0,
            at: Instant::now(),
        };
        Self {
            size,
            stride,
            slots: std::array::from_fn(|_| slot()),
            asked: 0,
        }
    }

    /// Asks for a picture; false where all buffers are on their way.
    pub(super) fn ask(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, from: &Plane) -> bool {
        let is_free = |slot: &&mut Slot| slot.state.load(Ordering::Acquire) == FREE;
        let Some(slot) = self.slots.iter_mut().find(is_free) else {
            return false;
        };
        let mut encoder = device.create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let into = wgpu::TexelCopyBufferInfo {
            buffer: &slot.buffer,
            layout: wgpu::TexelCopyBufferLayout {
                offset: 0,
                bytes_per_row: Some(self.stride),
                rows_per_image: None,
            },
        };
        encoder.copy_texture_to_buffer(from.texture.as_image_copy(), into, extent(self.size));
        queue.submit([encoder.finish()]);
        self.asked += 1;
        slot.number = self.asked;
        slot.at = Instant::now();
        slot.state.store(COMING, Ordering::Release);
        let state = Arc::clone(&slot.state);
        slot.buffer
            .map_async(wgpu::MapMode::Read, .., move |mapped| {
                let reached = if mapped.is_ok() { READY } else { FAILED };
                state.store(reached, Ordering::Release);
            });
        true
    }

    /// Takes the next picture that has come, if any, so that none is left out of a recording; when it was asked for.
    pub(super) fn take(&mut self, canvas: &mut Canvas) -> Option<Instant> {
        let is_ready = |slot: &&Slot| slot.state.load(Ordering::Acquire) == READY;
        let ready = self.slots.iter().filter(is_ready);
        let next = ready.map(|slot| slot.number).min();
        let mut taken = None;
        for slot in &self.slots {
            let state = slot.state.load(Ordering::Acquire);
            let is_next = Some(slot.number) == next;
            if state == READY && is_next {
                if let Ok(bytes) = slot.buffer.slice(..).get_mapped_range() {
                    canvas.resize(self.size);
                    let line = self.size.0 as usize * 4;
                    let lines = bytes.chunks_exact(self.stride as usize);
                    for (out, from) in canvas.rgba.chunks_exact_mut(line).zip(lines) {
                        out.copy_from_slice(&from[..line]);
                    }
                    taken = Some(slot.at);
                }
                slot.buffer.unmap();
            }
            if (state == READY && is_next) || state == FAILED {
                slot.state.store(FREE, Ordering::Release);
            }
        }
        taken
    }
}
