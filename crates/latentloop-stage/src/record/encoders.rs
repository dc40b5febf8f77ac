//! FFmpeg's encoders of a codec, in the order in which they are tried.
//!
//! Of the graphics cards' encoders those are here that take pictures from memory. VA-API's take them from the card alone.

use ffmpeg_next::codec;
use ffmpeg_next::format::Pixel;

use super::{Codec, Effort};

/// Options of an encoder, by FFmpeg's names.
type Options = &'static [(&'static str, &'static str)];

/// An encoder that may be there.
#[derive(Debug)]
pub(super) struct Candidate {
    /// As FFmpeg names it.
    pub(super) name: &'static str,
    pub(super) pixel: Pixel,
    live: Options,
    offline: Options,
    /// Whether it has no constant quality, and needs to be told a bit rate.
    pub(super) wants_rate: bool,
}

impl Candidate {
    pub(super) fn options(&self, effort: Effort) -> Options {
        match effort {
            Effort::Live => self.live,
            Effort::Offline => self.offline,
        }
    }
}

/// FFmpeg's name of a codec.
pub(super) fn id(codec: Codec) -> codec::Id {
    match codec {
        Codec::H264 | Codec::Png => codec::Id::H264,
        Codec::H265 => codec::Id::HEVC,
        Codec::Ffv1 => codec::Id::FFV1,
        Codec::Vp9 => codec::Id::VP9,
        Codec::Av1 => codec::Id::AV1,
        Codec::Prores => codec::Id::PRORES,
    }
}

/// The graphics cards' encoders of a codec.
pub(super) fn hardware(codec: Codec) -> &'static [Candidate] {
    match codec {
        Codec::H264 => &H264_CARDS,
        Codec::H265 => &H265_CARDS,
        Codec::Av1 => &AV1_CARDS,
        Codec::Vp9 => &VP9_CARDS,
        Codec::Ffv1 | Codec::Prores | Codec::Png => &[],
    }
}

/// The processor's encoders of a codec.
pub(super) fn software(codec: Codec) -> &'static [Candidate] {
    match codec {
        Codec::H264 | Codec::Png => &H264,
        Codec::H265 => &H265,
        Codec::Ffv1 => &FFV1,
        Codec::Vp9 => &VP9,
        Codec::Av1 => &AV1,
        Codec::Prores => &PRORES,
    }
}

const H264_CARDS: [Candidate; 4] = [
    nvenc("h264_nvenc"),
    videotoolbox("h264_videotoolbox"),
    amf("h264_amf"),
    qsv("h264_qsv"),
];
const H265_CARDS: [Candidate; 4] = [
    nvenc("hevc_nvenc"),
    videotoolbox("hevc_videotoolbox"),
    amf("hevc_amf"),
    qsv("hevc_qsv"),
];
const AV1_CARDS: [Candidate; 3] = [nvenc("av1_nvenc"), amf("av1_amf"), qsv("av1_qsv")];
const VP9_CARDS: [Candidate; 1] = [qsv("vp9_qsv")];

const fn card(name: &'static str, options: Options) -> Candidate {
    Candidate {
        name,
        pixel: Pixel::NV12,
        live: options,
        offline: options,
        wants_rate: false,
    }
}

const fn nvenc(name: &'static str) -> Candidate {
    card(
        name,
        &[
            ("preset", "p4"),
            ("tune", "ll"),
            ("rc", "vbr"),
            ("cq", "20"),
            ("b", "0"),
            ("delay", "0"),
            ("zerolatency", "1"),
            ("forced-idr", "1"),
        ],
    )
}

const fn videotoolbox(name: &'static str) -> Candidate {
    Candidate {
        wants_rate: true,
        ..card(name, &[("realtime", "1"), ("allow_sw", "0")])
    }
}

const fn amf(name: &'static str) -> Candidate {
    card(
        name,
        &[
            ("usage", "lowlatency"),
            ("rc", "cqp"),
            ("qp_i", "20"),
            ("qp_p", "20"),
        ],
    )
}

const fn qsv(name: &'static str) -> Candidate {
    card(
        name,
        &[
            ("preset", "veryfast"),
            ("global_quality", "20"),
            ("async_depth", "1"),
            ("look_ahead", "0"),
            ("forced_idr", "1"),
        ],
    )
}

const fn planar(name: &'static str, live: Options, offline: Options) -> Candidate {
    Candidate {
        name,
        pixel: Pixel::YUV420P,
        live,
        offline,
        wants_rate: false,
    }
}

const H264: [Candidate; 1] = [planar(
    "libx264",
    &[
        ("preset", "ultrafast"),
        ("tune", "zerolatency"),
        ("crf", "18"),
        ("forced-idr", "1"),
    ],
    &[("preset", "veryfast"), ("crf", "16"), ("forced-idr", "1")],
)];

// A lookahead would hold back more than a crash may lose.
const H265: [Candidate; 1] = [planar(
    "libx265",
    &[
        ("preset", "ultrafast"),
        ("tune", "zerolatency"),
        ("crf", "20"),
        ("forced-idr", "1"),
        ("x265-params", "log-level=none"),
    ],
    &[
        ("preset", "fast"),
        ("crf", "18"),
        ("forced-idr", "1"),
        ("x265-params", "log-level=none"),
    ],
)];

// Slices with checksums, so that a damaged picture shows.
const FFV1_OPTIONS: Options = &[("level", "3"), ("slices", "4"), ("slicecrc", "1")];
const FFV1: [Candidate; 1] = [Candidate {
    pixel: Pixel::BGRZ,
    ..planar("ffv1", FFV1_OPTIONS, FFV1_OPTIONS)
}];

const PRORES_OPTIONS: Options = &[("profile", "hq"), ("vendor", "apl0")];
const PRORES: [Candidate; 1] = [Candidate {
    pixel: Pixel::YUV422P10LE,
    ..planar("prores_ks", PRORES_OPTIONS, PRORES_OPTIONS)
}];

const VP9: [Candidate; 1] = [planar(
    "libvpx-vp9",
    &[
        ("crf", "20"),
        ("b", "0"),
        ("deadline", "realtime"),
        ("cpu-used", "8"),
        ("row-mt", "1"),
        ("lag-in-frames", "0"),
        ("threads", "4"),
    ],
    &[
        ("crf", "20"),
        ("b", "0"),
        ("deadline", "realtime"),
        ("cpu-used", "6"),
        ("row-mt", "1"),
        ("lag-in-frames", "0"),
        ("threads", "4"),
    ],
)];

/// libaom comes first: of the three it alone holds nothing back and makes key frames when it is told to.
const AV1: [Candidate; 3] = [
    planar(
        "libaom-av1",
        &[
            ("usage", "realtime"),
            ("cpu-used", "8"),
            ("crf", "24"),
            ("b", "0"),
            ("lag-in-frames", "0"),
            ("row-mt", "1"),
            ("threads", "4"),
        ],
        &[
            ("usage", "good"),
            ("cpu-used", "6"),
            ("crf", "20"),
            ("b", "0"),
            ("row-mt", "1"),
            ("threads", "4"),
        ],
    ),
    planar(
        "libsvtav1",
        &[
            ("preset", "12"),
            ("crf", "28"),
            ("svtav1-params", "pred-struct=1"),
        ],
        &[("preset", "8"), ("crf", "24")],
    ),
    planar(
        "librav1e",
        &[
            ("speed", "10"),
            ("qp", "80"),
            ("rav1e-params", "low_latency=true"),
        ],
        &[("speed", "6"), ("qp", "60")],
    ),
];
