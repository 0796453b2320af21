//! The smallest parts that messages are made of.

use std::time::Duration;

use treenail_tree::live::{Clock, take_stat};

use super::Malformed;
use treenail_os::Stat;

pub(super) fn put_u32(bytes: &mut Vec<u8>, number: u32) {
    bytes.extend(number.to_le_bytes());
}

pub(super) fn put_u64(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend(number.to_le_bytes());
}

pub(super) fn put_bool(bytes: &mut Vec<u8>, value: bool) {
    bytes.push(value.into());
}

/// Bytes of any length, with their number before them. What is too long for the number is too long
/// for a message, and refused as such.
pub(super) fn put_bytes(bytes: &mut Vec<u8>, content: &[u8]) {
    put_u32(bytes, u32::try_from(content.len()).unwrap_or(u32::MAX));
    bytes.extend(content);
}

pub(super) fn put_option<T>(
    bytes: &mut Vec<u8>,
    value: Option<T>,
    put: impl FnOnce(&mut Vec<u8>, T),
) {
    put_bool(bytes, value.is_some());
    if let Some(value) = value {
        put(bytes, value);
    }
}

pub(super) fn put_duration(bytes: &mut Vec<u8>, duration: Duration) {
    put_u64(bytes, u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
}

pub(super) fn put_clock(bytes: &mut Vec<u8>, clock: Clock) {
    put_u64(bytes, clock.root);
    put_u32(bytes, clock.incarnation);
    put_u64(bytes, clock.tick);
}

/// Checks a path below a root: names with `/` between them, or nothing for the root.
pub(crate) fn path_below(path: &[u8]) -> Result<&[u8], Malformed> {
    let is_name = |name: &[u8]| !matches!(name, b"" | b"." | b"..") && !name.contains(&0);
    let valid = path.is_empty() || path.split(|byte| *byte == b'/').all(is_name);
    valid.then_some(path).ok_or(Malformed("a path below the root has a part that is no name"))
}

/// What is left to be read of a message.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Checks that nothing is left.
    pub(super) fn end(self) -> Result<(), Malformed> {
        if self.0.is_empty() { Ok(()) } else { Err(Malformed("it goes on after its end")) }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Malformed::SHORT)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn bool(&mut self) -> Result<bool, Malformed> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed("a flag is neither 0 nor 1")),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.u32()? as usize;
        let (taken, rest) = self.0.split_at_checked(len).ok_or(Malformed::SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn text(&mut self) -> Result<String, Malformed> {
        let text = std::str::from_utf8(self.bytes()?);
        text.map(str::to_owned).map_err(|_| Malformed("a text is not UTF-8"))
    }

    /// Names with `/` between them, or nothing for the root.
    pub(super) fn path(&mut self) -> Result<&'a [u8], Malformed> {
        path_below(self.bytes()?)
    }

    /// A path that begins with `/` (elsewhere than on Unix, with anything) and has no NUL.
    pub(super) fn root(&mut self) -> Result<Vec<u8>, Malformed> {
        let path = self.bytes()?;
        let absolute = if cfg!(unix) { path.starts_with(b"/") } else { !path.is_empty() };
        let valid = absolute && !path.contains(&0);
        valid.then(|| path.to_vec()).ok_or(Malformed("a root is no absolute path"))
    }

    pub(super) fn option<T>(
        &mut self,
        take: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        if self.bool()? { take(self).map(Some) } else { Ok(None) }
    }

    pub(super) fn clock(&mut self) -> Result<Clock, Malformed> {
        Ok(Clock { root: self.u64()?, incarnation: self.u32()?, tick: self.u64()? })
    }

    pub(super) fn duration(&mut self) -> Result<Duration, Malformed> {
        self.u64().map(Duration::from_nanos)
    }

    pub(super) fn stat(&mut self) -> Result<Stat, Malformed> {
        take_stat(&mut self.0).ok_or(Malformed("an entry's attributes cannot be"))
    }
}
