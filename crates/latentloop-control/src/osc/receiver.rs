//! What is made of packets, whoever brings them.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use super::addresses::Addresses;
use super::decoder::{Decoder, Request, Scale, Subscription};
use super::packet::{TimeTag, messages};
use super::schedule::Schedule;
use crate::control::notices::OnceASecond;
use crate::control::{Inbox, Notices};
use crate::instrument::{Action, ParamId, Table};

/// Bundles are obeyed so far ahead; what is later is a clock that is wrong.
const MAX_AHEAD: Duration = Duration::from_secs(1);

/// What a packet asks of whoever brought it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ask<'a> {
    /// It did this: its sender knows.
    Told(&'a Action),
    /// A parameter's value is to be sent.
    Value(ParamId, Scale),
    /// Every parameter's value is to be sent.
    All,
    /// Changes are to be sent.
    Subscribe(Subscription<'a>),
    /// No more changes are to be sent.
    Unsubscribe(Option<u16>),
}

/// Takes packets and puts what they do into the inbox, now or when their time comes.
#[derive(Debug)]
pub(crate) struct Receiver {
    table: Arc<Table>,
    inbox: Arc<Inbox>,
    notices: Arc<Notices>,
    decoder: Decoder,
    schedule: Schedule,
    /// Actions that acted early, for too many were held.
    early: Arc<AtomicU64>,
    faults: OnceASecond,
}

impl Receiver {
    pub(crate) fn new(
        table: Arc<Table>,
        addresses: Arc<Addresses>,
        inbox: Arc<Inbox>,
        notices: Arc<Notices>,
    ) -> Self {
        Self {
            decoder: Decoder::of(addresses, &table),
            table,
            inbox,
            notices,
            schedule: Schedule::default(),
            early: Arc::default(),
            faults: OnceASecond::default(),
        }
    }

    /// The count of actions that acted before their time.
    pub(super) fn early(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.early)
    }

    /// Takes a packet that came at `now` from `from`; hands over what is to be answered.
    pub(crate) fn receive(
        &mut self,
        packet: &[u8],
        from: &dyn Display,
        now: Instant,
        mut each: impl FnMut(Ask<'_>),
    ) {
        let at = self.inbox.now();
        // The system's clock is looked at only where a bundle asks for it.
        let mut today = None;
        messages(packet, |outcome| {
            let (message, tag) = match outcome {
                Ok(found) => found,
                Err(error) => {
                    self.inbox.refuse();
                    fault(&mut self.faults, &self.notices, now, &|| {
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
            let table = &self.table;
            self.decoder.requests(
                &message,
                table,
                due.unwrap_or(now),
                |request| match request {
                    Ok(Request::Do(action)) => {
                        each(Ask::Told(&action));
                        let now = match due {
                            None => Some(action),
                            Some(due) => self.schedule.hold(action, due).err().inspect(|_| {
                                self.early.fetch_add(1, Ordering::Relaxed);
                            }),
                        };
                        if let Some(action) = now {
                            self.inbox.put(action, at);
                        }
                    }
                    Ok(Request::Ask(param, scale)) => each(Ask::Value(param, scale)),
                    Ok(Request::AskAll) => each(Ask::All),
                    Ok(Request::Subscribe(ask)) => each(Ask::Subscribe(ask)),
                    Ok(Request::Unsubscribe(port)) => each(Ask::Unsubscribe(port)),
                    Err(error) => {
                        self.inbox.refuse();
                        fault(&mut self.faults, &self.notices, now, &|| {
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
            self.inbox.put(action, self.inbox.now());
        }
    }
}

/// Names a fault, one a second; only then is it put into words.
fn fault(gate: &mut OnceASecond, notices: &Notices, now: Instant, words: &dyn Fn() -> String) {
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
    use rosc::{OscBundle, OscMessage, OscPacket, OscTime, OscType, encoder::encode};

    fn world() -> (Receiver, Arc<Inbox>) {
        let table = Arc::new(Table::standard());
        let inbox = Arc::new(Inbox::new(&table));
        let addresses = Arc::new(Addresses::new(&table));
        let receiver = Receiver::new(table, addresses, Arc::clone(&inbox), Arc::default());
        (receiver, inbox)
    }

    fn bundle(timetag: OscTime, count: usize) -> Vec<u8> {
        let message = OscPacket::Message(OscMessage {
            addr: "/loop/undo".into(),
            args: vec![OscType::Inf],
        });
        let content = vec![message; count];
        encode(&OscPacket::Bundle(OscBundle { timetag, content })).unwrap()
    }

    fn taken(inbox: &Inbox) -> usize {
        let mut count = 0;
        inbox.take(|_, _| count += 1);
        count
    }

    #[test]
    fn only_what_is_due_within_a_second_is_held() {
        let (mut receiver, inbox) = world();
        let now = Instant::now();
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
            receiver.receive(&bundle(tag, 1), &"a test", now, |_| {});
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
        let (mut receiver, inbox) = world();
        let tag = OscTime::try_from(SystemTime::now() + Duration::from_millis(900)).unwrap();
        receiver.receive(&bundle(tag, 1100), &"a test", Instant::now(), |_| {});
        let early = receiver.early().load(Ordering::Relaxed);
        assert_eq!((early, taken(&inbox)), (76, 76));
    }

    #[test]
    fn faults_are_counted_and_named_once_a_second() {
        let (mut receiver, inbox) = world();
        let now = Instant::now();
        for _ in 0..10 {
            receiver.receive(b"nonsense", &"a test", now, |_| {});
        }
        assert_eq!(inbox.refused(), 10);
        let said = receiver.notices.take().unwrap();
        assert!(said.contains("8 bytes from a test"), "{said}");
        assert_eq!(receiver.notices.take(), None);
    }
}
