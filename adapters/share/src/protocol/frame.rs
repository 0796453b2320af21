//! Messages on a stream: each with its length before it.

use std::io::{self, Read, Write};

use super::MESSAGE_BYTES_MAX;

/// The bytes of a length.
const LENGTH_BYTES: usize = 4;

/// How much is asked of a stream at once, at least.
const READ_BYTES: usize = 4 << 10;

/// Writes a message.
///
/// # Errors
/// Those of the stream; [`InvalidInput`](io::ErrorKind::InvalidInput) if the message is too long.
pub fn write_message(stream: &mut impl Write, message: &[u8]) -> io::Result<()> {
    let len = length(message.len()).map_err(|()| {
        let what =
            format!("a message of {} bytes; the longest has {MESSAGE_BYTES_MAX}", message.len());
        io::Error::new(io::ErrorKind::InvalidInput, what)
    })?;
    // One write, so that the reader wakes up once.
    let mut bytes = Vec::with_capacity(LENGTH_BYTES + message.len());
    bytes.extend(len.to_le_bytes());
    bytes.extend(message);
    stream.write_all(&bytes)
}

/// Reads the next message and not a byte more; nothing if the stream ends before it.
///
/// # Errors
/// As for [`Frames::next`].
#[cfg(unix)]
pub fn read_message(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut len = [0; LENGTH_BYTES];
    let mut got = 0;
    while got < LENGTH_BYTES {
        match retried(|| stream.read(&mut len[got..]))? {
            0 if got == 0 => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            more => got += more,
        }
    }
    let mut message = vec![0; checked(len)?];
    stream.read_exact(&mut message)?;
    Ok(Some(message))
}

/// What has been read of a stream and is not yet a whole message.
#[derive(Default)]
pub struct Frames {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Frames {
    /// The next message; nothing if the stream ends before it.
    ///
    /// # Errors
    /// Those of the stream, among them that it has nothing yet, after which it goes on as if
    /// nothing had been; [`InvalidData`](io::ErrorKind::InvalidData) if a message is empty or too
    /// long; [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the stream ends within one.
    pub fn next(&mut self, stream: &mut impl Read) -> io::Result<Option<&[u8]>> {
        loop {
            let wanted = self.wanted()?;
            if self.end - self.start >= wanted && wanted > LENGTH_BYTES {
                let message = self.start + LENGTH_BYTES..self.start + wanted;
                self.start += wanted;
                return Ok(Some(&self.bytes[message]));
            }
            self.make_room(wanted);
            match retried(|| stream.read(&mut self.bytes[self.end..]))? {
                0 if self.start == self.end => return Ok(None),
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                more => self.end += more,
            }
        }
    }

    /// Whether a whole message has been read already.
    #[must_use]
    pub fn has_next(&self) -> bool {
        let wanted = self.wanted().unwrap_or(usize::MAX);
        wanted > LENGTH_BYTES && self.end - self.start >= wanted
    }

    /// How many bytes the next message has with its length, or the length alone if it is not known.
    fn wanted(&self) -> io::Result<usize> {
        match self.bytes[self.start..self.end].first_chunk() {
            Some(len) => Ok(LENGTH_BYTES + checked(*len)?),
            None => Ok(LENGTH_BYTES),
        }
    }

    fn make_room(&mut self, wanted: usize) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        // What a long message needed is given back after it.
        let size = wanted.max(READ_BYTES).max(self.end + 1);
        if self.bytes.len() < size || self.bytes.len() > 4 * size {
            self.bytes.resize(size, 0);
            self.bytes.shrink_to(size);
        }
    }
}

fn length(len: usize) -> Result<u32, ()> {
    if len == 0 || len > MESSAGE_BYTES_MAX { Err(()) } else { Ok(len as u32) }
}

fn checked(len: [u8; LENGTH_BYTES]) -> io::Result<usize> {
    let len = u32::from_le_bytes(len) as usize;
    length(len).map(|len| len as usize).map_err(|()| {
        let what =
            format!("a message says to have {len} bytes; they have 1 to {MESSAGE_BYTES_MAX}");
        io::Error::new(io::ErrorKind::InvalidData, what)
    })
}

fn retried(mut call: impl FnMut() -> io::Result<usize>) -> io::Result<usize> {
    loop {
        match call() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Cursor, Read};

    use super::{Frames, MESSAGE_BYTES_MAX, write_message};

    /// A stream that gives a byte at a time.
    struct Slow<R>(R);

    impl<R: Read> Read for Slow<R> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let most = into.len().min(1);
            self.0.read(&mut into[..most])
        }
    }

    #[test]
    fn messages_come_out_as_they_went_in_however_they_are_cut() {
        let messages = [vec![1], vec![2; 70_000], vec![3; 5], vec![4; MESSAGE_BYTES_MAX], vec![5]];
        let mut bytes = Vec::new();
        for message in &messages {
            write_message(&mut bytes, message).unwrap();
        }
        let (mut whole, mut slow) = (Cursor::new(&bytes), Slow(Cursor::new(&bytes)));
        let (mut frames, mut slow_frames) = (Frames::default(), Frames::default());
        for message in &messages {
            assert_eq!(frames.next(&mut whole).unwrap(), Some(&message[..]));
            assert_eq!(slow_frames.next(&mut slow).unwrap(), Some(&message[..]));
        }
        assert_eq!(frames.next(&mut whole).unwrap(), None);
        assert!(!frames.has_next());
    }

    #[test]
    fn a_message_of_no_length_or_too_much_is_refused_before_it_is_read() {
        let too_long = (MESSAGE_BYTES_MAX as u32 + 1).to_le_bytes();
        for len in [[0; 4], too_long, [255; 4]] {
            let error = Frames::default().next(&mut Cursor::new(len)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        }
        assert!(write_message(&mut Vec::new(), &[]).is_err());
        assert!(write_message(&mut Vec::new(), &vec![0; MESSAGE_BYTES_MAX + 1]).is_err());
    }

    #[test]
    fn a_stream_that_ends_within_a_message_is_told_from_one_that_ends_behind() {
        let mut bytes = Vec::new();
        write_message(&mut bytes, b"whole").unwrap();
        for cut in 1..bytes.len() {
            let error = Frames::default().next(&mut Cursor::new(&bytes[..cut])).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
        assert_eq!(Frames::default().next(&mut Cursor::new([])).unwrap(), None);
    }
}
