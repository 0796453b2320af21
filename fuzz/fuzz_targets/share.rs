//! Messages of the daemon's protocol: bytes of any kind are refused, or a message that is encoded
//! to the same bytes again; and a stream of them is cut into messages as its lengths say. And
//! configurations: any text is understood, or refused with a line that it has.
#![no_main]

use std::io::{ErrorKind, Read};

use libfuzzer_sys::fuzz_target;
use treenail_share::config::Config;
use treenail_share::protocol::{Frames, MESSAGE_BYTES_MAX, decodes, write_message};

/// A stream that gives a few bytes at a time.
struct Slow<'a>(&'a [u8]);

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let most = into.len().min(3);
        self.0.read(&mut into[..most])
    }
}

fuzz_target!(|bytes: &[u8]| {
    let _ = decodes(bytes);
    let (mut frames, mut stream, mut again) = (Frames::default(), Slow(bytes), Vec::new());
    let ended = loop {
        match frames.next(&mut stream) {
            Ok(Some(message)) => {
                assert!((1..=MESSAGE_BYTES_MAX).contains(&message.len()));
                let _ = decodes(message);
                write_message(&mut again, message).expect("it was a message");
            }
            Ok(None) => break None,
            Err(error) => break Some(error.kind()),
        }
    };
    assert!(bytes.starts_with(&again));
    match ended {
        None => assert_eq!(again, bytes),
        Some(kind) => assert!(matches!(kind, ErrorKind::InvalidData | ErrorKind::UnexpectedEof)),
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(mistake) = Config::parse(text)
    {
        assert!((1..=1 + text.matches('\n').count()).contains(&mistake.line));
    }
});
