//! cuBLAS: the product of a layer's weights and its map.

use std::ffi::c_void;
use std::sync::Arc;

use candle_core::cuda::cudarc::cublas::{result, sys};
use candle_core::cuda::cudarc::driver::{CudaSlice, CudaStream, DevicePtr, DevicePtrMut};
use half::f16;

use super::plan::{Failure, Layer};

/// What NVIDIA recommends for its hungriest cards.
const WORKSPACE_BYTES: usize = 32 << 20;

/// cuBLAS on one stream, with a workspace of its own: left to itself it allocates, which a recorded graph would repeat.
pub(super) struct Blas {
    handle: sys::cublasHandle_t,
    stream: Arc<CudaStream>,
    /// Freed after the handle.
    _workspace: CudaSlice<u8>,
}

// SAFETY: a handle may be used from any thread, from one at a time; every use takes `&mut self`.
unsafe impl Send for Blas {}

impl Blas {
    pub(super) fn new(stream: &Arc<CudaStream>) -> Result<Self, Failure> {
        let mut workspace = stream.alloc_zeros::<u8>(WORKSPACE_BYTES)?;
        stream.context().bind_to_thread()?;
        let handle = result::create_handle()?;
        let (pointer, _guard) = workspace.device_ptr_mut(stream);
        // SAFETY: the handle was just made; stream and workspace live as long as it.
        let set = unsafe {
            result::set_stream(handle, stream.cu_stream().cast()).and_then(|()| {
                // After the stream, for setting that takes the workspace away.
                let workspace = pointer as *mut c_void;
                sys::cublasSetWorkspace_v2(handle, workspace, WORKSPACE_BYTES).result()
            })
        };
        drop(_guard);
        let blas = Self {
            handle,
            stream: Arc::clone(stream),
            _workspace: workspace,
        };
        set?;
        Ok(blas)
    }

    /// `columns`, `[16 * outputs, wanted]`, becomes Wᵀ · `map`, of `map`, `[inputs, places]`, the first `wanted` columns;
    /// W is the layer's weights, `[inputs, 16 * outputs]`. Factors are f16, sums f32.
    ///
    /// cuBLAS reads matrices column by column: to it a row-major `[r, c]` is c x r with c from one column to the next.
    /// So it is asked for columns (wanted x 16 outputs) = map (wanted x inputs) · (weights (16 outputs x inputs))ᵀ: the
    /// map comes first, as it is, and the weights come second, transposed.
    ///
    /// # Safety
    /// The buffers must hold the matrices that these shapes say, and `wanted` must be at most `places`.
    pub(super) unsafe fn columns(
        &mut self,
        layer: &Layer,
        map: &CudaSlice<f16>,
        places: usize,
        wanted: usize,
        columns: &mut CudaSlice<f16>,
    ) -> Result<(), Failure> {
        let whole = |number: usize| {
            i32::try_from(number)
                .map_err(|_large| Failure(format!("a matrix of {number} columns is too large")))
        };
        let (m, n, k) = (
            whole(wanted)?,
            whole(16 * layer.outputs)?,
            whole(layer.inputs)?,
        );
        let from_row_to_row = whole(places)?;
        let (one, zero) = (1.0f32, 0.0f32);
        self.stream.context().bind_to_thread()?;
        let (map, _map) = map.device_ptr(&self.stream);
        let (weight, _weight) = layer.weight.device_ptr(&self.stream);
        let (columns, _columns) = columns.device_ptr_mut(&self.stream);
        // SAFETY: the caller vouches for the buffers; the factors are read before the call returns.
        unsafe {
            result::gemm_ex(
                self.handle,
                sys::cublasOperation_t::CUBLAS_OP_N,
                sys::cublasOperation_t::CUBLAS_OP_T,
                m,
                n,
                k,
                std::ptr::from_ref(&one).cast(),
                map as *const c_void,
                sys::cudaDataType_t::CUDA_R_16F,
                from_row_to_row,
                weight as *const c_void,
                sys::cudaDataType_t::CUDA_R_16F,
                n,
                std::ptr::from_ref(&zero).cast(),
                columns as *mut c_void,
                sys::cudaDataType_t::CUDA_R_16F,
                m,
                sys::cublasComputeType_t::CUBLAS_COMPUTE_32F,
                sys::cublasGemmAlgo_t::CUBLAS_GEMM_DEFAULT,
            )
        }?;
        Ok(())
    }
}

impl Drop for Blas {
    fn drop(&mut self) {
        // SAFETY: made in `new`, destroyed here alone. A card that failed may refuse, and nothing is left to do then.
        let _ = unsafe { result::destroy_handle(self.handle) };
    }
}
