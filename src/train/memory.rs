//! How the allocator treats the maps of a step.

/// Has the allocator keep what a step frees for the next one, rather than give it back and fault it in again: a sixth of a step on
/// the processor. Only the GNU C library is told; others are left as they are.
pub fn keep_freed_memory() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[allow(unsafe_code, reason = "a C function that sets three numbers")]
        // SAFETY: mallopt takes any numbers, and refuses those that it does not like.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, 1 << 30);
            libc::mallopt(libc::M_TRIM_THRESHOLD, i32::MAX);
            libc::mallopt(libc::M_TOP_PAD, 64 << 20);
        }
    }
}
