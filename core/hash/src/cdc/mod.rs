//! Content-defined chunking: a stream is cut where its content says so, so that bytes inserted or
//! removed move the cuts near them and leave the others where they were.
//!
//! A chunk may end where the 16 bytes before the end, encrypted with AES under the key, give a
//! number below a threshold, from three quarters of the target length on; at three targets it ends
//! in any case. Nothing before the chunk's first byte matters. `docs/format/cdc.md` gives the rule
//! byte for byte.
//!
//! ```
//! use treenail_hash::cdc::{Chunker, Key, Sizes, chunks};
//!
//! let sizes = Sizes::new(1024)?;
//! let file: Vec<u8> = (0..5_000u32).flat_map(|i| (i * i).to_le_bytes()).collect();
//! let lengths: Vec<usize> = chunks(&Key::local(), sizes, &file).map(<[u8]>::len).collect();
//!
//! // The same from a stream, whatever the pieces it comes in.
//! let mut chunker = Chunker::new(Key::local(), sizes);
//! let mut streamed = Vec::new();
//! for mut piece in file.chunks(777) {
//!     loop {
//!         let before = chunker.chunk_bytes();
//!         let Some(at) = chunker.next_cut(piece) else { break };
//!         streamed.push(before + at);
//!         piece = &piece[at..];
//!     }
//! }
//! streamed.push(chunker.chunk_bytes());
//! assert_eq!(streamed, lengths);
//! # Ok::<(), treenail_hash::cdc::TargetOutOfRange>(())
//! ```
//!
//! # What the key hides
//!
//! Whoever sees the lengths of chunks, though they be encrypted, can recognise a file whose cuts he
//! can compute. Keyed rolling hashes (gear tables, Rabin polynomials, buzhash) do not prevent that:
//! they are linear, and a few known chunks give the key away. See Truong, Merz, Scarlata, Guenther
//! and Paterson, "Breaking and Fixing Content-Defined Chunking" (IACR ePrint 2025/558), and
//! Alexeev, Percival and Zhang, "Chunking Attacks on File Backup Services using Content-Defined
//! Chunking" (ePrint 2025/532). The remedy of the former is to cut by a pseudo-random function of
//! the window, and AES of a window of one AES block is just that.
//!
//! - [`Key::strong`] takes the whole of AES-128. If AES is a pseudo-random permutation, cuts look
//!   as if every distinct window of 16 bytes had drawn lots, even to one who chooses content that
//!   is chunked.
//! - [`Key::fast`] takes four rounds with keys of their own. They are far from linear, and all that
//!   is ever seen is which windows fell below the threshold, so those attacks do not carry over.
//!   But nothing is proved: where the whole outputs are seen, some five hundred chosen windows give
//!   the keys of four rounds away (the Square attack). Take `strong` where an adversary who sees
//!   lengths can have content of his choice chunked beside yours.
//! - [`Key::local`] hides nothing: its key is public.
//!
//! No key hides what follows from equal content having equal cuts: that a chunk occurs again, how
//! much of a file changed, the length of a file shorter than a chunk, or that content repeats
//! within itself (a run of equal bytes is cut into chunks of one length). And whoever can have a
//! guess chunked next to a secret learns whether they are equal. Without AES instructions the back
//! end reads tables at places that depend on key and content, which another program on the same
//! processor may observe through its caches. A key is not wiped from memory.
//!
//! # Why this rule
//!
//! Measured on an AMD Zen 4, on 12 versions of a crate and on a `node_modules` before and after an
//! upgrade, deduplication at equal mean lengths and over several keys:
//!
//! - The verdict on a window does not depend on its neighbours', so that many are tried side by
//!   side; a gear hash must be rolled through all bytes one after another. Windows of 8, 16 and 32
//!   bytes deduplicate alike.
//! - Four rounds of AES cost 0.3 ns a window and ten 0.7 ns, two keyed multiplications 0.2 ns; so
//!   much less mixing did not seem worth a third of the time.
//! - What decides is how few windows are tried. Minimum lengths from 5/8 to 3/4 of the target
//!   deduplicate alike, and three quarters leave the fewest: a quarter of all. The price is paid
//!   after an insertion about as long as a chunk: the cuts meet again after nearly three chunks,
//!   with FastCDC after 1.6.
//! - One threshold and a far maximum deduplicate better than a second, higher threshold for long
//!   chunks. Of random chunks one in 77,000 reaches the maximum.
//! - Choosing the smallest value in a range, as MinCDC does, deduplicates as well, but tries four
//!   times as many windows, and finds cuts that lie behind what a stream has shown.
//!
//! | back end | instructions |
//! |---|---|
//! | 512 bits | AVX-512 F, BW, DQ, VL, VBMI and VAES |
//! | 256 bits | AVX2 and VAES |
//! | 128 bits | AES-NI and SSE4.1; on AArch64 NEON and AES |
//! | portable | none: tables, some 25 times slower than 128 bits |

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod aes;
#[cfg(any(target_arch = "aarch64", all(target_arch = "x86_64", target_feature = "sse2")))]
mod steps;
#[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
mod x86_64;

use core::fmt;
use core::iter::FusedIterator;

use aes::{ROUNDS_FAST, ROUNDS_STRONG, RoundKeys};

/// The bytes before a position that decide whether a chunk may end there: one AES block.
const WINDOW_BYTES: usize = 16;

/// How far before its turn memory is asked for.
const LEAD_BYTES: usize = 512;

/// The secret that cut points depend on. See the [module](self) for what each kind hides.
#[derive(Clone)]
pub struct Key {
    rounds: Rounds,
}

#[derive(Clone)]
enum Rounds {
    Fast(RoundKeys<{ ROUNDS_FAST + 1 }>),
    Strong(RoundKeys<{ ROUNDS_STRONG + 1 }>),
}

impl Key {
    /// The key that everyone has: for content whose chunks nobody else gets to see, or whose
    /// content everybody may see. As quick as [`fast`](Self::fast).
    #[must_use]
    pub fn local() -> Self {
        Self::fast(*b"treenail cdc key")
    }

    /// A secret of 16 random bytes, and cuts by four rounds of AES: no attack is known, nothing is
    /// proved.
    #[must_use]
    pub fn fast(secret: [u8; 16]) -> Self {
        let secret = aes::expand(secret);
        let round_key = |index: usize| {
            let mut block = *b"treenail cdc 4r\0";
            block[15] = index as u8;
            aes::encrypt(&secret, block)
        };
        Self { rounds: Rounds::Fast(core::array::from_fn(round_key)) }
    }

    /// A secret of 16 random bytes, and cuts by the whole of AES-128: they tell nothing that equal
    /// content does not. About half as quick as [`fast`](Self::fast).
    #[must_use]
    pub fn strong(secret: [u8; 16]) -> Self {
        let derived = aes::encrypt(&aes::expand(secret), *b"treenail cdc 10r");
        Self { rounds: Rounds::Strong(aes::expand(derived)) }
    }

    /// As [`find`].
    fn find(&self, bytes: &[u8], threshold: u32, ahead: usize) -> Option<usize> {
        match &self.rounds {
            Rounds::Fast(keys) => find(keys, bytes, threshold, ahead),
            Rounds::Strong(keys) => find(keys, bytes, threshold, ahead),
        }
    }
}

/// Tells the kind alone, not the secret.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.rounds {
            Rounds::Fast(_) => "Key::fast(..)",
            Rounds::Strong(_) => "Key::strong(..)",
        })
    }
}

/// How long chunks are. All but a stream's last are within `min_bytes..=max_bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    target_bytes: u32,
}

impl Sizes {
    /// The least target length.
    pub const TARGET_BYTES_MIN: u32 = 64;
    /// The greatest target length.
    pub const TARGET_BYTES_MAX: u32 = 1 << 30;

    /// Chunks of about `target_bytes` on average: 5 % less for random content, up to 15 % more for
    /// content that repeats much, as source code does.
    ///
    /// # Errors
    /// [`TargetOutOfRange`] unless `target_bytes` is within
    /// [`TARGET_BYTES_MIN`](Self::TARGET_BYTES_MIN) and
    /// [`TARGET_BYTES_MAX`](Self::TARGET_BYTES_MAX).
    pub const fn new(target_bytes: u32) -> Result<Self, TargetOutOfRange> {
        if target_bytes < Self::TARGET_BYTES_MIN || target_bytes > Self::TARGET_BYTES_MAX {
            return Err(TargetOutOfRange { target_bytes });
        }
        Ok(Self { target_bytes })
    }

    /// What [`new`](Self::new) was given.
    #[must_use]
    pub const fn target_bytes(self) -> usize {
        self.target_bytes as usize
    }

    /// The length of the shortest chunk but a stream's last: three quarters of the target, rounded
    /// down.
    #[must_use]
    pub const fn min_bytes(self) -> usize {
        (self.target_bytes as u64 * 3 / 4) as usize
    }

    /// The length of the longest chunk: three targets.
    #[must_use]
    pub const fn max_bytes(self) -> usize {
        self.target_bytes as usize * 3
    }

    /// The share of windows, in 2^32nds, that may end a chunk: one in a fifth of the target.
    const fn threshold(self) -> u32 {
        ((5 << 32) / self.target_bytes as u64) as u32
    }
}

const _: () = {
    let least = Sizes { target_bytes: Sizes::TARGET_BYTES_MIN };
    assert!(least.min_bytes() >= WINDOW_BYTES, "a window lies within its chunk");
    assert!((5_u64 << 32) / (Sizes::TARGET_BYTES_MIN as u64) <= u32::MAX as u64);
    assert!(Sizes { target_bytes: Sizes::TARGET_BYTES_MAX }.threshold() > 0);
    assert!(Sizes::TARGET_BYTES_MAX as u64 * 3 <= u32::MAX as u64, "fits a usize of 32 bits");
};

/// A target length beyond what [`Sizes`] takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetOutOfRange {
    target_bytes: u32,
}

impl fmt::Display for TargetOutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "chunks of {} bytes on average were asked for; choose {} to {}",
            self.target_bytes,
            Sizes::TARGET_BYTES_MIN,
            Sizes::TARGET_BYTES_MAX
        )
    }
}

impl core::error::Error for TargetOutOfRange {}

/// Finds the cuts of a stream that comes in pieces.
#[derive(Clone)]
pub struct Chunker {
    key: Key,
    sizes: Sizes,
    /// The length so far of the chunk that has not ended; below `max_bytes`.
    chunk_bytes: usize,
    /// Its last bytes, as many as a window shares with the next piece; the first `tail_bytes` hold.
    tail: [u8; WINDOW_BYTES - 1],
    tail_bytes: usize,
}

impl Chunker {
    /// Begins a stream.
    #[must_use]
    pub fn new(key: Key, sizes: Sizes) -> Self {
        Self { key, sizes, chunk_bytes: 0, tail: [0; WINDOW_BYTES - 1], tail_bytes: 0 }
    }

    /// Goes on with the stream's next bytes. `Some(n)`: the chunk ends after the first `n` of them,
    /// of which there is at least one; call again with the rest. `None`: all of them belong to the
    /// chunk, which goes on. When the stream has ended, what was not cut off is its last chunk.
    pub fn next_cut(&mut self, bytes: &[u8]) -> Option<usize> {
        match self.find(bytes) {
            Some(end) => {
                let taken = end - self.chunk_bytes;
                self.reset();
                Some(taken)
            }
            None => {
                self.keep_tail(bytes);
                self.chunk_bytes += bytes.len();
                None
            }
        }
    }

    /// The length so far of the chunk that has not ended.
    #[must_use]
    pub fn chunk_bytes(&self) -> usize {
        self.chunk_bytes
    }

    /// Begins another stream.
    pub fn reset(&mut self) {
        self.chunk_bytes = 0;
        self.tail_bytes = 0;
    }

    /// The length at which the chunk ends within `bytes`.
    fn find(&self, bytes: &[u8]) -> Option<usize> {
        let end = self.chunk_bytes + bytes.len();
        if end < self.sizes.min_bytes() {
            return None;
        }
        // Windows that begin before `bytes` are looked for in a copy of both sides.
        let mut seam = [0; 2 * (WINDOW_BYTES - 1)];
        let tail = &self.tail[..self.tail_bytes];
        let head = &bytes[..bytes.len().min(WINDOW_BYTES - 1)];
        let seam_bytes = tail.len() + head.len();
        seam[..tail.len()].copy_from_slice(tail);
        seam[tail.len()..seam_bytes].copy_from_slice(head);
        self.find_within(&seam[..seam_bytes], self.chunk_bytes - tail.len())
            .or_else(|| self.find_within(bytes, self.chunk_bytes))
            .or_else(|| (end >= self.sizes.max_bytes()).then_some(self.sizes.max_bytes()))
    }

    /// The least length for which the chunk may end with a window that lies in `bytes`, which are
    /// the chunk's from `offset` on.
    fn find_within(&self, bytes: &[u8], offset: usize) -> Option<usize> {
        let sizes = self.sizes;
        // Of the windows that end chunks of permitted lengths, those in `bytes`.
        let from = (sizes.min_bytes() - WINDOW_BYTES).max(offset);
        let to = sizes.max_bytes().min(offset + bytes.len());
        let windows = bytes.get(from - offset..to.checked_sub(offset)?)?;
        let ahead = sizes.min_bytes() + LEAD_BYTES;
        let at = self.key.find(windows, sizes.threshold(), ahead)?;
        Some(from + at + WINDOW_BYTES)
    }

    /// Keeps the last bytes of the chunk, `bytes` having been added.
    fn keep_tail(&mut self, bytes: &[u8]) {
        let capacity = self.tail.len();
        if bytes.len() >= capacity {
            self.tail.copy_from_slice(&bytes[bytes.len() - capacity..]);
            self.tail_bytes = capacity;
            return;
        }
        let kept = self.tail_bytes.min(capacity - bytes.len());
        self.tail.copy_within(self.tail_bytes - kept..self.tail_bytes, 0);
        self.tail[kept..kept + bytes.len()].copy_from_slice(bytes);
        self.tail_bytes = kept + bytes.len();
    }
}

/// Shows nothing of the content.
impl fmt::Debug for Chunker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunker")
            .field("key", &self.key)
            .field("sizes", &self.sizes)
            .field("chunk_bytes", &self.chunk_bytes)
            .finish_non_exhaustive()
    }
}

/// The chunks of `bytes`; joined they are `bytes` again.
#[must_use]
pub fn chunks<'a>(key: &Key, sizes: Sizes, bytes: &'a [u8]) -> Chunks<'a> {
    Chunks { chunker: Chunker::new(key.clone(), sizes), rest: bytes }
}

/// The iterator that [`chunks`] returns.
#[derive(Clone, Debug)]
pub struct Chunks<'a> {
    chunker: Chunker,
    rest: &'a [u8],
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.chunker.next_cut(self.rest).unwrap_or(self.rest.len());
        let (chunk, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(chunk)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (bytes, sizes) = (self.rest.len(), self.chunker.sizes);
        (bytes.div_ceil(sizes.max_bytes()), Some(bytes.div_ceil(sizes.min_bytes())))
    }
}

impl FusedIterator for Chunks<'_> {}

/// Where the first window in `bytes` begins whose value is below `threshold`; by the best back end.
/// The search is likely to go on `ahead` of what it finds.
fn find<const KEYS: usize>(
    keys: &RoundKeys<KEYS>,
    bytes: &[u8],
    threshold: u32,
    ahead: usize,
) -> Option<usize> {
    if bytes.len() < WINDOW_BYTES {
        return None;
    }
    #[cfg(all(target_arch = "x86_64", target_feature = "sse2"))]
    if let Some(found) = x86_64::find(keys, bytes, threshold, ahead) {
        return found;
    }
    #[cfg(target_arch = "aarch64")]
    if let Some(found) = aarch64::find(keys, bytes, threshold) {
        return found;
    }
    #[cfg(not(all(target_arch = "x86_64", target_feature = "sse2")))]
    let _ = ahead;
    aes::find(keys, bytes, threshold)
}
