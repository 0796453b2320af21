//! Measures Treenail beside its rivals in one interleaved run.
//!
//! A comparison is a list of cases, a case a set of contenders that do the same job. Before the
//! clock runs, the contenders' answers are compared with one another; then they take turns, so that
//! whatever else the machine does meets all of them alike. `cargo xtask compare NAME` builds what
//! is measured and starts the program with that comparison.

pub mod answer;
pub mod case;
pub mod figures;
pub mod measure;
pub mod report;
pub mod work;

use std::path::PathBuf;
use std::process::ExitCode;

use case::Case;

/// Where things are, and how long to measure.
pub struct Settings {
    /// The tree of files to work on; empty where the comparison needs none.
    pub corpus: PathBuf,
    /// Cargo's release directory, with ours in it.
    pub release: PathBuf,
    /// The CSV file that the results are added to.
    pub record: PathBuf,
    /// How often each contender is timed.
    pub rounds: usize,
    /// Only cases with this in their name.
    pub case: String,
}

const USAGE: &str = "\
Options: [--corpus DIR] --release DIR --record FILE [--rounds N] [--case TEXT]

`cargo xtask compare NAME` builds what is measured and fills in the options.
";

/// Runs the cases that `make` makes, with the settings of this process's command line.
pub fn main(make: impl FnOnce(&Settings) -> Result<Vec<Case>, String>) -> ExitCode {
    run(|settings| case::run_all(make(settings)?, settings))
}

/// Runs a comparison that takes its turns itself and prints [`figures`]; `Ok(false)` from it says
/// that something could not be measured.
pub fn run(measure: impl FnOnce(&Settings) -> Result<bool, String>) -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match settings(&words).and_then(|settings| measure(&settings)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("compare: {message}");
            ExitCode::from(2)
        }
    }
}

fn settings(options: &[&str]) -> Result<Settings, String> {
    let mut settings = Settings {
        corpus: PathBuf::new(),
        release: PathBuf::new(),
        record: PathBuf::new(),
        rounds: 15,
        case: String::new(),
    };
    for pair in options.chunks(2) {
        match *pair {
            ["--corpus", dir] => settings.corpus = dir.into(),
            ["--release", dir] => settings.release = dir.into(),
            ["--record", file] => settings.record = file.into(),
            ["--case", text] => text.clone_into(&mut settings.case),
            ["--rounds", rounds] => {
                settings.rounds = rounds.parse().map_err(|e| format!("--rounds {rounds}: {e}"))?;
            }
            _ => return Err(format!("`{}` is not known\n{USAGE}", pair.join(" "))),
        }
    }
    let given = [&settings.release, &settings.record];
    if settings.rounds == 0 || given.iter().any(|path| path.as_os_str().is_empty()) {
        return Err(USAGE.to_owned());
    }
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::settings;

    #[test]
    fn options_are_read_and_checked() {
        let whole = ["--corpus", "a", "--release", "b", "--record", "c", "--rounds", "3"];
        let read = settings(&whole).unwrap_or_else(|message| panic!("{message}"));
        assert_eq!((read.rounds, read.corpus.to_str()), (3, Some("a")));
        assert!(settings(&whole[..4]).is_err(), "no record");
        assert!(settings(&["--corpus", "a", "--typo", "b"]).is_err());
        assert!(settings(&[&whole[..6], &["--rounds", "0"]].concat()).is_err());
    }
}
