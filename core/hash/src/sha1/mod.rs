//! SHA-1 (FIPS 180-4) for the formats that are bound to it, above all Git's, with detection of the
//! known collision attacks (Stevens and Shumow, "Speeding up detection of SHA-1 collision attacks
//! using unavoidable attack conditions", USENIX Security 2017). There is no way to leave the
//! detection out.
//!
//! | with | one message | many messages |
//! |---|---|---|
//! | AVX-512 and SHA instructions | below 16 KiB through `sha1dc`, from there on here | 16 lanes |
//! | AVX-512 or AVX2 | through `sha1dc` | 16 or 8 lanes |
//! | anything else | through `sha1dc` | one by one |
//!
//! Where x86-64 has no vector registers at all, as in a kernel, `sha1dc` does not compile, and
//! portable code takes its place (`portable`). `sha1dc` detects x86-64's features with the crate
//! feature `std`; what is here needs none for it.
//!
//! A block of the message is taken as usual, while the bit conditions of the 32 attacks are looked
//! up for sixteen or eight blocks together (`conditions`, `lanes`, `stream`). One block in some
//! twenty keeps a candidate; such suspects are gathered and tested together too (`suspects`). The
//! message of a convicted one is hashed anew by portable code (`exact`).

#[cfg(target_arch = "x86_64")]
mod conditions;
#[cfg(target_arch = "x86_64")]
mod exact;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
#[macro_use]
mod lanes;
#[cfg(not(all(target_arch = "x86_64", not(target_feature = "sse2"))))]
mod library;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod many;
#[cfg(all(target_arch = "x86_64", any(test, not(target_feature = "sse2"))))]
mod portable;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod sha_ni;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod stream;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod suspects;
#[cfg(all(test, target_arch = "x86_64", target_feature = "sse2"))]
mod tests;

use core::fmt;

#[cfg(not(all(target_arch = "x86_64", not(target_feature = "sse2"))))]
use self::library::{Hasher, hash_short};
#[cfg(all(target_arch = "x86_64", not(target_feature = "sse2")))]
use self::portable::{Hasher, hash_short};
use crate::Hash;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
use crate::{
    sha_lanes::Blocks,
    sha1::stream::{Instructions, Stream},
};

/// SHA-1 with collision detection.
///
/// Through [`Hash`], a message that carries a collision attack gets a digest of its own instead of
/// SHA-1's, so it never equals the message it was made to collide with; every other message gets
/// its SHA-1, as `sha1sum` prints. [`finish_checked`](Self::finish_checked) and
/// [`hash_checked`](Self::hash_checked) report the attack instead: use them where the digest must
/// be one that other programs compute.
#[derive(Clone, Debug)]
pub struct Sha1(State);

#[derive(Clone, Debug)]
#[cfg_attr(
    all(target_arch = "x86_64", target_feature = "sse2"),
    expect(clippy::large_enum_variant, reason = "no alloc")
)]
enum State {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    Stream(Stream),
    Library(Hasher),
}

impl Default for Sha1 {
    #[inline]
    fn default() -> Self {
        #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
        if let Some(instructions) = Instructions::find() {
            return Self(State::Stream(Stream::new(instructions)));
        }
        Self(State::Library(Hasher::default()))
    }
}

impl Sha1 {
    /// The SHA-1 of everything added so far.
    ///
    /// # Errors
    /// [`Collision`] when the message carries a collision attack.
    pub fn finish_checked(self) -> Result<[u8; 20], Collision> {
        match self.0 {
            #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
            State::Stream(stream) => match stream.whole() {
                Some(message) => hash_short(message),
                None => stream.finish(),
            },
            State::Library(hasher) => hasher.finish(),
        }
    }

    /// The SHA-1 of one message held in memory.
    ///
    /// # Errors
    /// [`Collision`] when the message carries a collision attack.
    pub fn hash_checked(message: &[u8]) -> Result<[u8; 20], Collision> {
        if message.len() < LONG_BYTES {
            return hash_short(message);
        }
        let mut state = Self::default();
        state.update(message);
        state.finish_checked()
    }

    /// The state for a message of that length.
    fn for_length(size_bytes: u64) -> Self {
        if size_bytes < LONG_BYTES as u64 {
            Self(State::Library(Hasher::default()))
        } else {
            Self::default()
        }
    }
}

/// Below this length the library is the quicker one for a message that is alone: on Zen 4 it takes
/// 4 KiB in 2.4 us against 3.1, and from 16 KiB on it falls behind.
const LONG_BYTES: usize = 16 << 10;

impl Hash for Sha1 {
    type Digest = [u8; 20];
    const NAME: &'static str = "sha1";

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
            State::Stream(stream) => stream.update(bytes),
            State::Library(hasher) => hasher.update(bytes),
        }
    }

    fn finish(self) -> [u8; 20] {
        self.finish_checked().unwrap_or_else(|attack| attack.mitigated)
    }

    fn hash(message: &[u8]) -> [u8; 20] {
        Self::hash_checked(message).unwrap_or_else(|attack| attack.mitigated)
    }

    fn hash_many(messages: &[&[u8]], digests: &mut [[u8; 20]]) {
        assert_eq!(messages.len(), digests.len(), "one digest for each message");
        many(messages, Prefix::None, |message, result| {
            digests[message] = result.unwrap_or_else(|attack| attack.mitigated);
        });
    }
}

/// The SHA-1 of each message, `results[i]` of `messages[i]`, several at a time.
///
/// Messages may differ in length: one that ends makes room for the next. It is quickest when those
/// that stand near each other are about as long.
///
/// # Panics
/// If the two slices differ in length.
pub fn sha1_many(messages: &[&[u8]], results: &mut [Result<[u8; 20], Collision>]) {
    assert_eq!(messages.len(), results.len(), "one result for each message");
    many(messages, Prefix::None, |message, result| results[message] = result);
}

/// The Git blob id of each content, `results[i]` of `contents[i]`, several at a time like
/// [`sha1_many`]; the contents are not copied to stand behind their headers.
///
/// # Panics
/// If the two slices differ in length.
pub fn git_blob_many(contents: &[&[u8]], results: &mut [Result<[u8; 20], Collision>]) {
    assert_eq!(contents.len(), results.len(), "one result for each content");
    many(contents, Prefix::BlobHeader, |content, result| results[content] = result);
}

/// What stands before each message.
#[derive(Clone, Copy)]
enum Prefix {
    None,
    BlobHeader,
}

fn many<'a>(
    messages: &[&'a [u8]],
    prefix: Prefix,
    mut put: impl FnMut(usize, Result<[u8; 20], Collision>),
) {
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    if many::is_worth(messages.len()) {
        // A message that is left alone in its lane is finished quickly only with these.
        let long_ones_too = Instructions::find().is_some();
        let begin = |number: usize, blocks: &mut Blocks<'a>| {
            let message = messages[number];
            if message.len() >= LONG_BYTES && !long_ones_too {
                return Err(hash_one(message, prefix));
            }
            match prefix {
                Prefix::None => blocks.begin(&[], message),
                Prefix::BlobHeader => {
                    blocks.begin(BlobHeader::new(message.len() as u64).as_bytes(), message);
                }
            }
            Ok(())
        };
        if many::hash(messages.len(), begin, &mut put) {
            return;
        }
    }
    for (number, message) in messages.iter().enumerate() {
        put(number, hash_one(message, prefix));
    }
}

fn hash_one(message: &[u8], prefix: Prefix) -> Result<[u8; 20], Collision> {
    match prefix {
        Prefix::None => Sha1::hash_checked(message),
        Prefix::BlobHeader => GitBlob::hash_checked(message),
    }
}

/// A message carries a SHA-1 collision attack: another message with the same SHA-1 was made
/// together with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Collision {
    mitigated: [u8; 20],
}

impl Collision {
    /// The digest that stands for the message in place of its SHA-1, the one that [`Hash`] yields.
    /// Other programs do not compute it.
    #[must_use]
    pub fn mitigated(&self) -> [u8; 20] {
        self.mitigated
    }
}

#[cfg(target_arch = "x86_64")]
impl Collision {
    fn or_digest(digest: [u8; 20], attacked: bool) -> Result<[u8; 20], Self> {
        if attacked { Err(Self { mitigated: digest }) } else { Ok(digest) }
    }
}

impl fmt::Display for Collision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the content carries a SHA-1 collision attack, so its SHA-1 does not identify it; \
             identify it by BLAKE3 or SHA-256",
        )
    }
}

impl core::error::Error for Collision {}

/// The id of a Git blob: the SHA-1 of `blob `, the content's length in decimal, a zero byte and
/// the content.
#[derive(Clone, Debug)]
pub struct GitBlob {
    state: Sha1,
    declared_bytes: u64,
    added_bytes: u64,
}

impl GitBlob {
    /// Begins the id of a blob whose content is `size_bytes` long.
    #[must_use]
    pub fn new(size_bytes: u64) -> Self {
        let mut state = Sha1::for_length(size_bytes);
        state.update(BlobHeader::new(size_bytes).as_bytes());
        Self { state, declared_bytes: size_bytes, added_bytes: 0 }
    }

    /// Adds `bytes` to the content.
    #[inline]
    pub fn update(&mut self, bytes: &[u8]) {
        self.added_bytes = self.added_bytes.saturating_add(bytes.len() as u64);
        self.state.update(bytes);
    }

    /// The blob's id.
    ///
    /// # Errors
    /// [`GitBlobError::Length`] when the content's length is not the one that was declared (a file
    /// that changed while it was read), [`GitBlobError::Collision`] when it carries a collision
    /// attack.
    pub fn finish_checked(self) -> Result<[u8; 20], GitBlobError> {
        let Self { state, declared_bytes, added_bytes } = self;
        if declared_bytes != added_bytes {
            return Err(GitBlobError::Length { declared_bytes, added_bytes });
        }
        state.finish_checked().map_err(GitBlobError::Collision)
    }

    /// The id of a blob whose content is held in memory.
    ///
    /// # Errors
    /// [`Collision`] when the content carries a collision attack.
    pub fn hash_checked(content: &[u8]) -> Result<[u8; 20], Collision> {
        let mut blob = Self::new(content.len() as u64);
        blob.state.update(content);
        blob.state.finish_checked()
    }
}

/// `blob `, a length in decimal and a zero byte.
struct BlobHeader {
    /// Filled from its end.
    bytes: [u8; Self::BYTES_MAX],
    start: usize,
}

impl BlobHeader {
    const HEAD: &[u8] = b"blob ";
    const DIGITS_MAX: usize = 20;
    const BYTES_MAX: usize = Self::HEAD.len() + Self::DIGITS_MAX + 1;

    fn new(size_bytes: u64) -> Self {
        let mut bytes = [0; Self::BYTES_MAX];
        let mut start = Self::BYTES_MAX - 1;
        let mut rest = size_bytes;
        loop {
            start -= 1;
            bytes[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        start -= Self::HEAD.len();
        bytes[start..start + Self::HEAD.len()].copy_from_slice(Self::HEAD);
        Self { bytes, start }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

/// Why content has no Git blob id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GitBlobError {
    /// The content carries a collision attack.
    Collision(Collision),
    /// The content is longer or shorter than was declared.
    Length {
        /// What [`GitBlob::new`] was told.
        declared_bytes: u64,
        /// What [`GitBlob::update`] got in all.
        added_bytes: u64,
    },
}

impl fmt::Display for GitBlobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Collision(collision) => collision.fmt(f),
            Self::Length { declared_bytes, added_bytes } => write!(
                f,
                "the blob was declared with {declared_bytes} bytes but has {added_bytes}; it \
                 changed while it was read, read it again"
            ),
        }
    }
}

impl core::error::Error for GitBlobError {}
