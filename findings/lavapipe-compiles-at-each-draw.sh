#!/usr/bin/env bash
# Mesa 22.3.6 lavapipe (Debian 12: mesa-vulkan-drivers 22.3.6-1+deb12u2 with libllvm15 15.0.6-4+b1, amd64), used from wgpu 0.32.0 for Python
#
# Where a fragment shader has a long branch whose condition hangs on a uniform alone, lavapipe puts the uniform's value in as a
# constant, to cut the branch away, and compiles the outcome: anew at each draw after the buffer was written, also for a value that it
# has had before, and it keeps every outcome until the pipeline goes. A show that writes its settings once a picture grows by half a
# gigabyte in ten seconds. The same arithmetic chosen with `select` is compiled once.
#
# Seen (600 draws of 64 x 64 pixels, the uniform written with the same value before each):
#   if: 418 MB more
#   select: 0 MB more
#
# Needs curl, dpkg-deb, Python 3.11 or later, and the common libraries that those two packages name (libdrm2, libxcb, libwayland-client0,
# libz3-4, libelf1, zlib1g).
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
for package in m/mesa/mesa-vulkan-drivers_22.3.6-1+deb12u2 l/llvm-toolchain-15/libllvm15_15.0.6-4+b1; do
    curl -fsS -o "$place/package.deb" "https://deb.debian.org/debian/pool/main/${package}_amd64.deb"
    dpkg-deb -x "$place/package.deb" "$place"
done
libraries=$place/usr/lib/x86_64-linux-gnu
sed "s|\"library_path\": \".*/|\"library_path\": \"$libraries/|" "$place/usr/share/vulkan/icd.d/lvp_icd.x86_64.json" >"$place/icd.json"
python3 -m venv "$place/venv"
"$place/venv/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: wgpu==0.32.0
export LD_LIBRARY_PATH=$libraries VK_ICD_FILENAMES=$place/icd.json XDG_RUNTIME_DIR=$place
"$place/venv/bin/python" - <<'PYTHON'
import wgpu

adapter = wgpu.gpu.request_adapter_sync()
print(adapter.info["device"], adapter.info["description"])
assert "Mesa 22.3.6" in adapter.info["description"], "another driver answered"
device = adapter.request_device_sync()
usage = wgpu.TextureUsage.RENDER_ATTACHMENT | wgpu.TextureUsage.COPY_SRC
target = device.create_texture(size=(64, 64, 1), format="rgba8unorm", usage=usage)
settings = device.create_buffer(size=16, usage=wgpu.BufferUsage.UNIFORM | wgpu.BufferUsage.COPY_DST)
LONG = "".join(f"b = sin(b.wzyx * {1 + n / 100} + a) * 0.5 + cos(b * {2 - n / 100}) * 0.1;" for n in range(60))
CHOICES = {"if": f"if settings.x > 900u {{ {LONG} a = b; }}", "select": f"{LONG} a = select(a, b, settings.x > 900u);"}


def grown(choice):
    module = device.create_shader_module(code="""
        @group(0) @binding(0) var<uniform> settings: vec4u;
        @vertex fn corner(@builtin(vertex_index) i: u32) -> @builtin(position) vec4f {
            return vec4f(f32(i & 1u) * 4.0 - 1.0, f32(i >> 1u) * 4.0 - 1.0, 0.0, 1.0);
        }
        @fragment fn colour(@builtin(position) at: vec4f) -> @location(0) vec4f {
            var a = at / 64.0;
            var b = a;
            CHOICE
            return a;
        }""".replace("CHOICE", choice))
    pipeline = device.create_render_pipeline(
        layout="auto",
        vertex={"module": module, "entry_point": "corner"},
        primitive={"topology": "triangle-list"},
        fragment={"module": module, "entry_point": "colour", "targets": [{"format": "rgba8unorm"}]},
    )
    bound = device.create_bind_group(
        layout=pipeline.get_bind_group_layout(0),
        entries=[{"binding": 0, "resource": {"buffer": settings, "offset": 0, "size": 16}}],
    )

    def draw(times):
        for _ in range(times):
            device.queue.write_buffer(settings, 0, (1).to_bytes(16, "little"))
            encoder = device.create_command_encoder()
            drawing = encoder.begin_render_pass(color_attachments=[
                {"view": target.create_view(), "load_op": "clear", "store_op": "store", "clear_value": (0, 0, 0, 1)}
            ])
            drawing.set_pipeline(pipeline)
            drawing.set_bind_group(0, bound)
            drawing.draw(3)
            drawing.end()
            device.queue.submit([encoder.finish()])
            # Waits until it is drawn.
            device.queue.read_texture({"texture": target}, {"bytes_per_row": 256, "rows_per_image": 64}, (64, 64, 1))

    def resident():
        return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

    draw(20)
    before = resident()
    draw(600)
    return resident() - before


more = {name: grown(choice) for name, choice in CHOICES.items()}
for name, megabytes in more.items():
    print(f"{name}: {megabytes:.0f} MB more")
assert more["if"] > 150 and more["select"] < 30, "it has changed"
PYTHON
