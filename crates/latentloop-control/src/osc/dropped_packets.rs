//! The count of packets that the system dropped.

use std::net::UdpSocket;

/// Packets that did not fit into the socket's buffer since it was opened.
#[cfg(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
#[allow(unsafe_code, reason = "the option SO_MEMINFO has no safe wrapper")]
pub(super) fn count(socket: &UdpSocket) -> Option<u64> {
    use std::os::fd::AsRawFd;

    /// `include/uapi/asm-generic/socket.h`, from Linux 4.12 on; the libc crate lacks it.
    const SO_MEMINFO: libc::c_int = 55;
    /// Counters that the option fills, `enum` of `include/uapi/linux/sock_diag.h`.
    const COUNTERS: usize = 9;

    let mut counters = [0u32; COUNTERS];
    let mut length = size_of_val(&counters) as libc::socklen_t;
    // SAFETY: the descriptor is open as long as `socket` is borrowed; the system writes at most `length` bytes, which the
    // array has, and `u32` may be anything.
    let outcome = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            SO_MEMINFO,
            counters.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let told = outcome == 0 && length as usize == size_of_val(&counters);
    told.then_some(u64::from(counters[libc::SK_MEMINFO_DROPS as usize]))
}

/// Other systems do not tell.
#[cfg(not(all(
    target_os = "linux",
    target_env = "gnu",
    any(target_arch = "x86_64", target_arch = "aarch64")
)))]
pub(super) fn count(_: &UdpSocket) -> Option<u64> {
    None
}

#[cfg(all(test, target_os = "linux", target_env = "gnu", target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_counted() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket2::SockRef::from(&socket)
            .set_recv_buffer_size(4096)
            .unwrap();
        assert_eq!(count(&socket), Some(0));
        let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
        for _ in 0..200 {
            sender
                .send_to(&[0; 1000], socket.local_addr().unwrap())
                .unwrap();
        }
        assert!(count(&socket).unwrap() > 150);
    }
}
