//! Messages as docs/format/share.md has them.

use std::path::PathBuf;
use std::time::Duration;

use treenail_os::feed::{self, Rung};
use treenail_os::{Kind, Stat};
use treenail_share::Problem;
use treenail_share::protocol::{
    Answer, CoverageItem, Entry, GLOBS_MAX, Query, ReportHead, Request, RootStatus, Selection,
    Statistics, Welcome, decodes, write_message,
};
use treenail_tree::live::{Change, Clock, EventKind, Fresh, Gap, Id, Net, Polled, Ready};
use treenail_tree::{Class, Counts};

const CLOCK: Clock = Clock { root: 7, incarnation: 2, tick: 9 };

fn stat() -> Stat {
    Stat {
        kind: Kind::File,
        mode: 0o644,
        size_bytes: 1 << 40,
        mtime_ns: -1,
        ctime_ns: 5,
        inode: 6,
        device: 7,
        nlink: 1,
        uid: 8,
        gid: 9,
    }
}

fn gap(path: &[u8]) -> Gap {
    Gap { path: path.into(), reason: "why".to_owned() }
}

fn change(kind: EventKind, path: &[u8]) -> Change {
    Change::new(kind, Class::File, path.into())
}

fn requests() -> Vec<Request> {
    let (root, path) = (b"/r".to_vec(), b"d/\xff".to_vec());
    let query = Query {
        below: b"d".to_vec(),
        globs: vec![b"*.c".to_vec(), b"".to_vec()],
        case_insensitive: true,
        classes: vec![Class::File, Class::Other],
        entries_max: Some(3),
    };
    let selection = Selection {
        globs: vec!["*.c".to_owned(), "!out/".to_owned()],
        gitignore: true,
        classes: vec![Class::File, Class::Symlink],
        size_min: 1,
        size_max: Some(2),
        raw: true,
        predict: true,
        quiet: Duration::from_millis(3),
        quiet_max: Some(Duration::from_secs(4)),
    };
    let select =
        |from, ring, selection| Request::Select { root: root.clone(), from, ring, selection };
    vec![
        select(Some(CLOCK), true, selection),
        select(None, false, Selection::default()),
        Request::hello(),
        Request::Watch { root: root.clone(), from: Some(CLOCK), ring: true },
        Request::Watch { root: root.clone(), from: None, ring: false },
        Request::Room,
        Request::Since { root: root.clone(), clock: CLOCK },
        Request::Barrier { root: root.clone(), timeout_ms: Some(5) },
        Request::Barrier { root: root.clone(), timeout_ms: None },
        Request::Lookup { root: root.clone(), path: path.clone() },
        Request::Query { root: root.clone(), query },
        Request::Query { root: root.clone(), query: Query::default() },
        Request::Coverage { root: root.clone() },
        Request::Statistics { root: root.clone() },
        Request::Roots,
        Request::Learn { root: root.clone(), path },
        Request::Recheck { root },
        Request::Stop,
    ]
}

fn answers() -> Vec<Answer> {
    let counts = Counts { files: 1, dirs: 2, symlinks: 3, others: 4, size_bytes: 5 };
    let second = Duration::from_secs(1);
    let ready = Ready {
        clock: CLOCK,
        rung: Rung::Inodes,
        counts,
        armed: second,
        elapsed: second * 2,
        resumed: true,
        lost: Some("why".to_owned()),
    };
    let renamed = Change {
        from: Some(b"old"[..].into()),
        replaced: true,
        stat: Some(stat()),
        id: Id::new(&[1; 32]),
        quiet: true,
        open_for_write: true,
        ranges: vec![0..4096, 8192..8193],
        ..change(EventKind::Rename, b"new")
    };
    let net = |kind, from: Option<&[u8]>| Net {
        kind,
        class: Class::Directory,
        path: b"p"[..].into(),
        from: from.map(Into::into),
        quiet: false,
    };
    let mount = feed::Coverage {
        path: PathBuf::from("/r"),
        rung: Rung::Inotify,
        reasons: vec!["not root".to_owned(), String::new()],
    };
    let entry = Entry { path: b"d/f".to_vec(), stat: stat(), id: Id::new(b"id") };
    let root = RootStatus {
        root: PathBuf::from("/r"),
        clock: CLOCK,
        rung: Rung::Polling,
        counts,
        users: 2,
        stays: true,
        stateless: Some("why".to_owned()),
    };
    let head = ReportHead { clock: CLOCK, fresh: Some(Fresh::TooOld), quiet: 3, filtered: 4 };
    vec![
        Answer::Welcome(Welcome::new(second, 3)),
        Answer::Problem(Problem::new(Problem::LIMIT, "much").at("/r".as_ref()).remedy("less")),
        Answer::Problem(Problem::new(Problem::IO, "")),
        Answer::Watching { ready: Box::new(ready), clock: CLOCK, ring_bytes: Some(1 << 26) },
        Answer::Batch {
            clock: CLOCK,
            last: false,
            gaps: vec![gap(b""), gap(b"d")],
            changes: vec![renamed.clone(), change(EventKind::Create, b"d/f")],
        },
        Answer::Report { last: true, head, gaps: vec![gap(b"d")], changes: vec![renamed] },
        Answer::Report {
            last: false,
            head: ReportHead { fresh: None, ..head },
            gaps: Vec::new(),
            changes: Vec::new(),
        },
        Answer::Net {
            clock: CLOCK,
            last: true,
            gaps: vec![gap(b"d")],
            changes: vec![net(EventKind::Rename, Some(b"q")), net(EventKind::Delete, None)],
        },
        Answer::Fresh { clock: CLOCK, reason: Fresh::TooOld },
        Answer::Clock(CLOCK),
        Answer::Entry(None),
        Answer::Entry(Some(entry.clone())),
        Answer::Page { clock: CLOCK, last: true, entries: vec![entry.clone(), entry] },
        Answer::Coverage {
            last: true,
            items: vec![
                CoverageItem::Mount(mount),
                CoverageItem::Polled(Polled { path: b"d".to_vec(), reason: "limit".to_owned() }),
                CoverageItem::Unlisted(b"e".to_vec(), "denied".to_owned()),
                CoverageItem::LinkedElsewhere(b"f".to_vec()),
            ],
        },
        Answer::Statistics(Statistics { records: 1, losses: 2, watched: 3, ..Default::default() }),
        Answer::Roots { last: true, roots: vec![root] },
        Answer::Done,
        Answer::Wake,
        Answer::Full,
    ]
}

/// All messages of both sides, as bytes.
fn all() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for request in requests() {
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        assert_eq!(Request::decode(&bytes), Ok(request));
        all.push(bytes);
    }
    for answer in answers() {
        let mut bytes = Vec::new();
        answer.encode(&mut bytes);
        let again = Answer::decode(&bytes).unwrap();
        assert_eq!(format!("{again:?}"), format!("{answer:?}"));
        all.push(bytes);
    }
    all
}

#[test]
fn the_golden_bytes_are_those_of_the_document() {
    let framed = |body: &dyn Fn(&mut Vec<u8>)| {
        let (mut message, mut bytes) = (Vec::new(), Vec::new());
        body(&mut message);
        write_message(&mut bytes, &message).unwrap();
        bytes
    };
    let watch = Request::Watch { root: b"/r".to_vec(), from: Some(CLOCK), ring: true };
    let batch = Answer::Batch {
        clock: CLOCK,
        last: true,
        gaps: vec![gap(b"d")],
        changes: vec![change(EventKind::Delete, b"d/f")],
    };
    let messages = [
        framed(&|bytes| Request::hello().encode(bytes)),
        framed(&|bytes| watch.encode(bytes)),
        framed(&|bytes| batch.encode(bytes)),
    ];
    let document = include_str!("../../../docs/format/share.md");
    let golden = document.split_once("## Golden bytes").unwrap().1;
    let mut blocks = vec![String::new()];
    for line in golden.lines() {
        match line.strip_prefix("    ") {
            Some(bytes) => *blocks.last_mut().unwrap() += &format!("{bytes} "),
            None if blocks.last().unwrap().is_empty() => {}
            None => blocks.push(String::new()),
        }
    }
    let shown = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x} ")).collect::<String>();
    assert_eq!(messages.map(|message| shown(&message)).to_vec(), blocks[..3]);
}

#[test]
fn every_message_comes_back_as_it_went() {
    for bytes in all() {
        assert!(decodes(&bytes));
    }
}

#[test]
fn no_message_ends_early_or_goes_on() {
    for bytes in all() {
        for len in 0..bytes.len() {
            // Lists of items may end anywhere between two of them.
            _ = decodes(&bytes[..len]);
        }
        let longer = [&bytes[..], &[7]].concat();
        assert!(!decodes(&longer), "{bytes:?}");
    }
}

#[test]
fn any_byte_may_be_another() {
    for bytes in all() {
        for at in 0..bytes.len() {
            for other in [0, 1, 2, 0x7f, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] = other;
                // It is refused, or a message all the same; never anything else.
                _ = decodes(&damaged);
            }
        }
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let refused = |request: Request, why: &str| {
        let mut bytes = Vec::new();
        request.encode(&mut bytes);
        let error = Request::decode(&bytes).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    let root = b"/r".to_vec();
    for path in [&b"../up"[..], b"a//b", b"/a", b"a/", b".", b"a\0b"] {
        refused(Request::Lookup { root: root.clone(), path: path.to_vec() }, "no name");
    }
    if cfg!(unix) {
        refused(Request::Coverage { root: b"relative".to_vec() }, "absolute");
    }
    refused(Request::Coverage { root: b"/a\0b".to_vec() }, "absolute");
    let globs = vec![Vec::new(); GLOBS_MAX + 1];
    let query = Query { globs, ..Query::default() };
    refused(Request::Query { root: root.clone(), query }, "256 globs");
    let globs = vec![String::new(); GLOBS_MAX + 1];
    let selection = Selection { globs, ..Selection::default() };
    refused(Request::Select { root, from: None, ring: false, selection }, "256 globs");
}
