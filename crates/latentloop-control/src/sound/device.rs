//! Capture devices: finding one by its name among all sound systems of the machine.

use cpal::traits::{DeviceTrait, HostTrait};

use super::SoundError;
use crate::libjack;

/// A capture device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The sound system that offers it: `PulseAudio`, `JACK`, `ALSA`, `CoreAudio` …
    pub host: String,
    /// Its name for people.
    pub name: String,
    /// Its name within that system, for example `alsa_input.usb-0.monitor` or `hw:1,0`.
    pub id: String,
}

impl std::fmt::Display for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} ({})", self.host, self.name, self.id)
    }
}

/// Every capture device of every sound system that answers, in the order in which names are looked up.
///
/// Asks the sound servers and may take a second where one is slow; not for the frame path.
pub fn inputs() -> Vec<Input> {
    devices().into_iter().map(|(input, _)| input).collect()
}

/// The inputs as one line of an error message.
pub(super) fn listing(there: &[Input]) -> String {
    if there.is_empty() {
        return "this machine offers no sound input at all".to_owned();
    }
    let names: Vec<String> = there.iter().map(Input::to_string).collect();
    format!("there are {}", names.join("; "))
}

/// The device that `asked` means: `default`, or a name, an identifier or a part of either, in any case.
///
/// # Errors
/// [`SoundError::NotFound`], with what there is instead.
pub(super) fn find(asked: &str) -> Result<(Input, cpal::Device), SoundError> {
    let found = if asked.trim().eq_ignore_ascii_case("default") {
        hosts().find_map(|host| {
            let device = host.default_input_device()?;
            Some((describe(host.id(), &device)?, device))
        })
    } else {
        let mut devices = devices();
        let inputs: Vec<&Input> = devices.iter().map(|(input, _)| input).collect();
        best_match(asked, &inputs).map(|index| devices.swap_remove(index))
    };
    found.ok_or_else(|| SoundError::NotFound {
        asked: asked.to_owned(),
        there: inputs(),
    })
}

/// The index of the input that `asked` means. A whole name or identifier goes before a part of one.
fn best_match(asked: &str, inputs: &[&Input]) -> Option<usize> {
    let asked = asked.trim().to_lowercase();
    if asked.is_empty() {
        return None;
    }
    let whole = |input: &&Input| {
        [&input.name, &input.id]
            .iter()
            .any(|name| name.to_lowercase() == asked)
    };
    let part = |input: &&Input| input.to_string().to_lowercase().contains(&asked);
    inputs
        .iter()
        .position(whole)
        .or_else(|| inputs.iter().position(part))
}

/// Converters that ALSA lists among its devices, and `null`, which has no clock: it would deliver silence as fast as the
/// machine can take it.
const ALSA_PLUGINS: [&str; 9] = [
    "null",
    "lavrate",
    "samplerate",
    "speexrate",
    "speex",
    "upmix",
    "vdownmix",
    "oss",
    "usbstream",
];

fn devices() -> Vec<(Input, cpal::Device)> {
    let mut found = Vec::new();
    for host in hosts() {
        let Ok(devices) = host.input_devices() else {
            continue;
        };
        for device in devices {
            if let Some(input) = describe(host.id(), &device) {
                found.push((input, device));
            }
        }
    }
    found
}

fn hosts() -> impl Iterator<Item = cpal::Host> {
    let has_jack = libjack::load().is_ok();
    cpal::available_hosts()
        .into_iter()
        .filter(move |id| has_jack || id.name() != "JACK")
        .filter_map(|id| cpal::host_from_id(id).ok())
}

fn describe(host: cpal::HostId, device: &cpal::Device) -> Option<Input> {
    let id = device.id().ok()?.id().to_owned();
    if host.name() == "ALSA" && ALSA_PLUGINS.contains(&id.as_str()) {
        return None;
    }
    Some(Input {
        host: host.name().to_owned(),
        name: device.description().ok()?.name().to_owned(),
        id,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_name_goes_before_a_part_and_case_is_no_matter() {
        let inputs = [
            ("PulseAudio", "Monitor of USB Mixer", "usb.monitor"),
            ("PulseAudio", "USB Mixer", "usb"),
            ("JACK", "cpal_client_7_in", "input"),
            ("ALSA", "HDA Intel, ALC257", "hw:0,0"),
        ]
        .map(|(host, name, id)| Input {
            host: host.to_owned(),
            name: name.to_owned(),
            id: id.to_owned(),
        });
        let inputs: Vec<&Input> = inputs.iter().collect();
        for (asked, expected) in [
            ("usb mixer", Some(1)),
            ("USB", Some(1)),
            ("monitor", Some(0)),
            ("jack", Some(2)),
            (" hw:0,0 ", Some(3)),
            ("alc257", Some(3)),
            ("theremin", None),
            ("", None),
        ] {
            assert_eq!(best_match(asked, &inputs), expected, "{asked:?}");
        }
    }

    #[test]
    fn an_input_that_is_not_there_is_named_beside_those_that_are() {
        let there = vec![Input {
            host: "ALSA".to_owned(),
            name: "HDA Intel".to_owned(),
            id: "hw:0,0".to_owned(),
        }];
        let asked = "theremin".to_owned();
        let message = SoundError::NotFound { asked, there }.to_string();
        assert!(message.contains("\"theremin\""), "{message}");
        assert!(message.contains("ALSA: HDA Intel (hw:0,0)"), "{message}");

        let asked = "theremin".to_owned();
        let there = Vec::new();
        let message = SoundError::NotFound { asked, there }.to_string();
        assert!(message.contains("no sound input at all"), "{message}");
    }
}
