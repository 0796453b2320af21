//! `treenail hash`: digests of files, printed or checked, as sha256sum and its kin do.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use serde_json::{Map, Value, json};
use treenail::hash::{Blake3, Crc32, Crc32c, Hash as _, Sha1, Sha256, Xxh3, Xxh128};
use treenail::os::{bytes_of, os_str_of};
use treenail::tree::Attack;

use crate::Outcome;
use crate::args::{Algorithm, Hash};
use crate::output::{Failed, Output, Problem, hex, insert_path, shown};

/// Enough that a read's cost is its copy, and it stays in the second-level cache.
const BUFFER_BYTES: usize = 256 << 10;

/// A longer list is taken for something else, given by mistake.
const LIST_BYTES_MAX: u64 = 1 << 30;

pub(crate) fn run(args: &Hash, output: &mut Output) -> Result<Outcome, Failed> {
    let stdin = [PathBuf::from("-")];
    let files = if args.files.is_empty() { &stdin[..] } else { &args.files };
    if args.check { check(args.algo, files, output) } else { print(args.algo, files, output) }
}

fn print(algo: Algorithm, files: &[PathBuf], output: &mut Output) -> Result<Outcome, Failed> {
    let begun = Instant::now();
    let (mut done, mut bytes, mut errors) = (0_u64, 0_u64, 0_u64);
    digest_all(algo, files, |file, digest| {
        match digest {
            Ok(Digested { digest, size_bytes }) => {
                done += 1;
                bytes += size_bytes;
                print_digest(algo, file, &digest, size_bytes, output)?;
            }
            Err(error) => {
                errors += 1;
                output.problem(&problem(file, &error));
            }
        }
        Ok(())
    })?;
    let elapsed_ms = (begun.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    if output.json() {
        output.json_line(&json!({ "summary": {
            "files": done, "size_bytes": bytes, "elapsed_ms": elapsed_ms, "errors": errors,
        }}))?;
    }
    output.note(&format!("{done} files, {bytes} bytes, {elapsed_ms} ms"));
    Ok(if errors == 0 { Outcome::Done } else { Outcome::Incomplete })
}

/// An error of a file; what kind of thing can be digested instead of a directory is its remedy.
fn problem(file: &Path, error: &io::Error) -> Problem {
    let mut problem = Problem::io(file, error);
    if error.kind() == io::ErrorKind::IsADirectory {
        problem.remedy = Some("`treenail tree` digests directories");
    }
    problem
}

fn print_digest(
    algo: Algorithm,
    file: &Path,
    digest: &str,
    size_bytes: u64,
    output: &mut Output,
) -> Result<(), Failed> {
    let path = bytes_of(file.as_os_str());
    if output.json() {
        let mut object = Map::new();
        insert_path(&mut object, "path", path);
        object.insert("algo".into(), algo.name().into());
        object.insert("digest".into(), digest.into());
        object.insert("size_bytes".into(), size_bytes.into());
        return output.json_line(&Value::Object(object));
    }
    let escaped = escape(path);
    if escaped.len() > path.len() {
        output.write(b"\\")?;
    }
    output.write(digest.as_bytes())?;
    output.write(b"  ")?;
    output.write(&escaped)?;
    output.write(b"\n")
}

/// One line of a list of digests.
struct Expected {
    digest: String,
    file: PathBuf,
}

fn check(algo: Algorithm, lists: &[PathBuf], output: &mut Output) -> Result<Outcome, Failed> {
    let (mut right, mut wrong, mut errors) = (0_u64, 0_u64, 0_u64);
    for list in lists {
        let mut bad = |problem: &Problem| {
            output.problem(problem);
            errors += 1;
        };
        let expected = read_list(algo, list, &mut bad);
        let files: Vec<PathBuf> = expected.iter().map(|line| line.file.clone()).collect();
        let mut lines = expected.iter();
        digest_all(algo, &files, |file, digest| {
            let line = lines.next().expect("a result for each line");
            let status = match &digest {
                Ok(digested) if digested.digest == line.digest => "OK",
                Ok(_) => "FAILED",
                Err(error) => {
                    output.problem(&problem(file, error));
                    "FAILED open or read"
                }
            };
            let ok = status == "OK";
            right += u64::from(ok);
            wrong += u64::from(!ok);
            if ok && output.quiet() { Ok(()) } else { print_status(file, status, output) }
        })?;
    }
    if output.json() {
        let summary = json!({ "ok": right, "failed": wrong, "errors": errors });
        output.json_line(&json!({ "summary": summary }))?;
    }
    if wrong > 0 {
        let message = format!("{wrong} of {} files are not what they should be", right + wrong);
        output.problem(&Problem { kind: "mismatch", message, path: None, remedy: None });
    }
    Ok(match (errors, wrong) {
        (0, 0) => Outcome::Done,
        (0, _) => Outcome::No,
        _ => Outcome::Incomplete,
    })
}

fn print_status(file: &Path, status: &str, output: &mut Output) -> Result<(), Failed> {
    let path = bytes_of(file.as_os_str());
    if output.json() {
        let mut object = Map::new();
        insert_path(&mut object, "path", path);
        object.insert("ok".into(), (status == "OK").into());
        return output.json_line(&Value::Object(object));
    }
    output.write(&shown(path))?;
    output.write(format!(": {status}\n").as_bytes())
}

/// The lines of a list that can be checked; `bad` gets what is wrong with others.
fn read_list(algo: Algorithm, list: &Path, bad: &mut impl FnMut(&Problem)) -> Vec<Expected> {
    let mut text = Vec::new();
    let read = open(list).and_then(|file| file.take(LIST_BYTES_MAX + 1).read_to_end(&mut text));
    if let Err(error) = read {
        bad(&problem(list, &error));
        return Vec::new();
    }
    let mut bad = |message, remedy| {
        let path = Some(bytes_of(list.as_os_str()).to_vec());
        bad(&Problem { kind: "format", message, path, remedy: Some(remedy) });
    };
    if text.len() as u64 > LIST_BYTES_MAX {
        let message = format!("longer than the limit of {LIST_BYTES_MAX} bytes");
        bad(message, "name a list of digests, or check it in parts");
        return Vec::new();
    }
    let lines = text.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.map(|(number, line)| (number + 1, line.strip_suffix(b"\r").unwrap_or(line)));
    let mut lines =
        lines.filter(|(_, line)| !line.is_empty() && !line.starts_with(b"#")).peekable();
    if lines.peek().is_none() {
        bad("holds no digests".to_owned(), "name a list that `treenail hash` or the like printed");
    }
    let mut wrong = Vec::new();
    let mut expected = Vec::new();
    for (number, line) in lines {
        match parse_line(algo, line) {
            Some(parsed) => expected.push(parsed),
            None => wrong.push(number),
        }
    }
    if let [first, others @ ..] = &wrong[..] {
        let more = match others.len() {
            0 => String::new(),
            more => format!(", and {more} more"),
        };
        let message = format!("line {first} is no {} digest and name{more}", algo.name());
        bad(message, "say with --algo which algorithm made the list");
    }
    expected
}

/// Parses `DIGEST  NAME`, with `XXH3_` before it as some xxhsums write, or `ALGO (NAME) = DIGEST`;
/// a `\` at the front says that the name is escaped.
fn parse_line(algo: Algorithm, line: &[u8]) -> Option<Expected> {
    let (line, escaped) = match line.strip_prefix(b"\\") {
        Some(rest) => (rest, true),
        None => (line, false),
    };
    let (name, digest) = tagged(algo, line).or_else(|| {
        let line = line.strip_prefix(b"XXH3_").unwrap_or(line);
        let (digest, rest) = line.split_at_checked(algo.hex_len())?;
        Some((rest.strip_prefix(b"  ").or_else(|| rest.strip_prefix(b" *"))?, digest))
    })?;
    if name.is_empty() || !digest.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let name = if escaped { unescape(name)? } else { name.to_vec() };
    let digest = String::from_utf8(digest.to_ascii_lowercase()).ok()?;
    Some(Expected { digest, file: PathBuf::from(&*os_str_of(&name).ok()?) })
}

/// The name and the digest of a line `ALGO (NAME) = DIGEST`.
fn tagged(algo: Algorithm, line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (line, digest) = line.split_at_checked(line.len().checked_sub(algo.hex_len())?)?;
    let line = line.strip_suffix(b") = ")?;
    let open = line.windows(2).position(|two| two == b" (")?;
    line[..open].eq_ignore_ascii_case(algo.name().as_bytes()).then_some((&line[open + 2..], digest))
}

fn escape(name: &[u8]) -> Vec<u8> {
    let escaped = name.iter().flat_map(|byte| match byte {
        b'\n' => b"\\n".as_slice(),
        b'\r' => b"\\r",
        b'\\' => b"\\\\",
        byte => std::slice::from_ref(byte),
    });
    escaped.copied().collect()
}

fn unescape(name: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'\\' => match rest.next()? {
                b'n' => b'\n',
                b'r' => b'\r',
                b'\\' => b'\\',
                _ => return None,
            },
            byte => *byte,
        });
    }
    Some(bytes)
}

/// A file's digest in hexadecimal digits.
struct Digested {
    digest: String,
    size_bytes: u64,
}

/// Digests files on all threads and hands over the results in the files' order.
fn digest_all(
    algo: Algorithm,
    files: &[PathBuf],
    mut each: impl FnMut(&Path, io::Result<Digested>) -> Result<(), Failed>,
) -> Result<(), Failed> {
    let threads = thread::available_parallelism().map_or(1, usize::from).min(files.len());
    if threads <= 1 {
        return files.iter().try_for_each(|file| each(file, digest(algo, file)));
    }
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..threads {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(file) = files.get(at) else { return };
                    if sender.send((at, digest(algo, file))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = std::collections::BTreeMap::new();
        let mut wanted = 0;
        for (at, result) in &results {
            waiting.insert(at, result);
            while let Some(result) = waiting.remove(&wanted) {
                if let Err(failed) = each(&files[wanted], result) {
                    next.store(files.len(), Ordering::Relaxed);
                    return Err(failed);
                }
                wanted += 1;
            }
        }
        Ok(())
    })
}

fn digest(algo: Algorithm, file: &Path) -> io::Result<Digested> {
    let mut input = open(file)?;
    match algo {
        Algorithm::Xxh3 => digest_with::<Xxh3>(&mut input),
        Algorithm::Xxh128 => digest_with::<Xxh128>(&mut input),
        Algorithm::Blake3 => digest_with::<Blake3>(&mut input),
        Algorithm::Sha256 => digest_with::<Sha256>(&mut input),
        Algorithm::Crc32 => digest_with::<Crc32>(&mut input),
        Algorithm::Crc32c => digest_with::<Crc32c>(&mut input),
        Algorithm::Sha1 => {
            let mut state = Sha1::default();
            let size_bytes = read_all(&mut input, |bytes| state.update(bytes))?;
            let digest = state.finish_checked().map_err(|_| io::Error::other(Attack))?;
            Ok(Digested { digest: hex(&digest), size_bytes })
        }
    }
}

fn digest_with<H: treenail::hash::Hash>(input: &mut impl Read) -> io::Result<Digested> {
    let mut state = H::default();
    let size_bytes = read_all(input, |bytes| state.update(bytes))?;
    Ok(Digested { digest: hex(state.finish().as_ref()), size_bytes })
}

fn read_all(input: &mut impl Read, mut each: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut size_bytes = 0;
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return Ok(size_bytes),
            Ok(read) => {
                each(&buffer[..read]);
                size_bytes += read as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn open(file: &Path) -> io::Result<Box<dyn Read>> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file = File::open(file)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    Ok(Box::new(file))
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::Xxh3 => Xxh3::NAME,
            Self::Xxh128 => Xxh128::NAME,
            Self::Blake3 => Blake3::NAME,
            Self::Sha256 => Sha256::NAME,
            Self::Sha1 => Sha1::NAME,
            Self::Crc32 => Crc32::NAME,
            Self::Crc32c => Crc32c::NAME,
        }
    }

    /// How many hexadecimal digits a digest has.
    fn hex_len(self) -> usize {
        2 * match self {
            Self::Xxh3 => 8,
            Self::Xxh128 => 16,
            Self::Blake3 | Self::Sha256 => 32,
            Self::Sha1 => 20,
            Self::Crc32 | Self::Crc32c => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_newlines_survive_a_list() {
        let name = b"a\nb\\c\rd";
        assert_eq!(unescape(&escape(name)).as_deref(), Some(&name[..]));
        assert_eq!(unescape(b"a\\x"), None);
    }

    #[test]
    fn lines_of_the_usual_tools_are_read() {
        let line = |text: &str| parse_line(Algorithm::Crc32, text.as_bytes());
        assert_eq!(
            line("0000ffAA  a b").map(|l| (l.digest, l.file)),
            Some(("0000ffaa".into(), "a b".into()))
        );
        assert_eq!(line("0000ffaa *a").map(|l| l.file), Some("a".into()));
        assert_eq!(line("\\0000ffaa  a\\nb").map(|l| l.file), Some("a\nb".into()));
        let tagged = line("CRC32 (a (b) = c) = 0000ffaa").map(|l| (l.digest, l.file));
        assert_eq!(tagged, Some(("0000ffaa".into(), "a (b) = c".into())));
        assert!(line("SHA1 (a) = 0000ffaa").is_none());
        assert!(line("0000ffa  a").is_none());
        assert!(line("0000ffaaa  a").is_none());
        assert!(line("0000ffaz  a").is_none());
        assert!(line("0000ffaa  ").is_none());
    }
}
