//! Memory that a show no longer holds goes back to the system.

/// Blocks of this size and more are the system's own, and go back to it when they are freed: pictures, layers of a model, tracks.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const OWN: i32 = 256 << 10;

/// Has the allocator give back what is freed. By itself it keeps a heap for each of up to eight threads a core, and never
/// shrinks one below what lies last in it: a show that changes models, presets and recordings grew to several times what it
/// holds. Only the GNU C library is told; others are left as they are.
pub(crate) fn give_back_what_is_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        #[allow(unsafe_code, reason = "a C function that sets three numbers")]
        // SAFETY: mallopt takes any numbers, and refuses those that it does not like.
        unsafe {
            libc::mallopt(libc::M_MMAP_THRESHOLD, OWN);
            libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 20);
            libc::mallopt(libc::M_ARENA_MAX, 2);
        }
    }
}
