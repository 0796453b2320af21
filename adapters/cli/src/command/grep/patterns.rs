//! What is searched for, as the command line says it.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use treenail::glob::Case;
use treenail::glob::search::{Binary, Engine, Search};

use crate::args::{EngineName, Grep};
use crate::output::{Failed, Problem};

use super::{Paths, form, is_stdin};

/// The patterns, each once; `stdin_is_read` becomes true if they came from standard input.
pub(super) fn read(args: &Grep, stdin_is_read: &mut bool) -> Result<Vec<String>, Failed> {
    if args.wanted.files {
        return Ok(Vec::new());
    }
    let matching = &args.matching;
    let mut patterns = Vec::new();
    for pattern in &matching.regexps {
        patterns.push(text(pattern)?);
    }
    for file in &matching.pattern_files {
        patterns.extend(lines(file, stdin_is_read)?);
    }
    if matching.regexps.is_empty() && matching.pattern_files.is_empty() {
        patterns.extend(args.pattern.iter().map(text).collect::<Result<Vec<_>, _>>()?);
    }
    let mut seen = HashSet::new();
    patterns.retain(|pattern| seen.insert(pattern.clone()));
    Ok(patterns)
}

fn text(pattern: &OsString) -> Result<String, Failed> {
    let text = pattern.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        let message = "the pattern is not UTF-8".to_owned();
        let remedy = Some(r"write other bytes as \xFF and begin the pattern with (?-u)");
        Problem { kind: "pattern", message, path: None, remedy }.into()
    })
}

/// The patterns of a file, one a line.
fn lines(file: &Path, stdin_is_read: &mut bool) -> Result<Vec<String>, Failed> {
    let read = if is_stdin(file) {
        if std::mem::replace(stdin_is_read, true) {
            return Ok(Vec::new());
        }
        let mut bytes = Vec::new();
        io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        fs::read(file)
    };
    let bytes = read.map_err(|error| Problem::io(file, &error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        let message = format!("line {line} is not UTF-8");
        let path = Some(treenail::os::bytes_of(file.as_os_str()).to_vec());
        Problem { kind: "pattern", message, path, remedy: None }
    })?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// The search.
pub(super) fn search(args: &Grep, paths: &Paths, patterns: Vec<String>) -> Result<Search, Failed> {
    let (matching, wanted, reading) = (&args.matching, &args.wanted, &args.reading);
    let (before, after) = context(args);
    let mut search = Search::new(patterns)
        .literal(matching.fixed_strings)
        .case(match (matching.ignore_case, matching.smart_case) {
            (true, _) => Case::Insensitive,
            (false, true) => Case::Smart,
            (false, false) => Case::Sensitive,
        })
        .word(matching.word_regexp)
        .whole_line(matching.line_regexp)
        .multiline(matching.multiline)
        .dot_all(matching.multiline_dotall)
        .crlf(matching.crlf)
        .null_data(matching.null_data)
        .unicode(!matching.no_unicode)
        .engine(match matching.engine {
            _ if matching.pcre2 => Engine::Pcre2,
            _ if matching.auto_hybrid_regex => Engine::Auto,
            Some(EngineName::Pcre2) => Engine::Pcre2,
            Some(EngineName::Auto) => Engine::Auto,
            Some(EngineName::Default) | None => Engine::Automata,
        })
        .invert(matching.invert_match)
        .context(before, after)
        .passthru(wanted.passthru)
        .stop_on_nonmatch(wanted.stop_on_nonmatch)
        .line_numbers(form::numbers_lines(args, paths))
        .encoding(&reading.encoding)
        .binary(match (reading.text, reading.binary || args.chosen.unrestricted >= 3) {
            (true, _) => Binary::Text,
            (false, true) => Binary::Search,
            (false, false) => Binary::Skip,
        })
        .compressed(reading.search_zip);
    if let Some(lines) = wanted.max_count {
        search = search.max_count(lines);
    }
    if let Some(text) = &wanted.replace {
        search = search.replacement(text.as_bytes());
    }
    let bytes = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
    if let Some(limit) = matching.regex_size_limit {
        search = search.regex_size_max(bytes(limit));
    }
    if let Some(limit) = matching.dfa_size_limit {
        search = search.dfa_size_max(bytes(limit));
    }
    Ok(search)
}

/// How many lines before and after a match are wanted.
fn context(args: &Grep) -> (usize, usize) {
    let wanted = &args.wanted;
    let both = wanted.context.unwrap_or(0);
    (wanted.before_context.unwrap_or(both), wanted.after_context.unwrap_or(both))
}
