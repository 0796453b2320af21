//! The bytes that an inotify queue gives: a head of 16 bytes, and a name filled up with zeros.

use super::records::Form;

const HEAD_BYTES: usize = 16;

/// One record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    /// Number of the watch; -1 if the record is of none.
    pub watch: i32,
    /// What happened.
    pub mask: u32,
    /// The same number in the two halves of a rename.
    pub cookie: u32,
    /// The entry that it happened to; empty for what is watched itself.
    pub name: &'a [u8],
}

/// The records in what was read.
pub type Records<'a> = super::records::Records<'a, Record<'a>>;

impl<'a> Form<'a> for Record<'a> {
    fn first(rest: &mut &'a [u8]) -> Option<Self> {
        first(rest)
    }
}

fn first<'a>(rest: &mut &'a [u8]) -> Option<Record<'a>> {
    let (head, after) = rest.split_at_checked(HEAD_BYTES)?;
    let length = u32::from_ne_bytes(field(head, 12)?) as usize;
    let (padded, after) = after.split_at_checked(length)?;
    let end = padded.iter().position(|&b| b == 0).unwrap_or(length);
    *rest = after;
    Some(Record {
        watch: i32::from_ne_bytes(field(head, 0)?),
        mask: u32::from_ne_bytes(field(head, 4)?),
        cookie: u32::from_ne_bytes(field(head, 8)?),
        name: &padded[..end],
    })
}

fn field(bytes: &[u8], at: usize) -> Option<[u8; 4]> {
    bytes.get(at..at + 4)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::super::records::Malformed;
    use super::*;

    fn bytes_of(watch: i32, mask: u32, cookie: u32, padded: &[u8]) -> Vec<u8> {
        let mut bytes = watch.to_ne_bytes().to_vec();
        bytes.extend(mask.to_ne_bytes());
        bytes.extend(cookie.to_ne_bytes());
        bytes.extend(u32::try_from(padded.len()).unwrap().to_ne_bytes());
        bytes.extend(padded);
        bytes
    }

    #[test]
    fn names_lose_their_padding_and_records_follow_one_another() {
        let bytes = [bytes_of(3, 8, 0, b"na\xffme\0\0\0"), bytes_of(-1, 0x4000, 0, b"")].concat();
        let records: Vec<_> = Records::new(&bytes).map(Result::unwrap).collect();
        assert_eq!(records[0], Record { watch: 3, mask: 8, cookie: 0, name: b"na\xffme" });
        assert_eq!(records[1], Record { watch: -1, mask: 0x4000, cookie: 0, name: b"" });
    }

    #[test]
    fn a_record_cut_anywhere_is_malformed_and_ends_the_reading() {
        let bytes = bytes_of(3, 8, 7, b"name\0\0\0\0");
        for length in 1..bytes.len() {
            let mut records = Records::new(&bytes[..length]);
            assert_eq!(records.next(), Some(Err(Malformed)), "{length} bytes");
            assert_eq!(records.next(), None);
        }
    }
}
