//! The reader of one port: bytes in, control events and clock pulses out.

use super::bound_map::BoundMap;
use super::event::{CompositeControls, ControlEvent, EventAssembler};
use super::map::ControllerMap;
use super::parser::{Message, Messages, ParseError, Parser};
use crate::control::clock::Pulse;
use crate::control::{Stamp, Values};
use crate::instrument::Action;

/// Input of a port.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input {
    /// A channel message, and the control event that it completes, if it does.
    Control(Message, Option<ControlEvent>),
    /// A pulse of a MIDI clock.
    Clock(Pulse),
}

/// A reader of one port's bytes.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    parser: Parser,
    assembler: EventAssembler,
}

impl Reader {
    /// The input in a delivery of whole messages, for a device with this map. What is not iterated over is not read. Never
    /// allocates, locks or waits.
    pub fn read<'a>(&'a mut self, bytes: &'a [u8], map: &'a ControllerMap) -> Inputs<'a> {
        Inputs {
            messages: self.parser.delivery(bytes),
            assembler: &mut self.assembler,
            composites: &map.composites,
        }
    }

    /// The actions of a delivery that came in at `at`; clocks and faults are passed over.
    pub fn actions<'a>(
        &'a mut self,
        bytes: &'a [u8],
        at: Stamp,
        bound: &'a BoundMap,
        values: &'a Values,
    ) -> impl Iterator<Item = Action> + 'a {
        let events = self
            .read(bytes, bound.map())
            .filter_map(|input| match input {
                Ok(Input::Control(_, event)) => event,
                _ => None,
            });
        events.flat_map(move |event| bound.actions(event, at, values))
    }
}

/// An iterator over the input in a delivery of bytes.
#[derive(Debug)]
pub struct Inputs<'a> {
    messages: Messages<'a>,
    assembler: &'a mut EventAssembler,
    composites: &'a CompositeControls,
}

impl Iterator for Inputs<'_> {
    type Item = Result<Input, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        let message = match self.messages.next()? {
            Ok(message) => message,
            Err(error) => return Some(Err(error)),
        };
        Some(Ok(match pulse(message) {
            Some(pulse) => Input::Clock(pulse),
            None => {
                let event = self.assembler.assemble(message, self.composites);
                Input::Control(message, event)
            }
        }))
    }
}

fn pulse(message: Message) -> Option<Pulse> {
    Some(match message {
        Message::Clock => Pulse::Clock,
        Message::Start => Pulse::Start,
        Message::Continue => Pulse::Continue,
        Message::Stop => Pulse::Stop,
        Message::SongPosition(at) => Pulse::Position(at),
        _ => return None,
    })
}
