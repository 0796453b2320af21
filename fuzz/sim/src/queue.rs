//! The queue of events: virtual time moves from one to the next.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::rng::Rng;
use crate::time::Time;

/// Events waiting for their time; those of one moment come out in an order that the seed chooses,
/// so that nobody comes to rely on one.
#[derive(Debug)]
pub struct Queue<E> {
    waiting: BinaryHeap<Reverse<Entry<E>>>,
    now: Time,
    rng: Rng,
    pushed: u64,
}

/// Names one event in the queue, to cancel it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token {
    number: u64,
}

#[derive(Debug)]
struct Entry<E> {
    at: Time,
    /// Decides between events of one moment.
    lot: u64,
    token: Token,
    event: E,
}

impl<E> Queue<E> {
    /// An empty queue at the beginning of time.
    pub fn new(rng: Rng) -> Self {
        Self { waiting: BinaryHeap::new(), now: Time::ZERO, rng, pushed: 0 }
    }

    /// The moment of the event that came out last.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Puts an event in for `at`; one for the past comes now.
    pub fn push(&mut self, at: Time, event: E) -> Token {
        self.pushed += 1;
        let token = Token { number: self.pushed };
        let entry = Entry { at: at.max(self.now), lot: self.rng.number(), token, event };
        self.waiting.push(Reverse(entry));
        token
    }

    /// Takes an event back. One that came out already is not affected.
    pub fn cancel(&mut self, token: Token) {
        self.waiting.retain(|entry| entry.0.token != token);
    }

    /// Takes back every event that `keep` does not want to keep: what a machine had planned when
    /// it lost power.
    pub fn retain(&mut self, mut keep: impl FnMut(&E) -> bool) {
        self.waiting.retain(|entry| keep(&entry.0.event));
    }

    /// The next event, and moves time to it. Nothing when the queue is empty.
    pub fn pop(&mut self) -> Option<(Time, E)> {
        let Reverse(entry) = self.waiting.pop()?;
        self.now = entry.at;
        Some((entry.at, entry.event))
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

impl<E> Entry<E> {
    fn rank(&self) -> (Time, u64, Token) {
        (self.at, self.lot, self.token)
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl<E> Eq for Entry<E> {}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;
    use crate::rng::Rng;
    use crate::time::Time;

    fn at(nanos: u64) -> Time {
        Time::from_nanos(nanos)
    }

    fn drain(queue: &mut Queue<u32>) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect()
    }

    #[test]
    fn events_come_in_the_order_of_their_times() {
        let mut queue = Queue::new(Rng::new(1));
        for nanos in [30, 10, 20] {
            queue.push(at(nanos), nanos as u32);
        }
        assert_eq!(queue.pop(), Some((at(10), 10)));
        queue.push(at(5), 5);
        assert_eq!(queue.pop(), Some((at(10), 5)), "time does not go back");
        assert_eq!(drain(&mut queue), [20, 30]);
        assert_eq!(queue.now(), at(30));
    }

    #[test]
    fn the_seed_orders_what_happens_at_once() {
        let order = |seed| {
            let mut queue = Queue::new(Rng::new(seed));
            (0..8).for_each(|event| _ = queue.push(at(1), event));
            drain(&mut queue)
        };
        assert_eq!(order(1), order(1));
        assert_ne!(order(1), order(2));
    }

    #[test]
    fn what_was_taken_back_does_not_come() {
        let mut queue = Queue::new(Rng::new(1));
        let tokens: Vec<_> = (0..6).map(|event| queue.push(at(1), event)).collect();
        queue.cancel(tokens[2]);
        queue.cancel(tokens[2]);
        queue.retain(|event| event % 2 == 0);
        assert_eq!(queue.len(), 2);
        let mut left = drain(&mut queue);
        left.sort_unstable();
        assert_eq!(left, [0, 4]);
        queue.cancel(tokens[0]);
        assert!(queue.is_empty());
    }
}
