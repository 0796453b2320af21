//! SHA-1 for the formats that are bound to it, above all Git's, with detection of the known
//! collision attacks (Stevens and Shumow, "Speeding up detection of SHA-1 collision attacks using
//! unavoidable attack conditions", USENIX Security 2017).

use core::fmt;

use sha1dc::mitigate;

use crate::Hash;

/// SHA-1 with collision detection.
///
/// Through [`Hash`], a message that carries a collision attack gets a digest of its own instead of
/// SHA-1's, so it never equals the message it was made to collide with; every other message gets
/// its SHA-1, as `sha1sum` prints. [`finish_checked`](Self::finish_checked) and
/// [`hash_checked`](Self::hash_checked) report the attack instead: use them where the digest must
/// be one that other programs compute.
#[derive(Clone, Debug, Default)]
pub struct Sha1(mitigate::Hasher);

impl Sha1 {
    /// The SHA-1 of everything added so far.
    ///
    /// # Errors
    /// [`Collision`] when the message carries a collision attack.
    pub fn finish_checked(self) -> Result<[u8; 20], Collision> {
        match self.0.finalize() {
            Ok(digest) => Ok(digest.to_bytes()),
            Err(attack) => Err(Collision { mitigated: attack.digest().to_bytes() }),
        }
    }

    /// The SHA-1 of one message held in memory.
    ///
    /// # Errors
    /// [`Collision`] when the message carries a collision attack.
    pub fn hash_checked(message: &[u8]) -> Result<[u8; 20], Collision> {
        let mut state = Self::default();
        state.update(message);
        state.finish_checked()
    }
}

impl Hash for Sha1 {
    type Digest = [u8; 20];
    const NAME: &'static str = "sha1";

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(self) -> [u8; 20] {
        self.finish_checked().unwrap_or_else(|attack| attack.mitigated)
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
        const HEAD: &[u8] = b"blob ";
        const DIGITS_MAX: usize = 20;
        let mut header = [0; HEAD.len() + DIGITS_MAX + 1];
        // Filled from its end, where the zero byte stays.
        let mut start = header.len() - 1;
        let mut rest = size_bytes;
        loop {
            start -= 1;
            header[start] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        start -= HEAD.len();
        header[start..start + HEAD.len()].copy_from_slice(HEAD);

        let mut state = Sha1::default();
        state.update(&header[start..]);
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
