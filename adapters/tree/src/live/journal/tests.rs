//! The golden bytes of `docs/format/live.md`.

use super::*;

fn change() -> Change {
    let stat = Stat {
        kind: Kind::File,
        mode: 0o640,
        size_bytes: 5,
        mtime_ns: -1,
        ctime_ns: 2,
        inode: 3,
        device: 4,
        nlink: 1,
        uid: 6,
        gid: 7,
    };
    Change {
        kind: EventKind::Rename,
        class: Class::File,
        path: (*b"b/c").into(),
        from: Some((*b"a").into()),
        replaced: true,
        stat: Some(stat),
        id: Id::new(&[0xab; 16]),
        quiet: false,
        open_for_write: false,
        ranges: std::iter::once(4096..8192).collect(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The tables in docs/format/live.md.
#[test]
fn a_batch_has_these_bytes() {
    let gaps = vec![Gap { path: (*b"d").into(), reason: "full".into() }];
    let batch = Batch { tick: 9, changes: vec![change()], gaps };
    let records = Part::encode_all(&batch, 0x0102, 1 << 20);
    let expected = [
        "0101090000000000000002010000000000000100000001000000640400000066756c6c",
        "04663c03000000622f630100000061",
        "a0010500000000000000ffffffffffffffff0200000000000000",
        "03000000000000000400000000000000010000000600000007000000",
        "10abababababababababababababababab",
        "0100000000100000000000000020000000000000",
    ];
    assert_eq!(records.iter().map(|record| hex(record)).collect::<Vec<_>>(), [expected.concat()]);
    let part = Part::decode(&records[0]).unwrap();
    assert_eq!((part.batch, part.at_ns, part.last), (batch, 0x0102, true));
}

#[test]
fn heads_and_sessions_have_these_bytes() {
    let ended = vec![(1, 5)];
    let (taken_ns, exclusion) = (-2, 4);
    let head = Head { root: 0xfeed, incarnation: 2, tick: 8, floor: 3, taken_ns, exclusion, ended };
    let bytes = head.encode();
    let expected = "02edfe0000000000000200000008000000000000000300000000000000\
                    feffffffffffffff040000000000000001000000010000000500000000000000";
    assert_eq!(hex(&bytes), expected);
    assert_eq!(Head::decode(&bytes), Some(head));
    let session = Session { boot: [7; 16], incarnation: 2 };
    let bytes = session.encode();
    assert_eq!(hex(&bytes), "010707070707070707070707070707070702000000");
    assert_eq!(Session::decode(&bytes), Some(session));
}

#[test]
fn a_list_of_files_has_these_bytes_and_goes_into_several_records() {
    let paths: Vec<Box<[u8]>> = vec![(*b"a/b").into(), (*b"c").into()];
    assert_eq!(
        Unheard::encode_all(&[], 20).iter().map(|one| hex(one)).collect::<Vec<_>>(),
        ["0100"]
    );
    let records = Unheard::encode_all(&paths, 1 << 20);
    assert_eq!(hex(&records[0]), "010003000000612f620100000063");
    let records = Unheard::encode_all(&paths, 10);
    let parts: Vec<Unheard> = records.iter().map(|one| Unheard::decode(one).unwrap()).collect();
    let part = |at: usize, more| Unheard { paths: vec![paths[at].clone()], more };
    assert_eq!(parts, [part(0, false), part(1, true)]);
    for bad in ["0200", "0102", "01", "010000000000", "010002000000612f", "0100020000002e2e"] {
        let bytes: Vec<u8> = (0..bad.len() / 2)
            .map(|at| u8::from_str_radix(&bad[2 * at..2 * at + 2], 16).unwrap())
            .collect();
        assert_eq!(Unheard::decode(&bytes), None, "{bad}");
    }
}

#[test]
fn a_long_batch_goes_into_several_records() {
    let batch = Batch { tick: 1, changes: vec![change(); 10], gaps: Vec::new() };
    let records = Part::encode_all(&batch, 0, 500);
    assert!(records.len() > 2 && records.iter().all(|record| record.len() <= 500));
    let parts: Vec<Part> = records.iter().map(|record| Part::decode(record).unwrap()).collect();
    let (last, first) = parts.split_last().unwrap();
    assert!(last.last && first.iter().all(|part| !part.last));
    let changes: Vec<Change> = parts.into_iter().flat_map(|part| part.batch.changes).collect();
    assert_eq!(changes, batch.changes);
}

#[test]
fn nothing_shorter_or_changed_in_its_structure_is_taken() {
    let batch = Batch { tick: 9, changes: vec![change()], gaps: Vec::new() };
    let record = &Part::encode_all(&batch, 0, 1 << 20)[0];
    // Cut anywhere but between two changes.
    let heads = [22];
    for len in (0..record.len()).filter(|len| !heads.contains(len)) {
        assert_eq!(Part::decode(&record[..len]), None, "{len}");
    }
    for (at, byte) in [(0, 2), (1, 2), (22, 5), (23, b'!'), (24, 0xff)] {
        let mut record = record.clone();
        record[at] = byte;
        assert_eq!(Part::decode(&record), None, "{at}");
    }
}
