//! Reading: a first piece, and then the rest as if nothing had been read yet.

use std::io::{self, Read};

/// What a file has.
pub(super) enum Input<'i> {
    /// It is to be read.
    Read(&'i mut dyn Read),
    /// It is all in memory.
    Bytes(&'i [u8]),
}

/// Reads until the buffer is full or there is no more, or, of what is `live`, what there is; says
/// how much it was.
pub(super) fn fill(input: &mut impl Read, buffer: &mut [u8], live: bool) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match input.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) if live => return Ok(read),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// An input of which the first bytes have been read already. It gives as much at a time as is
/// asked for, so that where the reading stopped cannot be told; but what is `live` is not waited
/// for as long as there is something to be given.
pub(super) struct Resumed<'a, R> {
    head: &'a [u8],
    rest: Option<R>,
    live: bool,
}

impl<'a, R: Read> Resumed<'a, R> {
    pub(super) fn new(head: &'a [u8], rest: Option<R>, live: bool) -> Self {
        Self { head, rest, live }
    }
}

impl<R: Read> Read for Resumed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let from_head = self.head.len().min(buffer.len());
        let (now, later) = self.head.split_at(from_head);
        buffer[..from_head].copy_from_slice(now);
        self.head = later;
        match &mut self.rest {
            Some(rest) if from_head < buffer.len() && !(self.live && from_head > 0) => {
                match rest.read(&mut buffer[from_head..]) {
                    Ok(read) => Ok(from_head + read),
                    // What has been taken from the head must not be lost; the next call meets the
                    // error again, or goes on.
                    Err(_) if from_head > 0 => Ok(from_head),
                    Err(error) => Err(error),
                }
            }
            _ => Ok(from_head),
        }
    }
}

/// An input that fails as soon as its content is of no interest any more.
pub(super) struct Stoppable<'s, R> {
    input: R,
    stops: &'s dyn Fn() -> bool,
}

impl<'s, R: Read> Stoppable<'s, R> {
    pub(super) fn new(input: R, stops: &'s dyn Fn() -> bool) -> Self {
        Self { input, stops }
    }
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (self.stops)() {
            // Not as an interruption, after which one tries again.
            true => Err(io::Error::other("the search was ended")),
            false => self.input.read(buffer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time, and an interruption before each.
    struct Drip<'a>(&'a [u8], bool);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let length = buffer.len().min(1);
            self.0.read(&mut buffer[..length])
        }
    }

    #[test]
    fn a_buffer_is_filled_however_little_comes_at_a_time() {
        let mut buffer = [0; 4];
        assert_eq!(fill(&mut Drip(b"abc", false), &mut buffer, false).unwrap(), 3);
        assert_eq!(&buffer, b"abc\0");
        assert_eq!(fill(&mut Drip(b"abcdef", false), &mut buffer, false).unwrap(), 4);
        assert_eq!(&buffer, b"abcd");
        assert_eq!(fill(&mut Drip(b"xyz", false), &mut buffer, true).unwrap(), 1);
    }

    #[test]
    fn what_was_read_already_comes_first_and_without_a_seam() {
        let mut resumed = Resumed::new(b"abc", Some(&b"defg"[..]), false);
        let mut buffer = [0; 5];
        assert_eq!(resumed.read(&mut buffer).unwrap(), 5);
        assert_eq!(&buffer, b"abcde");
        assert_eq!(resumed.read(&mut buffer).unwrap(), 2);
        assert_eq!(&buffer[..2], b"fg");
        assert_eq!(resumed.read(&mut buffer).unwrap(), 0);
        let mut all = Vec::new();
        Resumed::new(b"abc", Some(Drip(b"def", false)), false).read_to_end(&mut all).unwrap();
        assert_eq!(all, b"abcdef");
        let mut live = Resumed::new(b"abc", Some(&b"defg"[..]), true);
        assert_eq!(live.read(&mut buffer).unwrap(), 3);
        assert_eq!(live.read(&mut buffer).unwrap(), 4);
    }
}
