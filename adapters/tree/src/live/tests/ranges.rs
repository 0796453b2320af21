//! Where a large file changed.

use treenail_os::Kind;
use treenail_os::feed::What;

use super::{Action, Clock, DirId, Edit, Ids, Live, Settings, Tree};
use super::{answer, dir, entry, file, stat};
use crate::ids::{BlockIds, IdKind};
use crate::live::{Hashed, Id};

/// A tree with a file `a` whose id is known.
fn known() -> Live {
    let mut tree = Tree::empty(dir(2), 0);
    tree.add_column::<BlockIds>();
    let ids = [(IdKind::BLOCKS, &[1; 16][..])];
    tree.apply([Edit::Put { at: (DirId::ROOT, b"a"), stat: file(5), ids: Ids::Known(&ids) }]);
    let settings = Settings { ids: Some(IdKind::BLOCKS), ..Settings::default() };
    Live::new(tree, Clock { root: 1, incarnation: 1, tick: 0 }, settings)
}

#[test]
fn a_range_that_a_writer_says_is_told() {
    let mut live = known();
    let (now, id) = (stat(Kind::File, 5, 8, 2), Id::new(&[2; 16]).unwrap());
    live.wrote(DirId::ROOT, b"a", &Hashed { stat: now, id, ranges: vec![0..4096, 8192..12288] });
    let batch = live.take_batch().expect("a change");
    assert_eq!(batch.changes[0].ranges, [0..4096, 8192..12288]);
}

#[test]
fn a_range_that_a_writer_says_is_not_all_where_another_change_is_being_read() {
    let mut live = known();
    let (now, id) = (stat(Kind::File, 5, 8, 2), Id::new(&[2; 16]).unwrap());
    entry(&mut live, DirId::ROOT, b"a", What::MODIFIED | What::CLOSED);
    let asked = answer(&mut live, &[(DirId::ROOT, b"a", now)]);
    let [Action::Hash { ticket, .. }] = asked[..] else { panic!("{asked:?}") };
    let later = stat(Kind::File, 5, 8, 3);
    live.wrote(DirId::ROOT, b"a", &Hashed { stat: later, id, ranges: vec![0..1, 8..9] });
    // The answer was to say where the first change was; nobody asks for it any more.
    live.hashed(0, ticket, Ok(Hashed { stat: now, id, ranges: vec![4..5, 6..7] }));
    let batch = live.take_batch().expect("a change");
    let told: Vec<_> = batch.changes.iter().flat_map(|change| &change.ranges).collect();
    assert!(told.is_empty() || told.len() == 4, "{batch:?}");
}
