//! The receiver of packets, whichever transport brings them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::addresses::AddressMap;
use super::decoder::{Decoder, Request, Scale, Subscription};
use super::packet::{TimeTag, messages};
use super::schedule::Schedule;
use crate::control::notices::OnceASecond;
use crate::control::{ControlPlane, Notices};
use crate::instrument::{Action, ParamId};

/// Bundles are obeyed so far ahead; what is later is a clock that is wrong.
const MAX_AHEAD: Duration = Duration::from_secs(1);

/// A request to the transport that brought a packet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SenderRequest<'a> {
    /// This action was taken: its sender knows of it.
    Acted(&'a Action),
    /// A parameter's value is to be sent.
    Query(ParamId, Scale),
    /// Every parameter's value is to be sent.
    QueryAll,
    /// Changes are to be sent.
    Subscribe(Subscription<'a>),
    /// No more changes are to be sent.
    Unsubscribe(Option<u16>),
}

/// A receiver of packets: their actions go into the inbox, now or when their time comes.
#[derive(Debug)]
pub(crate) struct Receiver {
    plane: ControlPlane,
    decoder: Decoder,
    schedule: Schedule,
    /// Actions that acted early, for too many were held.
    early: Arc<AtomicU64>,
    faults: OnceASecond,
}

impl Receiver {
    pub(crate) fn new(plane: ControlPlane, addresses: Arc<AddressMap>) -> Self {
        Self {
            decoder: Decoder::with_addresses(addresses),
            plane,
            schedule: Schedule::default(),
            early: Arc::default(),
            faults: OnceASecond::default(),
        }
    }

    /// The count of actions that acted before their time.
    pub(super) fn early(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.early)
    }

    /// Receives a packet that came at `now` from `from`; hands over what its transport is to do.
    pub(crate) fn receive(
        &mut self,
        packet: &[u8],
        from: SocketAddr,
        now: Instant,
        mut each: impl FnMut(SenderRequest<'_>),
    ) {
        let at = self.plane.inbox.now();
        self.decoder.begin(from);
        // The system's clock is looked at only where a bundle asks for it.
        let mut today = None;
        messages(packet, |outcome| {
            let (message, tag) = match outcome {
                Ok(found) => found,
                Err(error) => {
                    self.plane.inbox.refuse();
                    report(&mut self.faults, &self.plane.notices, now, &|| {
                        let length = packet.len();
                        format!("an OSC packet of {length} bytes from {from}: {error}")
                    });
                    return;
                }
            };
            let ahead = (tag != TimeTag::IMMEDIATELY)
                .then(|| *today.get_or_insert_with(|| TimeTag::of(SystemTime::now())))
                .and_then(|today| tag.ahead_of(today))
                .filter(|ahead| *ahead <= MAX_AHEAD);
            let due = ahead.map(|ahead| now + ahead);
            let table = &self.plane.table;
            self.decoder.requests(
                &message,
                table,
                due.unwrap_or(now),
                |request| match request {
                    Ok(Request::Act(action)) => {
                        each(SenderRequest::Acted(&action));
                        let now = match due {
                            None => Some(action),
                            Some(due) => self.schedule.hold(action, due).err().inspect(|_| {
                                self.early.fetch_add(1, Ordering::Relaxed);
                            }),
                        };
                        if let Some(action) = now {
                            self.plane.inbox.put(action, at);
                        }
                    }
                    Ok(Request::Query(param, scale)) => each(SenderRequest::Query(param, scale)),
                    Ok(Request::QueryAll) => each(SenderRequest::QueryAll),
                    Ok(Request::Subscribe(ask)) => each(SenderRequest::Subscribe(ask)),
                    Ok(Request::Unsubscribe(port)) => each(SenderRequest::Unsubscribe(port)),
                    Err(error) => {
                        self.plane.inbox.refuse();
                        report(&mut self.faults, &self.plane.notices, now, &|| {
                            format!("{error} (from {from})")
                        });
                    }
                },
            );
        });
    }

    /// When what is held is next due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.schedule.next_due()
    }

    /// Puts what is due into the inbox.
    pub(crate) fn release(&mut self, now: Instant) {
        while let Some(action) = self.schedule.take(now) {
            self.plane.inbox.put(action, self.plane.inbox.now());
        }
    }
}

/// Reports a fault, one a second; only then is it put into words.
fn report(gate: &mut OnceASecond, notices: &Notices, now: Instant, words: &dyn Fn() -> String) {
    if let Some(held_back) = gate.pass(now) {
        let more = if held_back > 0 {
            format!(" (and {held_back} more)")
        } else {
            String::new()
        };
        notices.warn(format!("{}{more}", words()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::Inbox;
    use crate::instrument::Table;
    use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType, encoder::encode};

    fn receiver() -> (Receiver, Arc<Inbox>) {
        let plane = ControlPlane::new(&Arc::new(Table::standard()));
        let addresses = Arc::new(AddressMap::new(&plane.table));
        let receiver = Receiver::new(plane.clone(), addresses);
        (receiver, plane.inbox)
    }

    fn bundle(timetag: OscTime, count: usize) -> Vec<u8> {
        let message = OscPacket::Message(OscMessage {
            addr: "/loop/undo".into(),
            args: vec![OscType::Inf],
        });
        let content = vec![message; count];
        encode(&OscPacket::Bundle(OscBundle { timetag, content })).unwrap()
    }

    fn sender() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 9))
    }

    fn taken(inbox: &Inbox) -> usize {
        let mut count = 0;
        inbox.take(|_, _| count += 1);
        count
    }

    #[test]
    fn only_what_is_due_within_a_second_is_held() {
        let (mut receiver, inbox) = receiver();
        let mut now = Instant::now();
        let today = SystemTime::now();
        for (tag, held) in [
            ((0, 1).into(), false),
            ((0, 0).into(), false),
            (
                OscTime::try_from(today - Duration::from_secs(5)).unwrap(),
                false,
            ),
            (
                OscTime::try_from(today + Duration::from_millis(800)).unwrap(),
                true,
            ),
            (
                OscTime::try_from(today + Duration::from_secs(60)).unwrap(),
                false,
            ),
        ] {
            // One that comes twice at once would be taken for one.
            now += Duration::from_secs(10);
            receiver.receive(&bundle(tag, 1), sender(), now, |_| {});
            assert_eq!(taken(&inbox), usize::from(!held), "{tag:?}");
            assert_eq!(receiver.next_due().is_some(), held);
            receiver.release(now);
            assert_eq!(taken(&inbox), 0);
            receiver.release(now + Duration::from_secs(2));
            assert_eq!(taken(&inbox), usize::from(held));
        }
    }

    #[test]
    fn more_than_can_be_held_acts_at_once_and_is_counted() {
        let (mut receiver, inbox) = receiver();
        let tag = OscTime::try_from(SystemTime::now() + Duration::from_millis(900)).unwrap();
        receiver.receive(&bundle(tag, 1100), sender(), Instant::now(), |_| {});
        let early = receiver.early().load(Ordering::Relaxed);
        assert_eq!((early, taken(&inbox)), (76, 76));
    }

    #[test]
    fn faults_are_counted_and_named_once_a_second() {
        let (mut receiver, inbox) = receiver();
        let now = Instant::now();
        for _ in 0..10 {
            receiver.receive(b"nonsense", sender(), now, |_| {});
        }
        assert_eq!(inbox.refused(), 10);
        let said = receiver.plane.notices.take().unwrap();
        assert!(said.contains("8 bytes from 127.0.0.1:9"), "{said}");
        assert_eq!(receiver.plane.notices.take(), None);
    }
}
