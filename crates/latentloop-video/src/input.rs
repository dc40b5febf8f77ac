//! Films, and nothing else, opened.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::context::Input;

use super::{start, url};

/// FFmpeg's readers of films. What it reads beside them is sound, single pictures, text, devices, and lists that name other files or
/// addresses (HLS, DASH, concat, SDP, IMF): none of them comes near what the list of another's making might name.
const FILMS: &str = "mov,matroska,avi,mpegts,mpeg,mpegvideo,mpegtsraw,flv,live_flv,asf,asf_o,ogg,mxf,gxf,dv,ivf,nut,wtv,rm,swf,\
    h261,h263,h264,hevc,vvc,evc,av1,obu,m4v,vc1,vc1test,dirac,cavsvideo,avs2,avs3,dnxhd,mjpeg,mjpeg_2000,smjpeg,mpjpeg,\
    yuv4mpegpipe,gif,apng,cine,mlv,mods,lxf,pva,nsv,nc,dhav,ty,lmlm4,ifv,ipu,mgsts,simbiosis_imx,vividas,\
    4xm,anm,avr,bethsoftvid,bfi,bink,cdg,cdxl,dfa,dsicin,dxa,ea,film_cpk,filmstrip,flic,gdv,hnm,idcin,ipmovie,iv8,jv,kux,mm,\
    moflex,msnwctcp,mtv,mv,mvi,mxg,paf,pmp,psxstr,r3d,rl2,roq,rpl,sga,siff,smush,smk,thp,tiertexseq,tmv,txd,vivo,vmd,wc3movie,\
    wsvqa,xmv,yop";
/// Bytes of a file's beginning by which it is told what it is: as many as FFmpeg takes at most.
const HEAD: u64 = 1 << 20;

/// Why a file was not opened.
#[derive(Debug)]
pub enum NotOpened {
    /// Its name is not UTF-8 text.
    Name,
    /// It is something else, of this name.
    NoFilm(String),
    /// What FFmpeg said.
    Broken(ffmpeg::Error),
}

impl std::fmt::Display for NotOpened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name => f.write_str("its name is not UTF-8 text: rename it"),
            Self::NoFilm(kind) => write!(
                f,
                "it is no film but {kind}: name films themselves, each a file of its own"
            ),
            Self::Broken(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NotOpened {}

/// Opens a film. What is none goes to no reader of FFmpeg's, and no film opens another file or address.
///
/// # Errors
/// When it is no film, or broken.
pub fn input(file: &Path) -> Result<Input, NotOpened> {
    start().map_err(NotOpened::Broken)?;
    let url = url(file).ok_or(NotOpened::Name)?;
    let mut options = ffmpeg::Dictionary::new();
    options.set("format_whitelist", FILMS);
    options.set("protocol_whitelist", "file");
    ffmpeg::format::input_with_dictionary(&url, options).map_err(|error| {
        let refused = error
            == ffmpeg::Error::Other {
                errno: ffmpeg::error::EINVAL,
            };
        let kind = refused.then(|| probe(file, &url)).flatten();
        kind.map_or(NotOpened::Broken(error), NotOpened::NoFilm)
    })
}

/// What FFmpeg takes the file for, where that is no film.
#[allow(
    unsafe_code,
    reason = "ffmpeg-next does not wrap av_probe_input_format3"
)]
fn probe(file: &Path, url: &str) -> Option<String> {
    let mut head = Vec::new();
    File::open(file)
        .and_then(|file| file.take(HEAD).read_to_end(&mut head))
        .ok()?;
    let length = head.len();
    head.resize(length + ffmpeg::ffi::AVPROBE_PADDING_SIZE as usize, 0);
    let url = CString::new(url).ok()?;
    let data = ffmpeg::ffi::AVProbeData {
        filename: url.as_ptr(),
        buf: head.as_mut_ptr(),
        buf_size: length as i32,
        mime_type: std::ptr::null(),
    };
    let mut score = 0;
    // SAFETY: name and bytes outlive the call, the bytes are followed by as many zeros as it wants; what comes back is null, or an
    // entry of a static table whose names are texts.
    let (name, kind) = unsafe {
        let format = ffmpeg::ffi::av_probe_input_format3(&data, 1, &mut score).as_ref()?;
        // Builds for small machines leave the long names out.
        let long = format
            .long_name
            .as_ref()
            .map_or(format.name, |_| format.long_name);
        (CStr::from_ptr(format.name), CStr::from_ptr(long))
    };
    let name = name.to_str().ok()?;
    let is_film = FILMS
        .split(',')
        .any(|film| name.split(',').any(|own| own == film));
    (!is_film).then(|| {
        let kind = kind.to_str().unwrap_or(name);
        match name {
            "hls" | "dash" | "concat" | "sdp" | "imf" | "webm_dash_manifest" | "rtsp" => {
                format!("a list of other files ({kind})")
            }
            "image2" => "a picture, or a pattern of pictures".into(),
            _ if name.ends_with("_pipe") => {
                format!("a picture ({})", kind.trim_start_matches("piped "))
            }
            _ => kind.into(),
        }
    })
}
