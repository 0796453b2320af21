//! Keeps the lines of standard input in a log, each durable before the next is read, or prints
//! those that are kept.
//!
//! ```console
//! $ cargo run --example lines -- DIR < FILE
//! $ cargo run --example lines -- DIR --print
//! ```

use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use treenail_store::disk::OsDisk;
use treenail_store::{Kind, Log, Options, Reader, Tail};

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [dir] => keep(Path::new(dir)),
        [dir, "--print"] => print(Path::new(dir)),
        _ => Err("usage: lines DIR [--print]".into()),
    }
}

fn keep(dir: &Path) -> Result<(), Box<dyn Error>> {
    let line_kind = Kind::new(1).ok_or("1 is a kind")?;
    let (log, recovery) = Log::open(dir, &Options::default())?;
    match recovery.tail {
        Tail::Torn { at, .. } => eprintln!("a line that was being written at {at} is lost"),
        _ => eprintln!("{} records are there already", recovery.records),
    }
    for line in io::stdin().lines() {
        log.write(line_kind, line?.as_bytes())?;
    }
    let counts = log.counts();
    eprintln!("{} lines, {} syncs", counts.records, counts.syncs);
    Ok(log.close()?)
}

/// Works while another process is writing, too.
fn print(dir: &Path) -> Result<(), Box<dyn Error>> {
    let (mut reader, _) = Reader::open(OsDisk::open(dir)?)?;
    let mut out = io::stdout().lock();
    while let Some(record) = reader.next()? {
        out.write_all(record.payload)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}
