//! `cargo xtask compare wal`: framing records into memory and reading them back, beside the crates
//! whose codec can be had without a file.
//!
//! Left out: okaywal, nano-wal and simple_wal write files and nothing else; the codecs of
//! raft-engine, fjall, lsm-tree and rusty-leveldb are private, and what they offer keeps tables of
//! the records besides.

mod codec;
mod rivals;

use std::cell::RefCell;
use std::hint::black_box;
use std::process::ExitCode;
use std::rc::Rc;

use codec::{Codec, InPlace, Ours, Payloads};
use treenail_compare::answer::Answer;
use treenail_compare::case::{Case, Contender, Target};
use treenail_compare::work::Work;
use treenail_hash::{Hash, Xxh128};

/// How much payload a sample frames or reads.
const TOTAL_SIZE_BYTES: usize = 64 << 20;

const OURS: &str = env!("VERSION_TREENAIL_WAL");
const MEMCPY: &str = "memcpy";

fn main() -> ExitCode {
    treenail_compare::main(|_| {
        Ok(vec![
            encode("encode, 1 KiB", 1 << 10, vec![third_of_memcpy(), Target::Best(1.0)]),
            scan("scan, 1 KiB", 1 << 10, vec![third_of_memcpy(), Target::Best(1.0)]),
            encode("encode, 100 B", 100, vec![Target::Best(1.0)]),
            scan("scan, 100 B", 100, vec![Target::Best(1.0)]),
            encode("encode, 16 KiB", 16 << 10, vec![Target::Best(1.0)]),
            scan("scan, 16 KiB", 16 << 10, vec![Target::Best(1.0)]),
        ])
    })
}

fn third_of_memcpy() -> Target {
    Target::Ratio { rival: MEMCPY, max: 3.0 }
}

/// Makes a codec, when its case is run: their memory is large.
type Make = fn(&Payloads) -> Box<dyn Codec>;

/// Everybody who takes part, ours first.
const CODECS: [(&str, &str, Make); 4] = [
    ("treenail-wal", OURS, |payloads| Box::new(Ours::new(payloads))),
    ("wal-db", env!("VERSION_WAL_DB"), |payloads| Box::new(rivals::WalDb::new(payloads))),
    ("open-wal", env!("VERSION_OPEN_WAL"), |payloads| Box::new(rivals::OpenWal::new(payloads))),
    ("commitlog", env!("VERSION_COMMITLOG"), |payloads| Box::new(rivals::Commitlog::new(payloads))),
];

const IN_PLACE: (&str, &str, Make) =
    ("treenail-wal, in place", OURS, |payloads| Box::new(InPlace::new(payloads)));

fn encode(name: &'static str, size_bytes: usize, targets: Vec<Target>) -> Case {
    let payloads = Payloads::new(TOTAL_SIZE_BYTES, size_bytes);
    let framing = |codec| contender(codec, &payloads, |codec| codec.encode());
    let mut contenders: Vec<Contender> = CODECS.into_iter().map(framing).collect();
    // The same records from less work: no rival of ours.
    let mut in_place = framing(IN_PLACE);
    in_place.answers[0].0 = "payloads in place";
    contenders.extend([in_place, memcpy(&payloads)]);
    let digest = format!("{:02x?}", Xxh128::hash(payloads.bytes));
    let references =
        vec![("payloads in place", Answer::fixed(digest)), ("bytes", memcpy_answer(&payloads))];
    case(name, &payloads, contenders, references, targets)
}

fn scan(name: &'static str, size_bytes: usize, targets: Vec<Target>) -> Case {
    let payloads = Payloads::new(TOTAL_SIZE_BYTES, size_bytes);
    let reading = |codec| {
        contender(codec, &payloads, |codec| {
            let mut sum = 0;
            codec.scan(&mut |payload| sum ^= payload.len() as u64 ^ u64::from(payload[0]));
            black_box(sum);
        })
    };
    let mut contenders: Vec<Contender> = CODECS.into_iter().map(reading).collect();
    contenders.push(memcpy(&payloads));
    case(name, &payloads, contenders, vec![("bytes", memcpy_answer(&payloads))], targets)
}

fn case(
    name: &'static str,
    payloads: &Payloads,
    contenders: Vec<Contender>,
    references: Vec<(&'static str, Answer)>,
    targets: Vec<Target>,
) -> Case {
    let size_bytes = Some(payloads.bytes.len() as u64);
    Case { name, references, contenders, size_bytes, targets, facts: Vec::new() }
}

/// Answers with a digest of the payloads as they are read back.
fn contender(
    (name, version, make): (&'static str, &'static str, Make),
    payloads: &Payloads,
    mut run: impl FnMut(&mut dyn Codec) + 'static,
) -> Contender {
    let (made, payloads) = (Rc::new(RefCell::new(None)), *payloads);
    let answered = Rc::clone(&made);
    let answer = move || {
        let mut codec = make(&payloads);
        codec.encode();
        let mut digest = Xxh128::default();
        codec.scan(&mut |payload| digest.update(payload));
        *made.borrow_mut() = Some(codec);
        Ok(format!("{:02x?}", digest.finish()))
    };
    Contender {
        name,
        version: Answer::fixed(version),
        answers: vec![("payloads", Answer::closure(answer))],
        work: Work::closure(move || {
            let mut codec = answered.borrow_mut();
            run(codec.as_mut().expect("the answer is asked for first").as_mut());
            Ok(())
        }),
    }
}

fn memcpy(payloads: &Payloads) -> Contender {
    let from = payloads.bytes;
    let mut into = Vec::new();
    Contender {
        name: MEMCPY,
        version: Answer::fixed("-"),
        answers: vec![("bytes", memcpy_answer(payloads))],
        work: Work::closure(move || {
            // The first time is a warm-up.
            into.resize(from.len(), 1);
            into.copy_from_slice(black_box(from));
            black_box(&into);
            Ok(())
        }),
    }
}

fn memcpy_answer(payloads: &Payloads) -> Answer {
    Answer::fixed(payloads.bytes.len().to_string())
}
