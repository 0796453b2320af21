//! Blocks hold what is put into them.

use proptest::prelude::*;

use super::*;

fn stat() -> impl Strategy<Value = Stat> {
    let times = (any::<u64>(), any::<i64>(), any::<i64>());
    let ids = (any::<u64>(), 0..3_u64, 1..3_u32, 0..2_u32, 0..2_u32);
    (0..7_u16, 0..0o10000_u16, times, ids).prop_map(|(kind, mode, times, ids)| {
        let (kind, mode) = kind_and_mode(kind << 12 | mode);
        let (size_bytes, mtime_ns, ctime_ns) = times;
        let (inode, device, nlink, uid, gid) = ids;
        Stat { kind, mode, size_bytes, mtime_ns, ctime_ns, inode, device, nlink, uid, gid }
    })
}

#[test]
fn other_attributes_are_those_of_a_block_made_anew_or_refused() {
    let file = |nlink, uid| Stat {
        kind: Kind::File,
        size_bytes: 7,
        mtime_ns: -5,
        ctime_ns: 9,
        inode: 11,
        mode: 0o640,
        nlink,
        uid,
        gid: 3,
        device: 4,
    };
    let dir = Stat { kind: Kind::Directory, ..file(1, 1) };
    let child = Some(DirId { index: 5, generation: 6 });
    let rows =
        |a: Stat, b: Stat, c: Stat| {
            [(&b"a"[..], a, None), (b"bcd", b, child), (b"e", c, None)]
                .map(|(name, stat, child)| Row { name, stat, child })
        };
    let of = |rows: [Row<'static>; 3]| Block::new(&rows);
    let all = |block: &Block| block.rows().map(|row| format!("{row:?}")).collect::<Vec<_>>();
    let changed = Stat { size_bytes: 70, ctime_ns: 90, mode: 0o755, ..file(1, 1) };
    let set = |block: &Block, new: [(usize, Stat); 2]| block.with_stats(new.into_iter());
    let plain = of(rows(file(1, 1), dir, file(1, 1)));
    let now = set(&plain, [(0, changed), (1, Stat { inode: 12, nlink: 9, ..dir })]).unwrap();
    let expected = rows(changed, Stat { inode: 12, ..dir }, file(1, 1));
    assert_eq!(all(&now), all(&of(expected)));
    assert_eq!(all(&plain), all(&of(rows(file(1, 1), dir, file(1, 1)))));
    assert!(set(&plain, [(0, changed), (2, file(2, 1))]).is_none(), "no column for links");
    assert!(set(&plain, [(0, changed), (2, file(1, 2))]).is_none(), "no column for owners");
    let wide = of(rows(file(3, 1), dir, file(1, 2)));
    let now = set(&wide, [(0, file(1, 4)), (2, file(2, 1))]).unwrap();
    assert_eq!(all(&now), all(&of(rows(file(1, 4), dir, file(2, 1)))));
}

proptest! {
    #[test]
    fn rows_come_back_as_they_were_stored(
        stats in prop::collection::btree_map(
            prop::collection::vec(any::<u8>(), 1..300), (stat(), any::<u32>()), 0..600),
    ) {
        let rows: Vec<Row<'_>> = stats.iter().map(|(name, (stat, number))| {
            let child = (stat.kind == Kind::Directory)
                .then_some(DirId { index: *number, generation: number / 2 });
            let nlink = if child.is_some() { 1 } else { stat.nlink };
            Row { name, stat: Stat { nlink, ..*stat }, child }
        }).collect();
        let leaves = pack(rows.iter().copied());
        let back: Vec<Row<'_>> = leaves.as_slice().iter().flat_map(Block::rows).collect();
        prop_assert_eq!(&back, &rows);
        for row in &rows {
            let (leaf, at) = find(leaves.as_slice(), row.name).unwrap();
            prop_assert_eq!(&leaves.as_slice()[leaf].row(at), row);
            if let Some(child) = row.child {
                for near in [0, leaf, 9] {
                    let found = find_child(leaves.as_slice(), child, near).unwrap();
                    prop_assert_eq!(leaves.as_slice()[found.0].row(found.1).child, row.child);
                }
            }
            let absent = [row.name, b"\0"].concat();
            let found = find(leaves.as_slice(), &absent).is_some();
            prop_assert_eq!(found, stats.contains_key(&absent));
        }
    }
}

#[test]
fn a_usual_entry_takes_36_bytes_and_its_name() {
    let mut one = Stat {
        kind: Kind::File,
        mode: 0o644,
        size_bytes: 5,
        mtime_ns: 1,
        ctime_ns: 2,
        inode: 3,
        device: 4,
        nlink: 1,
        uid: 1_000,
        gid: 1_000,
    };
    let names: Vec<String> = (0..200).map(|i| format!("{i:08}")).collect();
    let rows: Vec<Row<'_>> = names
        .iter()
        .map(|name| {
            one.inode += 1;
            Row { name: name.as_bytes(), stat: one, child: None }
        })
        .collect();
    assert_eq!(Block::new(&rows).memory_bytes(), 200 * (36 + 8) + HEADER_WORDS * 8 + 16);
}
