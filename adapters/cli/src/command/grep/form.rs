//! How results are printed, as the command line says it and as a terminal likes it.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, IsTerminal};
use std::process::Command;

use treenail::glob::search::printer::{ColorRule, Format, Hyperlink, Mode};

use crate::args::{Grep, When};
use crate::output::{Failed, Problem};

use super::Paths;

/// What is printed of a result.
fn mode(args: &Grep) -> Mode {
    let wanted = &args.wanted;
    match () {
        () if wanted.quiet && wanted.files_without_match => Mode::NothingWithoutMatch,
        () if wanted.quiet => Mode::Nothing,
        () if wanted.json => Mode::Json,
        () if wanted.files_with_matches => Mode::FilesWithMatches,
        () if wanted.files_without_match => Mode::FilesWithoutMatch,
        // Lines that do not match have no matches to be counted.
        () if wanted.count_matches && args.matching.invert_match => Mode::Count,
        () if wanted.count_matches || (wanted.count && wanted.only_matching) => Mode::CountMatches,
        () if wanted.count => Mode::Count,
        () => Mode::Lines,
    }
}

/// Whether results are printed as a person at a terminal likes them.
fn is_for_people(args: &Grep) -> bool {
    args.printed.pretty || io::stdout().is_terminal()
}

/// Whether lines are counted, which costs a little.
pub(super) fn numbers_lines(args: &Grep, paths: &Paths) -> bool {
    let printed = &args.printed;
    if printed.line_number || printed.no_line_number {
        return printed.line_number;
    }
    match mode(args) {
        Mode::Json => true,
        Mode::Lines if printed.pretty || printed.column || printed.vimgrep => true,
        Mode::Lines => io::stdout().is_terminal() && !paths.is_only_stdin(),
        _ => false,
    }
}

pub(super) fn colors(args: &Grep) -> bool {
    match args.printed.color {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            wanted && is_for_people(args)
        }
    }
}

/// The byte that separates the parts of paths, if it is not the system's own.
pub(super) fn path_separator(args: &Grep) -> Result<Option<u8>, Failed> {
    let Some(text) = &args.printed.path_separator else { return Ok(None) };
    match unescaped(text)[..] {
        [] => Ok(None),
        [byte] => Ok(Some(byte)),
        _ => {
            let message = format!("the separator of paths must be one byte, and not {text:?}");
            let remedy = Some("give one character, such as `/`");
            Err(Problem { kind: "usage", message, path: None, remedy }.into())
        }
    }
}

/// The last rules of each part of the output go before earlier ones.
pub(super) fn color_rules(args: &Grep) -> Result<Vec<ColorRule>, Failed> {
    let rules = args.printed.colors.iter().map(|rule| {
        rule.parse().map_err(|message| {
            let remedy = Some("write it as match:fg:red, or line:style:bold");
            Problem { kind: "usage", message, path: None, remedy }.into()
        })
    });
    rules.collect()
}

fn hyperlink(args: &Grep) -> Result<Hyperlink, Failed> {
    let Some(text) = &args.printed.hyperlink_format else { return Ok(Hyperlink::default()) };
    let host = if text == "none" { None } else { host(args.printed.hostname_bin.as_deref()) };
    Hyperlink::parse(text, host).map_err(|message| {
        let remedy = Some("write it as file://{host}{path}, or name one, as default or vscode");
        Problem { kind: "usage", message, path: None, remedy }.into()
    })
}

/// The name of this machine, as far as it can be found out.
pub(in crate::command) fn host(program: Option<&OsStr>) -> Option<String> {
    let program = program.filter(|program| !program.is_empty());
    let text = match program {
        None if cfg!(target_os = "linux") => fs::read("/proc/sys/kernel/hostname").ok()?,
        program => {
            let output = Command::new(program.unwrap_or(OsStr::new("hostname"))).output().ok()?;
            output.status.success().then_some(output.stdout)?
        }
    };
    let text = String::from_utf8(text).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}

pub(super) fn format(args: &Grep, paths: &Paths) -> Result<Format, Failed> {
    let (wanted, printed) = (&args.wanted, &args.printed);
    let with_path = match (printed.with_filename, printed.no_filename) {
        (true, _) => true,
        (false, true) => false,
        (false, false) => printed.vimgrep || !paths.is_one_file,
    };
    let heading = match (printed.heading, printed.no_heading) {
        (true, _) => true,
        (false, true) => false,
        (false, false) => is_for_people(args),
    };
    Ok(Format {
        mode: mode(args),
        color: colors(args),
        colors: color_rules(args)?,
        hyperlink: hyperlink(args)?,
        with_path,
        heading: heading && !printed.vimgrep,
        only_matching: wanted.only_matching,
        per_match: printed.vimgrep,
        column: (printed.column || printed.vimgrep) && !printed.no_column,
        byte_offset: printed.byte_offset,
        trim: printed.trim,
        max_columns: printed.max_columns.filter(|columns| *columns > 0),
        max_columns_preview: printed.max_columns_preview,
        include_zero: wanted.include_zero,
        path_terminator: printed.null.then_some(0),
        path_separator: path_separator(args)?,
        context_separator: match printed.no_context_separator {
            true => None,
            false => Some(unescaped(&printed.context_separator)),
        },
        field_match_separator: unescaped(&printed.field_match_separator),
        field_context_separator: unescaped(&printed.field_context_separator),
        stats: wanted.stats || wanted.json,
        json_summary: wanted.json,
        line_buffered: printed.line_buffered
            || (paths.is_one_file && !printed.block_buffered && io::stdout().is_terminal()),
    })
}

/// The bytes of a text in which `\t`, `\n`, `\\`, `\0` and `\x7F` stand for others.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        let (byte, after) = match rest {
            [b'\\', b'n', after @ ..] => (b'\n', after),
            [b'\\', b't', after @ ..] => (b'\t', after),
            [b'\\', b'r', after @ ..] => (b'\r', after),
            [b'\\', b'0', after @ ..] => (0, after),
            [b'\\', b'\\', after @ ..] => (b'\\', after),
            [b'\\', b'x', high, low, after @ ..] => match (digit(*high), digit(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => (b'\\', others),
            },
            _ => (*first, others),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_may_be_written_with_escapes() {
        assert_eq!(unescaped(r"a\tb\x00\0\n\\x"), b"a\tb\0\0\n\\x");
        assert_eq!(unescaped(r"\xg0\q\"), br"\xg0\q\");
    }
}
