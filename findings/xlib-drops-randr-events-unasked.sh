#!/usr/bin/env bash
# libX11 1.8.4, libXrandr 1.5.2, libxcb-randr 1.15 (Debian 12, amd64); the server was Xvfb 21.1.7
#
# Xlib hands out only events that it can turn into a structure of its own, and for an extension's events it can once that extension's
# library has introduced itself on the connection. RandR's events, asked for through XCB on the same connection (as a program does
# whose window belongs to a library that reads the events by Xlib), are thrown away without a trace: no error, nothing pending. One
# call of libXrandr, `XRRQueryExtension`, whose answer nobody needs, and they arrive. A monitor plugged in is noticed or not by that.
#
# Seen (an output's property changed by another client):
#   asked for through XCB: 0 events
#   the same after XRRQueryExtension: 1 event
#
# Needs curl, dpkg-deb, Python 3 and any Xvfb.
set -euo pipefail
place=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$place"' EXIT
for package in libx/libx11/libx11-6_1.8.4-2+deb12u2 libx/libx11/libx11-xcb1_1.8.4-2+deb12u2 libx/libxrandr/libxrandr2_1.5.2-2+b1 \
    libx/libxcb/libxcb-randr0_1.15-1; do
    curl -fsS -o "$place/package.deb" "https://deb.debian.org/debian/pool/main/${package}_amd64.deb"
    dpkg-deb -x "$place/package.deb" "$place"
done
mkfifo "$place/number"
Xvfb -displayfd 3 -screen 0 640x480x24 3>"$place/number" 2>"$place/log" &
server=$!
read -r number <"$place/number" || { cat "$place/log"; exit 1; }
LD_LIBRARY_PATH=$place/usr/lib/x86_64-linux-gnu DISPLAY=:$number python3 - <<'PYTHON'
import time
from ctypes import CDLL, POINTER, Structure, byref, c_char, c_char_p, c_int, c_uint16, c_uint32, c_ulong, c_void_p, cast

xlib, xlib_xcb, randr, xcb_randr = map(CDLL, ["libX11.so.6", "libX11-xcb.so.1", "libXrandr.so.2", "libxcb-randr.so.0"])


class Resources(Structure):
    _fields_ = [("at", c_ulong), ("configured", c_ulong), ("ncrtc", c_int), ("crtcs", POINTER(c_ulong)),
                ("noutput", c_int), ("outputs", POINTER(c_ulong))]


class Cookie(Structure):
    _fields_ = [("sequence", c_uint32)]


def declare(function, result, *arguments):
    function.restype, function.argtypes = result, arguments
    return function


open_display = declare(xlib.XOpenDisplay, c_void_p, c_char_p)
close = declare(xlib.XCloseDisplay, c_int, c_void_p)
sync = declare(xlib.XSync, c_int, c_void_p, c_int)
root = declare(xlib.XDefaultRootWindow, c_ulong, c_void_p)
atom = declare(xlib.XInternAtom, c_ulong, c_void_p, c_char_p, c_int)
pending = declare(xlib.XPending, c_int, c_void_p)
next_event = declare(xlib.XNextEvent, c_int, c_void_p, c_void_p)
connection = declare(xlib_xcb.XGetXCBConnection, c_void_p, c_void_p)
query = declare(randr.XRRQueryExtension, c_int, c_void_p, POINTER(c_int), POINTER(c_int))
resources = declare(randr.XRRGetScreenResources, POINTER(Resources), c_void_p, c_ulong)
set_property = declare(randr.XRRChangeOutputProperty, None, c_void_p, c_ulong, c_ulong, c_ulong, c_int, c_int, c_char_p, c_int)
select = declare(xcb_randr.xcb_randr_select_input, Cookie, c_void_p, c_uint32, c_uint16)

OUTPUT_PROPERTY, XA_INTEGER, REPLACE = 8, 19, 0


def another_client_changes_a_property():
    display = open_display(None)
    output = resources(display, root(display))[0].outputs[0]
    set_property(display, output, atom(display, b"PROBE", 0), XA_INTEGER, 8, REPLACE, b"x", 1)
    sync(display, 0)
    close(display)


def heard(display):
    another_client_changes_a_property()
    sync(display, 0)
    time.sleep(0.3)
    event, count = (c_char * 192)(), 0
    while pending(display):
        next_event(display, event)
        count += cast(event, POINTER(c_int))[0] > 64
    return count


display = open_display(None)
select(connection(display), root(display), OUTPUT_PROPERTY)
sync(display, 0)
before = heard(display)
print(f"asked for through XCB: {before} events")
query(display, byref(c_int()), byref(c_int()))
after = heard(display)
print(f"the same after XRRQueryExtension: {after} event")
assert (before, after) == (0, 1), "it has changed"
PYTHON
