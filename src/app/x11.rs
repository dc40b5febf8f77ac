//! X11: monitors that come and go, and the screen saver, which winit leaves out.

#![allow(unsafe_code, reason = "Xlib is C")]

use std::ffi::c_int;

use winit::event_loop::ActiveEventLoop;
use winit::raw_window_handle::{HasDisplayHandle, RawDisplayHandle};
use x11_dl::xlib::{Display, Xlib};
use x11_dl::xrandr::Xrandr;

/// Lets winit hear of monitors that come and go. It asks the server to tell, but Xlib throws away what it has no name for, and
/// gives it one only once libXrandr has seen the connection. Does nothing on Wayland, and where there is no libXrandr.
pub(super) fn enable_monitor_events(event_loop: &ActiveEventLoop) {
    let display = event_loop.owned_display_handle();
    let Ok(RawDisplayHandle::Xlib(handle)) = display.display_handle().map(|handle| handle.as_raw())
    else {
        return;
    };
    let (Some(display), Ok(randr)) = (handle.display, Xrandr::open()) else {
        return;
    };
    let (mut event, mut error): (c_int, c_int) = (0, 0);
    // SAFETY: winit's connection is open as long as its event loop, and winit has told Xlib of threads.
    unsafe {
        (randr.XRRQueryExtension)(display.as_ptr().cast(), &raw mut event, &raw mut error);
    }
}

/// A connection through which the server is told that somebody is there.
pub(super) struct Presence {
    xlib: Xlib,
    display: *mut Display,
}

impl Presence {
    /// Opens one to the server that `DISPLAY` names; nothing where there is none.
    pub(super) fn new() -> Option<Self> {
        let xlib = Xlib::open().ok()?;
        // SAFETY: no name stands for that of `DISPLAY`; the connection is used by this value alone.
        let display = unsafe { (xlib.XOpenDisplay)(std::ptr::null()) };
        (!display.is_null()).then_some(Self { xlib, display })
    }

    /// Begins the time anew after which the screen saver comes and the display sleeps.
    pub(super) fn tell(&self) {
        // SAFETY: the connection is open.
        unsafe {
            (self.xlib.XResetScreenSaver)(self.display);
            (self.xlib.XFlush)(self.display);
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        // SAFETY: it was opened by `new` and is closed once.
        unsafe {
            (self.xlib.XCloseDisplay)(self.display);
        }
    }
}
