//! The platform's MIDI ports: ALSA, CoreMIDI or WinMM.

use std::collections::BTreeMap;

use midir::{Ignore, MidiInput, MidiInputConnection, MidiOutput, MidiOutputConnection};

use super::input_handler::InputHandler;
use super::port::OURS;

/// A port of the platform: its identifier, which may change when it is plugged in again, and its name.
pub(super) type PortId = (String, String);

/// The platform's MIDI ports, and those of them that are open.
#[derive(Default)]
pub(super) struct Platform {
    client: Option<(MidiInput, MidiOutput)>,
    inputs: BTreeMap<String, MidiInputConnection<InputHandler>>,
}

impl Platform {
    /// Makes the platform ready, where it is not yet.
    pub(super) fn open(&mut self) -> Result<(), String> {
        if self.client.is_none() {
            // The input first: it knows whether there is anything to open.
            let input = client(OURS)?;
            let output = MidiOutput::new(OURS).map_err(|error| error.to_string())?;
            self.client = Some((input, output));
        }
        Ok(())
    }

    /// Whether it has MIDI.
    pub(super) fn is_there(&self) -> bool {
        self.client.is_some()
    }

    /// The sources that there are, our own apart. What is open of others is closed.
    pub(super) fn sources(&mut self) -> Vec<PortId> {
        let Some((input, _)) = &self.client else {
            return Vec::new();
        };
        let found = named(input.ports(), |port| {
            Some((port.id(), input.port_name(port).ok()?))
        });
        self.inputs
            .retain(|id, _| found.iter().any(|(there, _)| there == id));
        found
    }

    /// The sinks that there are, our own apart.
    pub(super) fn sinks(&self) -> Vec<PortId> {
        let Some((_, output)) = &self.client else {
            return Vec::new();
        };
        named(output.ports(), |port| {
            Some((port.id(), output.port_name(port).ok()?))
        })
    }

    /// Whether a source is listened to.
    pub(super) fn listens(&self, id: &str) -> bool {
        self.inputs.contains_key(id)
    }

    /// Listens to a source.
    pub(super) fn listen(&mut self, id: &str, handler: InputHandler) -> Result<(), String> {
        let mut input = client(OURS)?;
        input.ignore(Ignore::SysexAndActiveSense);
        let port = input
            .find_port_by_id(id)
            .ok_or_else(|| "it has gone".to_owned())?;
        let callback = |_: u64, bytes: &[u8], handler: &mut InputHandler| {
            let at = handler.now();
            handler.receive(bytes, at);
        };
        let connection = input
            .connect(&port, "latentloop-in", callback, handler)
            .map_err(|error| error.to_string())?;
        self.inputs.insert(id.to_owned(), connection);
        Ok(())
    }

    /// Opens a sink.
    pub(super) fn speak(id: &str) -> Result<MidiOutputConnection, String> {
        let output = MidiOutput::new(OURS).map_err(|error| error.to_string())?;
        let port = output
            .find_port_by_id(id)
            .ok_or_else(|| "it has gone".to_owned())?;
        let connection = output.connect(&port, "latentloop-out");
        connection.map_err(|error| error.to_string())
    }

    /// Closes everything.
    pub(super) fn close(self) {
        for (_, connection) in self.inputs {
            connection.close();
        }
    }
}

fn named<P>(ports: Vec<P>, name: impl Fn(&P) -> Option<PortId>) -> Vec<PortId> {
    let theirs = |(_, name): &PortId| !name.contains(OURS);
    ports.iter().filter_map(name).filter(theirs).collect()
}

/// A client of the platform's MIDI system.
fn client(name: &str) -> Result<MidiInput, String> {
    // ALSA's library prints to the terminal each time that it finds no sequencer.
    let sequencer = std::path::Path::new("/dev/snd/seq");
    if cfg!(target_os = "linux") && !sequencer.exists() {
        return Err("there is no /dev/snd/seq (load the kernel module snd-seq)".to_owned());
    }
    MidiInput::new(name).map_err(|error| error.to_string())
}

/// The names of the platform's sources.
pub(super) fn sources() -> Result<Vec<String>, String> {
    let input = client("latentloop-devices")?;
    let ports = input.ports();
    let names = ports.iter().filter_map(|port| input.port_name(port).ok());
    Ok(names.filter(|name| !name.contains(OURS)).collect())
}
