//! Those who change the file system.

use treenail_os::Kind;

use super::fs::{Fs, Name, Node, OUTSIDE, ROOT, Spot};
use super::profile::{Op, Profile};
use crate::rng::Rng;

/// See the module's text.
pub(super) struct Mutator {
    rng: Rng,
    contents: u64,
    /// Where directories were moved from and to, to be moved back.
    moved: Vec<(Spot, Spot)>,
}

impl Mutator {
    pub(super) fn new(rng: Rng) -> Self {
        Self { rng, contents: 0, moved: Vec::new() }
    }

    /// Makes a change, if there is something to make it to; says which.
    pub(super) fn change(&mut self, fs: &mut Fs, profile: &Profile) -> Option<String> {
        let total = profile.ops.iter().map(|(_, weight)| weight).sum();
        let mut lot = self.rng.below(total);
        let (op, _) = profile.ops.iter().find(|(_, weight)| {
            let found = lot < *weight;
            lot = lot.saturating_sub(if found { 0 } else { *weight });
            found
        })?;
        let done = self.perform(*op, fs, profile)?;
        Some(format!("{op:?} {done}"))
    }

    /// Closes some of what is open, and what is closed stays so.
    pub(super) fn finish(&mut self, fs: &mut Fs) {
        for open in (0..fs.open.len()).rev() {
            if self.rng.below(4) > 0 {
                while fs.write(open, 8) {}
                fs.close(open);
            }
        }
    }

    fn perform(&mut self, op: Op, fs: &mut Fs, profile: &Profile) -> Option<String> {
        match op {
            Op::Create => {
                let spot = self.vacant(fs, profile)?;
                let mode = if self.rng.below(8) == 0 { 0o755 } else { 0o644 };
                let content = self.content();
                let shown = show(&spot);
                fs.create(spot, mode, content);
                self.go_on(fs);
                Some(shown)
            }
            Op::Rewrite => self.rewrite(fs),
            Op::Save => self.save(fs),
            Op::Continue => {
                let open = (!fs.open.is_empty()).then(|| self.rng.index(fs.open.len()))?;
                let shown = format!("inode {}", fs.open[open].node);
                if !fs.write(open, 8) || self.rng.below(3) == 0 {
                    fs.close(open);
                }
                Some(shown)
            }
            Op::Mkdir => {
                let spot = self.vacant(fs, profile)?;
                if fs.dirs(ROOT).len() + fs.dirs(OUTSIDE).len() > profile.dirs_max {
                    return None;
                }
                let shown = show(&spot);
                fs.mkdir(spot);
                Some(shown)
            }
            Op::Remove => {
                let spot = self.any(fs, |fs, node| fs.get(node).unwrap().entries.is_empty())?;
                let shown = show(&spot);
                fs.remove(spot);
                Some(shown)
            }
            Op::RemoveAll => {
                let spot =
                    self.any(fs, |fs, node| fs.get(node).unwrap().kind == Kind::Directory)?;
                let shown = show(&spot);
                remove_all(fs, spot);
                Some(shown)
            }
            Op::Rename => self.rename(fs, profile, |_, _| true),
            Op::RenameDir => {
                self.rename(fs, profile, |fs, node| fs.get(node).unwrap().kind == Kind::Directory)
            }
            Op::Back => {
                let (from, to) = self.moved.pop()?;
                self.rename_to(fs, to, from)
            }
            Op::Exchange => self.exchange(fs),
            Op::Link => {
                let from = self.any(fs, |fs, node| fs.get(node).unwrap().kind == Kind::File)?;
                let to = self.vacant(fs, profile)?;
                if !(fs.is_within(from.0, ROOT) && fs.is_within(to.0, ROOT)) {
                    return None;
                }
                let node = fs.child(from.0, &from.1)?;
                let shown = format!("{} {}", show(&from), show(&to));
                fs.link(node, to);
                Some(shown)
            }
            Op::Symlink => {
                let spot = self.vacant(fs, profile)?;
                self.contents += 1;
                let target = format!("{:08}", self.contents).into_bytes();
                let shown = show(&spot);
                fs.symlink(spot, target);
                Some(shown)
            }
            Op::Chmod => {
                let spot = self.any(fs, |fs, node| !fs.get(node).unwrap().denied)?;
                let mode = *self.rng.pick(&[0o644, 0o755, 0o600]);
                let is_file = kind(fs, &spot) != Kind::Symlink;
                is_file.then(|| fs.chmod(spot.clone(), mode))?;
                Some(show(&spot))
            }
            Op::Times => {
                let spot = self.any(fs, |_, _| true)?;
                let inode = fs.get(fs.child(spot.0, &spot.1)?)?;
                let mtime = inode.mtime_ns - *self.rng.pick(&[0, 1, 4_000_000, 8_000_000]);
                fs.set_mtime(spot.clone(), mtime);
                Some(show(&spot))
            }
            Op::Deny => {
                let spot =
                    self.any(fs, |fs, node| fs.get(node).unwrap().kind == Kind::Directory)?;
                let denied = fs.get(fs.child(spot.0, &spot.1)?)?.denied;
                fs.deny(spot.clone(), !denied);
                Some(format!("{} {}", show(&spot), !denied))
            }
            Op::Out => {
                let from = self.any(fs, |fs, node| !fs.has_links(node))?;
                let to = (OUTSIDE, self.name(profile));
                if !fs.is_within(from.0, ROOT) {
                    return None;
                }
                self.rename_to(fs, from, to)
            }
            Op::In => {
                let names: Vec<Name> = fs.get(OUTSIDE)?.entries.keys().cloned().collect();
                let name = (!names.is_empty()).then(|| self.rng.pick(&names).clone())?;
                let to = (self.dir(fs), self.name(profile));
                self.rename_to(fs, (OUTSIDE, name), to)
            }
        }
    }

    fn rewrite(&mut self, fs: &mut Fs) -> Option<String> {
        let spot = self.any(fs, |fs, node| fs.get(node).unwrap().kind == Kind::File)?;
        let inode = fs.get(fs.child(spot.0, &spot.1)?)?.clone();
        let shown = show(&spot);
        match self.rng.below(5) {
            // The same again.
            0 => {
                fs.open(spot, true, inode.content);
                self.go_on(fs);
            }
            // Other bytes, as many.
            1 | 2 => {
                let mut content = self.content();
                content.resize(inode.content.len(), b'.');
                fs.open(spot.clone(), false, Vec::new());
                fs.overwrite(fs.open.len() - 1, content);
                if self.rng.coin() {
                    fs.close(fs.open.len() - 1);
                }
                // As who unpacks an archive does, or means to hide it.
                let set_times = inode.nlink == 1 && self.rng.below(4) == 0;
                if set_times && fs.child(spot.0, &spot.1).is_some() {
                    fs.set_mtime(spot, inode.mtime_ns);
                }
            }
            // More.
            3 => {
                let content = self.content();
                fs.open(spot, false, content);
                self.go_on(fs);
            }
            _ => {
                let content = self.content();
                fs.open(spot, true, content);
                self.go_on(fs);
            }
        }
        Some(shown)
    }

    /// Writes a new file and puts it in the place of an old one.
    fn save(&mut self, fs: &mut Fs) -> Option<String> {
        let to = self.any(fs, |fs, node| fs.get(node).unwrap().kind == Kind::File)?;
        let from = (to.0, Name::from(&b"tmp"[..]));
        if fs.child(from.0, &from.1).is_some() || fs.get(to.0)?.denied {
            return None;
        }
        let content = self.content();
        fs.create(from.clone(), 0o644, content);
        let open = fs.open.len() - 1;
        while fs.write(open, 16) {}
        if self.rng.below(4) > 0 {
            fs.close(open);
        }
        let shown = show(&to);
        fs.rename(from, to);
        Some(shown)
    }

    fn exchange(&mut self, fs: &mut Fs) -> Option<String> {
        let a = self.any(fs, |_, _| true)?;
        let b = self.any(fs, |_, _| true)?;
        let (at_a, at_b) = (fs.child(a.0, &a.1)?, fs.child(b.0, &b.1)?);
        let in_one = fs.is_within(a.0, ROOT) == fs.is_within(b.0, ROOT);
        let is_loop = fs.is_within(a.0, at_b) || fs.is_within(b.0, at_a);
        if at_a == at_b || !in_one || is_loop {
            return None;
        }
        let shown = format!("{} {}", show(&a), show(&b));
        fs.exchange(a, b);
        Some(shown)
    }

    fn rename(
        &mut self,
        fs: &mut Fs,
        profile: &Profile,
        which: impl Fn(&Fs, Node) -> bool,
    ) -> Option<String> {
        let from = self.any(fs, which)?;
        let to = match self.rng.below(4) {
            0 => self.any(fs, |_, _| true)?,
            _ => (self.dir(fs), self.name(profile)),
        };
        self.rename_to(fs, from, to)
    }

    /// Renames where the system allows it.
    fn rename_to(&mut self, fs: &mut Fs, from: Spot, to: Spot) -> Option<String> {
        let node = fs.get(from.0).and_then(|_| fs.child(from.0, &from.1))?;
        fs.get(to.0)?;
        let is_dir = fs.get(node)?.kind == Kind::Directory;
        if is_dir && fs.is_within(to.0, node) {
            return None;
        }
        if fs.is_within(to.0, OUTSIDE) && fs.has_links(node) {
            return None;
        }
        if let Some(replaced) = fs.child(to.0, &to.1) {
            let replaced_inode = fs.get(replaced)?;
            let fits = (replaced_inode.kind == Kind::Directory) == is_dir;
            if replaced == node || !fits || !replaced_inode.entries.is_empty() {
                return None;
            }
        }
        let shown = format!("{} -> {}", show(&from), show(&to));
        if is_dir {
            self.moved.push((from.clone(), to.clone()));
        }
        fs.rename(from, to);
        Some(shown)
    }

    /// Writes on, or not yet.
    fn go_on(&mut self, fs: &mut Fs) {
        let open = fs.open.len() - 1;
        if self.rng.below(3) > 0 {
            while fs.write(open, 8) {}
            if self.rng.below(4) > 0 {
                fs.close(open);
            }
        }
    }

    /// Content that never was before.
    fn content(&mut self) -> Vec<u8> {
        self.contents += 1;
        let pieces = self.rng.below(4) as usize;
        format!("{:08}", self.contents).into_bytes().repeat(pieces)
    }

    fn name(&mut self, profile: &Profile) -> Name {
        vec![b'a' + self.rng.below(profile.names) as u8].into()
    }

    fn dir(&mut self, fs: &Fs) -> Node {
        let outside = self.rng.below(10) == 0;
        *self.rng.pick(&fs.dirs(if outside { OUTSIDE } else { ROOT }))
    }

    fn vacant(&mut self, fs: &Fs, profile: &Profile) -> Option<Spot> {
        let spot = (self.dir(fs), self.name(profile));
        fs.child(spot.0, &spot.1).is_none().then_some(spot)
    }

    fn any(&mut self, fs: &Fs, which: impl Fn(&Fs, Node) -> bool) -> Option<Spot> {
        let top = if self.rng.below(10) == 0 { OUTSIDE } else { ROOT };
        let mut spots = Vec::new();
        for dir in fs.dirs(top) {
            let entries = &fs.get(dir)?.entries;
            let fit = entries.iter().filter(|(_, node)| which(fs, **node));
            spots.extend(fit.map(|(name, _)| (dir, name.clone())));
        }
        (!spots.is_empty()).then(|| self.rng.pick(&spots).clone())
    }
}

fn remove_all(fs: &mut Fs, spot: Spot) {
    let node = fs.child(spot.0, &spot.1).expect("the entry is there");
    let names: Vec<Name> = fs.get(node).expect("so is its inode").entries.keys().cloned().collect();
    for name in names {
        remove_all(fs, (node, name));
    }
    fs.remove(spot);
}

fn kind(fs: &Fs, spot: &Spot) -> Kind {
    fs.stat(fs.child(spot.0, &spot.1).expect("the entry is there")).kind
}

fn show((dir, name): &Spot) -> String {
    format!("{dir}/{}", String::from_utf8_lossy(name))
}
