//! The names of ports, and which of them belong together.

/// JACK, as a system of ports.
pub(super) const JACK: &str = "JACK";

/// The system of this machine.
#[cfg(target_os = "macos")]
pub(super) const PLATFORM: &str = "CoreMIDI";
/// The system of this machine.
#[cfg(windows)]
pub(super) const PLATFORM: &str = "WinMM";
/// The system of this machine.
#[cfg(not(any(target_os = "macos", windows)))]
pub(super) const PLATFORM: &str = "ALSA";

/// What our own ports' names begin with, and those of other instances of this program.
pub(super) const OURS: &str = "latentloop";

/// A source of MIDI messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Port {
    /// `ALSA`, `CoreMIDI`, `WinMM` or `JACK`.
    pub system: &'static str,
    /// Its name there.
    pub name: String,
}

/// A device's name that stays when it is plugged in again: ALSA puts numbers after it that do not.
pub(super) fn lasting(name: &str) -> &str {
    let Some((before, last)) = name.rsplit_once(' ') else {
        return name;
    };
    let numbers = last.split_once(':');
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match numbers {
        Some((client, port)) if digits(client) && digits(port) => before,
        _ => name,
    }
}

/// What a sink's name may be for it to belong to a source of that name: the same, or the same device's other side.
pub(super) fn belongs(source: &str, sink: &str) -> bool {
    let (source, sink) = (source.to_lowercase(), sink.to_lowercase());
    let sides = [
        ("", ""),
        ("capture", "playback"),
        ("midi out", "midi in"),
        ("out", "in"),
        // Windows: MIDIIN2 (X) and MIDIOUT2 (X).
        ("midiin", "midiout"),
    ];
    sides.iter().any(|(from, to)| {
        if from.is_empty() {
            source == sink
        } else {
            source.contains(from) && source.replace(from, to) == sink
        }
    })
}

/// Whether two ports of JACK are of one client.
pub(super) fn same_client(source: &str, sink: &str) -> bool {
    let client = |name: &str| name.split_once(':').map(|(client, _)| client.to_owned());
    client(source).is_some() && client(source) == client(sink)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_outlast_the_numbers_that_alsa_gives() {
        for (name, expected) in [
            (
                "APC mini mk2:APC mini mk2 Contr 24:0",
                "APC mini mk2:APC mini mk2 Contr",
            ),
            ("Launchpad 2", "Launchpad 2"),
            ("seq:out", "seq:out"),
            ("a b:c", "a b:c"),
        ] {
            assert_eq!(lasting(name), expected);
        }
    }

    #[test]
    fn a_sink_belongs_to_the_source_of_its_device() {
        for (source, sink, expected) in [
            ("APC mini mk2", "APC mini mk2", true),
            ("system:midi_capture_1", "system:midi_playback_1", true),
            ("system:midi_capture_1", "system:midi_playback_2", false),
            ("Launchpad:MIDI Out", "Launchpad:MIDI In", true),
            ("pads:out", "pads:in", true),
            ("pads:out", "keys:in", false),
        ] {
            assert_eq!(belongs(source, sink), expected, "{source} {sink}");
        }
    }
}
