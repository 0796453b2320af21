//! Nothing that the crate does allocates.
#![cfg(not(loom))]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::AtomicU64;

use treenail_index::fuse::{FuseRef, build, bytes_for, scratch_words_for};
use treenail_index::{Map, aligned};

struct Counting;

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all work is the system's allocator's; counting touches no memory but the counter, which
// needs neither an allocation nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        COUNT.set(COUNT.get() + 1);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = COUNT.get();
    work();
    COUNT.get() - before
}

#[test]
fn the_counter_counts() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn the_map_allocates_nothing() {
    let memory = || -> Vec<AtomicU64> {
        (0..Map::<u64>::words_for(5000).unwrap() + 15).map(|_| AtomicU64::new(0)).collect()
    };
    let (words, mut others) = (memory(), memory());
    let count = allocations(|| {
        let map = Map::<u64>::create(aligned(&words), 1).unwrap();
        for key in 0..4000 {
            assert_eq!(map.insert(key, key), Ok(None));
        }
        for key in 0..4000 {
            map.insert_new(key, 0).unwrap();
            map.fetch_add(key, 1).unwrap();
            map.fetch_update(key, |value| value + 1).unwrap();
            map.compare_exchange(key, key + 2, key).unwrap();
            assert_eq!(map.get(key), Some(key));
        }
        assert_eq!(map.iter().filter(|(key, _)| key % 2 == 0).count(), 2000);
        (0..4000).step_by(3).for_each(|key| assert_eq!(map.remove(key), Ok(Some(key))));
        map.copy_into(&Map::create(&others, 2).unwrap()).unwrap();
        Map::<u64>::rebuild(&mut others, 3).unwrap();
        assert_eq!(Map::<u64>::attach(&others).unwrap().usage().live, map.usage().live);
    });
    assert_eq!(count, 0);
}

#[test]
fn the_filter_allocates_nothing() {
    let keys: Vec<u64> = (0..5000).map(|key| key % 4000).collect();
    let mut scratch = vec![0; scratch_words_for(keys.len()).unwrap()];
    let mut bytes = vec![0; bytes_for::<u16>(keys.len()).unwrap()];
    let count = allocations(|| {
        build::<u16>(&keys, 1, &mut scratch, &mut bytes).unwrap();
        let filter = FuseRef::<u16>::new_checked(&bytes).unwrap();
        assert!(keys.iter().all(|key| filter.contains(*key)));
    });
    assert_eq!(count, 0);
}
