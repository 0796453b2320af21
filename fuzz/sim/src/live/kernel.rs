//! The system's feed of changes, and what makes events of it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

use treenail_os::feed::{Event, Loss, Token, What};

use super::fs::{Name, Node, Spot};
use crate::rng::{Chance, Rng};

/// Which of the system's interfaces is simulated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Rung {
    /// Watched directories; a rename is two events with a cookie.
    Inotify,
    /// Watched directories; a rename is one event.
    Inodes,
    /// Everything, whether or not it is watched yet; a rename is one event.
    FileSystem,
}

/// How the feed behaves.
#[derive(Clone, Debug)]
pub(super) struct FeedProfile {
    pub(super) rung: Rung,
    pub(super) shards: usize,
    /// Events of one entry become one, at the place of the first.
    pub(super) merge: bool,
    /// Events that a queue holds before it overflows.
    pub(super) queue_max: usize,
    /// A rename's halves do not find one another.
    pub(super) torn: Chance,
    /// A loss names the directories that it concerns.
    pub(super) names_lost: bool,
}

enum Raw {
    Entry { dir: Node, name: Name, what: What },
    Half { cookie: u32, spot: Spot, left: bool, what: Moved },
    Renamed { from: Spot, to: Spot, what: Moved },
    Own { dir: Node, what: What },
    File { file: Node, what: What },
    Gone { dir: Node },
    Overflow,
}

/// What is renamed.
#[derive(Clone)]
pub(super) struct Moved {
    pub(super) is_dir: bool,
    /// It and all that is below it.
    pub(super) nodes: Rc<[Node]>,
}

#[derive(Clone)]
struct Half {
    spot: (Token, Name),
    left: bool,
    what: Moved,
    until_ns: u64,
}

/// See the module's text.
pub(super) struct Kernel {
    pub(super) profile: FeedProfile,
    rng: Rng,
    queues: Vec<VecDeque<Raw>>,
    /// What the system watches, and the queue.
    marks: BTreeMap<Node, usize>,
    /// What the feed knows of it.
    tokens: BTreeMap<Node, Token>,
    /// The same of files of several names, which the first queue tells of.
    files: BTreeMap<Node, Token>,
    held: BTreeMap<u32, Half>,
    cookie: u32,
    pub(super) losses: u64,
    /// What was moved, or has more names than one, without a pair that tells of it.
    pub(super) unpaired: BTreeSet<Node>,
}

/// How long half a rename waits for the other.
const HELD_NS: u64 = 2_000_000;

impl Kernel {
    pub(super) fn new(profile: FeedProfile, rng: Rng) -> Self {
        let queues = (0..profile.shards).map(|_| VecDeque::new()).collect();
        Self {
            profile,
            rng,
            queues,
            marks: BTreeMap::new(),
            tokens: BTreeMap::new(),
            files: BTreeMap::new(),
            held: BTreeMap::new(),
            cookie: 0,
            losses: 0,
            unpaired: BTreeSet::new(),
        }
    }

    /// Forgets everything, as another process begins.
    pub(super) fn restart(&mut self) {
        for raw in self.queues.iter().flatten() {
            if let Raw::Half { what, .. } | Raw::Renamed { what, .. } = raw {
                self.unpaired.extend(&*what.nodes);
            }
        }
        self.queues.iter_mut().for_each(VecDeque::clear);
        self.marks.clear();
        self.tokens.clear();
        self.files.clear();
        self.held.clear();
    }

    /// Has a directory watched; the last token counts.
    pub(super) fn watch(&mut self, dir: Node, token: Token, top: &[u8]) {
        let shard = top.iter().map(|b| usize::from(*b)).sum::<usize>() % self.queues.len();
        self.marks.entry(dir).or_insert(shard);
        self.tokens.insert(dir, token);
    }

    /// Has a file watched, whatever its names.
    pub(super) fn watch_file(&mut self, file: Node, token: Token) {
        self.files.insert(file, token);
    }

    pub(super) fn unwatch(&mut self, token: Token) {
        self.files.retain(|_, known| *known != token);
        let dirs = self.tokens.iter().filter(|(_, known)| **known == token);
        for dir in dirs.map(|(dir, _)| *dir).collect::<Vec<_>>() {
            self.tokens.remove(&dir);
            self.marks.remove(&dir);
        }
    }

    /// What is watched, by which token.
    pub(super) fn watched(&self) -> impl Iterator<Item = (Node, Token)> {
        self.tokens.iter().map(|(node, token)| (*node, *token))
    }

    /// Whether something waits to be read.
    pub(super) fn has_queued(&self) -> bool {
        self.queues.iter().any(|queue| !queue.is_empty())
    }

    /// Whether the system has nothing more to say.
    pub(super) fn is_drained(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty) && self.held.is_empty()
    }

    pub(super) fn report(&mut self, dir: Node, name: &Name, what: What) {
        let Some(queue) = self.queue_of(dir) else { return };
        if self.profile.merge {
            let is_dir = what.has(What::DIRECTORY);
            let same = self.queues[queue].iter_mut().rev().find_map(|raw| match raw {
                Raw::Entry { dir: at, name: known, what }
                    if *at == dir && known == name && what.has(What::DIRECTORY) == is_dir =>
                {
                    Some(what)
                }
                _ => None,
            });
            if let Some(known) = same {
                *known |= what;
                return;
            }
        }
        self.push(queue, Raw::Entry { dir, name: name.clone(), what });
    }

    pub(super) fn report_own(&mut self, dir: Node, what: What) {
        if let Some(queue) = self.queue_of(dir) {
            self.push(queue, Raw::Own { dir, what });
        }
    }

    pub(super) fn report_file(&mut self, file: Node, what: What) {
        if self.profile.rung == Rung::FileSystem || self.files.contains_key(&file) {
            self.push(0, Raw::File { file, what });
        }
    }

    pub(super) fn report_move(&mut self, from: Spot, to: Spot, what: Moved) {
        let queues = (self.queue_of(from.0), self.queue_of(to.0));
        if queues.0.is_none() || queues.0 != queues.1 {
            self.unpaired.extend(&*what.nodes);
        }
        if self.profile.rung == Rung::Inotify {
            self.cookie += 1;
            let cookie = self.cookie;
            if let Some(queue) = queues.0 {
                self.push(queue, Raw::Half { cookie, spot: from, left: true, what: what.clone() });
            }
            if let Some(queue) = queues.1 {
                self.push(queue, Raw::Half { cookie, spot: to, left: false, what });
            }
        } else if let (Some(left), Some(right)) = queues
            && left != right
        {
            // Each queue tells of the side that it watches.
            let also = if what.is_dir { What::MOVED | What::DIRECTORY } else { What::MOVED };
            let (what, (dir, name)) = (also | What::REMOVED, from);
            self.push(left, Raw::Entry { dir, name, what });
            let (what, (dir, name)) = (also | What::CREATED, to);
            self.push(right, Raw::Entry { dir, name, what });
        } else if let Some(queue) = queues.0.or(queues.1) {
            self.push(queue, Raw::Renamed { from, to, what });
        }
    }

    /// A directory is no more.
    pub(super) fn gone(&mut self, dir: Node) {
        if let Some(queue) = self.queue_of(dir) {
            // The end of a watch is told even by a full queue: the feed sees it at the descriptor.
            self.queues[queue].push_back(Raw::Gone { dir });
        }
        self.marks.remove(&dir);
    }

    /// Tells of up to `most` events of one queue. None is left out but by a loss.
    pub(super) fn read(&mut self, now_ns: u64, most: usize, mut tell: impl FnMut(Event<'_>)) {
        let shard = self.rng.index(self.queues.len());
        for _ in 0..most {
            let Some(raw) = self.queues[shard].pop_front() else { break };
            self.translate(now_ns, shard, raw, &mut tell);
        }
        let late: Vec<u32> = self
            .held
            .iter()
            .filter(|(_, half)| half.until_ns <= now_ns)
            .map(|(cookie, _)| *cookie)
            .collect();
        for cookie in late {
            if let Some(half) = self.held.remove(&cookie) {
                self.tell_half(&half, &mut tell);
            }
        }
    }

    fn translate(&mut self, now: u64, shard: usize, raw: Raw, tell: &mut impl FnMut(Event<'_>)) {
        match raw {
            Raw::Entry { dir, name, what } => {
                if let Some(dir) = self.tokens.get(&dir) {
                    tell(Event::Entry { dir: *dir, name: &name, what });
                }
            }
            Raw::Own { dir, what } => {
                if let Some(dir) = self.tokens.get(&dir) {
                    tell(Event::Directory { dir: *dir, what });
                }
            }
            Raw::File { file, what } => {
                if let Some(file) = self.files.get(&file) {
                    tell(Event::Link { file: *file, what });
                }
            }
            Raw::Gone { dir } => _ = self.tokens.remove(&dir),
            Raw::Half { cookie, spot, left, what } => {
                let Some(token) = self.tokens.get(&spot.0) else {
                    return self.unpaired.extend(&*what.nodes);
                };
                let half = Half { spot: (*token, spot.1), left, what, until_ns: now + HELD_NS };
                self.half(cookie, half, tell);
            }
            Raw::Renamed { from, to, what } => {
                let half = |spot: Spot, left| {
                    let token = *self.tokens.get(&spot.0)?;
                    let what = what.clone();
                    Some(Half { spot: (token, spot.1), left, what, until_ns: now })
                };
                let halves = (half(from, true), half(to, false));
                let torn = self.rng.happens(self.profile.torn);
                match halves {
                    (Some(from), Some(to)) if !torn => tell_pair(&from, &to, tell),
                    (from, to) => {
                        self.unpaired.extend(&*what.nodes);
                        from.iter().chain(&to).for_each(|half| self.tell_half(half, tell));
                    }
                }
            }
            Raw::Overflow => {
                let of_shard = |(node, _): &(&Node, &Token)| self.marks.get(node) == Some(&shard);
                let dirs = self.tokens.iter().filter(of_shard);
                let files = self.files.values().filter(|_| shard == 0);
                let dirs: Vec<Token> = match self.profile.names_lost {
                    true => dirs.map(|(_, token)| token).chain(files).copied().collect(),
                    false => Vec::new(),
                };
                self.losses += 1;
                tell(Event::Lost { dirs: &dirs, reason: Loss::Overflow });
            }
        }
    }

    fn half(&mut self, cookie: u32, half: Half, tell: &mut impl FnMut(Event<'_>)) {
        if self.rng.happens(self.profile.torn) {
            return self.tell_half(&half, tell);
        }
        match self.held.remove(&cookie) {
            Some(other) if half.left => tell_pair(&half, &other, tell),
            Some(other) => tell_pair(&other, &half, tell),
            None => _ = self.held.insert(cookie, half),
        }
    }

    fn tell_half(&mut self, half: &Half, tell: &mut impl FnMut(Event<'_>)) {
        self.unpaired.extend(&*half.what.nodes);
        let what = if half.left { What::REMOVED } else { What::CREATED } | What::MOVED;
        let also = if half.what.is_dir { What::DIRECTORY } else { What::default() };
        tell(Event::Entry { dir: half.spot.0, name: &half.spot.1, what: what | also });
    }

    /// The queue that the changes in a directory go to; none if nobody hears of them.
    fn queue_of(&self, dir: Node) -> Option<usize> {
        match self.profile.rung {
            Rung::FileSystem => Some(0),
            Rung::Inotify | Rung::Inodes => self.marks.get(&dir).copied(),
        }
    }

    fn push(&mut self, queue: usize, raw: Raw) {
        let full = self.queues[queue].len() >= self.profile.queue_max;
        if !full {
            return self.queues[queue].push_back(raw);
        }
        if let Raw::Half { what, .. } | Raw::Renamed { what, .. } = raw {
            self.unpaired.extend(&*what.nodes);
        }
        if !self.queues[queue].iter().any(|raw| matches!(raw, Raw::Overflow)) {
            self.queues[queue].push_back(Raw::Overflow);
        }
    }
}

fn tell_pair(from: &Half, to: &Half, tell: &mut impl FnMut(Event<'_>)) {
    let (from, to, is_dir) = (&from.spot, &to.spot, from.what.is_dir);
    tell(Event::Renamed { from: (from.0, &from.1), to: (to.0, &to.1), is_dir });
}
