//! The stops of the tour, in order.

use std::fs;
use std::path::Path;

use super::{Stop, Tour, Wrong, expect, write};

pub(super) const STOPS: &[(&str, Stop)] = &[
    ("What is in a directory: one line of digest stands for all of it", what_is_in_it),
    ("Equal content has an equal digest, and one byte makes another", equal_and_not),
    ("Remember a state, and ask what has changed since", remember),
    ("What changed, with what moved as one line", what_changed),
    ("The same for programs: JSON lines, or NUL between paths", for_programs),
    ("Digests of single files, and checking them", hashes),
    #[cfg(unix)]
    ("Strange names and things that are no files are entries like any other", strange),
    ("Damage is told, with what to do", damage),
];

fn what_is_in_it(tour: &mut Tour<'_>) -> Result<(), Wrong> {
    let ran = tour.treenail(&["tree", "copy"])?;
    expect("the exit status", ran.status, 0)?;
    let summary = tour.summary(&["tree", "--json", "copy"])?;
    expect("the number of files", summary["files"].as_u64(), Some(tour.copied.files))?;
    expect("the number of directories", summary["dirs"].as_u64(), Some(tour.copied.dirs))?;
    expect("the number of bytes", summary["size_bytes"].as_u64(), Some(tour.copied.bytes))
}

fn equal_and_not(tour: &mut Tour<'_>) -> Result<(), Wrong> {
    for dir in ["a", "b"] {
        fs::create_dir(tour.path(dir))?;
        write(&tour.path(dir).join("greeting"), b"hello")?;
    }
    let ran = tour.treenail(&["tree", "--ids", "blake3", "a"])?;
    expect("the exit status", ran.status, 0)?;
    expect("whether equal directories have equal digests", tour.digest("a")?, tour.digest("b")?)?;
    let before = tour.digest("b")?;
    write(&tour.path("b/greeting"), b"hullo")?;
    expect("whether another byte keeps the digest", tour.digest("b")? == before, false)?;
    let ran = tour.treenail(&["diff", "a", "b"])?;
    expect("the difference", ran.stdout.as_str(), "M greeting\n")?;
    expect("the exit status", ran.status, 1)
}

fn remember(tour: &mut Tour<'_>) -> Result<(), Wrong> {
    tour.treenail(&["tree", "--save", "state.tn", "copy"])?;
    let ran = tour.treenail(&["diff", "state.tn", "copy"])?;
    expect("the difference", ran.stdout.as_str(), "")?;
    expect("the exit status", ran.status, 0)
}

fn what_changed(tour: &mut Tour<'_>) -> Result<(), Wrong> {
    let mut expected = Vec::new();
    let copy = tour.path("copy");
    let mut unique = tour.copied.unique.clone().into_iter();
    if let Some(file) = unique.next() {
        tour.say(&format!("(append a line to {})", file.display()))?;
        let mut content = fs::read(copy.join(&file))?;
        content.extend_from_slice(b"\none more line\n");
        write(&copy.join(&file), &content)?;
        expected.push(format!("M {}", slashed(&file)));
    }
    if let Some(file) = unique.next() {
        tour.say(&format!("(rm {})", file.display()))?;
        fs::remove_file(copy.join(&file))?;
        expected.push(format!("D {}", slashed(&file)));
    }
    if let Some(file) = unique.next() {
        let dir = file.parent().unwrap_or(Path::new(""));
        let to = dir.join(tour.free_name(dir, "renamed by the tour"));
        tour.say(&format!("(mv {} '{}')", file.display(), to.display()))?;
        fs::rename(copy.join(&file), copy.join(&to))?;
        expected.push(format!("R {} -> {}", slashed(&file), slashed(&to)));
    }
    let new = tour.free_name(Path::new(""), "new");
    tour.say(&format!("(mkdir -p {new}/deep; touch {new}/empty)"))?;
    fs::create_dir_all(copy.join(&new).join("deep"))?;
    write(&copy.join(&new).join("empty"), b"")?;
    expected.extend(["", "/deep", "/empty"].map(|below| format!("A {new}{below}")));
    let ran = tour.treenail(&["diff", "state.tn", "copy"])?;
    expect("the exit status", ran.status, 1)?;
    let mut lines: Vec<&str> = ran.stdout.lines().collect();
    lines.sort_unstable();
    expected.sort_unstable();
    expect("the difference", lines, expected.iter().map(String::as_str).collect())?;
    let moved = tour.free_name(Path::new(""), "moved");
    tour.say(&format!("(mv {new} {moved}; every entry of a directory moved: one line)"))?;
    write(&copy.join(&new).join("empty"), b"no longer")?;
    tour.run_quietly(&["tree", "--save", "state.tn", "copy"])?;
    fs::rename(copy.join(&new), copy.join(&moved))?;
    let ran = tour.treenail(&["diff", "state.tn", "copy"])?;
    expect("the difference", ran.stdout, format!("R {new} -> {moved}\n"))?;
    tour.moved = (new, moved);
    Ok(())
}

fn for_programs(tour: &mut Tour<'_>) -> Result<(), Wrong> {
    let ran = tour.treenail(&["diff", "--json", "state.tn", "copy"])?;
    let first = ran.stdout.lines().next().unwrap_or_default();
    let (from, path) = tour.moved.clone();
    let line = format!(r#"{{"change":"renamed","path":"{path}","from":"{from}","type":"dir"}}"#);
    expect("the first line", first, &line)?;
    let ran = tour.run_quietly(&["diff", "-z", "state.tn", "copy"])?;
    expect("the output", ran.stdout, format!("R\0{from}\0{path}\0"))
}

fn hashes(tour: &mut Tour<'_>) -> Result<(), Wrong> {
    let files = ["a/greeting", "b/greeting"];
    let ran = tour.treenail(&["hash", "--algo", "sha256", files[0], files[1]])?;
    let known = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  a/greeting";
    expect("the first digest", ran.stdout.lines().next(), Some(known))?;
    write(&tour.path("SUMS"), ran.stdout.as_bytes())?;
    tour.say("(the output went into SUMS)")?;
    let ran = tour.treenail(&["hash", "--algo", "sha256", "--check", "SUMS"])?;
    expect("the exit status", ran.status, 0)?;
    tour.say("(change one byte of b/greeting)")?;
    write(&tour.path("b/greeting"), b"hallo")?;
    let ran = tour.treenail(&["hash", "--algo", "sha256", "--check", "SUMS"])?;
    expect("the report", ran.stdout.as_str(), "a/greeting: OK\nb/greeting: FAILED\n")?;
    expect("the exit status", ran.status, 1)
}

#[cfg(unix)]
fn strange(tour: &mut Tour<'_>) -> Result<(), Wrong> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    let dir = tour.path("strange");
    fs::create_dir(&dir)?;
    let before = tour.digest("strange")?;
    tour.say("(a name that is no text, one with a newline, a socket, a link to nowhere)")?;
    write(&dir.join(OsStr::from_bytes(b"caf\xe9")), b"latin")?;
    write(&dir.join("two\nlines"), b"name")?;
    let socket = UnixListener::bind(dir.join("socket"))?;
    symlink("nowhere", dir.join("link"))?;
    let ran = tour.treenail(&["tree", "--json", "strange"])?;
    expect("the exit status", ran.status, 0)?;
    let summary = tour.summary(&["tree", "--json", "strange"])?;
    let counts = ["files", "symlinks", "others"].map(|key| summary[key].as_u64());
    expect("the counts", counts, [Some(2), Some(1), Some(1)])?;
    expect(
        "whether the digest is still that of nothing",
        tour.digest("strange")? == before,
        false,
    )?;
    drop(socket);
    Ok(())
}

fn damage(tour: &mut Tour<'_>) -> Result<(), Wrong> {
    tour.say("(flip one bit in the middle of state.tn)")?;
    let mut bytes = fs::read(tour.path("state.tn"))?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    write(&tour.path("state.tn"), &bytes)?;
    let ran = tour.treenail(&["diff", "state.tn", "copy"])?;
    expect("the exit status", ran.status, 2)?;
    expect("whether the error names the file", ran.stderr.contains("state.tn"), true)?;
    expect("whether the error tells the remedy", ran.stderr.contains("tree --save"), true)
}

fn slashed(path: &Path) -> String {
    path.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
}
