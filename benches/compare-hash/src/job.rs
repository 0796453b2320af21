//! A job over messages in memory, and who does it how.

use std::hint::black_box;

use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;

/// How many bytes a sample works on at least, so that it lasts some milliseconds.
const SAMPLE_SIZE_BYTES: usize = 64 << 20;
/// The same for short messages, whose cost is not their bytes.
const SAMPLE_MESSAGES: usize = 400_000;

/// Messages that live as long as the process.
pub(crate) type Messages = &'static [&'static [u8]];

/// So many messages of so many bytes, one behind the other, of pseudo-random content.
pub(crate) fn messages(count: usize, size_bytes: usize) -> Messages {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = vec![0_u8; count * size_bytes];
    for byte in &mut bytes {
        // xorshift64 (Marsaglia, "Xorshift RNGs", 2003)
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        *byte = (state >> 32) as u8;
    }
    let bytes: &'static [u8] = bytes.leak();
    Vec::leak(bytes.chunks_exact(size_bytes).collect())
}

/// Returns a value that depends on every digest.
pub(crate) type Run = Box<dyn FnMut(Messages) -> u64>;

/// One way to do the job.
pub(crate) struct Way {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// Another algorithm, there for comparison; its digests are its own affair.
    pub(crate) is_context: bool,
    pub(crate) run: Run,
}

/// A way that digests one message after the other.
pub(crate) fn each(
    name: &'static str,
    version: &'static str,
    hash: impl Fn(&[u8]) -> u64 + 'static,
) -> Way {
    let run = move |messages: Messages| {
        messages.iter().fold(0, |sum: u64, message| sum.rotate_left(1) ^ hash(black_box(message)))
    };
    Way { name, version, is_context: false, run: Box::new(run) }
}

/// A way that takes all messages at once and fills in the digests.
pub(crate) fn many<D: Default + Clone + 'static>(
    name: &'static str,
    version: &'static str,
    hash: impl Fn(&[&[u8]], &mut [D]) + 'static,
    value: impl Fn(&D) -> u64 + 'static,
) -> Way {
    let mut digests = Vec::new();
    let run = move |messages: Messages| {
        digests.resize(messages.len(), D::default());
        hash(black_box(messages), &mut digests);
        digests.iter().fold(0, |sum: u64, digest| sum.rotate_left(1) ^ value(digest))
    };
    Way { name, version, is_context: false, run: Box::new(run) }
}

impl Way {
    /// The same way as context.
    pub(crate) fn context(self) -> Self {
        Self { is_context: true, ..self }
    }
}

/// The first eight bytes of a digest.
pub(crate) fn head(digest: &[u8]) -> u64 {
    u64::from_be_bytes(digest[..8].try_into().expect("digests here have eight bytes or more"))
}

/// The case in which the ways take turns; ours comes first.
pub(crate) fn case(
    name: &'static str,
    messages: Messages,
    targets: Vec<Target>,
    ways: Vec<Way>,
) -> Case {
    let total: usize = messages.iter().map(|message| message.len()).sum();
    let goes = (SAMPLE_SIZE_BYTES / total.max(1)).min(SAMPLE_MESSAGES / messages.len()).max(1);
    Case {
        name,
        references: match ways.iter().any(|way| way.is_context) {
            true => vec![("messages", Answer::fixed(messages.len().to_string()))],
            false => Vec::new(),
        },
        contenders: ways.into_iter().map(|way| contender(way, messages, goes)).collect(),
        size_bytes: Some((total * goes) as u64),
        targets,
        facts: Vec::new(),
    }
}

fn contender(way: Way, messages: Messages, goes: usize) -> Contender {
    let mut run = way.run;
    let value = run(messages);
    let answer = match way.is_context {
        true => ("messages", Answer::fixed(messages.len().to_string())),
        false => ("digests", Answer::fixed(format!("{value:016x}"))),
    };
    Contender {
        name: way.name,
        version: Answer::fixed(way.version),
        answers: vec![answer],
        work: Work::closure(move || {
            (0..goes).for_each(|_| _ = black_box(run(black_box(messages))));
            Ok(())
        }),
    }
}
