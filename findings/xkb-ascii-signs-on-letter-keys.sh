#!/usr/bin/env bash
# xkeyboard-config 2.35.1 read with libxkbcommon 1.5.0 (Debian 12: xkb-data 2.35.1-1, libxkbcommon0 1.5.0-1, amd64)
#
# A program that has shortcuts on letters lets the place of a key count where the key prints no Latin letter, and the handy test for
# that is "what it prints is not ASCII". On three of the 37 layouts without Latin letters the test goes wrong, each time at the key of
# the shortcut that ends a program: Q prints a comma in Bulgarian, a semicolon in Greek, a slash in Hebrew (where W is an apostrophe,
# too). Ctrl+Q is dead there, or does what Ctrl and that sign do.
#
# Seen:
#   37 of 97 layouts print no Latin letters
#   ASCII on a letter's key: bg Q=, gr Q=; il Q=/ il W='
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
for package in x/xkeyboard-config/xkb-data_2.35.1-1_all libx/libxkbcommon/libxkbcommon0_1.5.0-1_amd64; do
    curl -fsS -o "$place/package.deb" "https://deb.debian.org/debian/pool/main/$package.deb"
    dpkg-deb -x "$place/package.deb" "$place"
done
export LD_LIBRARY_PATH=$place/usr/lib/x86_64-linux-gnu XKB_CONFIG_ROOT=$place/usr/share/X11/xkb
python3 - <<'PYTHON'
import os
from ctypes import CDLL, POINTER, Structure, byref, c_char_p, c_int, c_uint32, c_void_p

xkb = CDLL("libxkbcommon.so.0")


class Names(Structure):
    _fields_ = [(name, c_char_p) for name in ("rules", "model", "layout", "variant", "options")]


xkb.xkb_context_new.restype = xkb.xkb_keymap_new_from_names.restype = c_void_p
xkb.xkb_context_set_log_level.argtypes = [c_void_p, c_int]
xkb.xkb_keymap_new_from_names.argtypes = [c_void_p, POINTER(Names), c_int]
xkb.xkb_keymap_unref.argtypes = [c_void_p]
xkb.xkb_keymap_key_get_syms_by_level.argtypes = [c_void_p, c_uint32, c_uint32, c_uint32, POINTER(POINTER(c_uint32))]
xkb.xkb_keysym_to_utf32.restype = c_uint32

context = xkb.xkb_context_new(0)
xkb.xkb_context_set_log_level(context, 10)
layouts, within = [], False
for line in open(os.environ["XKB_CONFIG_ROOT"] + "/rules/evdev.lst"):
    if line.startswith("!"):
        within = line.split()[1] == "layout"
    elif within and line.strip() and line.split()[0] not in ("brai", "custom"):  # braille's dots are no signs
        layouts.append(line.split()[0])

# Linux key codes of the three rows, by what they print in the United States; X adds eight.
CODES = {key: first + place + 8 for first, row in ((16, "qwertyuiop"), (30, "asdfghjkl"), (44, "zxcvbnm")) for place, key in enumerate(row)}


def printed(keymap, code):
    symbols = POINTER(c_uint32)()
    count = xkb.xkb_keymap_key_get_syms_by_level(keymap, code, 0, 0, byref(symbols))
    return chr(xkb.xkb_keysym_to_utf32(symbols[0])) if count else ""


other, ascii_signs = 0, []
for layout in layouts:
    keymap = xkb.xkb_keymap_new_from_names(context, Names(b"evdev", b"pc105", layout.encode(), b"", b""), 0)
    signs = {key: printed(keymap, code) for key, code in CODES.items()}
    xkb.xkb_keymap_unref(keymap)
    if not any(sign.isascii() and sign.isalpha() for sign in signs.values()):
        other += 1
        ascii_signs += [f"{layout} {key.upper()}={sign}" for key, sign in signs.items() if sign and sign.isascii()]
print(f"{other} of {len(layouts)} layouts print no Latin letters")
print("ASCII on a letter's key:", *ascii_signs)
assert ascii_signs == ["bg Q=,", "gr Q=;", "il Q=/", "il W='"], "it has changed"
PYTHON
