//! Port names, and which ports belong to one device.

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

/// The prefix of our own ports' names, and those of other instances of this program.
pub(super) const OURS: &str = "latentloop";

/// A MIDI input port: a source of messages.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct Port {
    /// `ALSA`, `CoreMIDI`, `WinMM` or `JACK`.
    pub system: &'static str,
    /// Its name there.
    pub name: String,
}

/// The stable name of a device, the same when it is plugged in again: ALSA puts numbers after it that are not.
pub(super) fn stable_name(name: &str) -> &str {
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

/// Whether a sink is of the same device as a source, by their names: the same, or the other side's.
pub(super) fn is_same_device(source: &str, sink: &str) -> bool {
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
            assert_eq!(stable_name(name), expected);
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
            assert_eq!(is_same_device(source, sink), expected, "{source} {sink}");
        }
    }
}
