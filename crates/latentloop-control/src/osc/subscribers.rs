//! Subscribers: clients that are sent every change.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::addresses::AddressMap;
use super::change_tracker::{ChangeTracker, has_value};
use super::decoder::Subscription;
use crate::control::Values;
use crate::instrument::{Action, ParamId, Row, Table};

/// Subscribers that are held at once.
const MAX_SUBSCRIBERS: usize = 32;
/// How long a subscription holds that is not renewed.
const HOLDS: Duration = Duration::from_secs(60);

/// The subscribers: clients that asked for changes, or were named at the start.
#[derive(Debug, Default)]
pub(super) struct Subscribers(Vec<Subscriber>);

#[derive(Debug)]
struct Subscriber {
    to: SocketAddr,
    /// Whose settings it knows.
    sender: Sender,
    expiry: Expiry,
    changes: ChangeTracker,
}

/// When a subscription ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expiry {
    /// Never: it was named at the start.
    Permanent,
    /// When it is ended, or gives way to others.
    UntilRemoved,
    /// When nothing renews it.
    At(Instant),
}

/// The senders whose settings a subscriber knows.
#[derive(Debug)]
enum Sender {
    /// The socket that subscribed: other programs of its machine are others.
    Socket(SocketAddr),
    /// Every socket of a machine: of who is named at the start, nobody knows from where it sends.
    Machine(std::net::IpAddr),
}

impl Subscribers {
    /// Adds a permanent subscriber to everything.
    pub(super) fn add_permanent(&mut self, to: SocketAddr, table: &Table, addresses: &AddressMap) {
        self.0.push(Subscriber {
            to,
            sender: Sender::Machine(to.ip()),
            expiry: Expiry::Permanent,
            changes: tracker("", table, addresses),
        });
    }

    /// Adds a subscription, or renews it: either way the whole state is sent. Where there are too many, the one that was
    /// renewed longest ago gives way, of those that are not kept; false where all are.
    pub(super) fn add(
        &mut self,
        from: SocketAddr,
        ask: &Subscription<'_>,
        table: &Table,
        addresses: &AddressMap,
        now: Instant,
    ) -> bool {
        let to = ask.target(from);
        self.0
            .retain(|subscriber| subscriber.to != to || subscriber.expiry == Expiry::Permanent);
        if self.0.len() >= MAX_SUBSCRIBERS {
            let gives_way = |other: &Subscriber| matches!(other.expiry, Expiry::At(_));
            match self.0.iter().position(gives_way) {
                Some(oldest) => self.0.remove(oldest),
                None => return false,
            };
        }
        self.0.push(Subscriber {
            to,
            sender: Sender::Socket(from),
            expiry: match ask.keep {
                true => Expiry::UntilRemoved,
                false => Expiry::At(now + HOLDS),
            },
            changes: tracker(ask.prefix, table, addresses),
        });
        true
    }

    /// Ends a subscription.
    pub(super) fn remove(&mut self, from: SocketAddr, port: Option<u16>) {
        let to = SocketAddr::new(from.ip(), port.unwrap_or(from.port()));
        self.0
            .retain(|subscriber| subscriber.to != to || subscriber.expiry == Expiry::Permanent);
    }

    /// Notes an action of a sender, which its subscribers know.
    pub(super) fn note_action(
        &mut self,
        from: SocketAddr,
        action: &Action,
        table: &Table,
        now: Instant,
    ) {
        for subscriber in &mut self.0 {
            let theirs = match subscriber.sender {
                Sender::Socket(address) => address == from,
                Sender::Machine(machine) => machine == from.ip(),
            };
            if theirs {
                subscriber.changes.note_action(action, table, now);
            }
        }
    }

    /// Hands over what has changed. Those whose time is over are left out from now on, and so are those to whom nothing can be sent.
    pub(super) fn changes(
        &mut self,
        table: &Table,
        values: &Values,
        now: Instant,
        mut send: impl FnMut(SocketAddr, ParamId, &Row, f64) -> bool,
    ) {
        self.0.retain_mut(|subscriber| {
            let mut reached = true;
            subscriber
                .changes
                .changes(table, values, now, |param, row, value| {
                    reached &= send(subscriber.to, param, row, value);
                });
            match subscriber.expiry {
                Expiry::Permanent => true,
                Expiry::UntilRemoved => reached,
                Expiry::At(end) => reached && now < end,
            }
        });
    }
}

/// A tracker of the parameters below a part of the tree.
pub(super) fn tracker(prefix: &str, table: &Table, addresses: &AddressMap) -> ChangeTracker {
    let mut tracker = ChangeTracker::new(table);
    for (param, row) in table.iter() {
        let below = addresses.get(param).strip_prefix(prefix);
        if has_value(row) && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            tracker.watch(param, true);
        }
    }
    tracker
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        table: Table,
        addresses: AddressMap,
        values: Values,
        subscribers: Subscribers,
    }

    impl Rig {
        fn new() -> Self {
            let table = Table::standard();
            Self {
                addresses: AddressMap::new(&table),
                values: Values::new(&table),
                subscribers: Subscribers::default(),
                table,
            }
        }

        fn add(&mut self, from: SocketAddr, ask: Subscription<'_>, now: Instant) -> bool {
            self.subscribers
                .add(from, &ask, &self.table, &self.addresses, now)
        }

        fn heard(&mut self, now: Instant) -> Vec<(u16, String, f64)> {
            let mut heard = Vec::new();
            self.subscribers
                .changes(&self.table, &self.values, now, |to, _, row, value| {
                    heard.push((to.port(), row.name.clone(), value));
                    true
                });
            heard
        }
    }

    const ASK: Subscription<'_> = Subscription {
        port: None,
        prefix: "",
        keep: false,
    };

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    #[test]
    fn a_subscription_begins_with_the_state_of_its_part_and_goes_on_with_changes() {
        let (mut rig, now) = (Rig::new(), Instant::now());
        let ask = Subscription {
            prefix: "/loop",
            ..ASK
        };
        rig.add(address(5), ask, now);
        let first = rig.heard(now);
        assert!(
            first
                .iter()
                .all(|(port, name, _)| *port == 5 && name.starts_with("loop."))
        );
        assert!(first.iter().any(|(_, name, _)| name == "loop.speed"));
        assert!(
            first.iter().all(|(_, name, _)| name != "loop.undo"),
            "triggers are not sent"
        );
        assert_eq!(rig.heard(now), []);
        let (speed, fade) = (
            rig.table.find("loop.speed").unwrap(),
            rig.table.find("master.fade").unwrap(),
        );
        rig.values.set(speed, 2.0);
        rig.values.set(fade, 0.5);
        assert_eq!(rig.heard(now), [(5, "loop.speed".to_owned(), 2.0)]);
        rig.subscribers.remove(address(5), None);
        rig.values.set(speed, 3.0);
        assert_eq!(rig.heard(now), []);
    }

    #[test]
    fn whoever_sets_a_value_is_not_told_it_and_the_others_are() {
        let (mut rig, now) = (Rig::new(), Instant::now());
        rig.add(address(5), ASK, now);
        rig.add(address(6), ASK, now);
        // This one sends from another port than it hears on.
        rig.add(
            address(7),
            Subscription {
                port: Some(8),
                ..ASK
            },
            now,
        );
        rig.heard(now);
        let param = rig.table.find("loop.speed").unwrap();
        let set = Action::Set { param, value: 99.0 };
        rig.subscribers
            .note_action(address(5), &set, &rig.table, now);
        rig.values.set(param, 8.0);
        let name = || "loop.speed".to_owned();
        // Another program of the same machine hears it, on whatever port it listens.
        assert_eq!(rig.heard(now), [(6, name(), 8.0), (8, name(), 8.0)]);
        // It was clamped: that is told, once the hand is quiet.
        let later = now + QUIET_OVER;
        assert_eq!(rig.heard(later), [(5, name(), 8.0)]);
        // What the socket sets that subscribed for another port is that one's own.
        rig.subscribers
            .note_action(address(7), &set, &rig.table, later);
        rig.values.set(param, 4.0);
        assert_eq!(rig.heard(later), [(5, name(), 4.0), (6, name(), 4.0)]);
    }

    const QUIET_OVER: Duration = Duration::from_millis(260);

    #[test]
    fn subscriptions_end_unless_they_are_renewed_or_kept_and_are_bounded() {
        let (mut rig, now) = (Rig::new(), Instant::now());
        rig.add(address(5), ASK, now);
        rig.add(address(6), Subscription { keep: true, ..ASK }, now);
        let later = now + HOLDS;
        rig.heard(later);
        let param = rig.table.find("loop.speed").unwrap();
        rig.values.set(param, 2.0);
        assert_eq!(rig.heard(later).len(), 1);
        for port in 100..140 {
            assert!(rig.add(address(port), ASK, later));
        }
        assert_eq!(rig.subscribers.0.len(), MAX_SUBSCRIBERS);
        // Whoever is kept stays, whatever strangers ask for.
        let ports = |rig: &Rig| -> Vec<u16> {
            let all = rig.subscribers.0.iter();
            all.map(|other| other.to.port()).collect()
        };
        let mut expected: Vec<u16> = (109..140).collect();
        expected.insert(0, 6);
        assert_eq!(ports(&rig), expected);
        for port in 200..231 {
            assert!(rig.add(address(port), Subscription { keep: true, ..ASK }, later));
        }
        assert!(!rig.add(address(300), Subscription { keep: true, ..ASK }, later));
        assert!(!rig.add(address(300), ASK, later));
        assert!(rig.add(address(200), Subscription { keep: true, ..ASK }, later));
        assert!(ports(&rig).contains(&6) && !ports(&rig).contains(&300));
    }
}
