//! Graphics cards.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::report::Reporter;

/// Why nothing can be shown.
#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    /// No card was found, or none that shows on the window.
    #[error(
        "no graphics card was found that can draw here: {0}; install a Vulkan, Metal or OpenGL driver"
    )]
    Adapter(String),
    /// The card gave no device.
    #[error("the graphics card {name} could not be opened: {reason}")]
    Device {
        /// The card.
        name: String,
        /// What its driver said.
        reason: String,
    },
    /// The window gave no surface.
    #[error("the window gives nothing to draw on: {0}")]
    Surface(String),
}

/// A graphics card that can show.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Adapter {
    /// Its name.
    pub name: String,
    /// `Vulkan`, `Metal`, `Dx12` or `Gl`.
    pub backend: String,
    /// `DiscreteGpu`, `IntegratedGpu`, `VirtualGpu`, `Cpu` or `Other`.
    pub kind: String,
    /// Driver and version.
    pub driver: String,
}

/// Every graphics card of this machine that can show.
pub fn adapters() -> Vec<Adapter> {
    let instance =
        wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    pollster::block_on(instance.enumerate_adapters(wgpu::Backends::all()))
        .iter()
        .map(|adapter| {
            let info = adapter.get_info();
            Adapter {
                name: info.name,
                backend: format!("{:?}", info.backend),
                kind: format!("{:?}", info.device_type),
                driver: format!("{} {}", info.driver, info.driver_info)
                    .trim()
                    .to_owned(),
            }
        })
        .collect()
}

/// A card, opened for a surface.
pub struct Gpu {
    /// What the device was opened on.
    pub adapter: wgpu::Adapter,
    /// What makes textures, buffers and pipelines.
    pub device: wgpu::Device,
    /// What work is submitted to.
    pub queue: wgpu::Queue,
}

impl Gpu {
    /// Opens the best card that can show on the surface.
    pub fn open(
        instance: &wgpu::Instance,
        surface: &wgpu::Surface<'static>,
    ) -> Result<Self, GpuError> {
        Self::request(instance, Some(surface))
    }

    /// Opens the best card there is, whether it can show or not.
    pub(super) fn open_headless() -> Result<Self, GpuError> {
        let instance =
            wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        Self::request(&instance, None)
    }

    /// The configuration of a surface of that size, of at least a pixel: bytes go to the screen as they are drawn, without
    /// conversion.
    ///
    /// # Errors
    /// When the card cannot show on the surface.
    pub fn surface_config(
        &self,
        surface: &wgpu::Surface<'_>,
        (width, height): (u32, u32),
    ) -> Result<wgpu::SurfaceConfiguration, GpuError> {
        let mut config = surface
            .get_default_config(&self.adapter, width.max(1), height.max(1))
            .ok_or_else(|| GpuError::Surface("the card knows no format for it".to_owned()))?;
        let formats = surface.get_capabilities(&self.adapter).formats;
        if let Some(plain) = formats.iter().find(|format| {
            matches!(
                format,
                wgpu::TextureFormat::Bgra8Unorm | wgpu::TextureFormat::Rgba8Unorm
            )
        }) {
            config.format = *plain;
        }
        Ok(config)
    }

    /// Whether the card is the processor itself.
    pub(super) fn is_processor(&self) -> bool {
        self.adapter.get_info().device_type == wgpu::DeviceType::Cpu
    }

    fn request(
        instance: &wgpu::Instance,
        surface: Option<&wgpu::Surface<'static>>,
    ) -> Result<Self, GpuError> {
        let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            compatible_surface: surface,
            ..Default::default()
        }))
        .map_err(|error| GpuError::Adapter(error.to_string()))?;
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("latentloop"),
            required_limits: wgpu::Limits::downlevel_defaults().using_resolution(adapter.limits()),
            ..Default::default()
        }))
        .map_err(|error| GpuError::Device {
            name: adapter.get_info().name,
            reason: error.to_string(),
        })?;
        device.on_uncaptured_error(Arc::new(|error| {
            tracing::error!("the graphics card: {error}");
        }));
        Ok(Self {
            adapter,
            device,
            queue,
        })
    }
}

/// Has what goes wrong on a device reported instead of logged, once a second at most: it may go wrong on any thread, with every
/// picture.
pub(super) fn report_errors(device: &wgpu::Device, reporter: Reporter) {
    let begun = Instant::now();
    // The second in which something was reported last, counted from 1.
    let last = AtomicU64::new(0);
    device.on_uncaptured_error(Arc::new(move |error| {
        let second = begun.elapsed().as_secs() + 1;
        if last.swap(second, Ordering::Relaxed) != second {
            reporter.warn(format!("the graphics card: {error}"));
        }
    }));
}

/// Why a surface gives no texture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTexture {
    /// The window is covered, or its display does not answer.
    Hidden,
    /// It is not what it was: opened again, it may be.
    Lost,
}

/// The texture of a surface that is to be drawn next; `configure` is called where the surface has to be made anew.
pub fn acquire(
    surface: &wgpu::Surface<'_>,
    mut configure: impl FnMut(),
) -> Result<wgpu::SurfaceTexture, NoTexture> {
    // Twice: after a change of the surface the first try fails.
    for _ in 0..2 {
        match surface.get_current_texture() {
            wgpu::CurrentSurfaceTexture::Success(texture)
            | wgpu::CurrentSurfaceTexture::Suboptimal(texture) => return Ok(texture),
            wgpu::CurrentSurfaceTexture::Outdated
            | wgpu::CurrentSurfaceTexture::Lost
            | wgpu::CurrentSurfaceTexture::Validation => configure(),
            wgpu::CurrentSurfaceTexture::Timeout | wgpu::CurrentSurfaceTexture::Occluded => {
                return Err(NoTexture::Hidden);
            }
        }
    }
    Err(NoTexture::Lost)
}
