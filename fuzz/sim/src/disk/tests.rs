use std::collections::BTreeSet;

use super::{Access, Crash, Disk, DiskFaults, DiskSettings, Error, File};
use crate::rng::{Chance, Rng};
use crate::trace::Trace;

const SECTOR: usize = 512;

fn disk(seed: u64, faults: DiskFaults) -> Disk {
    Disk::new(DiskSettings::default(), faults, Rng::new(seed), Trace::new())
}

fn calm(seed: u64) -> Disk {
    disk(seed, DiskFaults::NONE)
}

/// A disk with a file `a` of `sectors` sectors of ones, durable in name and content.
fn with_file(seed: u64, faults: DiskFaults, sectors: usize) -> (Disk, File) {
    let disk = disk(seed, DiskFaults::NONE);
    let file = disk.create("a").unwrap();
    file.write_at(&vec![1; sectors * SECTOR], 0).unwrap();
    file.sync().unwrap();
    disk.sync_dir("").unwrap();
    disk.set_faults(faults);
    (disk, file)
}

fn content(disk: &Disk, path: &str) -> Option<Vec<u8>> {
    disk.snapshot().into_iter().find(|(found, _)| found == path).map(|(_, content)| content)
}

/// What a crash leaves in 300 runs of `work`.
fn outcomes<T: Ord>(
    work: impl Fn(&Disk, &File),
    faults: &DiskFaults,
    see: impl Fn(&Disk) -> T,
) -> BTreeSet<T> {
    (0..300)
        .map(|seed| {
            let (disk, file) = with_file(seed, faults.clone(), 3);
            work(&disk, &file);
            disk.restart(Crash::Power);
            see(&disk)
        })
        .collect()
}

/// The first byte of each sector.
fn firsts(disk: &Disk) -> Vec<u8> {
    content(disk, "a").unwrap().chunks(SECTOR).map(|sector| sector[0]).collect()
}

#[test]
fn what_was_synced_survives() {
    let work = |_: &Disk, file: &File| {
        file.write_at(&[2; 2 * SECTOR], SECTOR as u64).unwrap();
        file.sync().unwrap();
    };
    let left = outcomes(work, &DiskFaults::NONE, firsts);
    assert_eq!(left, BTreeSet::from([vec![1, 2, 2]]));
}

#[test]
fn a_crash_keeps_any_subset_of_the_unsynced_sectors() {
    let work = |_: &Disk, file: &File| file.write_at(&[2; 3 * SECTOR], 0).unwrap();
    assert_eq!(outcomes(work, &DiskFaults::NONE, firsts).len(), 8);
}

#[test]
fn a_crash_may_leave_any_version_since_the_last_sync() {
    let work = |_: &Disk, file: &File| {
        (2..5).for_each(|byte| file.write_at(&[byte; SECTOR], 0).unwrap());
    };
    let left = outcomes(work, &DiskFaults::NONE, |disk| firsts(disk)[0]);
    assert_eq!(left, BTreeSet::from([1, 2, 3, 4]));
}

#[test]
fn later_writes_may_survive_earlier_ones() {
    let work = |_: &Disk, file: &File| {
        file.write_at(&[2; SECTOR], 0).unwrap();
        file.write_at(&[2; SECTOR], SECTOR as u64).unwrap();
    };
    assert!(outcomes(work, &DiskFaults::NONE, firsts).contains(&vec![1, 2, 1]));
    assert!(outcomes(work, &DiskFaults::NONE, firsts).contains(&vec![2, 1, 1]));
}

#[test]
fn a_torn_sector_is_half_new_and_half_old() {
    let faults = DiskFaults { tear: Chance::ALWAYS, ..DiskFaults::NONE };
    let work = |_: &Disk, file: &File| file.write_at(&[2; SECTOR], 0).unwrap();
    let left = outcomes(work, &faults, |disk| content(disk, "a").unwrap()[..SECTOR].to_vec());
    assert!(left.len() > 20, "{} ways", left.len());
    assert!(left.iter().all(|sector| sector.is_sorted_by(|a, b| a >= b)));
}

#[test]
fn lengths_are_lost_and_kept_apart_from_data() {
    let work = |_: &Disk, file: &File| {
        file.write_at(&[2; SECTOR], 3 * SECTOR as u64).unwrap();
        file.write_at(&[2; SECTOR], 4 * SECTOR as u64).unwrap();
    };
    let left = outcomes(work, &DiskFaults::NONE, firsts);
    for wanted in [vec![1, 1, 1], vec![1, 1, 1, 2], vec![1, 1, 1, 2, 2], vec![1, 1, 1, 0, 2]] {
        assert!(left.contains(&wanted), "{wanted:?} of {left:?}");
    }
    let cut = |_: &Disk, file: &File| file.set_len(SECTOR as u64).unwrap();
    let left = outcomes(cut, &DiskFaults::NONE, |disk| firsts(disk).len());
    assert_eq!(left, BTreeSet::from([1, 3]));
}

#[test]
fn sectors_that_were_not_written_may_show_what_was_there_before() {
    let faults = DiskFaults { stale: Chance::ALWAYS, ..DiskFaults::NONE };
    let work = |_: &Disk, file: &File| {
        file.write_at(&[2; 8 * SECTOR], 3 * SECTOR as u64).unwrap();
    };
    let left = outcomes(work, &faults, firsts);
    assert!(left.iter().flatten().any(|byte| ![0, 1, 2].contains(byte)));
    let allocated = |_: &Disk, file: &File| file.allocate(8 * SECTOR as u64).unwrap();
    let left = outcomes(allocated, &faults, firsts);
    assert!(left.iter().flatten().all(|&byte| byte < 2), "space taken reads as zeros");
}

#[test]
fn a_name_is_lost_until_its_directory_is_synced() {
    let create = |disk: &Disk, _: &File| {
        let file = disk.create("b").unwrap();
        file.write_at(b"new", 0).unwrap();
        file.sync().unwrap();
    };
    let see = |disk: &Disk| content(disk, "b");
    let left = outcomes(create, &DiskFaults::NONE, see);
    assert_eq!(left, BTreeSet::from([None, Some(b"new".to_vec())]));
    let synced = |disk: &Disk, file: &File| {
        create(disk, file);
        disk.sync_dir("").unwrap();
    };
    assert_eq!(outcomes(synced, &DiskFaults::NONE, see), BTreeSet::from([Some(b"new".to_vec())]));
}

#[test]
fn a_rename_survives_whole_or_not_at_all() {
    let work = |disk: &Disk, _: &File| {
        disk.create("b").unwrap();
        disk.sync_dir("").unwrap();
        disk.rename("a", "b").unwrap();
        disk.rename("b", "c").unwrap();
    };
    let names = |disk: &Disk| -> Vec<String> {
        let files = disk.snapshot().into_iter();
        files.map(|(path, _)| path.into_string().unwrap()).collect()
    };
    let left = outcomes(work, &DiskFaults::NONE, names);
    assert_eq!(Vec::from_iter(left), [vec!["a", "b"], vec!["b"], vec!["c"]]);
}

#[test]
fn removed_files_may_come_back() {
    let work = |disk: &Disk, _: &File| disk.remove("a").unwrap();
    let left = outcomes(work, &DiskFaults::NONE, |disk| content(disk, "a").is_some());
    assert_eq!(left, BTreeSet::from([false, true]));
}

#[test]
fn the_way_to_a_file_has_to_be_durable_too() {
    let work = |disk: &Disk, _: &File| {
        disk.create_dir("d").unwrap();
        disk.create("d/f").unwrap().sync().unwrap();
        disk.sync_dir("d").unwrap();
    };
    let left = outcomes(work, &DiskFaults::NONE, |disk| disk.stat("d/f").is_ok());
    assert_eq!(left, BTreeSet::from([false, true]));
}

#[test]
fn after_a_failed_sync_the_next_succeeds_and_data_is_lost() {
    let faults = DiskFaults { forget: Chance::ALWAYS, ..DiskFaults::NONE };
    let work = |disk: &Disk, file: &File| {
        file.write_at(&[2; 3 * SECTOR], 0).unwrap();
        let failing = DiskFaults { sync_error: Chance::ALWAYS, ..faults.clone() };
        disk.set_faults(failing);
        assert_eq!(file.sync(), Err(Error::Io));
        disk.set_faults(faults.clone());
        assert_eq!(file.sync(), Ok(()));
        assert_eq!(firsts(disk), [2, 2, 2], "reads do not show it");
    };
    assert!(outcomes(work, &faults, firsts).contains(&vec![1, 1, 1]));
}

#[test]
fn forgotten_names_are_lost_unless_the_directory_changes_again() {
    let faults = DiskFaults { forget_names: Chance::ALWAYS, ..DiskFaults::NONE };
    let work = |change: bool| {
        let faults = faults.clone();
        move |disk: &Disk, _: &File| {
            disk.rename("a", "b").unwrap();
            disk.set_faults(DiskFaults { sync_error: Chance::ALWAYS, ..faults.clone() });
            assert_eq!(disk.sync_dir(""), Err(Error::Io));
            disk.set_faults(faults.clone());
            if change {
                disk.create("c").unwrap();
            }
            assert_eq!(disk.sync_dir(""), Ok(()));
            assert!(disk.stat("b").is_ok(), "reads do not show it");
        }
    };
    let see = |disk: &Disk| content(disk, "b").is_some();
    assert_eq!(outcomes(work(false), &faults, see), BTreeSet::from([false]));
    assert_eq!(outcomes(work(true), &faults, see), BTreeSet::from([true]));
}

#[test]
fn a_lying_sync_makes_nothing_durable() {
    let faults = DiskFaults { lie: Chance::ALWAYS, ..DiskFaults::NONE };
    let work = |disk: &Disk, file: &File| {
        file.write_at(&[2; 3 * SECTOR], 0).unwrap();
        assert_eq!(file.sync(), Ok(()));
        assert_eq!(disk.injected().lies, 1);
    };
    assert_eq!(outcomes(work, &faults, firsts).len(), 8);
}

#[test]
fn a_dead_process_loses_handles_and_locks_and_no_bytes() {
    let (disk, file) = with_file(1, DiskFaults::NONE, 1);
    let lock = disk.lock("lock").unwrap().unwrap();
    assert!(disk.lock("lock").unwrap().is_none());
    file.write_at(&[2; SECTOR], 0).unwrap();
    disk.restart(Crash::Process);
    assert_eq!(file.sync(), Err(Error::Stopped));
    assert_eq!(firsts(&disk), [2]);
    let again = disk.lock("lock").unwrap().unwrap();
    drop(lock);
    assert!(disk.lock("lock").unwrap().is_none(), "the dead one's lock frees nothing");
    drop(again);
    assert!(disk.lock("lock").unwrap().is_some());
}

#[test]
fn the_machine_stops_within_the_call_that_was_named() {
    let (disk, file) = with_file(1, DiskFaults::NONE, 1);
    disk.stop_after(Some(2));
    assert_eq!(file.write_at(&[2; SECTOR], 0), Ok(()));
    assert!(!disk.is_stopped());
    assert_eq!(file.len(), Ok(SECTOR as u64));
    assert_eq!(file.sync(), Err(Error::Stopped));
    assert_eq!(file.len(), Err(Error::Stopped));
    assert_eq!(disk.create("b").err(), Some(Error::Stopped));
    disk.restart(Crash::Power);
    assert!(disk.open("a", Access::Read).is_ok());
}

#[test]
fn a_full_disk_refuses_and_keeps_what_is_there() {
    let (disk, file) = with_file(1, DiskFaults::NONE, 2);
    disk.set_capacity(4 * SECTOR as u64);
    assert_eq!(file.allocate(5 * SECTOR as u64), Err(Error::NoSpace));
    assert_eq!(file.allocate(3 * SECTOR as u64), Ok(()));
    assert_eq!(file.write_at(&[2; 2 * SECTOR], 3 * SECTOR as u64), Err(Error::NoSpace));
    assert_eq!(file.write_at(&[2; 3 * SECTOR], 0), Ok(()), "this space was taken before");
    assert_eq!(disk.injected().full, 2);
    let used = disk.used_bytes();
    disk.remove("a").unwrap();
    assert_eq!(disk.used_bytes(), used, "it is still open");
    drop(file);
    assert_eq!(disk.used_bytes(), 0);
}

#[test]
fn rot_is_reported_where_it_struck() {
    let faults = DiskFaults { rot: Chance::ALWAYS, ..DiskFaults::NONE };
    for seed in 0..100 {
        let (disk, _) = with_file(seed, faults.clone(), 3);
        disk.restart(Crash::Power);
        let damage = disk.injected().damage;
        assert!(!damage.is_empty(), "seed {seed}");
        let file = disk.open("a", Access::Read).unwrap();
        for (at, sector) in (0..3).map(|at| at * SECTOR).zip(0..) {
            let mut bytes = [0; SECTOR];
            let harmed = file.read_at(&mut bytes, at as u64).is_err() || bytes != [1; SECTOR];
            let reported = damage.iter().any(|damage| damage.offset == at as u64);
            assert_eq!(harmed, reported, "seed {seed}, sector {sector}");
        }
    }
}

#[test]
fn names_follow_the_rules_of_directories() {
    let disk = calm(1);
    disk.create_dir("d").unwrap();
    disk.create("d/f").unwrap();
    disk.create("g").unwrap();
    assert_eq!(disk.create("d/f").err(), Some(Error::AlreadyExists));
    assert_eq!(disk.create("g/f").err(), Some(Error::NotADirectory));
    assert_eq!(disk.create("x/f").err(), Some(Error::NotFound));
    assert_eq!(disk.remove("d"), Err(Error::NotEmpty));
    assert_eq!(disk.rename("g", "d"), Err(Error::IsADirectory));
    assert_eq!(disk.rename("d", "d/e"), Err(Error::Refused));
    assert_eq!(disk.open("../x", Access::Read).err(), Some(Error::Refused));
    disk.exchange("d/f", "g").unwrap();
    disk.rename("d", "e").unwrap();
    assert_eq!(disk.list("e").unwrap(), ["f"]);
    assert_eq!(disk.open("e/f", Access::Read).unwrap().write_at(b"x", 0), Err(Error::Refused));
    assert!(disk.stat("e").unwrap().is_dir);
}

/// Against a plain map: without a crash, a disk shows what was done to it, whatever it took.
#[test]
fn without_a_crash_the_cache_is_the_truth() {
    for seed in 0..50 {
        let mut rng = Rng::new(seed);
        let disk = calm(seed);
        let file = disk.create("a").unwrap();
        let mut model: Vec<u8> = Vec::new();
        for _ in 0..200 {
            let offset = rng.index(4_000);
            match rng.below(4) {
                0 => file.sync().unwrap(),
                1 => {
                    file.set_len(offset as u64).unwrap();
                    model.resize(offset, 0);
                }
                2 => {
                    file.allocate(offset as u64).unwrap();
                    model.resize(model.len().max(offset), 0);
                }
                _ => {
                    let mut bytes = vec![0; rng.index(1_500)];
                    rng.fill(&mut bytes);
                    file.write_at(&bytes, offset as u64).unwrap();
                    if !bytes.is_empty() {
                        model.resize(model.len().max(offset + bytes.len()), 0);
                        model[offset..offset + bytes.len()].copy_from_slice(&bytes);
                    }
                }
            }
        }
        assert_eq!(content(&disk, "a").unwrap(), model, "seed {seed}");
        file.sync().unwrap();
        disk.sync_dir("").unwrap();
        disk.restart(Crash::Power);
        assert_eq!(content(&disk, "a").unwrap(), model, "seed {seed}, after the crash");
    }
}

#[test]
fn one_seed_is_one_run() {
    let run = |seed| {
        let trace = Trace::new();
        let faults = DiskFaults::swarm(&mut Rng::new(seed));
        let disk = Disk::new(DiskSettings::default(), faults, Rng::new(seed), trace.clone());
        if let Ok(file) = disk.create("a") {
            for at in 0..20 {
                let _ = file.write_at(&[at; 700], u64::from(at) * 300);
                let _ = file.sync();
            }
        }
        disk.restart(Crash::Power);
        (trace.fingerprint(), disk.snapshot(), disk.take_elapsed())
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5).0, run(6).0);
}
