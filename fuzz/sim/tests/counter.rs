//! The smallest user of network, clocks and queue: clients that count on a server. It is the
//! pattern for a new scenario, and shows that a server that counts a repeated request twice, or a
//! client that gives up, does not pass.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use treenail_sim::net::{Envelope, LinkFaults, Network, Node};
use treenail_sim::queue::Queue;
use treenail_sim::rng::{Chance, Rng};
use treenail_sim::runner::{Campaign, Plan, Report, Run, Scenario, Violation, run_many};
use treenail_sim::time::{Clock, ClockFaults, Time};

const SERVER: Node = 0;
const CLIENTS: Node = 3;
const RETRY_NS: u64 = 2_000_000_000;

/// What is wrong with the counter under test.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Requests that were counted before are counted again.
    CountsRepeats,
    /// What was sent once is not sent again.
    NeverRetries,
}

struct Counter(Fault);

#[derive(Clone, Debug)]
enum Message {
    Add { request: u64 },
    Added { request: u64 },
}

enum Event {
    /// A client wants to count.
    Want(Node),
    Arrive(Envelope<Message>),
    /// A client's timer.
    Retry {
        client: Node,
        request: u64,
    },
    /// Links are cut or healed.
    Weather,
}

struct World<'a> {
    run: &'a mut Run,
    fault: Fault,
    queue: Queue<Event>,
    net: Network,
    clocks: BTreeMap<Node, Clock>,
    chance: Rng,
    /// The server's state: what it counted, and how often.
    counted: BTreeMap<u64, u64>,
    /// The clients' state.
    waiting: BTreeSet<u64>,
    acknowledged: BTreeSet<u64>,
    requests: u64,
}

impl Scenario for Counter {
    fn name(&self) -> &'static str {
        "counter"
    }

    fn classes(&self) -> Vec<&'static str> {
        LinkFaults::CLASSES.to_vec()
    }

    fn run(&self, run: &mut Run) -> Result<(), Violation> {
        let mut faults = LinkFaults::swarm(&mut run.rng("profile"));
        for class in &run.plan().without {
            faults = faults.without(class);
        }
        let clock = |rng| Clock::new(Time::ZERO, ClockFaults::FIELD, rng);
        let mut world = World {
            queue: Queue::new(run.rng("queue")),
            net: Network::new(faults, run.rng("net"), run.trace().clone()),
            clocks: (1..=CLIENTS).map(|node| (node, clock(run.rng("clock")))).collect(),
            chance: run.rng("workload"),
            fault: self.0,
            counted: BTreeMap::new(),
            waiting: BTreeSet::new(),
            acknowledged: BTreeSet::new(),
            requests: 0,
            run,
        };
        world.queue.push(Time::ZERO, Event::Weather);
        for client in 1..=CLIENTS {
            world.queue.push(Time::ZERO, Event::Want(client));
        }
        while let Some((now, event)) = world.queue.pop() {
            world.run.trace().set_now(now);
            world.step(now, event)?;
        }
        world.check_end()
    }
}

impl World<'_> {
    fn step(&mut self, now: Time, event: Event) -> Result<(), Violation> {
        match event {
            Event::Want(client) if self.run.step(60) => {
                self.requests += 1;
                self.waiting.insert(self.requests);
                self.send(now, client, SERVER, Message::Add { request: self.requests });
                self.set_timer(now, client, self.requests);
                let pause = Duration::from_nanos(self.chance.below(3_000_000_000));
                self.queue.push(now + pause, Event::Want(client));
            }
            Event::Want(_) => {}
            Event::Arrive(envelope) if self.net.arrives(&envelope) => {
                self.receive(now, &envelope)?;
            }
            Event::Arrive(_) => {}
            Event::Retry { client, request } if self.waiting.contains(&request) => {
                if self.fault != Fault::NeverRetries {
                    self.send(now, client, SERVER, Message::Add { request });
                    self.set_timer(now, client, request);
                }
            }
            Event::Retry { .. } => {}
            // The workload over, the network recovers, so that the end can be judged.
            Event::Weather if self.run.step(60) => {
                self.net.heal();
                if self.chance.happens(Chance::percent(30)) {
                    let nodes: Vec<Node> = (0..=CLIENTS).collect();
                    self.net.partition_somehow(&nodes);
                }
                self.queue.push(now + Duration::from_secs(5), Event::Weather);
            }
            Event::Weather => self.net.heal(),
        }
        Ok(())
    }

    fn receive(&mut self, now: Time, envelope: &Envelope<Message>) -> Result<(), Violation> {
        self.run.trace().event(format_args!("{envelope:?}"));
        match envelope.message {
            Message::Add { request } => {
                let count = self.counted.entry(request).or_default();
                if *count == 0 || self.fault == Fault::CountsRepeats {
                    *count += 1;
                }
                self.send(now, SERVER, envelope.from, Message::Added { request });
            }
            Message::Added { request } => {
                if self.counted.get(&request).is_none_or(|&count| count != 1) {
                    let detail = format!("request {request}: {:?}", self.counted.get(&request));
                    return Err(Violation::new("acknowledged is counted once", detail));
                }
                self.waiting.remove(&request);
                self.acknowledged.insert(request);
            }
        }
        Ok(())
    }

    fn send(&mut self, now: Time, from: Node, to: Node, message: Message) {
        let envelope = Envelope { from, to, sent: now, message };
        let queue = &mut self.queue;
        self.net.send(now, envelope, 100, |at, envelope| {
            queue.push(at, Event::Arrive(envelope));
        });
    }

    fn set_timer(&mut self, now: Time, client: Node, request: u64) {
        let clock = &self.clocks[&client];
        let at = clock.when(clock.monotonic_ns(now) + RETRY_NS);
        self.queue.push(at, Event::Retry { client, request });
    }

    fn check_end(&mut self) -> Result<(), Violation> {
        self.run.count("acknowledged", self.acknowledged.len() as u64);
        self.run.count("lost messages", self.net.carried().lost);
        if let Some(request) = self.waiting.first() {
            let detail = format!("request {request} was never acknowledged");
            return Err(Violation::new("every request ends", detail));
        }
        Ok(())
    }
}

fn report(fault: Fault) -> Report {
    let plan = Plan::default();
    let campaign = Campaign { seeds: 0..100, threads: 2, duration_max: None, plan };
    run_many(&Counter(fault), &campaign, &|_| {})
}

#[test]
fn a_right_counter_passes_and_had_a_hard_time() {
    let report = report(Fault::None);
    assert!(report.failure.is_none(), "{:?}", report.failure);
    assert!(report.tally["lost messages"] > 1_000, "{:?}", report.tally);
    assert!(report.tally["acknowledged"] > 1_000, "{:?}", report.tally);
}

#[test]
fn a_server_that_counts_repeats_is_caught() {
    let failure = report(Fault::CountsRepeats).failure.expect("caught");
    assert_eq!(failure.violation.invariant, "acknowledged is counted once");
    assert!(failure.plan.seed < 10, "seed {}", failure.plan.seed);
}

#[test]
fn a_client_that_gives_up_is_caught() {
    let failure = report(Fault::NeverRetries).failure.expect("caught");
    assert_eq!(failure.violation.invariant, "every request ends");
    assert!(failure.plan.seed < 10, "seed {}", failure.plan.seed);
}
