//! MIDI over JACK: one input port, to which every MIDI source of the server is connected.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jack::{
    AsyncClient, Client, ClientOptions, ClientStatus, Control, MidiIn, NotificationHandler,
    PortFlags, ProcessHandler, ProcessScope,
};

use super::hub::Sink;
use super::parser::Parser;

/// JACK's name for ports that carry MIDI.
const MIDI: &str = "8 bit raw midi";

/// A connection to a running JACK server.
pub(super) struct JackInput {
    client: AsyncClient<Watcher, Reader>,
    port: String,
    gone: Arc<AtomicBool>,
}

impl JackInput {
    /// Joins the server that runs; none is started.
    pub(super) fn open(sink: Arc<Sink>) -> Result<Self, jack::Error> {
        jack::set_logger(jack::LoggerType::None);
        let (client, _) = Client::new("latentloop", ClientOptions::NO_START_SERVER)?;
        let port = client.register_port("midi_in", MidiIn::default())?;
        let name = port.name()?;
        let gone = Arc::new(AtomicBool::new(false));
        let watcher = Watcher(Arc::clone(&gone));
        let parser = Parser::default();
        let reader = Reader { port, parser, sink };
        let client = client.activate_async(watcher, reader)?;
        Ok(Self {
            client,
            port: name,
            gone,
        })
    }

    /// Whether the server has ended.
    pub(super) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// Connects every source that is not connected yet; returns the names of all sources that there are.
    pub(super) fn connect_all(&self) -> Vec<String> {
        let client = self.client.as_client();
        let sources = client.ports(None, Some(MIDI), PortFlags::IS_OUTPUT);
        for source in &sources {
            match client.connect_ports_by_name(source, &self.port) {
                Ok(()) | Err(jack::Error::PortAlreadyConnected(..)) => {}
                Err(error) => tracing::debug!("JACK MIDI {source}: {error}"),
            }
        }
        sources
    }

    /// Leaves the server.
    pub(super) fn close(self) {
        // A server that has died refuses; there is nothing left to leave then.
        let _ = self.client.deactivate();
    }
}

struct Watcher(Arc<AtomicBool>);

impl NotificationHandler for Watcher {
    #[allow(
        unsafe_code,
        reason = "the trait's signature; storing a flag is safe in a signal handler"
    )]
    unsafe fn shutdown(&mut self, _: ClientStatus, _: &str) {
        self.0.store(true, Ordering::Relaxed);
    }
}

struct Reader {
    port: jack::Port<MidiIn>,
    parser: Parser,
    sink: Arc<Sink>,
}

impl ProcessHandler for Reader {
    fn process(&mut self, _: &Client, scope: &ProcessScope) -> Control {
        for message in self.port.iter(scope) {
            self.sink.take(&mut self.parser, message.bytes);
        }
        Control::Continue
    }
}

/// The MIDI sources of the JACK server that runs, if one does.
pub(super) fn sources() -> Vec<String> {
    jack::set_logger(jack::LoggerType::None);
    match Client::new("latentloop-devices", ClientOptions::NO_START_SERVER) {
        Ok((client, _)) => client.ports(None, Some(MIDI), PortFlags::IS_OUTPUT),
        Err(_) => Vec::new(),
    }
}
