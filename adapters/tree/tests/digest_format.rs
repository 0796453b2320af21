//! `docs/format/digest.md`, computed a second time from its text alone, and its golden values.
#![cfg(unix)]

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;

use treenail_hash::{Blake3, GitBlob, Hash, Xxh128};
use treenail_tree::{IdKind, Scan, View};

/// The hashes of a kind of ids: of content, and of directories.
struct Twin {
    kind: IdKind,
    id: fn(&[u8]) -> Vec<u8>,
    hash: fn(&[u8]) -> Vec<u8>,
    slot_bytes: usize,
}

const TWINS: [Twin; 4] = [
    Twin { kind: IdKind::XXH3, id: xxh128, hash: xxh128, slot_bytes: 16 },
    Twin { kind: IdKind::BLAKE3, id: blake3, hash: blake3, slot_bytes: 32 },
    Twin { kind: IdKind::GIT, id: git, hash: blake3, slot_bytes: 32 },
    Twin { kind: IdKind::BLOCKS, id: blocks, hash: xxh128, slot_bytes: 16 },
];

fn xxh128(bytes: &[u8]) -> Vec<u8> {
    Xxh128::hash(bytes).to_vec()
}

fn blake3(bytes: &[u8]) -> Vec<u8> {
    Blake3::hash(bytes).to_vec()
}

/// Up to 1 MiB, and for two levels of nodes and more, as `docs/format/blocks.md` says.
fn blocks(bytes: &[u8]) -> Vec<u8> {
    if bytes.len() <= 1_048_576 {
        return xxh128(bytes);
    }
    let mut level: Vec<Vec<u8>> = bytes.chunks(4096).map(xxh128).collect();
    let mut number = 0;
    while level.len() > 1 {
        number += 1;
        let node = |children: &[Vec<u8>]| xxh128(&[vec![1, number], children.concat()].concat());
        level = level.chunks(16).map(node).collect();
    }
    xxh128(&[vec![2], (bytes.len() as u64).to_le_bytes().to_vec(), level.concat()].concat())
}

fn git(bytes: &[u8]) -> Vec<u8> {
    let mut blob = GitBlob::new(bytes.len() as u64);
    blob.update(bytes);
    blob.finish_checked().expect("no collision attack").to_vec()
}

impl Twin {
    fn directory(&self, dir: &Path) -> Vec<u8> {
        let mut items = Vec::new();
        for entry in fs::read_dir(dir).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.path().symlink_metadata().unwrap();
            let file_type = metadata.file_type();
            let (kind, slot) = if file_type.is_dir() {
                (b'd', self.directory(&entry.path()))
            } else if file_type.is_symlink() {
                let target = fs::read_link(entry.path()).unwrap();
                (b'l', (self.id)(target.as_os_str().as_bytes()))
            } else if file_type.is_file() {
                let executable = metadata.permissions().mode() & 0o100 != 0;
                let content = fs::read(entry.path()).unwrap();
                (if executable { b'x' } else { b'f' }, (self.id)(&content))
            } else if file_type.is_fifo() {
                (b'p', Vec::new())
            } else if file_type.is_socket() {
                (b's', Vec::new())
            } else {
                panic!("{} is of no kind used here", entry.path().display());
            };
            let mut value = vec![kind];
            value.extend(slot);
            value.resize(1 + self.slot_bytes, 0);
            items.push(((self.hash)(entry.file_name().as_bytes()), value));
        }
        self.node(items, 0)
    }

    fn node(&self, mut items: Vec<(Vec<u8>, Vec<u8>)>, depth: usize) -> Vec<u8> {
        let count = (items.len() as u64).to_le_bytes();
        let mut message;
        if items.len() <= 64 {
            items.sort();
            message = vec![0];
            message.extend(count);
            for (key, value) in items {
                message.extend(key);
                message.extend(value);
            }
        } else {
            message = vec![1];
            message.extend(count);
            for half in 0..16 {
                let nibble = |key: &[u8]| match depth % 2 {
                    0 => key[depth / 2] >> 4,
                    _ => key[depth / 2] & 15,
                };
                let items = items.iter().filter(|(key, _)| nibble(key) == half).cloned();
                message.extend(self.node(items.collect(), depth + 1));
            }
        }
        (self.hash)(&message)
    }
}

fn write(path: &Path, content: &[u8], mode: u32) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn digest(dir: &Path, kind: IdKind) -> Vec<u8> {
    let scanned = Scan::new().run(dir, Some(kind)).unwrap();
    assert!(scanned.failures.is_empty(), "{:?}", scanned.failures);
    scanned.tree.view(Some(kind)).root_digest().unwrap().to_vec()
}

#[test]
fn golden_values_of_the_document() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir(root.join("empty")).unwrap();
    fs::create_dir(root.join("d")).unwrap();
    write(&root.join("d/e"), b"", 0o644);
    write(&root.join("hello"), b"hello", 0o600);
    write(&root.join("run"), b"#!/bin/sh\n", 0o755);
    symlink("hello", root.join("to")).unwrap();
    let document = include_str!("../../../docs/format/digest.md");
    for twin in TWINS {
        let digest = hex(&digest(root, twin.kind));
        assert_eq!(digest, hex(&twin.directory(root)), "{}", twin.kind);
        let row = format!("| `{}` | `{digest}` |", twin.kind);
        assert!(document.contains(&row), "the document lacks {row}");
    }
}

#[test]
fn directories_of_any_size_follow_the_document() {
    let dir = tempfile::tempdir().unwrap();
    for count in [0, 1, 63, 64, 65, 300, 3_000] {
        let below = dir.path().join(format!("{count:04}"));
        fs::create_dir(&below).unwrap();
        for i in 0..count {
            write(&below.join(format!("file {i}")), format!("{}", i % 7).as_bytes(), 0o644);
        }
        for twin in TWINS {
            assert_eq!(digest(&below, twin.kind), twin.directory(&below), "{count}, {}", twin.kind);
        }
    }
    for twin in TWINS {
        assert_eq!(digest(dir.path(), twin.kind), twin.directory(dir.path()), "{}", twin.kind);
    }
}

#[test]
fn ids_of_files_of_any_size_follow_the_document() {
    let dir = tempfile::tempdir().unwrap();
    for size in [0, 4_096, 65_537, 1_048_575, 1_048_576, 1_048_577, 3_000_000, 17 << 20] {
        let content: Vec<u8> =
            (0..size as u32).map(|i| (i.wrapping_mul(0x9e37_79b9) >> 23) as u8).collect();
        write(&dir.path().join(format!("{size}")), &content, 0o644);
    }
    for twin in TWINS {
        assert_eq!(digest(dir.path(), twin.kind), twin.directory(dir.path()), "{}", twin.kind);
    }
}

#[test]
fn what_is_no_file_counts_by_its_kind_and_name() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    let fifo = std::process::Command::new("mkfifo").arg(root.join("fifo")).status().unwrap();
    assert!(fifo.success());
    symlink(root, root.join("loop")).unwrap();
    write(&root.join(std::ffi::OsStr::from_bytes(b"\xff\n\\")), b"odd", 0o644);
    for twin in TWINS {
        assert_eq!(digest(root, twin.kind), twin.directory(root), "{}", twin.kind);
    }
}

#[test]
fn times_owners_and_other_mode_bits_do_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    write(&file, b"content", 0o644);
    let before = digest(dir.path(), IdKind::BLAKE3);
    write(&file, b"content", 0o466);
    fs::File::options()
        .write(true)
        .open(&file)
        .unwrap()
        .set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    assert_eq!(digest(dir.path(), IdKind::BLAKE3), before);
    write(&file, b"content", 0o744);
    assert_ne!(digest(dir.path(), IdKind::BLAKE3), before);
}
