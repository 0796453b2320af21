//! A place in a stream of changes that a daemon of another machine keeps.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tonic::Streaming;
use treenail_tree::live::{Batch, Change, Clock, Gap, Net, Ready};

use super::{Connection, malformed};
use crate::problem::Problem;
use crate::protocol::Malformed;
use crate::remote::convert::{change_from, clock_from, fresh_from, gap_from, net_from, ready_from};
use crate::remote::message::Delivery;
use crate::remote::status::problem_of;
use crate::subscription::{Delivered, Received};

/// A reader's place in the stream of changes of a root, kept by a daemon.
///
/// It gets each batch as long as it keeps up, and what has changed in sum when it has not. With its
/// [`clock`](Self::clock) another one, also of another daemon on that machine, goes on where this
/// one ended.
pub struct Subscription {
    connection: Arc<Connection>,
    stream: Streaming<Delivery>,
    ready: Ready,
    clock: Clock,
    whole: Whole,
    /// Why there is no more.
    ended: Option<Problem>,
}

impl Subscription {
    /// Waits until the daemon says how the tree began.
    pub(super) fn begin(
        connection: Arc<Connection>,
        mut stream: Streaming<Delivery>,
    ) -> Result<Self, Problem> {
        let first = connection.next(&mut stream)?.unwrap_or_default();
        let ready = first.ready.ok_or(Malformed("nothing says how the tree began"));
        let ready = ready.and_then(ready_from).map_err(malformed)?;
        let clock = clock_from(&first.clock).map_err(malformed)?;
        Ok(Self { connection, stream, ready, clock, whole: Whole::default(), ended: None })
    }

    /// How the daemon's tree of the root began.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// The moment up to which everything has been delivered.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.clock
    }

    /// Waits for what comes next, at most for `limit` (`None`: for ever). Returns nothing when the
    /// time is over.
    ///
    /// # Errors
    /// Once all that came has been delivered: why there will be no more, each time that it is
    /// called. After [`Problem::DISCONNECTED`] another subscription goes on from this one's
    /// [`clock`](Self::clock).
    ///
    /// # Panics
    /// In an asynchronous task of `tokio`, which must not wait.
    pub fn next(&mut self, limit: Option<Duration>) -> Result<Option<Received>, Problem> {
        if let Some(problem) = &self.ended {
            return Err(problem.clone());
        }
        let Self { connection, stream, whole, .. } = self;
        let receive = async {
            loop {
                let part = stream.message().await.map_err(|status| problem_of(&status))?;
                let part = part.ok_or_else(|| {
                    Problem::new(Problem::DISCONNECTED, "the daemon says no more")
                        .remedy("connect again, and go on from the last clock")
                })?;
                if let Some(received) = whole.add(part).map_err(malformed)? {
                    return Ok(received);
                }
            }
        };
        let received = connection.background.wait_for(async {
            match limit {
                None => Some(receive.await),
                Some(limit) => timeout(limit, receive).await.ok(),
            }
        });
        match received {
            None => Ok(None),
            Some(Ok(received)) => {
                self.clock = received.clock;
                Ok(Some(received))
            }
            Some(Err(problem)) => Err(self.ended.insert(problem).clone()),
        }
    }
}

/// The parts of a delivery that have come.
#[derive(Default)]
pub(super) struct Whole {
    /// The clock of the parts, and whether they are of net changes.
    of: Option<(String, bool)>,
    gaps: Vec<Gap>,
    changes: Vec<Change>,
    net: Vec<Net>,
}

impl Whole {
    /// Adds a part; the delivery with the last one.
    pub(super) fn add(&mut self, part: Delivery) -> Result<Option<Received>, Malformed> {
        let Delivery { clock, more, net, gaps, changes, fresh, ready } = part;
        if ready.is_some() {
            return Err(Malformed("a tree begins a second time"));
        }
        let at = clock_from(&clock)?;
        if self.of.as_ref().is_some_and(|(one, is_net)| *one != clock || *is_net != net) {
            return Err(Malformed("the parts of two deliveries are mixed"));
        }
        if let Some(fresh) = fresh_from(fresh)? {
            let alone = self.of.is_none() && !more && gaps.is_empty() && changes.is_empty();
            let what = Delivered::Fresh(fresh);
            return match alone {
                true => Ok(Some(Received { clock: at, what })),
                false => Err(Malformed("a fresh start has changes")),
            };
        }
        for gap in gaps {
            self.gaps.push(gap_from(gap)?);
        }
        for change in changes {
            match net {
                true => self.net.push(net_from(change)?),
                false => self.changes.push(change_from(change)?),
            }
        }
        if more {
            self.of = Some((clock, net));
            return Ok(None);
        }
        let Self { gaps, changes, net: in_sum, .. } = std::mem::take(self);
        let what = match net {
            true => Delivered::Net { changes: in_sum, gaps },
            false => Delivered::Batch(Arc::new(Batch { tick: at.tick, changes, gaps })),
        };
        Ok(Some(Received { clock: at, what }))
    }
}

#[cfg(test)]
mod tests {
    use super::Whole;
    use crate::remote::message::{Change, Delivery};
    use crate::subscription::Delivered;

    fn part(tick: u64, more: bool) -> Delivery {
        let change = Change { kind: 1, class: 102, path: b"a/b".to_vec(), ..Change::default() };
        let clock = format!("tn1-0000000000000007-1-{tick}");
        Delivery { clock, more, changes: vec![change], ..Delivery::default() }
    }

    #[test]
    fn parts_become_one_delivery() {
        let mut whole = Whole::default();
        assert!(whole.add(part(3, true)).unwrap().is_none());
        let received = whole.add(part(3, false)).unwrap().unwrap();
        let Delivered::Batch(batch) = received.what else { panic!("{received:?}") };
        assert_eq!((batch.tick, batch.changes.len()), (3, 2));
        assert!(whole.add(part(4, false)).unwrap().is_some(), "the next one is another");
    }

    /// Whatever comes, it is taken or refused; nothing panics, and paths stay below the root.
    #[test]
    fn damaged_messages_are_taken_or_refused() {
        use prost::Message;
        let whole = part(3, false).encode_to_vec();
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut random = move || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed as usize
        };
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..1 + random() % 4 {
                let at = random() % bytes.len();
                bytes[at] = random() as u8;
            }
            bytes.truncate(1 + random() % bytes.len());
            let Ok(delivery) = Delivery::decode(&*bytes) else { continue };
            let Ok(Some(received)) = Whole::default().add(delivery) else { continue };
            if let Delivered::Batch(batch) = received.what {
                let is_up = |part: &[u8]| part == b"..";
                assert!(batch.changes.iter().all(|one| !one.path.split(|b| *b == b'/').any(is_up)));
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let with = |change: fn(&mut Change)| {
            let mut part = part(3, false);
            change(&mut part.changes[0]);
            part
        };
        for part in [
            Delivery { clock: "yesterday".to_owned(), ..part(3, false) },
            Delivery { fresh: 9, changes: Vec::new(), ..part(3, false) },
            Delivery { fresh: 1, ..part(3, false) },
            Delivery { ready: Some(Default::default()), ..part(3, false) },
            with(|change| change.path = b"../up".to_vec()),
            with(|change| change.path = b"/abs".to_vec()),
            with(|change| change.path = b"nul\0".to_vec()),
            with(|change| change.from = Some(b"a//b".to_vec())),
            with(|change| change.kind = 5),
            with(|change| change.class = 102 + 256),
            with(|change| change.id = vec![1; 33]),
            with(|change| {
                change.stat =
                    Some(crate::remote::message::Stat { mode: 0o10_0000, ..Default::default() })
            }),
        ] {
            assert!(Whole::default().add(part.clone()).is_err(), "{part:?}");
        }
        let mut whole = Whole::default();
        whole.add(part(3, true)).unwrap();
        assert!(whole.add(part(4, false)).is_err());
    }
}
