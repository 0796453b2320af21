//! The log in a real directory: what comes back, what is refused, what is kept.

mod support;

use std::fs;
use std::path::Path;

use support::{drain, kind, payloads, small};
use treenail_store::disk::OsDisk;
use treenail_store::{
    Error, ErrorKind, Kind, Log, Lsn, Options, Reader, Recovery, Salvage, Salvaged, Tail,
};

fn open(path: &Path) -> (Log, Recovery) {
    Log::open(path, &small()).expect("opened")
}

fn fail(path: &Path) -> Error {
    Log::open(path, &small()).expect_err("it fails")
}

fn lsn(bytes: u64) -> Lsn {
    Lsn::new(bytes).expect("a multiple of 8")
}

/// The segments' names, in order.
fn segments(path: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(path)
        .expect("a listing")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .filter(|name| name.ends_with(".wal"))
        .collect();
    names.sort();
    names
}

/// Flips a bit of a segment's record area.
fn flip(path: &Path, segment: &str, at: usize) {
    let path = path.join(segment);
    let mut bytes = fs::read(&path).expect("a file");
    bytes[4096 + at] ^= 1;
    fs::write(&path, bytes).expect("written");
}

/// Every file's bytes.
fn image(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(path)
        .expect("a listing")
        .map(|entry| {
            let entry = entry.expect("an entry");
            let name = entry.file_name().into_string().expect("a name");
            (name, fs::read(entry.path()).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

#[test]
fn what_was_committed_comes_back_in_order_over_many_segments() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut expected = Vec::new();
    for opening in 0..4_u32 {
        let (log, recovery) = open(dir.path());
        assert_eq!(recovery.created, opening == 0);
        assert_eq!(payloads(&log, Lsn::ZERO), expected, "opening {opening}");
        for number in 0..400_u32 {
            let payload = vec![number as u8; (number * 7 % 300) as usize];
            log.write(kind(), &payload).expect("written");
            expected.push(payload);
        }
        assert_eq!(payloads(&log, Lsn::ZERO), expected);
        if opening % 2 == 0 {
            log.close().expect("closed");
        }
    }
    assert!(segments(dir.path()).len() > 4, "{:?}", segments(dir.path()));
}

#[test]
fn a_close_is_told_from_an_end_without_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path());
    log.write(kind(), b"a").expect("written");
    log.close().expect("closed");
    let (log, recovery) = open(dir.path());
    assert!(matches!(recovery.tail, Tail::Clean { .. }));
    log.write(kind(), b"b").expect("written");
    drop(log);
    let (log, recovery) = open(dir.path());
    assert!(matches!(recovery.tail, Tail::Unwitnessed { .. }));
    assert_eq!(payloads(&log, Lsn::ZERO), [b"a", b"b"]);
}

#[test]
fn opening_and_closing_alone_adds_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path());
    log.write(kind(), b"a").expect("written");
    log.close().expect("closed");
    let (log, before) = open(dir.path());
    log.close().expect("closed");
    let (_, after) = open(dir.path());
    assert_eq!(before.end(), after.end());
    assert_eq!(before.tail, after.tail);
}

#[test]
fn what_was_appended_and_not_committed_is_not_promised() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path());
    let end = log.write(kind(), b"a").expect("written");
    log.append(kind(), b"b").expect("appended");
    assert_eq!((log.durable(), log.end() > end), (end, true));
    assert_eq!(payloads(&log, Lsn::ZERO), [b"a"]);
    drop(log);
    assert_eq!(payloads(&open(dir.path()).0, Lsn::ZERO), [b"a"]);
}

#[test]
fn torn_tail_is_cut_and_what_was_behind_it_never_revives() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path());
    let end = log.write(kind(), b"whole").expect("written");
    // One group of three, of which the first one is torn.
    for payload in [b"torn", b"dead", b"dead"] {
        log.append(kind(), payload).expect("appended");
    }
    log.commit(log.end()).expect("committed");
    drop(log);
    flip(dir.path(), "0000000000000000.wal", end.get() as usize + 33);

    let read_only = Recovery::inspect(&OsDisk::open(dir.path()).expect("opened"));
    let Tail::Torn { at, .. } = read_only.expect("torn is no error").tail else {
        panic!("it is torn");
    };
    assert_eq!(at, end);
    let (log, recovery) = open(dir.path());
    assert_eq!(recovery.end(), end);
    assert_eq!(payloads(&log, Lsn::ZERO), [b"whole"]);
    drop(log);

    // Found again it is not torn any more, and opened twice is as opened once.
    let (log, recovery) = open(dir.path());
    assert_eq!(recovery.tail, Tail::Unwitnessed { at: end, durable: end });
    // Of the size that the torn one had: behind it the old ones would fit.
    log.write(kind(), b"newer").expect("written");
    drop(log);
    let (log, _) = open(dir.path());
    assert_eq!(payloads(&log, Lsn::ZERO), [b"whole", b"newer"]);
}

/// A crash may lose the sector with a record's LSN alone, and the next one keep nothing but the
/// same sector of the record that took its place.
#[test]
fn a_record_that_was_cut_does_not_come_back_with_its_lsn() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path());
    let at = log.write(kind(), b"kept").expect("written");
    log.write(kind(), b"cut").expect("written");
    drop(log);
    let path = dir.path().join(&segments(dir.path())[0]);
    let place = 4096 + usize::try_from(at.get()).expect("small");
    let put = |lsn: u64| {
        let mut bytes = fs::read(&path).expect("a file");
        bytes[place..place + 8].copy_from_slice(&lsn.to_le_bytes());
        fs::write(&path, bytes).expect("written");
    };
    put(0);
    assert_eq!(open(dir.path()).1.end(), at);
    put(at.get());
    let (log, recovery) = open(dir.path());
    assert_eq!(recovery.end(), at);
    assert_eq!(payloads(&log, Lsn::ZERO), [b"kept"]);
}

#[test]
fn damage_to_what_was_durable_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path());
    let first = log.write(kind(), b"first").expect("written");
    let second = log.write(kind(), b"second").expect("written");
    log.write(kind(), b"third").expect("written");
    drop(log);
    flip(dir.path(), "0000000000000000.wal", first.get() as usize + 33);
    let before = image(dir.path());
    for _ in 0..2 {
        let error = fail(dir.path());
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        let damage = error.damage().expect("it says where");
        assert_eq!(damage.file, "0000000000000000.wal");
        assert_eq!((damage.at, damage.offset), (first, 4096 + first.get()));
        assert_eq!(damage.durable, second);
        let disk = OsDisk::open(dir.path()).expect("opened");
        assert_eq!(Recovery::inspect(&disk).expect_err("too").kind(), ErrorKind::Corrupt);
    }
    assert!(image(dir.path()) == before, "a refused log is left as it is");
}

#[test]
fn salvage_reads_what_is_left_and_names_the_gap() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path());
    let ends: Vec<Lsn> =
        (0..2000_u32).map(|i| log.append(kind(), &i.to_le_bytes()).expect("appended")).collect();
    log.commit(log.end()).expect("committed");
    log.close().expect("closed");
    assert!(segments(dir.path()).len() > 1);
    flip(dir.path(), &segments(dir.path())[0], ends[4].get() as usize + 1);
    let file = dir.path().join(&segments(dir.path())[1]);
    fs::write(file, b"nothing like a segment").expect("written");

    let disk = OsDisk::open(dir.path()).expect("opened");
    let mut numbers = Vec::new();
    let (mut gaps, mut unreadable) = (Vec::new(), 0);
    for found in Salvage::new(&disk).expect("opened") {
        match found {
            Salvaged::Record { payload, .. } => {
                numbers.push(u32::from_le_bytes(payload.try_into().expect("four bytes")));
            }
            Salvaged::Gap(gap) => gaps.push(gap),
            Salvaged::Unreadable { file, .. } => {
                assert_eq!(file, segments(dir.path())[1]);
                unreadable += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    let in_first = ends.iter().filter(|end| end.get() <= parse(&segments(dir.path())[1])).count();
    let expected: Vec<u32> = (0..in_first as u32).filter(|&i| i != 5).collect();
    assert_eq!(numbers, expected);
    assert_eq!((gaps, unreadable), (vec![ends[4]..ends[5]], 1));
}

fn parse(name: &str) -> u64 {
    u64::from_str_radix(name.trim_end_matches(".wal"), 16).expect("a number")
}

#[test]
fn a_reader_follows_a_writer_through_the_segments() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path());
    let (mut reader, _) = Reader::open(OsDisk::open(dir.path()).expect("opened")).expect("opened");
    assert!(reader.next().expect("no error").is_none());
    for round in 0..50_u8 {
        // Larger than what the reader reads at a time, now and then.
        let sizes = [10, 3000, 0, 40_000];
        for size in sizes {
            log.append(kind(), &vec![round; size]).expect("appended");
        }
        log.commit(log.end()).expect("committed");
        let found: Vec<_> = drain(&mut reader).iter().map(Vec::len).collect();
        assert_eq!(found, sizes, "round {round}");
        assert_eq!(reader.position(), log.durable());
    }
    assert!(segments(dir.path()).len() > 20);
    assert!(reader.durable() > Lsn::ZERO && reader.durable() <= log.durable());
}

#[test]
fn a_record_larger_than_the_readers_window_is_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { segment_bytes: 4 << 20, ..small() };
    let (log, _) = Log::open(dir.path(), &options).expect("opened");
    for byte in 0..4 {
        log.write(kind(), &vec![byte; 1_500_000]).expect("written");
    }
    let found = payloads(&log, Lsn::ZERO);
    assert!(found.iter().enumerate().all(|(i, one)| *one == vec![i as u8; 1_500_000]));
    assert_eq!(found.len(), 4);
}

/// Whatever is left of its segment behind it: the window is doubled until it holds the record.
#[test]
fn a_record_of_any_size_that_a_segment_holds_is_read() {
    for size_bytes in (100_000..1_000_000).step_by(60_000) {
        let dir = tempfile::tempdir().expect("a directory");
        let options = Options { segment_bytes: 1 << 20, ..small() };
        let (log, _) = Log::open(dir.path(), &options).expect("opened");
        let sizes = [21, size_bytes, 21];
        for size in sizes {
            log.write(kind(), &vec![1; size]).expect("written");
        }
        let found = payloads(&log, Lsn::ZERO);
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), sizes);
    }
}

#[test]
fn a_checkpoint_comes_back_and_gives_up_old_segments() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, recovery) = open(dir.path());
    assert_eq!((recovery.checkpoint.lsn, recovery.checkpoint.content.len()), (Lsn::ZERO, 0));
    let mut last = Lsn::ZERO;
    for round in 0..20_u8 {
        for _ in 0..10 {
            last = log.write(kind(), &[round; 20_000]).expect("written");
        }
        log.checkpoint(last, &[round; 1000]).expect("a checkpoint");
        let left = segments(dir.path()).len();
        assert!(left <= 2, "round {round}: {left} segments");
    }
    let behind = log.write(kind(), b"behind").expect("written");
    let retired = log.read_from(Lsn::ZERO).expect_err("gone");
    assert_eq!(retired.kind(), ErrorKind::Retired, "{retired}");
    drop(log);
    let (log, recovery) = open(dir.path());
    assert_eq!((recovery.checkpoint.lsn, recovery.end()), (last, behind));
    assert_eq!(recovery.checkpoint.content, [19; 1000]);
    assert_eq!(payloads(&log, last), [b"behind"]);
}

#[test]
fn a_reader_whose_segment_is_used_again_is_told_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path());
    log.write(kind(), b"a").expect("written");
    let (mut reader, _) = Reader::open(OsDisk::open(dir.path()).expect("opened")).expect("opened");
    assert_eq!(drain(&mut reader), [b"a"]);
    for _ in 0..20 {
        let end = log.write(kind(), &[1; 30_000]).expect("written");
        log.checkpoint(end, b"").expect("a checkpoint");
    }
    // It has some records in its window still, and must not make up others.
    let error = loop {
        match reader.next() {
            Ok(Some(record)) => assert_eq!(record.payload, [1; 30_000]),
            Ok(None) => panic!("there is more"),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Retired, "{error}");
}

#[test]
fn a_reader_before_a_gap_is_told_so() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path());
    let (mut reader, _) = Reader::open(OsDisk::open(dir.path()).expect("opened")).expect("opened");
    while segments(dir.path()).len() < 4 {
        log.write(kind(), &[1; 20_000]).expect("written");
    }
    let mut own = log.read_from(Lsn::ZERO).expect("opened");
    // The first segment is kept to be used again, those behind it are removed.
    log.checkpoint(log.end(), b"").expect("a checkpoint");
    assert_eq!(segments(dir.path()).len(), 2);
    for reader in [&mut reader, &mut own] {
        let error = loop {
            match reader.next() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("there is more"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Retired, "{error}");
    }
}

#[test]
fn a_checkpoint_is_only_where_a_record_begins() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path());
    let first = log.write(kind(), &[7; 100]).expect("written");
    let second = log.write(kind(), b"b").expect("written");
    let undurable = log.append(kind(), b"c").expect("appended");
    let kind_at = |at| log.checkpoint(at, b"").expect_err("refused").kind();
    assert_eq!(kind_at(lsn(8)), ErrorKind::Invalid);
    assert_eq!(kind_at(undurable), ErrorKind::Invalid);
    log.checkpoint(first, b"").expect("a record begins there");
    assert_eq!(kind_at(Lsn::ZERO), ErrorKind::Invalid);
    log.checkpoint(second, b"").expect("the durable end");
    let too_large = vec![0; treenail_store::CHECKPOINT_BYTES_MAX + 1];
    let error = log.checkpoint(second, &too_large).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    log.checkpoint(second, &too_large[1..]).expect("it fits");
}

#[test]
fn a_lost_checkpoint_falls_back_to_the_one_before() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path());
    let first = log.write(kind(), b"a").expect("written");
    log.checkpoint(first, b"one").expect("a checkpoint");
    let second = log.write(kind(), b"b").expect("written");
    log.checkpoint(second, b"two").expect("a checkpoint");
    drop(log);
    // The slots take turns: creation wrote the first one, so the third is there too.
    fs::write(dir.path().join("checkpoint.a"), b"damaged").expect("written");
    let (log, recovery) = open(dir.path());
    assert_eq!((recovery.checkpoint.lsn, &*recovery.checkpoint.content), (first, &b"one"[..]));
    assert_eq!(payloads(&log, first), [b"b"]);
}

#[test]
fn what_is_missing_as_a_whole_is_missed() {
    let make = || {
        let dir = tempfile::tempdir().expect("a directory");
        let (log, _) = open(dir.path());
        for _ in 0..10 {
            log.write(kind(), &[1; 30_000]).expect("written");
        }
        drop(log);
        (segments(dir.path()), dir)
    };
    let expect_corrupt = |path: &Path, what: &str| {
        let error = fail(path);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{what}: {error}");
    };
    let count = make().0.len();
    for missing in 0..count {
        let (names, dir) = make();
        // Opened once, so that a checkpoint witnesses the last segment too.
        drop(open(dir.path()));
        fs::remove_file(dir.path().join(&names[missing])).expect("removed");
        expect_corrupt(dir.path(), &names[missing]);
    }
    let (names, dir) = make();
    names.iter().for_each(|name| fs::remove_file(dir.path().join(name)).expect("removed"));
    expect_corrupt(dir.path(), "all segments");
    let (_, dir) = make();
    for slot in ["checkpoint.a", "checkpoint.b"] {
        fs::write(dir.path().join(slot), b"damaged").expect("written");
    }
    expect_corrupt(dir.path(), "both slots");
    let (names, dir) = make();
    fs::copy(dir.path().join(&names[0]), dir.path().join(&names[1])).expect("copied");
    expect_corrupt(dir.path(), "a segment in another's place");
}

#[test]
fn a_record_of_every_size_up_to_the_limit_fits() {
    let dir = tempfile::tempdir().expect("a directory");
    let (log, _) = open(dir.path());
    let most = log.payload_bytes_max();
    let error = log.append(kind(), &vec![1; most + 1]).expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    assert!(error.to_string().contains(&most.to_string()), "{error}");
    assert_eq!(log.append(Kind::WITNESS, b"").expect_err("ours").kind(), ErrorKind::Invalid);
    let sizes = [most, 0, most - 1, 1, most - 40, most];
    for size in sizes {
        log.write(kind(), &vec![2; size]).expect("written");
    }
    log.close().expect("closed");
    let (log, recovery) = open(dir.path());
    assert!(matches!(recovery.tail, Tail::Clean { .. }));
    let found: Vec<usize> = payloads(&log, Lsn::ZERO).iter().map(Vec::len).collect();
    assert_eq!(found, sizes);
}

#[test]
fn segments_of_another_size_go_on() {
    let dir = tempfile::tempdir().expect("a directory");
    for segment_bytes in [64 << 10, 128 << 10, 64 << 10, 1 << 20] {
        let options = Options { segment_bytes, ..small() };
        let (log, recovery) = Log::open(dir.path(), &options).expect("opened");
        for _ in 0..10 {
            let end = log.write(kind(), &[1; 30_000]).expect("written");
            log.checkpoint(end, b"").expect("a checkpoint");
        }
        assert!(log.end() > recovery.end());
    }
    assert!(segments(dir.path()).len() <= 2);
}

#[test]
fn wrong_arguments_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = Options { segment_bytes: 1000, ..small() };
    let error = Log::open(dir.path(), &options).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let (log, _) = open(dir.path());
    let beyond = lsn(log.end().get() + 8);
    assert_eq!(log.commit(beyond).expect_err("refused").kind(), ErrorKind::Invalid);
    let nowhere = Log::open(&dir.path().join("no/such"), &small()).expect_err("refused");
    assert_eq!(nowhere.kind(), ErrorKind::Io);
    let empty = tempfile::tempdir().expect("a directory");
    let disk = OsDisk::open(empty.path()).expect("opened");
    assert_eq!(Recovery::inspect(&disk).expect_err("none").kind(), ErrorKind::NotALog);
    assert_eq!(Reader::open(disk).expect_err("none").kind(), ErrorKind::NotALog);
}
