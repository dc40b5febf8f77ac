//! Raw pictures for other programs, read by real readers.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use socket2::{Domain, Socket, Type};

use crate::support::{Show, refused};

/// Bytes of a picture of the small model.
const PICTURE: usize = 64 * 64 * 4;

/// A port of the system's choice that stays ours, and where another program can listen all the same.
fn reserved_port() -> (Socket, u16) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

/// FFmpeg, reading raw pictures; it counts what it decodes into `frames.txt`, a line for each.
fn ffmpeg(folder: &Path, size: &str, input: &str, more: &[&str]) -> Command {
    let mut command = Command::new("ffmpeg");
    command
        .current_dir(folder)
        .args(["-loglevel", "error", "-y", "-f", "rawvideo"])
        .args(["-pix_fmt", "rgba", "-s", size, "-r", "60", "-i", input])
        .args(more)
        .args(["-f", "framemd5", "frames.txt"])
        .stdin(Stdio::null());
    command
}

fn frames(folder: &Path) -> u64 {
    let text = std::fs::read_to_string(folder.join("frames.txt")).unwrap();
    text.lines().filter(|line| !line.starts_with('#')).count() as u64
}

#[test]
fn pipe_1_is_whole_pictures_and_nothing_else() {
    let show = Show::builder().headless();
    let mut show = show
        .args(["--fps", "30", "--out", "pipe:1"])
        .piped()
        .start();
    let mut pipe = show.process.0.stdout.take().unwrap();
    let mut bytes = vec![0; 50 * PICTURE];
    pipe.read_exact(&mut bytes).unwrap();
    // Read to its end, beside the show's.
    let reading = std::thread::spawn(move || {
        pipe.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let figures = show.quit();
    let bytes = reading.join().unwrap();
    let pictures = (bytes.len() / PICTURE) as u64;
    assert_eq!(bytes.len() % PICTURE, 0);
    let shown = figures["frames_shown"].as_u64().unwrap();
    let dropped = figures["out_dropped"].as_u64().unwrap();
    assert!(shown - pictures <= dropped + 3, "{pictures} {figures}");
    for picture in bytes.chunks_exact(PICTURE) {
        assert!(picture.chunks_exact(4).all(|pixel| pixel[3] == 255));
    }
    assert!(
        bytes[..PICTURE] != bytes[bytes.len() - PICTURE..],
        "it moves"
    );
}

#[test]
fn ffmpeg_takes_the_pictures_from_the_standard_output() {
    let show = Show::builder().headless().args(["--out", "pipe:1"]);
    let show = show.args(["--seconds", "2", "--out-size", "64x48"]);
    let mut show = show.piped().launch();
    let mut receiver = ffmpeg(show.folder(), "64x48", "-", &[]);
    let pictures = show.process.0.stdout.take().unwrap();
    assert!(receiver.stdin(pictures).status().unwrap().success());
    let figures = show.ends_well();
    let taken = frames(show.folder());
    let shown = figures["frames_shown"].as_u64().unwrap();
    let dropped = figures["out_dropped"].as_u64().unwrap();
    assert!(taken >= figures["out_sent"].as_u64().unwrap(), "{figures}");
    assert!(
        taken > 1 && shown - taken <= dropped + 3,
        "{taken} {figures}"
    );
}

#[test]
fn ffmpeg_that_listens_is_found_and_found_again() {
    let (_reserved, port) = reserved_port();
    let to = format!("tcp://127.0.0.1:{port}");
    let mut show = Show::builder().headless().args(["--out", &to]).start();
    show.wait_for_log("no reader yet");
    for reader in 1..=2 {
        // Fifty pictures, then it goes.
        let listening = format!("{to}?listen=1");
        let more = ["-frames:v", "50"];
        let status = ffmpeg(show.folder(), "64x64", &listening, &more).status();
        assert!(status.unwrap().success());
        assert_eq!(frames(show.folder()), 50);
        show.wait_for_logs("the reader has gone", reader);
    }
    let speed = show.osc.ask("/loop/speed");
    assert_eq!(speed, f64::from(0.3f32), "the show goes on");
    let figures = show.quit();
    let told = show.log();
    assert_eq!(told.matches("a reader is there").count(), 2, "{told}");
    assert!(figures["out_sent"].as_u64().unwrap() >= 100, "{figures}");
}

#[test]
#[cfg(unix)]
fn a_named_pipe_is_served_whenever_somebody_reads_it() {
    let show = Show::builder().headless();
    let pipe = show.folder().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let target = format!("pipe:{}", pipe.display());
    // The show runs without a reader.
    let mut show = show.args(["--out", &target]).start();
    show.wait_for_log("nobody reads it");
    for reader in 1..=2 {
        let mut file = std::fs::File::open(&pipe).unwrap();
        let mut pictures = vec![0; PICTURE * 30];
        file.read_exact(&mut pictures).unwrap();
        for pixel in pictures.chunks_exact(4) {
            assert_eq!(pixel[3], 255, "reader {reader} is not at a picture's start");
        }
        drop(file);
        show.wait_for_logs("has gone", reader);
    }
    show.quit();
}

#[test]
#[cfg(unix)]
fn a_reader_that_stalls_loses_pictures_and_the_show_loses_none() {
    let show = Show::builder().headless().args(["--seconds", "3"]);
    let show = show.args(["--fps", "30", "--out", "pipe:1", "--out-size", "256x256"]);
    let mut show = show.piped().launch();
    // Held, and never read: a pipe takes less than one of these pictures.
    let _unread = show.process.0.stdout.take();
    let figures = show.ends_well();
    let shown = figures["frames_shown"].as_u64().unwrap();
    let dropped = figures["out_dropped"].as_u64().unwrap();
    assert!(shown > 15 && dropped + 10 > shown, "{figures}");
}

#[test]
fn targets_that_can_have_no_reader_and_pictures_too_large_are_refused_at_once() {
    let place = tempfile::tempdir().unwrap();
    std::fs::write(place.path().join("film.rgba"), "kept").unwrap();
    for (arguments, code, words) in [
        (&["--out", "pipe:none"][..], 1, "mkfifo none"),
        (&["--out", "pipe:film.rgba"], 1, "no named pipe"),
        (&["--out", "udp://a:1"], 2, "tcp://HOST:PORT"),
        (&["--out", "tcp://a:1", "--out", "tcp://a:1"], 1, "twice"),
        (&["--out-size", "64x64"], 2, "--out"),
        (&["--size", "16384x16384"], 2, "16 to 8192 pixels"),
        (
            &["--out", "tcp://a:1", "--out-size", "16384x16384"],
            2,
            "16 to 8192 pixels",
        ),
    ] {
        let model = crate::support::model();
        let play = [
            "play",
            model.to_str().unwrap(),
            "--headless",
            "--osc",
            "none",
        ];
        let play = [&play[..], &["--seconds", "1"], arguments].concat();
        refused(place.path(), &play, code, &[words]);
    }
    let kept = std::fs::read_to_string(place.path().join("film.rgba"));
    assert_eq!(kept.unwrap(), "kept");
}
