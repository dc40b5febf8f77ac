#!/bin/sh
# Makes docs/look.png: every pass of the look on one picture of the model that ships. Takes the program as its argument.
set -eu
program=$1
cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -r "$place"' EXIT
mkdir "$place/pictures"
cp -r presets/looks "$place/looks"
cp models/flower.safetensors "$place/"

# A picture of its own for each: NAME, then the parameters as lines of TOML.
picture() {
    name=$1
    shift
    {
        echo 'version = 1'
        echo 'model = "flower.safetensors"'
        echo 'keyframes = [{ seed = 8 }, { seed = 12 }]'
        echo '[params]'
        printf '%s\n' "$@"
    } >"$place/$name.toml"
    LATENTLOOP_CONFIG="$place" "$program" render "$place/$name.toml" -o "$place/$name" \
        --speed 0.5 --range "${range:-20..21}" --norm running >"$place/log" 2>&1 || { cat "$place/log"; exit 1; }
    mv "$place/$name"/*.png "$place/pictures/$(printf %02d "$number") $name.png"
    number=$((number + 1))
}

number=1
picture plain
picture tilt '"look.tilt" = 12.0' '"look.crop" = 0.3'
picture displace '"look.displace" = 0.5'
picture mirror '"look.mirror" = "horizontal"'
picture kaleidoscope '"look.kaleidoscope" = "6"'
range=93..94
picture dissolve '"look.transition" = "dissolve"' '"look.transition_amount" = 1.0'
picture wipe '"look.transition" = "wipe"' '"look.transition_amount" = 1.0'
picture zoom '"look.transition" = "zoom"' '"look.transition_amount" = 1.0'
range=20..21
picture feedback '"look.feedback" = 0.85' '"look.feedback_zoom" = 0.9' '"look.feedback_rotate" = 40.0' '"look.feedback_hue" = 120.0'
picture palette '"look.palette" = 1.0'
picture colour '"look.gain" = 1.3' '"look.saturation" = 1.6' '"look.hue" = -60.0' '"look.contrast" = 1.3'
picture bloom '"look.bloom" = 1.0' '"look.bloom_threshold" = 0.4'
picture halation '"look.bloom" = 1.0' '"look.bloom_threshold" = 0.4' '"look.bloom_warmth" = 1.0'
picture chromatic '"look.chromatic" = 0.8'
picture ink '"look.own.1.amount" = 1.0' '"look.own.1.a" = 0.18' '"look.own.1.b" = 0.3' '"look.own.1.c" = 0.85'
picture ripple '"look.own.2.amount" = 1.0' '"look.own.2.a" = 0.13' '"look.own.2.b" = 0.6' '"look.own.2.c" = 0.3'
picture smear '"look.own.3.amount" = 1.0' '"look.own.3.a" = 0.25' '"look.own.3.b" = 0.16' '"look.own.3.c" = 0.9'
picture vignette '"look.vignette" = 0.9'
picture grain '"look.grain" = 0.5' '"look.grain_size" = 1.5'
picture together '"look.feedback" = 0.6' '"look.feedback_zoom" = 0.4' '"look.contrast" = 1.2' '"look.bloom" = 0.5' '"look.bloom_warmth" = 0.6' '"look.chromatic" = 0.2' '"look.vignette" = 0.7' '"look.grain" = 0.25'

for picture in "$place/pictures"/*.png; do
    label=$(basename "$picture" .png)
    set -- "$@" -label "${label#* }" "$picture"
done
shift
montage "$@" -resize 200x200 -geometry +4+3 -tile 5x -background '#141414' -fill '#cccccc' -pointsize 14 \
    -dither None -colors 200 PNG8:docs/look.png
