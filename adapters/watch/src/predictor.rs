//! Guessing which files are saved next.

use std::collections::{BTreeMap, HashMap, VecDeque};

use treenail_tree::{Tree, View};

use crate::ignored::split;

/// Pairs of moves that are counted; when there are more, the counts begin anew.
const MOVES_MAX: usize = 1_024;
/// Files whose followers are remembered.
const FOLLOWERS_MAX: usize = 1_024;
/// Files further on in the same direction that are guessed at once.
const AHEAD: usize = 8;
/// A guess that has not come true after so many saves was wrong.
const GUESS_SAVES_MAX: u64 = 64;
/// Guesses that wait to come true.
const GUESSES_MAX: usize = 512;
/// A move is guessed once it has followed so often.
const SEEN_MIN: u32 = 2;
/// In directories with more entries, neighbours are not looked for.
const NEIGHBOURS_MAX: usize = 4_096;
/// After so many guesses their success is judged, and what was before counts half.
const JUDGED_AFTER: u32 = 64;

/// Guesses from the order of saves which files are saved next.
///
/// That the content of a save is what it was can be told only if the id of the content before is
/// known, so the first save of a file is always reported. If its id was computed in good time, even
/// that one can be silent: when a formatter rewrites a directory file by file, all but the first
/// few.
///
/// It is a Markov chain over moves (to the next file in the directory, to the file of the same name
/// with another extension), and, for moves between other files, over the files themselves. Its
/// memory is bounded, it depends on nothing but the saves, and it is silent while fewer than one
/// guess in four comes true.
#[derive(Debug)]
pub struct Predictor {
    last: Option<Box<[u8]>>,
    last_move: Move,
    /// How often a move was followed by another.
    moves: BTreeMap<Move, BTreeMap<Move, u32>>,
    pairs: usize,
    /// Which file followed another one last, when no other move says so.
    followers: HashMap<Box<[u8]>, Box<[u8]>>,
    /// The files in it, the oldest first.
    followed: VecDeque<Box<[u8]>>,
    /// Guesses, with the number of the save after which they were made.
    guesses: HashMap<Box<[u8]>, u64>,
    in_order: VecDeque<(u64, Box<[u8]>)>,
    /// Guesses not given out yet.
    likely: Vec<Box<[u8]>>,
    saves: u64,
    right: u32,
    wrong: u32,
}

/// How to get from one saved file to the next.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Move {
    /// To the file itself.
    Same,
    /// To the next file of the directory in the order of names.
    Next,
    /// To the one before.
    Previous,
    /// To the file in the same directory whose name differs in the extension, which becomes this.
    Extension(Box<[u8]>),
    /// Elsewhere.
    Other,
}

type Paths = Vec<Box<[u8]>>;

impl Default for Predictor {
    fn default() -> Self {
        Self::new()
    }
}

impl Predictor {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            last: None,
            last_move: Move::Other,
            moves: BTreeMap::new(),
            pairs: 0,
            followers: HashMap::new(),
            followed: VecDeque::new(),
            guesses: HashMap::new(),
            in_order: VecDeque::new(),
            likely: Vec::new(),
            saves: 0,
            right: 0,
            wrong: 0,
        }
    }

    /// A file was saved, whether its content changed or not.
    pub fn saved(&mut self, path: &[u8], tree: &Tree) {
        self.saves += 1;
        self.judge(path);
        if let Some(last) = self.last.take() {
            let step = step(&last, path, tree);
            if step == Move::Other {
                self.follow(last, path);
            }
            self.count(&step);
            self.last_move = step;
        }
        self.guess(path, tree);
        self.last = Some(path.into());
    }

    /// The files that are likely to be saved next, each once; none while it guesses badly.
    pub fn take_likely(&mut self) -> Vec<Box<[u8]>> {
        let likely = std::mem::take(&mut self.likely);
        if self.is_on() { likely } else { Vec::new() }
    }

    /// Whether its guesses are good enough to be acted on.
    #[must_use]
    pub fn is_on(&self) -> bool {
        let judged = self.right + self.wrong;
        judged < JUDGED_AFTER / 2 || self.right * 4 >= judged
    }

    fn judge(&mut self, path: &[u8]) {
        if self.guesses.remove(path).is_some() {
            self.right += 1;
        }
        while let Some((at, _)) = self.in_order.front()
            && (at + GUESS_SAVES_MAX < self.saves || self.in_order.len() > GUESSES_MAX)
        {
            let Some((at, path)) = self.in_order.pop_front() else { break };
            if self.guesses.get(&path) == Some(&at) {
                self.guesses.remove(&path);
                self.wrong += 1;
            }
        }
        if self.right + self.wrong >= 2 * JUDGED_AFTER {
            (self.right, self.wrong) = (self.right / 2, self.wrong / 2);
        }
    }

    fn count(&mut self, step: &Move) {
        if self.pairs >= MOVES_MAX {
            self.moves.clear();
            self.pairs = 0;
        }
        let after = self.moves.entry(self.last_move.clone()).or_default();
        let count = after.entry(step.clone()).or_insert_with(|| {
            self.pairs += 1;
            0
        });
        *count = count.saturating_add(1);
    }

    fn follow(&mut self, last: Box<[u8]>, path: &[u8]) {
        if self.followers.insert(last.clone(), path.into()).is_none() {
            self.followed.push_back(last);
        }
        if self.followed.len() > FOLLOWERS_MAX
            && let Some(oldest) = self.followed.pop_front()
        {
            self.followers.remove(&oldest);
        }
    }

    fn guess(&mut self, path: &[u8], tree: &Tree) {
        let mut likely: Vec<Box<[u8]>> = self.followers.get(path).cloned().into_iter().collect();
        if let Some(after) = self.moves.get(&self.last_move) {
            let all: u32 = after.values().sum();
            for (step, count) in after {
                if *count >= SEEN_MIN && count * 4 >= all {
                    likely.extend(step.targets(path, tree));
                }
            }
        }
        for path in likely {
            if !self.guesses.contains_key(&path) {
                self.guesses.insert(path.clone(), self.saves);
                self.in_order.push_back((self.saves, path.clone()));
                self.likely.push(path);
            }
        }
        // Whoever does not ask for them does not get them later.
        let surplus = self.likely.len().saturating_sub(GUESSES_MAX);
        self.likely.drain(..surplus);
    }
}

impl Move {
    /// Where the move leads from a file, if there is something.
    fn targets(&self, path: &[u8], tree: &Tree) -> Vec<Box<[u8]>> {
        match self {
            Self::Same | Self::Other => Vec::new(),
            Self::Next => neighbours(path, tree).1,
            Self::Previous => neighbours(path, tree).0,
            Self::Extension(extension) => {
                let target = [stem(path), b".", extension].concat();
                let is_file = tree.lookup(&target).is_some_and(|entry| entry.class().is_file());
                if is_file { vec![target.into()] } else { Vec::new() }
            }
        }
    }
}

/// How one gets from a file to another.
fn step(from: &[u8], to: &[u8], tree: &Tree) -> Move {
    if from == to {
        return Move::Same;
    }
    if split(from).0 != split(to).0 {
        return Move::Other;
    }
    if stem(from) == stem(to) && to.len() > stem(to).len() {
        return Move::Extension(to[stem(to).len() + 1..].into());
    }
    let (before, after) = neighbours(from, tree);
    if after.first().is_some_and(|next| **next == *to) {
        Move::Next
    } else if before.first().is_some_and(|previous| **previous == *to) {
        Move::Previous
    } else {
        Move::Other
    }
}

/// The files before and after one in the order of names, the nearest first.
fn neighbours(path: &[u8], tree: &Tree) -> (Paths, Paths) {
    let (dir, name) = split(path);
    let Some(dir) = tree.dir_at(dir) else { return Default::default() };
    let whole = |name: &[u8]| [&path[..path.len() - split(path).1.len()], name].concat().into();
    let (mut before, mut after) = (VecDeque::new(), Vec::new());
    let view = tree.view(None);
    for (at, entry) in view.entries(dir).enumerate() {
        if at >= NEIGHBOURS_MAX || after.len() >= AHEAD {
            break;
        }
        if !entry.class().is_file() || entry.name == name {
            continue;
        }
        if entry.name < name {
            before.push_front(entry.name);
            before.truncate(AHEAD);
        } else {
            after.push(whole(entry.name));
        }
    }
    (before.into_iter().map(whole).collect(), after)
}

/// A path without the extension of its name.
fn stem(path: &[u8]) -> &[u8] {
    let name = split(path).1;
    match name.iter().rposition(|byte| *byte == b'.') {
        Some(dot) if dot > 0 => &path[..path.len() - name.len() + dot],
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use treenail_tree::{Scan, Tree};

    use super::{FOLLOWERS_MAX, Predictor};

    const DIRS: usize = 10;
    const FILES: usize = 40;

    fn tree() -> Tree {
        let root = tempfile::tempdir().unwrap();
        for dir in 0..DIRS {
            fs::create_dir(root.path().join(format!("d{dir}"))).unwrap();
            for file in 0..FILES {
                fs::write(root.path().join(format!("d{dir}/f{file:02}.c")), "").unwrap();
            }
        }
        Scan::new().run(root.path(), None).unwrap().tree
    }

    /// How many saves without a change are silent, as the id of the file was known before.
    fn silent(trace: &[String], tree: &Tree, mut predictor: Option<&mut Predictor>) -> usize {
        let mut known = BTreeSet::new();
        let mut silent = 0;
        for path in trace {
            silent += usize::from(!known.insert(path.clone().into_bytes().into_boxed_slice()));
            if let Some(predictor) = &mut predictor {
                predictor.saved(path.as_bytes(), tree);
                known.extend(predictor.take_likely());
            }
        }
        silent
    }

    /// Numbers that look like chance and are always the same.
    fn chance() -> impl FnMut(usize) -> usize {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        move |below| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state % below as u64) as usize
        }
    }

    fn path(dir: usize, file: usize) -> String {
        format!("d{dir}/f{file:02}.c")
    }

    #[test]
    fn a_formatter_that_goes_from_file_to_file_is_silent_from_the_third_file_on() {
        let tree = tree();
        let files = |dir| (0..FILES).map(move |file| path(dir, file));
        let trace: Vec<String> = (0..DIRS).flat_map(files).collect();
        assert_eq!(silent(&trace, &tree, None), 0, "every file is saved once");
        let mut predictor = Predictor::new();
        let silent = silent(&trace, &tree, Some(&mut predictor));
        assert!(silent > DIRS * FILES * 8 / 10, "{silent} of {}", DIRS * FILES);
        assert!(predictor.is_on());
    }

    #[test]
    fn saves_without_an_order_turn_it_off_and_an_order_turns_it_on_again() {
        let tree = tree();
        let mut chance = chance();
        let mut predictor = Predictor::new();
        // Two files in a row now and then, so that it has something to guess, and wrongly.
        for _ in 0..2_000 {
            let (dir, file) = (chance(DIRS), chance(FILES));
            predictor.saved(path(dir, file).as_bytes(), &tree);
            if chance(3) == 0 {
                predictor.saved(path(dir, (file + 1) % FILES).as_bytes(), &tree);
            }
            predictor.take_likely();
        }
        assert!(!predictor.is_on());
        let (right, wrong) = (predictor.right, predictor.wrong);
        assert!(predictor.take_likely().is_empty(), "{right} right, {wrong} wrong");
        for file in (0..10 * FILES).map(|file| path(0, file % FILES)) {
            predictor.saved(file.as_bytes(), &tree);
        }
        assert!(predictor.is_on());
    }

    #[test]
    fn its_memory_is_bounded() {
        let tree = tree();
        let mut predictor = Predictor::new();
        for save in 0..5_000 {
            predictor.saved(format!("x{save}/y").as_bytes(), &tree);
        }
        assert!(predictor.followers.len() <= FOLLOWERS_MAX);
        assert_eq!(predictor.followers.len(), predictor.followed.len());
        assert!(predictor.guesses.len() <= predictor.in_order.len());
        assert!(predictor.in_order.len() <= super::GUESSES_MAX + super::AHEAD);
    }
}
