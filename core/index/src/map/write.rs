//! What changes the map. A slot goes from never used to locked to live, and from then on between
//! live and dead; it is locked for each change, and its key never changes.

use super::bucket::{
    Bucket, Control, LIVE, LOCK, REACH_ALL, TAG, byte, holds, set_key, slots, value,
};
use super::error::{Busy, InsertError};
use super::key::{Key, Words};
use super::probe::{DISTANCE_MAX, Probe};
use super::{Map, Usage};
use crate::primitive::atomic::{AtomicU64, Ordering};
use crate::primitive::spin_loop;

impl<K: Key> Map<'_, K> {
    /// Gives `key` this value and returns the one that it had.
    ///
    /// # Errors
    /// [`InsertError::Full`] when the key is new and there is no slot for it; the counts are
    /// found by looking at every bucket. [`InsertError::Busy`] as for all writes.
    pub fn insert(&self, key: K, new: u64) -> Result<Option<u64>, InsertError> {
        self.put(key, new, true)
    }

    /// Gives `key` this value if it has none; the value that it has.
    ///
    /// # Errors
    /// As for [`insert`](Self::insert).
    pub fn insert_new(&self, key: K, new: u64) -> Result<Option<u64>, InsertError> {
        match self.get(key) {
            Some(value) => Ok(Some(value)),
            None => self.put(key, new, false),
        }
    }

    /// Gives `key` the value `new` if its value is `current`, and returns what the value was.
    ///
    /// # Errors
    /// [`Busy`] when another writer holds the slot.
    pub fn compare_exchange(&self, key: K, current: u64, new: u64) -> Result<Option<u64>, Busy> {
        self.change(key, |value| if value == current { Change::To(new) } else { Change::None })
    }

    /// Adds to the value of `key`, wrapping around, and returns what it was.
    ///
    /// # Errors
    /// [`Busy`] when another writer holds the slot.
    pub fn fetch_add(&self, key: K, add: u64) -> Result<Option<u64>, Busy> {
        self.change(key, |value| Change::To(value.wrapping_add(add)))
    }

    /// Gives `key` the value that `next` makes of the one it has, and returns that.
    ///
    /// The slot is not locked while `next` runs; so it runs again if another thread has changed the
    /// value meanwhile, at most as often as the patience allows.
    ///
    /// # Errors
    /// [`Busy`] when another writer holds the slot, or others were always faster.
    pub fn fetch_update(
        &self,
        key: K,
        mut next: impl FnMut(u64) -> u64,
    ) -> Result<Option<u64>, Busy> {
        let mut patience = Patience(self.patience);
        let Some(mut current) = self.get(key) else { return Ok(None) };
        loop {
            match self.compare_exchange(key, current, next(current))? {
                Some(found) if found != current => current = found,
                found => return Ok(found),
            }
            patience.spend()?;
        }
    }

    /// Takes the value of `key` away and returns it. The key keeps its slot.
    ///
    /// # Errors
    /// [`Busy`] when another writer holds the slot.
    pub fn remove(&self, key: K) -> Result<Option<u64>, Busy> {
        self.change(key, |_| Change::Remove)
    }

    /// Removes `key` if its value is `current`, and returns what the value was.
    ///
    /// # Errors
    /// [`Busy`] when another writer holds the slot.
    pub fn compare_remove(&self, key: K, current: u64) -> Result<Option<u64>, Busy> {
        self.change(key, |value| if value == current { Change::Remove } else { Change::None })
    }

    fn put(&self, key: K, new: u64, replace: bool) -> Result<Option<u64>, InsertError> {
        let key = key.to_words();
        let probe = Probe::new(&key, &self.seeds, self.buckets.len());
        let mut patience = Patience(self.patience);
        // Only a rebuild puts keys further away than a new one may go.
        let home = self.buckets.get(probe.home);
        let reach = home.map_or(0, |home| Control::load(home, Ordering::Relaxed).reach());
        let path = probe.path(self.buckets, reach.max(DISTANCE_MAX));
        for (distance, bucket) in path.enumerate() {
            loop {
                let control = Control::load(bucket, Ordering::Acquire);
                match self.find(bucket, control, &key, probe.tag) {
                    Place::Locked => patience.spend()?,
                    Place::Here(slot) => {
                        let lock = Lock::take(bucket, slot, &mut patience)?;
                        return Ok(put_locked::<K::Words>(&lock, new, replace));
                    }
                    Place::Nowhere => {
                        let Some(slot) = control.empty(slots(<K::Words as Words>::COUNT)) else {
                            break;
                        };
                        self.widen(probe.home, distance, &mut patience)?;
                        let state = LOCK | probe.tag;
                        if let Some(lock) = Lock::claim(bucket, control, slot, state) {
                            set_key(bucket, slot, &key);
                            return Ok(put_locked::<K::Words>(&lock, new, replace));
                        }
                        patience.spend()?;
                    }
                }
            }
        }
        let Usage { live, dead, .. } = self.usage();
        Err(InsertError::Full { live, dead })
    }

    /// Looks for the key's own slot in a bucket, as the control word has it.
    ///
    /// New keys take the first slot never used on their path, and slots never become unused, so a
    /// key that is neither here nor anywhere before an unused slot is nowhere.
    fn find(&self, bucket: &Bucket, control: Control, key: &K::Words, tag: u8) -> Place {
        for slot in control.tagged(tag) {
            let state = control.state(slot);
            if state & (LOCK | LIVE) == LOCK {
                // A key is being inserted, or coming back; while it is not written nobody knows
                // whether it is this one.
                return Place::Locked;
            }
            if holds(bucket, slot, key) {
                return Place::Here(slot);
            }
        }
        Place::Nowhere
    }

    /// Lets readers look `distance` buckets behind this home.
    fn widen(&self, home: usize, distance: usize, patience: &mut Patience) -> Result<(), Busy> {
        let Some(bucket) = self.buckets.get(home).filter(|_| distance > 0) else { return Ok(()) };
        let distance = u8::try_from(distance).unwrap_or(REACH_ALL);
        loop {
            let control = Control::load(bucket, Ordering::Relaxed);
            if control.reach() >= distance {
                return Ok(());
            }
            let wider = control.with_reach(distance);
            // The order is that of the slot's publication, which comes later in this thread.
            let order = (Ordering::AcqRel, Ordering::Relaxed);
            if bucket[0].compare_exchange(control.0, wider.0, order.0, order.1).is_ok() {
                return Ok(());
            }
            patience.spend()?;
        }
    }

    /// Locks the slot of a key that has a value, and does what `decide` says; the value.
    fn change(&self, key: K, decide: impl Fn(u64) -> Change) -> Result<Option<u64>, Busy> {
        let key = key.to_words();
        let probe = Probe::new(&key, &self.seeds, self.buckets.len());
        let Some(home) = self.buckets.get(probe.home) else { return Ok(None) };
        let reach = Control::load(home, Ordering::Acquire).reach();
        for bucket in probe.path(self.buckets, reach) {
            let control = Control::load(bucket, Ordering::Acquire);
            let Some(slot) = control.live(probe.tag).find(|slot| holds(bucket, *slot, &key)) else {
                continue;
            };
            let lock = Lock::take(bucket, slot, &mut Patience(self.patience))?;
            if !lock.is_live {
                lock.release(false);
                return Ok(None);
            }
            let stored = value::<K::Words>(bucket, slot);
            let old = stored.load(Ordering::Relaxed);
            match decide(old) {
                Change::None => lock.release(true),
                Change::Remove => lock.release(false),
                Change::To(new) => {
                    stored.store(new, Ordering::Release);
                    lock.release(true);
                }
            }
            return Ok(Some(old));
        }
        Ok(None)
    }
}

/// What becomes of a value.
enum Change {
    None,
    To(u64),
    Remove,
}

/// Where a key is, within one bucket.
enum Place {
    Here(usize),
    /// Where one cannot tell yet.
    Locked,
    Nowhere,
}

/// Stores the value, unless there is one that is to stay; the value that there was.
fn put_locked<W: Words>(lock: &Lock<'_>, new: u64, replace: bool) -> Option<u64> {
    let stored: &AtomicU64 = value::<W>(lock.bucket, lock.slot);
    let old = lock.is_live.then(|| stored.load(Ordering::Relaxed));
    if old.is_none() || replace {
        // `value_if_live` relies on this order.
        stored.store(new, Ordering::Release);
    }
    lock.release(true);
    old
}

/// A slot that only this writer changes.
struct Lock<'b> {
    bucket: &'b Bucket,
    slot: usize,
    /// Whether it was live when it was locked.
    is_live: bool,
}

impl<'b> Lock<'b> {
    /// Locks a slot whose key is known.
    fn take(bucket: &'b Bucket, slot: usize, patience: &mut Patience) -> Result<Self, Busy> {
        loop {
            let control = Control::load(bucket, Ordering::Relaxed);
            let state = control.state(slot);
            if state & LOCK == 0
                && let Some(lock) = Self::claim(bucket, control, slot, state | LOCK)
            {
                return Ok(lock);
            }
            patience.spend()?;
        }
    }

    /// Puts the slot into this state if nothing in the bucket has changed since `control`.
    fn claim(bucket: &'b Bucket, control: Control, slot: usize, state: u8) -> Option<Self> {
        let locked = control.with_state(slot, state);
        // To acquire is to see what the slot's last writer has stored.
        let order = (Ordering::Acquire, Ordering::Relaxed);
        bucket[0].compare_exchange(control.0, locked.0, order.0, order.1).ok()?;
        Some(Self { bucket, slot, is_live: state & LIVE != 0 })
    }

    /// Ends the lock with the slot live or dead. The other bytes of the word may have changed; our
    /// own has not, so the bits to flip are known, and this cannot fail.
    fn release(&self, live: bool) {
        let from = byte(if self.is_live { LOCK | LIVE } else { LOCK }, self.slot);
        let to = byte(if live { LIVE } else { 0 }, self.slot);
        self.bucket[0].fetch_xor(from ^ to, Ordering::Release);
    }
}

const _: () = assert!(LOCK & LIVE == 0 && (LOCK | LIVE) & TAG == 0);

/// What is left of the turns that a writer waits.
struct Patience(u32);

impl Patience {
    fn spend(&mut self) -> Result<(), Busy> {
        self.0 = self.0.checked_sub(1).ok_or(Busy)?;
        spin_loop();
        Ok(())
    }
}
