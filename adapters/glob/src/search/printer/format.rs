//! What is printed of a result, and how.

use std::fmt::Write as _;
use std::str::FromStr;
use std::time::Duration;

use grep_printer::{
    ColorSpecs, HyperlinkConfig, HyperlinkEnvironment, HyperlinkFormat, JSONBuilder,
    StandardBuilder, Stats, SummaryBuilder, SummaryKind, UserColorSpec, default_color_specs,
};

use crate::search::Options;

/// What is printed of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Its lines.
    #[default]
    Lines,
    /// Its lines, as JSON.
    Json,
    /// How many lines match.
    Count,
    /// How many matches there are.
    CountMatches,
    /// Its name, if a line matches.
    FilesWithMatches,
    /// Its name, if no line matches.
    FilesWithoutMatch,
    /// Nothing: the question is whether a line matches.
    Nothing,
    /// Nothing: the question is whether there is a file without a match.
    NothingWithoutMatch,
}

/// A part of the output and how it looks, such as `match:fg:red`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColorRule(UserColorSpec);

impl FromStr for ColorRule {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error: grep_printer::ColorError| error.to_string())
    }
}

/// The form of links that a terminal makes of names and lines, such as `file://{host}{path}`. The
/// default has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hyperlink(HyperlinkConfig);

impl Hyperlink {
    /// A form with the variables `{path}`, `{host}`, `{wslprefix}`, `{line}` and `{column}`, or the
    /// name of one: [`NAMES`](Self::NAMES). `host` stands for the machine.
    ///
    /// # Errors
    /// The text is no such form; says why.
    pub fn parse(text: &str, host: Option<String>) -> Result<Self, String> {
        let format: HyperlinkFormat =
            text.parse().map_err(|error: grep_printer::HyperlinkFormatError| error.to_string())?;
        let mut environment = HyperlinkEnvironment::new();
        let wsl = std::env::var("WSL_DISTRO_NAME").ok().map(|name| format!("wsl$/{name}"));
        environment.host(host).wsl_prefix(wsl);
        Ok(Self(format.into_config(environment)))
    }

    /// The forms that have names.
    pub const NAMES: &[&str] = &[
        "default",
        "none",
        "cursor",
        "file",
        "grep+",
        "kitty",
        "macvim",
        "textmate",
        "vscode",
        "vscode-insiders",
        "vscodium",
    ];
}

/// What is printed of a result, and how. The default is what ripgrep prints of a directory when
/// nobody looks.
#[derive(Clone, Debug)]
pub struct Format {
    /// What is printed of a file.
    pub mode: Mode,
    /// Whether there are colours.
    pub color: bool,
    /// The links that names and lines are, where there are colours.
    pub hyperlink: Hyperlink,
    /// Which colours, over the usual ones.
    pub colors: Vec<ColorRule>,
    /// Whether lines and counts come with the file's name.
    pub with_path: bool,
    /// Whether the name stands once above a file's lines.
    pub heading: bool,
    /// Whether only what matches is printed, each match on a line of its own.
    pub only_matching: bool,
    /// Whether each match gets the line it is in once more.
    pub per_match: bool,
    /// Whether the column of the first match is printed.
    pub column: bool,
    /// Whether the offset of a line, or of a match, is printed.
    pub byte_offset: bool,
    /// Whether blanks at the beginning of lines are left out.
    pub trim: bool,
    /// How many bytes of a line are printed; longer lines are left out.
    pub max_columns: Option<u64>,
    /// Whether the beginning of a line that is too long is printed.
    pub max_columns_preview: bool,
    /// Whether files without a match are counted too.
    pub include_zero: bool,
    /// What stands behind a name instead of a separator or a line's end.
    pub path_terminator: Option<u8>,
    /// What stands between the parts of a name instead of the system's own.
    pub path_separator: Option<u8>,
    /// What stands between lines that are no neighbours.
    pub context_separator: Option<Vec<u8>>,
    /// What stands behind the number of a line that matches.
    pub field_match_separator: Vec<u8>,
    /// What stands behind the number of a line around a match.
    pub field_context_separator: Vec<u8>,
    /// Whether statistics follow at the end. JSON always has them.
    pub stats: bool,
    /// Whether statistics are in JSON, also when nothing else is printed.
    pub json_summary: bool,
    /// Whether each line is written at once; for an input that comes slowly.
    pub line_buffered: bool,
}

impl Default for Format {
    fn default() -> Self {
        Self {
            mode: Mode::Lines,
            color: false,
            hyperlink: Hyperlink::default(),
            colors: Vec::new(),
            with_path: true,
            heading: false,
            only_matching: false,
            per_match: false,
            column: false,
            byte_offset: false,
            trim: false,
            max_columns: None,
            max_columns_preview: false,
            include_zero: false,
            path_terminator: None,
            path_separator: None,
            context_separator: Some(b"--".to_vec()),
            field_match_separator: b":".to_vec(),
            field_context_separator: b"-".to_vec(),
            stats: false,
            json_summary: false,
            line_buffered: false,
        }
    }
}

impl Format {
    fn color_specs(&self) -> ColorSpecs {
        let mut specs = default_color_specs();
        specs.extend(self.colors.iter().map(|rule| rule.0.clone()));
        ColorSpecs::new(&specs)
    }

    /// What separates the files' lines, for which a line of its own is written.
    pub(super) fn file_separator(&self, options: &Options) -> Option<Vec<u8>> {
        let has_context = !options.passthru && (options.before > 0 || options.after > 0);
        match self.mode {
            Mode::Lines if self.heading => Some(Vec::new()),
            Mode::Lines if has_context => self.context_separator.clone(),
            _ => None,
        }
    }

    pub(super) fn standard(&self, options: &Options) -> StandardBuilder {
        let mut builder = StandardBuilder::new();
        builder
            .byte_offset(self.byte_offset)
            .color_specs(self.color_specs())
            .column(self.column)
            .heading(self.heading)
            .hyperlink(self.hyperlink.0.clone())
            .max_columns_preview(self.max_columns_preview)
            .max_columns(self.max_columns)
            .only_matching(self.only_matching)
            .path(self.with_path)
            .path_terminator(self.path_terminator)
            .per_match_one_line(true)
            .per_match(self.per_match)
            .replacement(options.replacement.clone())
            .separator_context(self.context_separator.clone())
            .separator_field_context(self.field_context_separator.clone())
            .separator_field_match(self.field_match_separator.clone())
            .separator_path(self.path_separator)
            .stats(self.stats)
            .trim_ascii(self.trim);
        builder
    }

    pub(super) fn summary(&self, mode: Mode) -> SummaryBuilder {
        let mut builder = SummaryBuilder::new();
        builder
            .color_specs(self.color_specs())
            .hyperlink(self.hyperlink.0.clone())
            .exclude_zero(!self.include_zero)
            .kind(match mode {
                Mode::Count => SummaryKind::Count,
                Mode::CountMatches => SummaryKind::CountMatches,
                Mode::FilesWithMatches => SummaryKind::PathWithMatch,
                Mode::FilesWithoutMatch => SummaryKind::PathWithoutMatch,
                Mode::NothingWithoutMatch => SummaryKind::QuietWithoutMatch,
                Mode::Lines | Mode::Json | Mode::Nothing => SummaryKind::QuietWithMatch,
            })
            .path(self.with_path)
            .path_terminator(self.path_terminator)
            .separator_field(b":".to_vec())
            .separator_path(self.path_separator)
            .stats(self.stats);
        builder
    }

    pub(super) fn json(&self, options: &Options) -> JSONBuilder {
        let mut builder = JSONBuilder::new();
        builder.replacement(options.replacement.clone());
        builder
    }
}

/// The last line of JSON.
pub(super) fn json_summary(stats: &Stats, elapsed: Duration) -> String {
    let seconds = |duration: Duration| {
        let (secs, nanos) = (duration.as_secs(), duration.subsec_nanos());
        let human = duration.as_secs_f64();
        format!(r#"{{"human":"{human:.6}s","nanos":{nanos},"secs":{secs}}}"#)
    };
    let mut text = String::from(r#"{"data":{"elapsed_total":"#);
    text.push_str(&seconds(elapsed));
    // Writing to a string does not fail.
    _ = write!(
        text,
        concat!(
            r#","stats":{{"bytes_printed":{},"bytes_searched":{},"elapsed":{},"#,
            r#""matched_lines":{},"matches":{},"searches":{},"searches_with_match":{}}}}},"#,
            r#""type":"summary"}}"#
        ),
        stats.bytes_printed(),
        stats.bytes_searched(),
        seconds(stats.elapsed()),
        stats.matched_lines(),
        stats.matches(),
        stats.searches(),
        stats.searches_with_match(),
    );
    text.push('\n');
    text
}

/// The statistics for people.
pub(super) fn text_summary(stats: &Stats, elapsed: Duration) -> String {
    format!(
        "\n{} matches\n{} matched lines\n{} files contained matches\n{} files searched\n\
         {} bytes printed\n{} bytes searched\n{:.6} seconds spent searching\n\
         {:.6} seconds total\n",
        stats.matches(),
        stats.matched_lines(),
        stats.searches_with_match(),
        stats.searches(),
        stats.bytes_printed(),
        stats.bytes_searched(),
        stats.elapsed().as_secs_f64(),
        elapsed.as_secs_f64(),
    )
}
