//! What a client says.

use treenail_tree::Class;
use treenail_tree::live::Clock;

use super::wire::{Input, put_bool, put_bytes, put_clock, put_option, put_u32, put_u64};
use super::{GLOBS_MAX, Malformed, Selection, VERSION};

/// The first bytes of a connection, so that nobody is served by mistake.
const MAGIC: [u8; 8] = *b"TN-SHARE";

/// The kinds, by number.
mod kind {
    pub(super) const HELLO: u8 = 1;
    pub(super) const WATCH: u8 = 2;
    pub(super) const ROOM: u8 = 3;
    pub(super) const SINCE: u8 = 4;
    pub(super) const BARRIER: u8 = 5;
    pub(super) const LOOKUP: u8 = 6;
    pub(super) const QUERY: u8 = 7;
    pub(super) const COVERAGE: u8 = 8;
    pub(super) const STATISTICS: u8 = 9;
    pub(super) const ROOTS: u8 = 10;
    pub(super) const LEARN: u8 = 11;
    pub(super) const RECHECK: u8 = 12;
    pub(super) const STOP: u8 = 13;
    pub(super) const SELECT: u8 = 14;
}

/// What a client says. Roots are absolute paths; paths are relative to a root.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    /// The first request of a connection: [`Welcome`](super::Answer::Welcome).
    Hello {
        /// The client's version of the protocol.
        version: u32,
    },
    /// Asks for the changes of a root: [`Watching`](super::Answer::Watching), and changes from then
    /// on. The connection serves for nothing else afterwards.
    Watch {
        /// The directory.
        root: Vec<u8>,
        /// From when on; nothing for now.
        from: Option<Clock>,
        /// Whether the changes are to come through shared memory.
        ring: bool,
    },
    /// Asks for the changes of a root that are wanted: [`Watching`](super::Answer::Watching), and
    /// [`Report`](super::Answer::Report)s from then on. Otherwise as a watch.
    Select {
        /// The directory.
        root: Vec<u8>,
        /// From when on; nothing for now.
        from: Option<Clock>,
        /// Whether the changes are to come through shared memory.
        ring: bool,
        /// Which.
        selection: Selection,
    },
    /// What came through shared memory has been read. The answer to
    /// [`Full`](super::Answer::Full).
    Room,
    /// Asks what changed: [`Net`](super::Answer::Net) or [`Fresh`](super::Answer::Fresh).
    Since {
        /// The directory.
        root: Vec<u8>,
        /// The moment.
        clock: Clock,
    },
    /// Asks for a moment at which everything is known that happened before the request:
    /// [`Clock`](super::Answer::Clock).
    Barrier {
        /// The directory.
        root: Vec<u8>,
        /// How long that may take; nothing for as long as it takes.
        timeout_ms: Option<u32>,
    },
    /// Asks what is at a path: [`Entry`](super::Answer::Entry).
    Lookup {
        /// The directory.
        root: Vec<u8>,
        /// The path; the empty one is the root itself.
        path: Vec<u8>,
    },
    /// Asks for entries: [`Page`](super::Answer::Page)s.
    Query {
        /// The directory.
        root: Vec<u8>,
        /// Which.
        query: Query,
    },
    /// Asks what sees the changes: [`Coverage`](super::Answer::Coverage).
    Coverage {
        /// The directory.
        root: Vec<u8>,
    },
    /// Asks what was counted: [`Statistics`](super::Answer::Statistics).
    Statistics {
        /// The directory.
        root: Vec<u8>,
    },
    /// Asks which roots are watched: [`Roots`](super::Answer::Roots).
    Roots,
    /// Has the id of a file computed: [`Done`](super::Answer::Done).
    Learn {
        /// The directory.
        root: Vec<u8>,
        /// The file.
        path: Vec<u8>,
    },
    /// Has everything compared with the directory: [`Done`](super::Answer::Done).
    Recheck {
        /// The directory.
        root: Vec<u8>,
    },
    /// Ends the daemon: [`Done`](super::Answer::Done), and the connection closes when it has ended.
    Stop,
}

/// Which entries are wanted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query {
    /// The directory to look in, relative to the root; what is found is relative to it.
    pub below: Vec<u8>,
    /// Globs as `treenail-pattern` has them, of which one has to match; none for everything.
    pub globs: Vec<Vec<u8>>,
    /// Whether ASCII letters match whatever their case.
    pub case_insensitive: bool,
    /// What the entries have to be; none for anything.
    pub classes: Vec<Class>,
    /// How many entries to give at most; nothing for all.
    pub entries_max: Option<u64>,
}

impl Request {
    /// The first request of this version.
    #[must_use]
    pub fn hello() -> Self {
        Self::Hello { version: VERSION }
    }

    /// Appends the message, without its length.
    pub fn encode(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Hello { version } => {
                bytes.push(kind::HELLO);
                bytes.extend(MAGIC);
                put_u32(bytes, *version);
            }
            Self::Watch { root, from, ring } => {
                about(bytes, kind::WATCH, root);
                put_option(bytes, *from, put_clock);
                put_bool(bytes, *ring);
            }
            Self::Select { root, from, ring, selection } => {
                about(bytes, kind::SELECT, root);
                put_option(bytes, *from, put_clock);
                put_bool(bytes, *ring);
                selection.encode(bytes);
            }
            Self::Room => bytes.push(kind::ROOM),
            Self::Since { root, clock } => {
                about(bytes, kind::SINCE, root);
                put_clock(bytes, *clock);
            }
            Self::Barrier { root, timeout_ms } => {
                about(bytes, kind::BARRIER, root);
                put_option(bytes, *timeout_ms, put_u32);
            }
            Self::Lookup { root, path } => {
                about(bytes, kind::LOOKUP, root);
                put_bytes(bytes, path);
            }
            Self::Query { root, query } => {
                about(bytes, kind::QUERY, root);
                query.encode(bytes);
            }
            Self::Coverage { root } => about(bytes, kind::COVERAGE, root),
            Self::Statistics { root } => about(bytes, kind::STATISTICS, root),
            Self::Roots => bytes.push(kind::ROOTS),
            Self::Learn { root, path } => {
                about(bytes, kind::LEARN, root);
                put_bytes(bytes, path);
            }
            Self::Recheck { root } => about(bytes, kind::RECHECK, root),
            Self::Stop => bytes.push(kind::STOP),
        }
    }

    /// The message that these bytes are.
    ///
    /// # Errors
    /// If they are none.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut input = Input(bytes);
        let input = &mut input;
        let request = match input.u8()? {
            kind::HELLO => {
                if input.array()? != MAGIC {
                    return Err(Malformed("it is no greeting of this protocol"));
                }
                Self::Hello { version: input.u32()? }
            }
            kind::WATCH => Self::Watch {
                root: input.root()?,
                from: input.option(Input::clock)?,
                ring: input.bool()?,
            },
            kind::SELECT => Self::Select {
                root: input.root()?,
                from: input.option(Input::clock)?,
                ring: input.bool()?,
                selection: Selection::decode(input)?,
            },
            kind::ROOM => Self::Room,
            kind::SINCE => Self::Since { root: input.root()?, clock: input.clock()? },
            kind::BARRIER => {
                Self::Barrier { root: input.root()?, timeout_ms: input.option(Input::u32)? }
            }
            kind::LOOKUP => Self::Lookup { root: input.root()?, path: input.path()?.to_vec() },
            kind::QUERY => Self::Query { root: input.root()?, query: Query::decode(input)? },
            kind::COVERAGE => Self::Coverage { root: input.root()? },
            kind::STATISTICS => Self::Statistics { root: input.root()? },
            kind::ROOTS => Self::Roots,
            kind::LEARN => Self::Learn { root: input.root()?, path: input.path()?.to_vec() },
            kind::RECHECK => Self::Recheck { root: input.root()? },
            kind::STOP => Self::Stop,
            _ => return Err(Malformed("no request has this kind")),
        };
        Input(input.0).end()?;
        Ok(request)
    }
}

fn about(bytes: &mut Vec<u8>, kind: u8, root: &[u8]) {
    bytes.push(kind);
    put_bytes(bytes, root);
}

impl Query {
    fn encode(&self, bytes: &mut Vec<u8>) {
        put_bytes(bytes, &self.below);
        put_u32(bytes, self.globs.len() as u32);
        for glob in &self.globs {
            put_bytes(bytes, glob);
        }
        put_bool(bytes, self.case_insensitive);
        let classes: Vec<u8> = self.classes.iter().map(|class| *class as u8).collect();
        put_bytes(bytes, &classes);
        put_option(bytes, self.entries_max, put_u64);
    }

    fn decode(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let below = input.path()?.to_vec();
        let mut globs = Vec::new();
        let count = input.u32()? as usize;
        if count > GLOBS_MAX {
            return Err(Malformed("a query has more than 256 globs"));
        }
        for _ in 0..count {
            globs.push(input.bytes()?.to_vec());
        }
        let case_insensitive = input.bool()?;
        let class = |byte: &u8| Class::from_byte(*byte).ok_or(Malformed("no such class of entry"));
        let classes = input.bytes()?.iter().map(class).collect::<Result<_, _>>()?;
        let entries_max = input.option(Input::u64)?;
        Ok(Self { below, globs, case_insensitive, classes, entries_max })
    }
}
