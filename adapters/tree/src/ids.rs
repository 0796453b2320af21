//! Content ids: what stands for a file's bytes in a column and in the digests above it.

use std::fmt;

use treenail_hash::blocks::RootStream;
use treenail_hash::{Blake3, Digest, GitBlob, GitBlobError, Hash, Xxh128, git_blob_many};

/// A kind of content id, by which columns and snapshots are told apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IdKind {
    /// The name that the command line, JSON and snapshots use; at most 16 ASCII bytes.
    pub name: &'static str,
    /// The length of a file's id.
    pub id_bytes: u8,
    /// The length of a directory's digest.
    pub digest_bytes: u8,
}

impl IdKind {
    /// XXH3-128 of the content: the fastest; not for content made by an adversary.
    pub const XXH3: Self = Self { name: "xxh3", id_bytes: 16, digest_bytes: 16 };
    /// BLAKE3 of the content: safe against adversaries.
    pub const BLAKE3: Self = Self { name: "blake3", id_bytes: 32, digest_bytes: 32 };
    /// Git's blob id (SHA-1, with collision detection); directories are digested with BLAKE3.
    pub const GIT: Self = Self { name: "git", id_bytes: 20, digest_bytes: 32 };
    /// As [`XXH3`](Self::XXH3), and of a file of more than [`WHOLE_BYTES_MAX`] bytes the root of
    /// its blocks, which follows a change at the cost of the changed blocks:
    /// [`LargeFiles`](crate::LargeFiles).
    pub const BLOCKS: Self = Self { name: "blocks", id_bytes: 16, digest_bytes: 16 };

    /// The kinds that this crate brings.
    pub const BUILT_IN: [Self; 4] = [Self::XXH3, Self::BLAKE3, Self::GIT, Self::BLOCKS];

    /// The built-in kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::BUILT_IN.into_iter().find(|kind| kind.name == name)
    }

    /// The room that an id or digest of this kind takes in a column.
    #[must_use]
    pub fn slot_bytes(&self) -> usize {
        usize::from(self.id_bytes.max(self.digest_bytes))
    }
}

/// The longest file that an id of kind [`IdKind::BLOCKS`] is of as a whole.
pub const WHOLE_BYTES_MAX: u64 = 1 << 20;

impl fmt::Display for IdKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The content carries the marks of a SHA-1 collision attack, so its git id names nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attack;

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the content is part of a SHA-1 collision attack, so SHA-1 does not identify it",
        )
    }
}

impl std::error::Error for Attack {}

/// How a column's ids are computed; a product may bring its own beside the built-in ones.
pub trait ContentId: Send + Sync + 'static {
    /// A file's id.
    type Id: Digest;
    /// The hash that digests directories, and symlink targets where they have no id of their own.
    type Node: Hash;
    /// An element's value in a directory's set: the kind's byte and a column slot.
    type Value: Copy + Ord + AsRef<[u8]> + AsMut<[u8]> + Send + Sync;
    /// A file while it is being read.
    type Stream;

    /// The column that these ids belong to.
    const KIND: IdKind;
    /// A value of zeros.
    const ZERO: Self::Value;

    /// Begins a file of that many bytes.
    fn begin(size_bytes: u64) -> Self::Stream;

    /// Adds the file's next bytes.
    fn update(stream: &mut Self::Stream, bytes: &[u8]);

    /// The id of all the bytes.
    ///
    /// # Errors
    /// If the content was made to attack the hash.
    ///
    /// # Panics
    /// If there were more or fewer bytes than [`begin`](Self::begin) was told, and the id needs to
    /// know that beforehand.
    fn finish(stream: Self::Stream) -> Result<Self::Id, Attack>;

    /// The ids of whole files, side by side.
    fn many(contents: &[&[u8]], ids: &mut Vec<Result<Self::Id, Attack>>) {
        ids.extend(contents.iter().map(|content| {
            let mut stream = Self::begin(content.len() as u64);
            Self::update(&mut stream, content);
            Self::finish(stream)
        }));
    }
}

/// [`IdKind::XXH3`].
#[derive(Debug)]
pub struct Xxh3Ids;

/// [`IdKind::BLAKE3`].
#[derive(Debug)]
pub struct Blake3Ids;

/// [`IdKind::GIT`].
#[derive(Debug)]
pub struct GitIds;

/// [`IdKind::BLOCKS`].
#[derive(Debug)]
pub struct BlockIds;

impl ContentId for Xxh3Ids {
    type Id = [u8; 16];
    type Node = Xxh128;
    type Value = [u8; 17];
    type Stream = Box<Xxh128>;
    const KIND: IdKind = IdKind::XXH3;
    const ZERO: [u8; 17] = [0; 17];

    fn begin(_: u64) -> Box<Xxh128> {
        Box::default()
    }

    fn update(stream: &mut Box<Xxh128>, bytes: &[u8]) {
        stream.as_mut().update(bytes);
    }

    fn finish(stream: Box<Xxh128>) -> Result<[u8; 16], Attack> {
        Ok(stream.finish())
    }

    fn many(contents: &[&[u8]], ids: &mut Vec<Result<[u8; 16], Attack>>) {
        many::<Xxh128>(contents, ids);
    }
}

impl ContentId for Blake3Ids {
    type Id = [u8; 32];
    type Node = Blake3;
    type Value = [u8; 33];
    type Stream = Box<Blake3>;
    const KIND: IdKind = IdKind::BLAKE3;
    const ZERO: [u8; 33] = [0; 33];

    fn begin(_: u64) -> Box<Blake3> {
        Box::default()
    }

    fn update(stream: &mut Box<Blake3>, bytes: &[u8]) {
        stream.as_mut().update(bytes);
    }

    fn finish(stream: Box<Blake3>) -> Result<[u8; 32], Attack> {
        Ok(stream.finish())
    }

    fn many(contents: &[&[u8]], ids: &mut Vec<Result<[u8; 32], Attack>>) {
        many::<Blake3>(contents, ids);
    }
}

impl ContentId for GitIds {
    type Id = [u8; 20];
    type Node = Blake3;
    type Value = [u8; 33];
    type Stream = GitBlob;
    const KIND: IdKind = IdKind::GIT;
    const ZERO: [u8; 33] = [0; 33];

    fn begin(size_bytes: u64) -> GitBlob {
        GitBlob::new(size_bytes)
    }

    fn update(stream: &mut GitBlob, bytes: &[u8]) {
        stream.update(bytes);
    }

    fn finish(stream: GitBlob) -> Result<[u8; 20], Attack> {
        stream.finish_checked().map_err(|error| match error {
            GitBlobError::Collision(_) => Attack,
            GitBlobError::Length { .. } => panic!("{error}"),
        })
    }

    fn many(contents: &[&[u8]], ids: &mut Vec<Result<[u8; 20], Attack>>) {
        let mut found = vec![Ok([0; 20]); contents.len()];
        git_blob_many(contents, &mut found);
        ids.extend(found.into_iter().map(|id| id.map_err(|_| Attack)));
    }
}

/// A file while its [`BlockIds`] id is computed.
pub struct BlockStream(WholeOrBlocks);

enum WholeOrBlocks {
    Whole(Box<Xxh128>),
    Blocks(Box<RootStream<Xxh128>>),
}

impl fmt::Debug for BlockStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            WholeOrBlocks::Whole(_) => "BlockStream(whole)",
            WholeOrBlocks::Blocks(_) => "BlockStream(blocks)",
        })
    }
}

impl ContentId for BlockIds {
    type Id = [u8; 16];
    type Node = Xxh128;
    type Value = [u8; 17];
    type Stream = BlockStream;
    const KIND: IdKind = IdKind::BLOCKS;
    const ZERO: [u8; 17] = [0; 17];

    fn begin(size_bytes: u64) -> BlockStream {
        BlockStream(if size_bytes <= WHOLE_BYTES_MAX {
            WholeOrBlocks::Whole(Box::default())
        } else {
            WholeOrBlocks::Blocks(Box::default())
        })
    }

    fn update(stream: &mut BlockStream, bytes: &[u8]) {
        match &mut stream.0 {
            WholeOrBlocks::Whole(stream) => stream.as_mut().update(bytes),
            WholeOrBlocks::Blocks(stream) => stream.update(bytes),
        }
    }

    fn finish(stream: BlockStream) -> Result<[u8; 16], Attack> {
        Ok(match stream.0 {
            WholeOrBlocks::Whole(stream) => stream.finish(),
            WholeOrBlocks::Blocks(stream) => {
                assert!(stream.size_bytes() > WHOLE_BYTES_MAX, "fewer bytes than were announced");
                stream.finish()
            }
        })
    }

    fn many(contents: &[&[u8]], ids: &mut Vec<Result<[u8; 16], Attack>>) {
        let is_whole = |content: &[u8]| content.len() as u64 <= WHOLE_BYTES_MAX;
        if contents.iter().all(|content| is_whole(content)) {
            return many::<Xxh128>(contents, ids);
        }
        ids.extend(contents.iter().map(|content| {
            let mut stream = Self::begin(content.len() as u64);
            Self::update(&mut stream, content);
            Self::finish(stream)
        }));
    }
}

fn many<H: Hash>(contents: &[&[u8]], ids: &mut Vec<Result<H::Digest, Attack>>) {
    let mut digests = vec![H::Digest::default(); contents.len()];
    H::hash_many(contents, &mut digests);
    ids.extend(digests.into_iter().map(Ok));
}
