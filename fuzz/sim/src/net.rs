//! A network that delays, drops, repeats, reorders and falls apart, as its seed wants.
//!
//! It has no queue of its own: [`Network::send`] says when a message would arrive, and whoever
//! drives the machines puts that into the queue of all events; [`Network::arrives`] says, when the
//! time has come, whether it really does.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use crate::rng::{Chance, Rng};
use crate::time::{Time, draw};
use crate::trace::Trace;

/// The number of a machine.
pub type Node = u32;

/// What a link is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkFaults {
    /// Nanoseconds that a message is under way.
    pub delay_ns: Range<u64>,
    /// A message is lost.
    pub drop: Chance,
    /// A message arrives twice.
    pub duplicate: Chance,
    /// A message takes longer by `reorder_ns`, so that later ones overtake it.
    pub reorder: Chance,
    /// Nanoseconds that it takes longer.
    pub reorder_ns: Range<u64>,
    /// How much goes through in a second; without limit if absent.
    pub bytes_per_second: Option<u64>,
    /// Nothing overtakes, as in one TCP connection.
    pub in_order: bool,
}

impl LinkFaults {
    /// A link that delivers everything once, in order, within a millisecond.
    pub const NONE: Self = Self {
        delay_ns: 50_000..1_000_000,
        drop: Chance::NEVER,
        duplicate: Chance::NEVER,
        reorder: Chance::NEVER,
        reorder_ns: 0..0,
        bytes_per_second: None,
        in_order: true,
    };

    /// The classes of faults, as [`LinkFaults::without`] takes them.
    pub const CLASSES: &[&str] = &["drop", "duplicate", "reorder", "bandwidth"];

    /// A link in which each class of faults is there or not, as chance wants.
    pub fn swarm(rng: &mut Rng) -> Self {
        let delay_ns_max = *rng.pick(&[1_000_000, 50_000_000, 500_000_000]);
        let mut faults = Self {
            delay_ns: 50_000..delay_ns_max,
            drop: *rng.pick(&[Chance::percent(1), Chance::percent(30)]),
            duplicate: *rng.pick(&[Chance::percent(1), Chance::percent(30)]),
            reorder: *rng.pick(&[Chance::percent(5), Chance::percent(50)]),
            reorder_ns: 0..delay_ns_max * 10,
            bytes_per_second: Some(*rng.pick(&[10_000, 1_000_000])),
            in_order: false,
        };
        for class in Self::CLASSES {
            if rng.coin() {
                faults = faults.without(class);
            }
        }
        faults
    }

    /// The link without one class of faults; unchanged if there is no class of that name.
    #[must_use]
    pub fn without(mut self, class: &str) -> Self {
        match class {
            "drop" => self.drop = Chance::NEVER,
            "duplicate" => self.duplicate = Chance::NEVER,
            "reorder" => (self.reorder, self.in_order) = (Chance::NEVER, true),
            "bandwidth" => self.bytes_per_second = None,
            _ => {}
        }
        self
    }
}

/// A message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope<M> {
    /// Who sent it.
    pub from: Node,
    /// Whom it is for.
    pub to: Node,
    /// When it was sent.
    pub sent: Time,
    /// What it says.
    pub message: M,
}

/// What a network did so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Messages that were sent.
    pub sent: u64,
    /// Of these, lost on a link, or because it was cut.
    pub lost: u64,
    /// Messages that were delivered twice.
    pub repeated: u64,
}

/// The links between all machines.
#[derive(Debug)]
pub struct Network {
    faults: LinkFaults,
    own: BTreeMap<(Node, Node), LinkFaults>,
    lines: BTreeMap<(Node, Node), Line>,
    cut: BTreeSet<(Node, Node)>,
    rng: Rng,
    trace: Trace,
    carried: Carried,
}

/// What one direction of a link is doing.
#[derive(Debug, Default)]
struct Line {
    /// When what was sent before is through.
    free: Time,
    /// When the last of it arrives.
    last: Time,
}

impl Network {
    /// A network of whole links, all alike.
    pub fn new(faults: LinkFaults, rng: Rng, trace: Trace) -> Self {
        Self {
            faults,
            own: BTreeMap::new(),
            lines: BTreeMap::new(),
            cut: BTreeSet::new(),
            rng,
            trace,
            carried: Carried::default(),
        }
    }

    /// Gives the link from one machine to another, in this direction, faults of its own.
    pub fn set_link(&mut self, from: Node, to: Node, faults: LinkFaults) {
        self.own.insert((from, to), faults);
    }

    /// Sends a message; `deliver` is called with each arrival to be, of which there are none, one
    /// or two.
    pub fn send<M: Clone>(
        &mut self,
        now: Time,
        envelope: Envelope<M>,
        size_bytes: u64,
        mut deliver: impl FnMut(Time, Envelope<M>),
    ) {
        let way = (envelope.from, envelope.to);
        self.carried.sent += 1;
        let faults = self.own.get(&way).unwrap_or(&self.faults).clone();
        if self.cut.contains(&way) || self.rng.happens(faults.drop) {
            self.lose(way, "sent");
            return;
        }
        let line = self.lines.entry(way).or_default();
        line.free = line.free.max(now) + transmission(size_bytes, faults.bytes_per_second);
        let copies = 1 + u32::from(self.rng.happens(faults.duplicate));
        self.carried.repeated += u64::from(copies - 1);
        for _ in 0..copies {
            let mut at = line.free + draw(&mut self.rng, &faults.delay_ns);
            if self.rng.happens(faults.reorder) {
                at = at + draw(&mut self.rng, &faults.reorder_ns);
            }
            if faults.in_order {
                at = at.max(line.last);
                line.last = at;
            }
            deliver(at, envelope.clone());
        }
    }

    /// Whether a message whose time has come arrives: not if its link was cut meanwhile.
    pub fn arrives<M>(&mut self, envelope: &Envelope<M>) -> bool {
        let way = (envelope.from, envelope.to);
        let arrives = !self.cut.contains(&way);
        if !arrives {
            self.lose(way, "under way");
        }
        arrives
    }

    /// Cuts the link from one machine to another, in this direction.
    pub fn cut(&mut self, from: Node, to: Node) {
        self.trace.event(format_args!("net: cut {from}->{to}"));
        self.cut.insert((from, to));
    }

    /// Cuts every link between the two groups, in both directions.
    pub fn partition(&mut self, one: &[Node], other: &[Node]) {
        for (&a, &b) in one.iter().flat_map(|a| other.iter().map(move |b| (a, b))) {
            self.cut(a, b);
            self.cut(b, a);
        }
    }

    /// Cuts what chance wants between these machines: one in two groups from each other, or one
    /// machine in one direction.
    pub fn partition_somehow(&mut self, nodes: &[Node]) {
        let mut nodes = nodes.to_vec();
        self.rng.shuffle(&mut nodes);
        let Some(end) = nodes.len().checked_sub(1).filter(|&end| end > 0) else { return };
        let (one, other) = nodes.split_at(1 + self.rng.index(end));
        match self.rng.below(3) {
            0 => other.iter().for_each(|&node| self.cut(node, one[0])),
            1 => other.iter().for_each(|&node| self.cut(one[0], node)),
            _ => self.partition(one, other),
        }
    }

    /// Joins all links again.
    pub fn heal(&mut self) {
        self.trace.event(format_args!("net: heal"));
        self.cut.clear();
    }

    /// Whether the link in this direction is whole.
    pub fn is_whole(&self, from: Node, to: Node) -> bool {
        !self.cut.contains(&(from, to))
    }

    /// What was done so far.
    pub fn carried(&self) -> Carried {
        self.carried
    }

    fn lose(&mut self, (from, to): (Node, Node), when: &str) {
        self.carried.lost += 1;
        self.trace.event(format_args!("net: {from}->{to} lost, {when}"));
    }
}

/// How long a message occupies its link.
fn transmission(size_bytes: u64, bytes_per_second: Option<u64>) -> Duration {
    let Some(rate) = bytes_per_second.filter(|&rate| rate > 0) else { return Duration::ZERO };
    let nanos = u128::from(size_bytes) * 1_000_000_000 / u128::from(rate);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::{Envelope, LinkFaults, Network, Node};
    use crate::rng::{Chance, Rng};
    use crate::time::Time;
    use crate::trace::Trace;

    fn network(faults: LinkFaults) -> Network {
        Network::new(faults, Rng::new(1), Trace::new())
    }

    /// Sends 0, 1, 2 and so on from machine 0 to 1 at once; what arrives when.
    fn arrivals(network: &mut Network, count: u32, size_bytes: u64) -> Vec<(Time, u32)> {
        let mut arrivals = Vec::new();
        for message in 0..count {
            let envelope = Envelope { from: 0, to: 1, sent: Time::ZERO, message };
            network.send(Time::ZERO, envelope, size_bytes, |at, envelope| {
                arrivals.push((at, envelope.message));
            });
        }
        arrivals.sort_unstable();
        arrivals
    }

    fn order(faults: LinkFaults) -> Vec<u32> {
        arrivals(&mut network(faults), 100, 1).into_iter().map(|(_, message)| message).collect()
    }

    #[test]
    fn a_good_link_delivers_once_and_in_order() {
        assert!(order(LinkFaults::NONE).into_iter().eq(0..100));
    }

    #[test]
    fn each_fault_does_what_it_says() {
        let faults = || LinkFaults { reorder_ns: 0..100_000_000, ..LinkFaults::NONE };
        assert_eq!(order(LinkFaults { drop: Chance::ALWAYS, ..faults() }), []);
        let lossy = order(LinkFaults { drop: Chance::percent(50), ..faults() });
        assert!((20..80).contains(&lossy.len()) && lossy.is_sorted());
        let twice = order(LinkFaults { duplicate: Chance::ALWAYS, ..faults() });
        assert_eq!(twice.len(), 200);
        let late = order(LinkFaults { reorder: Chance::percent(50), in_order: false, ..faults() });
        assert!(late.len() == 100 && !late.is_sorted());
    }

    #[test]
    fn a_narrow_link_takes_its_time() {
        let faults = LinkFaults { bytes_per_second: Some(1_000), ..LinkFaults::NONE };
        let arrivals = arrivals(&mut network(faults), 10, 100);
        assert!(arrivals[9].0 >= Time::from_nanos(1_000_000_000));
        assert!(arrivals[9].0 < Time::from_nanos(1_100_000_000));
    }

    #[test]
    fn a_cut_is_for_one_direction_and_a_partition_for_both() {
        let mut net = network(LinkFaults::NONE);
        let envelope = |from, to| Envelope { from, to, sent: Time::ZERO, message: () };
        net.cut(0, 1);
        assert!(!net.arrives(&envelope(0, 1)) && net.arrives(&envelope(1, 0)));
        net.partition(&[0, 1], &[2, 3]);
        let whole = |net: &Network, nodes: [Node; 2]| net.is_whole(nodes[0], nodes[1]);
        assert!(!whole(&net, [1, 3]) && !whole(&net, [3, 1]) && whole(&net, [2, 3]));
        assert!(arrivals(&mut net, 1, 1).is_empty());
        assert_eq!(net.carried().lost, 2);
        net.heal();
        assert!(whole(&net, [0, 1]) && whole(&net, [1, 3]));
    }

    #[test]
    fn chance_cuts_something_and_never_everything() {
        for seed in 0..100 {
            let mut net = Network::new(LinkFaults::NONE, Rng::new(seed), Trace::new());
            net.partition_somehow(&[0, 1, 2]);
            let ways = (0..3).flat_map(|a| (0..3).map(move |b| (a, b))).filter(|(a, b)| a != b);
            let whole = ways.filter(|&(a, b)| net.is_whole(a, b)).count();
            assert!((2..6).contains(&whole), "seed {seed}: {whole} of 6");
        }
    }
}
