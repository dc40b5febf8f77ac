//! Who is sent every change.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::addresses::Addresses;
use super::decoder::Subscription;
use super::feed::{Feed, lasts};
use crate::control::Values;
use crate::instrument::{Action, ParamId, Row, Table};

/// Subscribers that are held at once.
const MAX_SUBSCRIBERS: usize = 32;
/// How long a subscription holds that is not renewed.
const HOLDS: Duration = Duration::from_secs(60);

/// Listeners that asked for changes, or were named at the start.
#[derive(Debug, Default)]
pub(super) struct Subscribers(Vec<Subscriber>);

#[derive(Debug)]
struct Subscriber {
    to: SocketAddr,
    /// Whose settings it knows: those of one port, or of a whole machine.
    hand: Hand,
    ends: Ends,
    feed: Feed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ends {
    /// Never: it was named at the start.
    Never,
    /// When it is ended, or gives way to others.
    Asked,
    /// When nothing renews it.
    At(Instant),
}

#[derive(Debug)]
enum Hand {
    Port(SocketAddr),
    Machine(std::net::IpAddr),
}

impl Subscribers {
    /// Somebody who is told everything for ever.
    pub(super) fn name(&mut self, to: SocketAddr, table: &Table, addresses: &Addresses) {
        self.0.push(Subscriber {
            to,
            hand: Hand::Machine(to.ip()),
            ends: Ends::Never,
            feed: feed("", table, addresses),
        });
    }

    /// Begins a subscription, or renews it: either way the whole state is sent. Where there are too many, the one that was
    /// renewed longest ago gives way.
    pub(super) fn add(
        &mut self,
        from: SocketAddr,
        ask: &Subscription<'_>,
        table: &Table,
        addresses: &Addresses,
        now: Instant,
    ) {
        let to = SocketAddr::new(from.ip(), ask.port.unwrap_or(from.port()));
        self.0
            .retain(|subscriber| subscriber.to != to || subscriber.ends == Ends::Never);
        if self.0.len() >= MAX_SUBSCRIBERS
            && let Some(oldest) = self.0.iter().position(|other| other.ends != Ends::Never)
        {
            self.0.remove(oldest);
        }
        self.0.push(Subscriber {
            to,
            // A program that names its port sends from another, and nobody knows which.
            hand: match ask.port {
                Some(_) => Hand::Machine(from.ip()),
                None => Hand::Port(from),
            },
            ends: match ask.keep {
                true => Ends::Asked,
                false => Ends::At(now + HOLDS),
            },
            feed: feed(ask.prefix, table, addresses),
        });
    }

    /// Ends a subscription.
    pub(super) fn remove(&mut self, from: SocketAddr, port: Option<u16>) {
        let to = SocketAddr::new(from.ip(), port.unwrap_or(from.port()));
        self.0
            .retain(|subscriber| subscriber.to != to || subscriber.ends == Ends::Never);
    }

    /// Somebody did something, which those that it belongs to know.
    pub(super) fn told(&mut self, from: SocketAddr, action: &Action, table: &Table, now: Instant) {
        for subscriber in &mut self.0 {
            let theirs = match subscriber.hand {
                Hand::Port(address) => address == from,
                Hand::Machine(machine) => machine == from.ip(),
            };
            if theirs {
                subscriber.feed.told(action, table, now);
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
                .feed
                .changes(table, values, now, |param, row, value| {
                    reached &= send(subscriber.to, param, row, value);
                });
            match subscriber.ends {
                Ends::Never => true,
                Ends::Asked => reached,
                Ends::At(end) => reached && now < end,
            }
        });
    }
}

fn feed(prefix: &str, table: &Table, addresses: &Addresses) -> Feed {
    let mut feed = Feed::new(table);
    for (param, row) in table.iter() {
        let below = addresses.of(param).strip_prefix(prefix);
        if lasts(row) && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
            feed.want(param, true);
        }
    }
    feed
}

#[cfg(test)]
mod tests {
    use super::*;

    struct World {
        table: Table,
        addresses: Addresses,
        values: Values,
        subscribers: Subscribers,
    }

    impl World {
        fn new() -> Self {
            let table = Table::standard();
            Self {
                addresses: Addresses::new(&table),
                values: Values::new(&table),
                subscribers: Subscribers::default(),
                table,
            }
        }

        fn add(&mut self, from: SocketAddr, ask: Subscription<'_>, now: Instant) {
            self.subscribers
                .add(from, &ask, &self.table, &self.addresses, now);
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
        let (mut world, now) = (World::new(), Instant::now());
        let ask = Subscription {
            prefix: "/loop",
            ..ASK
        };
        world.add(address(5), ask, now);
        let first = world.heard(now);
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
        assert_eq!(world.heard(now), []);
        let (speed, fade) = (
            world.table.find("loop.speed").unwrap(),
            world.table.find("master.fade").unwrap(),
        );
        world.values.set(speed, 2.0);
        world.values.set(fade, 0.5);
        assert_eq!(world.heard(now), [(5, "loop.speed".to_owned(), 2.0)]);
        world.subscribers.remove(address(5), None);
        world.values.set(speed, 3.0);
        assert_eq!(world.heard(now), []);
    }

    #[test]
    fn whoever_sets_a_value_is_not_told_it_and_the_others_are() {
        let (mut world, now) = (World::new(), Instant::now());
        world.add(address(5), ASK, now);
        world.add(address(6), ASK, now);
        // This one sends from another port than it hears on.
        world.add(
            address(7),
            Subscription {
                port: Some(8),
                ..ASK
            },
            now,
        );
        world.heard(now);
        let param = world.table.find("loop.speed").unwrap();
        let set = Action::Set { param, value: 99.0 };
        world.subscribers.told(address(5), &set, &world.table, now);
        world.values.set(param, 8.0);
        let name = || "loop.speed".to_owned();
        assert_eq!(world.heard(now), [(6, name(), 8.0)]);
        // It was clamped: that is told, once the hand is quiet.
        let later = now + QUIET_OVER;
        assert_eq!(world.heard(later), [(5, name(), 8.0), (8, name(), 8.0)]);
    }

    const QUIET_OVER: Duration = Duration::from_millis(260);

    #[test]
    fn subscriptions_end_unless_they_are_renewed_or_kept_and_are_bounded() {
        let (mut world, now) = (World::new(), Instant::now());
        world.add(address(5), ASK, now);
        world.add(address(6), Subscription { keep: true, ..ASK }, now);
        let later = now + HOLDS;
        world.heard(later);
        let param = world.table.find("loop.speed").unwrap();
        world.values.set(param, 2.0);
        assert_eq!(world.heard(later).len(), 1);
        for port in 100..140 {
            world.add(address(port), ASK, later);
        }
        assert_eq!(world.subscribers.0.len(), MAX_SUBSCRIBERS);
        let kept = world.subscribers.0.iter().map(|other| other.to.port());
        assert_eq!(kept.collect::<Vec<_>>(), (108..140).collect::<Vec<_>>());
    }
}
