//! Examples in documents: what a fenced block marked `console` shows, run and compared.
//!
//! A line `$ command` is run by bash (a line that ends with a backslash goes on in the next), and
//! the lines up to the next `$ ` are its output, standard error included. `...` stands for
//! anything within a line, and alone on a line for any number of lines. A command must succeed;
//! the last one of a block may end with another status if the fence says so: `console exit=1`.

use std::path::Path;

use crate::command::Cmd;

/// A fenced block.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The number of the line that opens it, from 1.
    pub(super) line: usize,
    /// The status with which the last command ends.
    pub(super) exit: i32,
    /// The commands, in order.
    pub(super) commands: Vec<Shown>,
}

/// A command and what it is said to print.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) command: String,
    pub(super) output: Vec<String>,
}

/// The `console` blocks of a document.
///
/// # Errors
/// If a block has output before any command, no command, or no end.
pub(super) fn blocks(text: &str) -> Result<Vec<Block>, String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let trimmed = line.trim_start();
        let Some(info) = trimmed.strip_prefix("```") else { continue };
        let indent = line.len() - trimmed.len();
        let mut inside = Vec::new();
        loop {
            let Some((_, line)) = lines.next() else {
                return Err(format!("line {}: the block has no end", index + 1));
            };
            if line.trim() == "```" {
                break;
            }
            inside.push(line.get(indent..).unwrap_or_default());
        }
        let mut info = info.split_whitespace();
        if info.next() == Some("console") {
            let block = block(index + 1, info, &inside);
            blocks.push(block.map_err(|message| format!("line {}: {message}", index + 1))?);
        }
    }
    Ok(blocks)
}

fn block<'a>(
    line: usize,
    options: impl Iterator<Item = &'a str>,
    inside: &[&str],
) -> Result<Block, String> {
    let mut exit = 0;
    for option in options {
        let status = option.strip_prefix("exit=").and_then(|status| status.parse().ok());
        exit = status.ok_or_else(|| format!("`{option}` is not known after `console`"))?;
    }
    let mut commands: Vec<Shown> = Vec::new();
    let mut goes_on = false;
    for text in inside {
        if let Some(command) = text.strip_prefix("$ ").filter(|_| !goes_on) {
            commands.push(Shown { command: command.to_owned(), output: Vec::new() });
        } else {
            let last = commands.last_mut().ok_or("output before the first `$ command`")?;
            if goes_on {
                last.command.push('\n');
                last.command.push_str(text.strip_prefix("> ").unwrap_or(text));
            } else {
                last.output.push((*text).to_owned());
                continue;
            }
        }
        goes_on = text.ends_with('\\');
    }
    if commands.is_empty() {
        return Err("the block shows no `$ command`".to_owned());
    }
    Ok(Block { line, exit, commands })
}

/// Runs a block's commands in one shell in `dir` and compares; the error says what differs.
///
/// # Errors
/// If the shell does not start, or anything is not as shown.
pub(super) fn run(block: &Block, dir: &Path, path: &str) -> Result<(), String> {
    // A line that no command prints by chance parts the outputs.
    let mark = format!("\u{1}treenail-example-{}\u{1}", std::process::id());
    let mut script = String::new();
    for shown in &block.commands {
        script.push_str(&shown.command);
        script.push_str(&format!("\nprintf '%s%d\\n' '{mark}' $?\n"));
    }
    let finished = Cmd::new("timeout --kill-after=5 120 bash -c")
        .arg(&script)
        .dir(dir)
        .env("PATH", path)
        .env("HOME", dir)
        .env("LC_ALL", "C.UTF-8")
        .env("TERM", "dumb")
        .capture_quietly()?;
    let mut rest = finished.output.as_str();
    for (index, shown) in block.commands.iter().enumerate() {
        let is_last = index + 1 == block.commands.len();
        let exit = if is_last { block.exit } else { 0 };
        let cut = rest.split_once(&mark).and_then(|(output, rest)| {
            let (status, rest) = rest.split_once('\n')?;
            Some((output, status, rest))
        });
        let Some((output, status, after)) = cut else {
            return Err(format!(
                "$ {}\ndid not end within 120 seconds, or left the shell\n{rest}",
                shown.command
            ));
        };
        if status != exit.to_string() {
            return Err(format!("$ {}\nended with {status}, not {exit}\n{output}", shown.command));
        }
        let got: Vec<&str> = output.lines().collect();
        let shown_lines: Vec<&str> = shown.output.iter().map(String::as_str).collect();
        if !lines_match(&shown_lines, &got) {
            return Err(format!(
                "$ {}\nshown:\n{}\nprinted:\n{output}",
                shown.command,
                shown_lines.join("\n")
            ));
        }
        rest = after;
    }
    Ok(())
}

/// Whether the lines printed are those shown, where a line `...` stands for any number of lines.
fn lines_match(shown: &[&str], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((first, rest)) if first.trim() == "..." => {
            (0..=printed.len()).any(|skipped| lines_match(rest, &printed[skipped..]))
        }
        Some((first, rest)) => printed.split_first().is_some_and(|(line, printed)| {
            line_matches(first.trim_end(), line.trim_end()) && lines_match(rest, printed)
        }),
    }
}

/// Whether the line printed is the one shown, where `...` stands for anything.
fn line_matches(shown: &str, printed: &str) -> bool {
    let mut parts = shown.split("...");
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = printed.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{Block, Shown, blocks, line_matches, lines_match, run};

    fn shown(command: &str, output: &[&str]) -> Shown {
        Shown {
            command: command.to_owned(),
            output: output.iter().map(|&line| line.to_owned()).collect(),
        }
    }

    fn try_block(text: &str) -> Result<(), String> {
        let dir = tempfile::tempdir().unwrap();
        let path = std::env::var("PATH").unwrap();
        blocks(text).unwrap().iter().try_for_each(|block| run(block, dir.path(), &path))
    }

    #[test]
    fn only_console_blocks_are_read() {
        let text = "a\n```sh\n$ no\n```\n```console exit=1\n$ a \\\n> b\nout\n\n$ c\n```\n";
        let expected = Block {
            line: 5,
            exit: 1,
            commands: vec![shown("a \\\nb", &["out", ""]), shown("c", &[])],
        };
        assert_eq!(blocks(text).unwrap(), [expected]);
    }

    #[test]
    fn broken_blocks_are_errors() {
        for bad in [
            "```console\n$ a\n",
            "```console\nout\n$ a\n```\n",
            "```console\n```\n",
            "```console exit=one\n$ a\n```\n",
        ] {
            assert!(blocks(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn dots_stand_for_anything() {
        assert!(line_matches("a...c", "abbbc") && line_matches("a...c", "ac"));
        assert!(line_matches("... files, ... bytes", "12 files, 3 bytes"));
        assert!(!line_matches("a...c", "ab") && !line_matches("abc", "abcd"));
        assert!(!line_matches("aa...aa", "aaa"), "the parts do not overlap");
        assert!(lines_match(&["a", "...", "d"], &["a", "b", "c", "d"]));
        assert!(lines_match(&["..."], &[]));
        assert!(!lines_match(&["a", "..."], &["b"]));
        assert!(!lines_match(&[], &["a"]));
    }

    #[test]
    fn what_is_shown_is_what_must_be_printed() {
        assert_eq!(try_block("```console\n$ echo one; echo two >&2\none\ntwo\n```\n"), Ok(()));
        assert_eq!(try_block("```console\n$ cd /usr\n$ pwd\n/usr\n```\n"), Ok(()));
        assert_eq!(try_block("```console\n$ printf 'no end'\nno end\n```\n"), Ok(()));
        let error = try_block("```console\n$ echo one\ntwo\n```\n").unwrap_err();
        assert!(error.contains("shown:\ntwo") && error.contains("printed:\none"), "{error}");
        assert!(try_block("```console\n$ echo one\n```\n").is_err(), "silence is shown too");
    }

    #[test]
    fn the_status_counts() {
        assert!(try_block("```console\n$ false\n```\n").unwrap_err().contains("ended with 1"));
        assert_eq!(try_block("```console exit=1\n$ true\n$ false\n```\n"), Ok(()));
        assert!(try_block("```console exit=1\n$ true\n```\n").is_err());
        assert!(try_block("```console\n$ exit 0\n```\n").unwrap_err().contains("left the shell"));
    }
}
