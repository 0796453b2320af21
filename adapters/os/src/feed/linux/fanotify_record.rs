//! The bytes that a fanotify queue gives.
//!
//! A record is a head of 24 bytes and information records, each of a type and a length. Fields are
//! in the machine's byte order. The kernel wrote them, and still nothing is believed unchecked.

use super::records::Form;

/// Version of the form, in each head.
const VERSION: u8 = libc::FANOTIFY_METADATA_VERSION;
const HEAD_BYTES: usize = 24;
const INFO_HEAD_BYTES: usize = 4;
/// Information head, number of the file system, length and type of the handle.
const HANDLE_AT: usize = INFO_HEAD_BYTES + 8 + 8;

/// One record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Record<'a> {
    /// What happened.
    pub mask: u64,
    /// The directory that it happened in, and the entry; or the directory itself.
    pub dir: Option<Named<'a>>,
    /// Of a rename: the place before.
    pub old: Option<Named<'a>>,
    /// Of a rename: the place after.
    pub new: Option<Named<'a>>,
    /// What it happened to.
    pub target: Option<FileHandle<'a>>,
}

/// A place: an entry of a directory, or the directory itself if the name is empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Named<'a> {
    /// The directory.
    pub dir: FileHandle<'a>,
    /// The entry's name.
    pub name: &'a [u8],
}

/// What a file system calls an inode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileHandle<'a> {
    /// Which of the file system's forms it has.
    pub kind: i32,
    /// The handle itself.
    pub bytes: &'a [u8],
}

/// The records in what was read.
pub type Records<'a> = super::records::Records<'a, Record<'a>>;

impl<'a> Form<'a> for Record<'a> {
    fn first(rest: &mut &'a [u8]) -> Option<Self> {
        first(rest)
    }
}

fn first<'a>(rest: &mut &'a [u8]) -> Option<Record<'a>> {
    let bytes = *rest;
    let length = u32::from_ne_bytes(field(bytes, 0)?) as usize;
    let [version] = field(bytes, 4)?;
    let head_bytes = usize::from(u16::from_ne_bytes(field(bytes, 6)?));
    if version != VERSION || head_bytes < HEAD_BYTES || head_bytes > length {
        return None;
    }
    let mut record = Record { mask: u64::from_ne_bytes(field(bytes, 8)?), ..Record::default() };
    let mut infos = bytes.get(head_bytes..length)?;
    while !infos.is_empty() {
        let [kind] = field(infos, 0)?;
        let info_bytes = usize::from(u16::from_ne_bytes(field(infos, 2)?));
        if info_bytes < INFO_HEAD_BYTES {
            return None;
        }
        let info = infos.get(..info_bytes)?;
        match kind {
            libc::FAN_EVENT_INFO_TYPE_FID => record.target = Some(handle(info)?.0),
            libc::FAN_EVENT_INFO_TYPE_DFID => {
                record.dir = Some(Named { dir: handle(info)?.0, name: b"" });
            }
            libc::FAN_EVENT_INFO_TYPE_DFID_NAME => record.dir = Some(named(info)?),
            libc::FAN_EVENT_INFO_TYPE_OLD_DFID_NAME => record.old = Some(named(info)?),
            libc::FAN_EVENT_INFO_TYPE_NEW_DFID_NAME => record.new = Some(named(info)?),
            // Later kernels may tell more.
            _ => {}
        }
        infos = &infos[info_bytes..];
    }
    *rest = &bytes[length..];
    Some(record)
}

/// The handle in an information record, and what follows it.
fn handle(info: &[u8]) -> Option<(FileHandle<'_>, &[u8])> {
    let length = u32::from_ne_bytes(field(info, HANDLE_AT - 8)?) as usize;
    let kind = i32::from_ne_bytes(field(info, HANDLE_AT - 4)?);
    let (bytes, after) = info[HANDLE_AT..].split_at_checked(length)?;
    Some((FileHandle { kind, bytes }, after))
}

/// The handle and the name in an information record. The directory itself is called `.` there.
fn named(info: &[u8]) -> Option<Named<'_>> {
    let (dir, after) = handle(info)?;
    let end = after.iter().position(|&b| b == 0)?;
    let name = if &after[..end] == b"." { b"" } else { &after[..end] };
    Some(Named { dir, name })
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at + N)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::super::records::Malformed;
    use super::*;

    /// A record with these information records, each with a handle and what follows it.
    fn bytes_of(mask: u64, infos: &[(u8, &[u8], &[u8])]) -> Vec<u8> {
        let mut body = Vec::new();
        for (kind, handle, name) in infos {
            let length = (HANDLE_AT + handle.len() + name.len()).next_multiple_of(4);
            let start = body.len();
            body.extend([*kind, 0]);
            body.extend(u16::try_from(length).unwrap().to_ne_bytes());
            body.extend([9; 8]);
            body.extend(u32::try_from(handle.len()).unwrap().to_ne_bytes());
            body.extend(1_i32.to_ne_bytes());
            body.extend(*handle);
            body.extend(*name);
            body.resize(start + length, 0);
        }
        let mut bytes = Vec::new();
        bytes.extend(u32::try_from(HEAD_BYTES + body.len()).unwrap().to_ne_bytes());
        bytes.extend([VERSION, 0]);
        bytes.extend(u16::try_from(HEAD_BYTES).unwrap().to_ne_bytes());
        bytes.extend(mask.to_ne_bytes());
        bytes.extend((-1_i32).to_ne_bytes());
        bytes.extend(1_i32.to_ne_bytes());
        bytes.extend(body);
        bytes
    }

    fn handle(bytes: &[u8]) -> FileHandle<'_> {
        FileHandle { kind: 1, bytes }
    }

    #[test]
    fn a_rename_has_both_names_and_its_target() {
        let bytes = bytes_of(5, &[(10, b"dir1", b"old\0"), (12, b"dir2", b"n\0"), (1, b"it", b"")]);
        let record = Records::new(&bytes).next().unwrap().unwrap();
        assert_eq!(record.mask, 5);
        assert_eq!(record.old, Some(Named { dir: handle(b"dir1"), name: b"old" }));
        assert_eq!(record.new, Some(Named { dir: handle(b"dir2"), name: b"n" }));
        assert_eq!(record.target, Some(handle(b"it")));
        assert_eq!(record.dir, None);
    }

    #[test]
    fn the_directory_itself_has_no_name_in_either_form() {
        for info in [(2, &b"dir1"[..], &b".\0"[..]), (3, b"dir1", b"")] {
            let bytes = bytes_of(1, &[info]);
            let record = Records::new(&bytes).next().unwrap().unwrap();
            assert_eq!(record.dir, Some(Named { dir: handle(b"dir1"), name: b"" }));
        }
    }

    #[test]
    fn records_follow_one_another_and_unknown_information_is_passed_over() {
        let one = bytes_of(1, &[(200, b"x", b"what"), (2, b"dir1", b"\xff\n\0")]);
        let bytes = [one.clone(), bytes_of(2, &[])].concat();
        let records: Vec<_> = Records::new(&bytes).map(Result::unwrap).collect();
        assert_eq!(records[0].dir.unwrap().name, b"\xff\n");
        assert_eq!(records[1], Record { mask: 2, ..Record::default() });
        assert_eq!(records.len(), 2);
    }

    #[test]
    fn a_record_cut_anywhere_is_malformed_and_ends_the_reading() {
        let bytes = bytes_of(1, &[(2, b"dir1", b"name\0")]);
        for length in 1..bytes.len() {
            let mut records = Records::new(&bytes[..length]);
            assert_eq!(records.next(), Some(Err(Malformed)), "{length} bytes");
            assert_eq!(records.next(), None);
        }
    }

    #[test]
    fn a_name_without_end_and_another_version_are_malformed() {
        let mut endless = bytes_of(1, &[(2, b"dir1", b"name")]);
        assert_eq!(Records::new(&endless).next(), Some(Err(Malformed)));
        endless[4] = VERSION + 1;
        assert_eq!(Records::new(&endless).next(), Some(Err(Malformed)));
    }
}
