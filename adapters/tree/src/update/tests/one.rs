//! The shorter way that one edit of a file goes, against the way of a batch.

use super::*;

#[test]
fn one_edit_alone_does_what_it_does_beside_another() {
    let (xxh3, blake3) = ids_of(9);
    let (one_known, both_known) =
        ([(IdKind::XXH3, &xxh3[..])], [(IdKind::XXH3, &xxh3[..]), (IdKind::BLAKE3, &blake3[..])]);
    let short = [(IdKind::XXH3, &xxh3[..4])];
    let all_ids = [
        Ids::Unchanged,
        Ids::Kept,
        Ids::Dropped,
        Ids::Known(&one_known),
        Ids::Known(&both_known),
        Ids::Known(&short),
    ];
    let mut tree = empty_tree();
    let dir = put_dir(&mut tree, (DirId::ROOT, b"dir"));
    let names = [&b"with"[..], b"without", b"linked"];
    put_file(&mut tree, (dir, names[0]), 3);
    put(&mut tree, (dir, names[1]), stat(Kind::File, 4), Ids::Dropped);
    put_file(&mut tree, (DirId::ROOT, b"other"), 5);
    put_file(&mut tree, (dir, names[2]), 6);
    let owner = Stat { uid: 7, ..stat(Kind::File, 3) };
    let stats = [stat(Kind::File, 3), stat(Kind::File, 4), stat(Kind::Symlink, 3), owner];
    // It changes nothing, but makes the batch one of two.
    let beside = Edit::List { dir: DirId::ROOT, listing: Listing::Complete };
    for at in [(dir, names[0]), (dir, names[1]), (dir, b"none"), (DirId::ROOT, b"dir")] {
        for (ids, stat) in all_ids.into_iter().flat_map(|ids| stats.map(|stat| (ids, stat))) {
            let (mut alone, mut together) = (tree.clone(), tree.clone());
            let edit = Edit::Put { at, stat, ids };
            let done = alone.apply([edit]);
            let expected = together.apply([edit, beside]);
            assert_eq!(done.outcomes[..], expected.outcomes[..1], "{edit:?}");
            assert_eq!(done.freed, expected.freed, "{edit:?}");
            assert_eq!(contents(&alone), contents(&together), "{edit:?}");
            assert_eq!(digests(&alone), digests(&together), "{edit:?}");
            assert_eq!(alone.counts(), together.counts(), "{edit:?}");
        }
    }
}
