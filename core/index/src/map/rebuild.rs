//! Giving the slots of removed keys back, in place.

use core::marker::PhantomData;

use super::bucket::{Bucket, Control, LIVE, LOCK, REACH_ALL, key as key_at, set_key, slots, value};
use super::key::{Key, Seeds, Words};
use super::probe::Probe;
use super::{AttachError, Map, Usage, header};
use crate::primitive::atomic::{AtomicU64, Ordering};

impl<K: Key> Map<'_, K> {
    /// Frees the slots of removed keys in the map that `words` hold, places the others anew by
    /// `seed`, and returns how the slots are used then. Locks that dead processes hold are gone
    /// afterwards; a key that such a process was inserting is dropped.
    ///
    /// Nobody else may use the map meanwhile: that the memory is borrowed mutably sees to it
    /// within a program, and for other processes the caller must. They cannot attach while it
    /// goes on, nor afterwards if this process dies on the way. Views from before are of no use
    /// if the seed is another.
    ///
    /// O(capacity), in place, and it finds room for every key.
    ///
    /// ```
    /// use core::sync::atomic::AtomicU64;
    /// use treenail_index::{InsertError, Map};
    ///
    /// let mut words = [const { AtomicU64::new(0) }; 32];
    /// let map = Map::<u64>::create(&words, 1)?;
    /// for key in 0..7 {
    ///     map.insert(key, key)?;
    /// }
    /// map.remove(3)?;
    /// assert_eq!(map.insert(9, 9), Err(InsertError::Full { live: 6, dead: 1 }));
    ///
    /// assert_eq!(Map::<u64>::rebuild(&mut words, 1)?.free, 1);
    /// let map = Map::<u64>::attach(&words)?;
    /// assert_eq!(map.insert(9, 9)?, None);
    /// # Ok::<(), Box<dyn core::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As for [`attach`](Self::attach); the memory is then as it was.
    pub fn rebuild(words: &mut [AtomicU64], seed: u64) -> Result<Usage, AttachError> {
        let key_words = <K::Words as Words>::COUNT;
        let (buckets, _) = header::check(words, key_words)?;
        let (header, _) = header::split(words).map_err(AttachError::TooSmall)?;
        header::withdraw(header);
        let seeds = Seeds::new(seed);
        let usage = Rebuild::<K::Words> { buckets, seeds, keys: PhantomData }.run();
        header::publish(header, buckets.len(), key_words, seed);
        Ok(usage)
    }
}

/// A key that still has to find its place is live and locked; one that has it is live only.
const UNPLACED: u8 = LIVE | LOCK;

struct Rebuild<'m, W> {
    buckets: &'m [Bucket],
    seeds: Seeds,
    keys: PhantomData<W>,
}

impl<W: Words> Rebuild<'_, W> {
    fn run(&self) -> Usage {
        let slots = slots(W::COUNT);
        let mut live = 0;
        for bucket in self.buckets {
            let mut control = Control(0);
            for slot in load(bucket).all_live(slots) {
                control = control.with_state(slot, UNPLACED);
                live += 1;
            }
            store(bucket, control);
        }
        // The count of turns is known, whatever a hostile process does to the memory meanwhile.
        let mut left = live;
        for bucket in self.buckets {
            for slot in 0..slots {
                while left > 0 && load(bucket).state(slot) == UNPLACED {
                    self.place(bucket, slot);
                    left -= 1;
                }
            }
        }
        self.clear_unused(slots);
        Usage { live, dead: 0, free: self.buckets.len() * slots - live }
    }

    /// Gives the key in this slot its place, the first on its path that no placed key has. If
    /// another key is there, it comes here and waits. Every call places one key.
    fn place(&self, bucket: &Bucket, slot: usize) {
        let key = key_at::<W>(bucket, slot);
        let probe = Probe::new(&key, &self.seeds, self.buckets.len());
        let placed = LIVE | probe.tag;
        let mut path = probe.path(self.buckets, REACH_ALL).enumerate();
        let found = path.find_map(|(distance, target)| {
            let unplaced = |at: &usize| matches!(load(target).state(*at), 0 | UNPLACED);
            (0..slots(W::COUNT)).find(unplaced).map(|at| (distance, target, at))
        });
        // The slot itself is on the path, so there is a place unless somebody interferes.
        let Some((distance, target, at)) = found else { return };
        if core::ptr::eq(target, bucket) {
            store(bucket, load(bucket).with_state(slot, placed));
        } else {
            let old_state = load(target).state(at);
            let (old_key, old_value) = (key_at::<W>(target, at), get::<W>(target, at));
            put(target, at, &key, get::<W>(bucket, slot));
            store(target, load(target).with_state(at, placed));
            put(bucket, slot, &old_key, old_value);
            store(bucket, load(bucket).with_state(slot, old_state));
        }
        let distance = u8::try_from(distance).unwrap_or(REACH_ALL);
        if let Some(home) = self.buckets.get(probe.home) {
            store(home, load(home).with_reach(load(home).reach().max(distance)));
        }
    }

    /// Leaves nothing of removed keys behind.
    fn clear_unused(&self, slots: usize) {
        for bucket in self.buckets {
            for slot in (0..slots).filter(|slot| load(bucket).state(*slot) == 0) {
                put(bucket, slot, &W::default(), 0);
            }
        }
    }
}

fn load(bucket: &Bucket) -> Control {
    Control::load(bucket, Ordering::Relaxed)
}

fn store(bucket: &Bucket, control: Control) {
    bucket[0].store(control.0, Ordering::Relaxed);
}

fn get<W: Words>(bucket: &Bucket, slot: usize) -> u64 {
    value::<W>(bucket, slot).load(Ordering::Relaxed)
}

fn put<W: Words>(bucket: &Bucket, slot: usize, key: &W, new: u64) {
    set_key(bucket, slot, key);
    value::<W>(bucket, slot).store(new, Ordering::Relaxed);
}
