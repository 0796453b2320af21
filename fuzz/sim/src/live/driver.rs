//! Performs what the tree asks for, in parts, between any two of which something may happen.

use std::collections::BTreeMap;
use std::io;

use treenail_hash::{Hash, Xxh128};
use treenail_os::feed::Token;
use treenail_os::{FileId, Kind, Stat};
use treenail_tree::live::{Action, Difference, Hashed, Id, Live, NoLook, Unhashed, token};
use treenail_tree::{DirId, Entry, Listing, View};

use super::Mutant;
use super::fs::{Fs, Name, Node, ROOT};
use super::replica::shown;

/// What an action found, to be told to the tree.
pub(super) enum Answer {
    Looked(DirId, Vec<Name>, Result<Vec<Option<Stat>>, NoLook>),
    Listed(DirId, Result<Vec<(Name, Stat)>, NoLook>),
    Hashed(u64, Result<Hashed, Unhashed>),
    Rechecked(Vec<DirId>, Pass),
    LinkWatched(Token, Option<FileId>),
    Unwatched,
}

/// The driver of one live tree.
pub(super) struct Driver {
    pub(super) cached: bool,
    pub(super) mutant: Option<Mutant>,
    /// Directories that are open.
    kept: BTreeMap<DirId, Node>,
    pub(super) lists: u64,
}

/// What happens meanwhile.
pub(super) type Breathe<'a> = &'a mut dyn FnMut(&mut Fs);

impl Driver {
    pub(super) fn new(cached: bool, mutant: Option<Mutant>) -> Self {
        Self { cached, mutant, kept: BTreeMap::new(), lists: 0 }
    }

    /// Performs an action; gives it back if it has to wait.
    pub(super) fn perform(
        &mut self,
        live: &Live,
        fs: &mut Fs,
        action: Action,
        breathe: Breathe<'_>,
    ) -> Result<Answer, Action> {
        breathe(fs);
        Ok(match action {
            Action::Look { dir, names } => {
                let found = self.look(live, fs, dir, &names, breathe);
                Answer::Looked(dir, names, found)
            }
            Action::List { dir } => {
                self.lists += 1;
                Answer::Listed(dir, self.list(live, fs, dir, breathe))
            }
            Action::Hash { ticket, dir, ref name, .. } => {
                match self.hash(live, fs, dir, name, breathe) {
                    Some(found) => Answer::Hashed(ticket, found),
                    None => return Err(action),
                }
            }
            Action::Recheck { dirs } => self.recheck(live, fs, dirs, breathe),
            Action::WatchLink { dir, name, token } => {
                let dir = self.open(live, fs, dir, false);
                let file = dir.ok().and_then(|dir| fs.child(dir, &name));
                if let Some(file) = file.filter(|_| self.mutant != Some(Mutant::ForgetLinks)) {
                    fs.kernel.watch_file(file, token);
                }
                Answer::LinkWatched(token, file.map(|file| fs.stat(file).id()))
            }
            Action::UnwatchLink { token } => {
                fs.kernel.unwatch(token);
                Answer::Unwatched
            }
            Action::Unwatch { dir } => {
                self.kept.remove(&dir);
                if self.mutant != Some(Mutant::KeepWatches) {
                    fs.kernel.unwatch(token(dir));
                }
                Answer::Unwatched
            }
        })
    }

    /// The directory that the tree calls so.
    fn open(&self, live: &Live, fs: &Fs, dir: DirId, fresh: bool) -> Result<Node, NoLook> {
        if let Some(node) = self.kept.get(&dir).filter(|_| self.cached && !fresh) {
            return Ok(*node);
        }
        let path = live.tree().path_of(dir).ok_or(NoLook::Elsewhere)?;
        let mut node = ROOT;
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            check(fs, node)?;
            node = fs.child(node, name).ok_or(NoLook::Elsewhere)?;
        }
        let is_dir = fs.stat(node).kind == Kind::Directory;
        let is_it = dir == DirId::ROOT
            || live.tree().lookup(&path).is_some_and(|row| row.stat.inode == fs.stat(node).inode);
        if is_dir && is_it { Ok(node) } else { Err(NoLook::Elsewhere) }
    }

    fn watch(&mut self, live: &Live, fs: &mut Fs, dir: DirId, node: Node) {
        let path = live.tree().path_of(dir).unwrap_or_default();
        let top = path.split(|byte| *byte == b'/').next().unwrap_or_default();
        if fs.get(node).is_some() {
            fs.kernel.watch(node, token(dir), top);
        }
        self.kept.insert(dir, node);
    }

    fn look(
        &mut self,
        live: &Live,
        fs: &mut Fs,
        dir: DirId,
        names: &[Name],
        breathe: Breathe<'_>,
    ) -> Result<Vec<Option<Stat>>, NoLook> {
        let node = match self.open(live, fs, dir, false) {
            Err(NoLook::Elsewhere) if self.mutant == Some(Mutant::BelievePaths) => {
                return Ok(vec![None; names.len()]);
            }
            opened => opened?,
        };
        let mut found = Vec::new();
        for name in names {
            breathe(fs);
            check(fs, node)?;
            fs.saw(node, name);
            found.push(fs.child(node, name).map(|node| fs.stat(node)));
        }
        Ok(found)
    }

    fn list(
        &mut self,
        live: &Live,
        fs: &mut Fs,
        dir: DirId,
        breathe: Breathe<'_>,
    ) -> Result<Vec<(Name, Stat)>, NoLook> {
        let node = self.open(live, fs, dir, true)?;
        check(fs, node)?;
        let late = self.mutant == Some(Mutant::ListBeforeWatch);
        if !late {
            self.watch(live, fs, dir, node);
        }
        let found = entries(fs, node, breathe)?;
        if late {
            breathe(fs);
            self.watch(live, fs, dir, node);
        }
        Ok(found)
    }

    /// The id of a file; nothing if the file is so young that it has to be read later.
    fn hash(
        &mut self,
        live: &Live,
        fs: &mut Fs,
        dir: DirId,
        name: &[u8],
        breathe: Breathe<'_>,
    ) -> Option<Result<Hashed, Unhashed>> {
        let file = match self.open(live, fs, dir, false) {
            Ok(dir) if fs.get(dir).is_some_and(|dir| dir.denied) => {
                Err(Unhashed::Refused(refusal()))
            }
            Ok(dir) => fs.child(dir, name).ok_or(Unhashed::Gone),
            Err(NoLook::Elsewhere) => Err(Unhashed::Gone),
            Err(NoLook::Refused(error)) => Err(Unhashed::Refused(error)),
        };
        let file = match file {
            Ok(file) if fs.stat(file).kind == Kind::File => file,
            Ok(_) => return Some(Err(Unhashed::Gone)),
            Err(error) => return Some(Err(error)),
        };
        let before = fs.stat(file);
        if fs.is_young(before.ctime_ns) {
            return None;
        }
        let mut content = Vec::new();
        loop {
            breathe(fs);
            // Whoever has it open can read it though nobody can find it any more.
            let Some(inode) = fs.get(file) else { return Some(Err(Unhashed::Unstable)) };
            let piece: Vec<u8> =
                inode.content.iter().skip(content.len()).take(4).copied().collect();
            if piece.is_empty() {
                break;
            }
            content.extend(piece);
        }
        let stable = fs.stat(file) == before;
        let id = Id::new(Xxh128::hash(&content).as_ref());
        Some(match id {
            Some(id) if stable => Ok(Hashed { stat: before, id, ranges: Vec::new() }),
            _ => Err(Unhashed::Unstable),
        })
    }

    /// As the pass over a real directory does: from the root down, as far as the tree's directories
    /// stand where it has them. What stands there instead is a difference.
    fn recheck(
        &mut self,
        live: &Live,
        fs: &mut Fs,
        wanted: Vec<DirId>,
        breathe: Breathe<'_>,
    ) -> Answer {
        let tree = live.tree().clone();
        let view = tree.view(None);
        let mut pass = Pass::default();
        let on_the_way = |dir: DirId| {
            let up = |dir: &DirId| tree.parent(*dir);
            wanted.iter().any(|at| std::iter::successors(Some(*at), up).any(|at| at == dir))
        };
        let mut dirs = vec![(DirId::ROOT, ROOT)];
        while let Some((dir, node)) = dirs.pop() {
            let is_wanted = wanted.is_empty() || wanted.contains(&dir);
            breathe(fs);
            if let Err(why) = check(fs, node) {
                pass.failures.push((dir, why));
                continue;
            }
            if is_wanted {
                self.watch(live, fs, dir, node);
                match entries(fs, node, breathe) {
                    Ok(found) => pass.compare(view.entries(dir), dir, found),
                    Err(why) => {
                        pass.failures.push((dir, why));
                        continue;
                    }
                }
            }
            for row in view.entries(dir) {
                let Some(child) = row.child else { continue };
                if !wanted.is_empty() && !on_the_way(child) {
                    continue;
                }
                let now = fs.child(node, row.name).map(|node| (node, fs.stat(node)));
                match now {
                    Some((node, stat))
                        if stat.inode == row.stat.inode && stat.kind == Kind::Directory =>
                    {
                        dirs.push((child, node));
                    }
                    now => pass.differs(dir, row.name.into(), now.map(|(_, stat)| stat)),
                }
            }
        }
        Answer::Rechecked(wanted, pass)
    }
}

/// What a comparison found.
#[derive(Default, Debug)]
pub(super) struct Pass {
    pub(super) differences: Vec<Difference>,
    pub(super) failures: Vec<(DirId, NoLook)>,
}

impl Pass {
    fn differs(&mut self, dir: DirId, name: Name, now: Option<Stat>) {
        self.differences.push(Difference { dir, name, now });
    }

    fn compare<'a>(
        &mut self,
        rows: impl Iterator<Item = Entry<'a, DirId>>,
        dir: DirId,
        found: Vec<(Name, Stat)>,
    ) {
        let mut found: BTreeMap<Name, Stat> = found.into_iter().collect();
        for row in rows {
            match found.remove(row.name) {
                Some(stat) if shown(stat) == row.stat => {}
                now => self.differs(dir, row.name.into(), now),
            }
        }
        for (name, stat) in found {
            self.differs(dir, name, Some(stat));
        }
    }
}

/// Reads a directory name by name.
fn entries(fs: &mut Fs, node: Node, breathe: Breathe<'_>) -> Result<Vec<(Name, Stat)>, NoLook> {
    let mut found: Vec<(Name, Stat)> = Vec::new();
    let mut last: Option<Name> = None;
    loop {
        breathe(fs);
        check(fs, node)?;
        let Some(inode) = fs.get(node) else { return Ok(found) };
        let after = |name: &&Name| last.as_ref().is_none_or(|last| *name > last);
        let Some(name) = inode.entries.keys().find(after).cloned() else { return Ok(found) };
        breathe(fs);
        if let Some(child) = fs.child(node, &name) {
            fs.saw(node, &name);
            found.push((name.clone(), fs.stat(child)));
        }
        last = Some(name);
    }
}

fn check(fs: &Fs, dir: Node) -> Result<(), NoLook> {
    match fs.get(dir) {
        Some(inode) if inode.denied => Err(NoLook::Refused(refusal())),
        _ => Ok(()),
    }
}

fn refusal() -> io::Error {
    io::Error::from(io::ErrorKind::PermissionDenied)
}

/// Tells the tree what was found.
pub(super) fn answer(live: &mut Live, now_ns: u64, answer: Answer) {
    match answer {
        Answer::Looked(dir, names, found) => live.looked(dir, names, found),
        Answer::Listed(dir, found) => live.listed(dir, found),
        Answer::Hashed(ticket, found) => live.hashed(now_ns, ticket, found),
        Answer::Rechecked(wanted, pass) => {
            let wanted = (!wanted.is_empty()).then_some(&*wanted);
            let failures = pass.failures.into_iter().map(|(dir, why)| (dir, format!("{why:?}")));
            live.compared(wanted, failures.collect());
            live.rechecked(pass.differences, Vec::new());
        }
        Answer::LinkWatched(file, found) => live.link_watched(file, found),
        Answer::Unwatched => {}
    }
}

/// Whether all of a directory's names are in the tree.
pub(super) fn is_complete(live: &Live, dir: DirId) -> bool {
    live.tree().listing(dir) == Some(Listing::Complete)
}
