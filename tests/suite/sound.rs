//! Listening, against a real sound server: a tone that another program plays is heard in its band.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use latentloop::sound::{Capture, Features, SoundError};

use crate::support::{Process, wait_until};

/// Set in the second run of a test, in which the environment leads to a sound server of its own.
const INSIDE: &str = "LATENTLOOP_TEST_SOUND_SERVER";

/// A program that says nothing.
fn start(program: &str, arguments: &[&str]) -> Process {
    let mut command = Command::new(program);
    command.args(arguments);
    Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()))
}

/// PulseAudio with one silent loudspeaker, `stage`, whose monitor can be captured.
fn sound_server() -> Process {
    let folder = env::var(INSIDE).unwrap();
    let socket = Path::new(&folder).join("native");
    let protocol = format!(
        "module-native-protocol-unix auth-anonymous=1 socket={}",
        socket.display()
    );
    let server = start(
        "pulseaudio",
        &[
            "-n",
            "--daemonize=no",
            "--use-pid-file=no",
            "--exit-idle-time=-1",
            "-L",
            &protocol,
            "-L",
            "module-null-sink sink_name=stage rate=48000",
        ],
    );
    wait_until("PulseAudio answers", || {
        Command::new("pactl")
            .arg("info")
            .output()
            .is_ok_and(|told| told.status.success())
    });
    server
}

fn tone(tone_hz: u32) -> Process {
    let sine = format!("sine=frequency={tone_hz}:sample_rate=48000");
    start(
        "ffmpeg",
        &[
            "-v", "error", "-re", "-f", "lavfi", "-i", &sine, "-af", "volume=4", "-f", "pulse",
            "-device", "stage", "tone",
        ],
    )
}

/// Runs the test of this name once more, as a process whose environment leads to a sound server of its own.
/// Returns whether this is that process. (A process's own environment cannot be changed safely once it has threads.)
fn is_inside_own_sound_server(test: &str) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    fs::create_dir(home.join("runtime")).unwrap();
    let told = Command::new(env::current_exe().unwrap())
        .args([&format!("sound::{test}"), "--exact", "--nocapture"])
        .env(INSIDE, home)
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home.join("runtime"))
        .env(
            "PULSE_SERVER",
            format!("unix:{}", home.join("native").display()),
        )
        .env("JACK_DEFAULT_SERVER", "none")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&told.stdout) + String::from_utf8_lossy(&told.stderr);
    assert!(told.status.success(), "{text}");
    assert!(text.contains("1 passed"), "{text}");
    false
}

#[test]
fn a_tone_that_another_program_plays_is_heard_in_its_band_and_kept_for_the_recording() {
    if !is_inside_own_sound_server(
        "a_tone_that_another_program_plays_is_heard_in_its_band_and_kept_for_the_recording",
    ) {
        return;
    }
    let _server = sound_server();
    let capture = Capture::open("stage.monitor").unwrap();
    assert_eq!(capture.input().host, "PulseAudio");
    assert_eq!(capture.format().channels, 2);
    assert_eq!(capture.features(), Features::default());

    type Band = fn(&Features) -> f32;
    let bands: [(u32, Band); 3] = [(100, |f| f.low), (1_000, |f| f.mid), (5_000, |f| f.high)];
    for (tone_hz, band) in bands {
        let _tone = tone(tone_hz);
        wait_until(&format!("{tone_hz} Hz is heard"), || {
            let heard = capture.features();
            let sum = heard.low + heard.mid + heard.high;
            band(&heard) > 0.6 && band(&heard) > 0.7 * sum
        });
    }

    // A second of the tone, of which the crossings of zero tell the pitch.
    let _tone = tone(1_000);
    wait_until("the last tone is heard", || capture.features().mid > 0.6);
    let mut samples = Vec::new();
    capture.drain_samples(&mut samples);
    samples.clear();
    let rate = capture.format().sample_rate_hz as usize;
    let (begun, mut heard_at) = (Instant::now(), Instant::now());
    wait_until("a second of sound has come", || {
        heard_at = capture.drain_samples(&mut samples);
        samples.len() >= 2 * rate
    });
    assert!(heard_at <= Instant::now());
    assert!(heard_at.duration_since(begun) > Duration::from_millis(600));
    let left: Vec<f32> = samples.iter().step_by(2).copied().take(rate).collect();
    let rises = left
        .windows(2)
        .filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0)
        .count();
    assert!((980..=1_020).contains(&rises), "{rises} rises in a second");
}

#[test]
fn a_sound_server_that_dies_leaves_silence_and_is_taken_up_again() {
    if !is_inside_own_sound_server("a_sound_server_that_dies_leaves_silence_and_is_taken_up_again")
    {
        return;
    }
    let server = sound_server();
    let capture = Capture::open("default").unwrap();
    let first_tone = tone(1_000);
    wait_until("the tone is heard", || capture.features().mid > 0.6);

    drop(server);
    drop(first_tone);
    wait_until("the loss is noticed", || !capture.is_connected());
    wait_until("silence stands in", || {
        capture.features() == Features::default()
    });
    let mut samples = Vec::new();
    capture.drain_samples(&mut samples);
    samples.clear();
    wait_until("silence flows at the clock's pace", || {
        capture.drain_samples(&mut samples);
        samples.len() > 10_000
    });

    let _server = sound_server();
    wait_until("the device is taken up again", || capture.is_connected());
    let _tone = tone(1_000);
    wait_until("the tone is heard again", || capture.features().mid > 0.6);
}

#[test]
fn an_input_that_is_not_there_is_refused_with_the_names_of_those_that_are() {
    if !is_inside_own_sound_server(
        "an_input_that_is_not_there_is_refused_with_the_names_of_those_that_are",
    ) {
        return;
    }
    let _server = sound_server();
    let Err(error) = Capture::open("theremin") else {
        panic!("a device was opened that is not there");
    };
    assert!(matches!(error, SoundError::NotFound { .. }));
    let message = error.to_string();
    assert!(message.contains("\"theremin\""), "{message}");
    assert!(message.contains("stage.monitor"), "{message}");
}
