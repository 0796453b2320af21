//! Results as people read them, a Markdown table, and as they are kept, rows of a CSV file.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use crate::case::{Case, Limit, Row};

const CSV_HEADER: &str =
    "date,commit,cpu,cores,kernel,case,contender,version,median_ms,cpu_ms,ratio";

/// Where and on what the measurement was made.
pub struct Machine {
    date: String,
    commit: String,
    cpu: String,
    cores: usize,
    kernel: String,
}

impl Machine {
    /// Asks the system; what it does not tell is `unknown`.
    pub fn find() -> Self {
        let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cpu = cpus.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            (key.trim() == "model name").then(|| value.trim().to_owned())
        });
        Self {
            date: first_line("date", &["-u", "+%Y-%m-%dT%H:%M:%SZ"]),
            commit: first_line("git", &["describe", "--always", "--dirty"]),
            cpu: cpu.unwrap_or_else(|| "unknown".to_owned()),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: first_line("uname", &["-sr"]),
        }
    }
}

fn first_line(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().ok();
    let output = output.filter(|output| output.status.success()).map(|output| output.stdout);
    let text = String::from_utf8_lossy(&output.unwrap_or_default()).into_owned();
    text.lines().next().unwrap_or("unknown").to_owned()
}

/// The case as a Markdown table. A ratio is our time over the rival's: below 1 we are faster.
pub fn table(case: &Case, rounds: usize, rows: &[Row]) -> String {
    let (head, rule) = match case.size_bytes {
        Some(_) => (" GB/s |", "--:|"),
        None => ("", ""),
    };
    let mut text = format!(
        "### {}\n\nMedians of {rounds} interleaved rounds.\n\n\
         | | version | ms | CPU ms |{head} ours / it | target | met |\n\
         |---|---|--:|--:|{rule}--:|--:|---|\n",
        case.name
    );
    for row in rows {
        let ratio = row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default();
        let rate = case.size_bytes.map(|bytes| format!(" {:.2} |", gb_per_s(bytes, row)));
        let rate = rate.unwrap_or_default();
        let (target, met) = target(row);
        let (wall, cpu) = (ms(row.median.wall_ms), ms(row.median.cpu_ms));
        writeln!(
            text,
            "| {} | {} | {wall} | {cpu} |{rate} {ratio} | {target} | {met} |",
            row.contender, row.version
        )
        .expect("a string takes all");
    }
    text
}

fn gb_per_s(bytes: u64, row: &Row) -> f64 {
    bytes as f64 / row.median.wall_ms / 1e6
}

fn target(row: &Row) -> (String, &'static str) {
    let (text, met) = match (row.limit, row.ratio) {
        (Some(Limit::Ratio(max)), Some(ratio)) => (format!("<= {max:.2}"), ratio <= max),
        (Some(Limit::WallMs(max)), _) => (format!("<= {max} ms"), row.median.wall_ms <= max),
        _ => return (String::new(), ""),
    };
    (text, if met { "yes" } else { "**no**" })
}

/// Milliseconds with as many digits as say something.
fn ms(value: f64) -> String {
    if value < 1.0 { format!("{value:.3}") } else { format!("{value:.1}") }
}

/// Adds a line for each row to the file, which is made with its header if it is not there.
///
/// # Errors
/// If the file cannot be written.
pub fn record(file: &Path, on: &Machine, case: &str, rows: &[Row]) -> Result<(), String> {
    let lines = rows.iter().map(|row| {
        [
            case.to_owned(),
            row.contender.to_owned(),
            row.version.clone(),
            format!("{:.3}", row.median.wall_ms),
            format!("{:.3}", row.median.cpu_ms),
            row.ratio.map(|ratio| format!("{ratio:.4}")).unwrap_or_default(),
        ]
    });
    append(file, CSV_HEADER, on, lines)
}

/// Adds lines to a CSV file, each begun with where and on what it was measured.
pub(crate) fn append<const FIELDS: usize>(
    file: &Path,
    header: &str,
    on: &Machine,
    lines: impl Iterator<Item = [String; FIELDS]>,
) -> Result<(), String> {
    let mut text = String::new();
    if !file.exists() {
        writeln!(text, "{header}").expect("a string takes all");
    }
    let machine = [&on.date, &on.commit, &on.cpu, &on.cores.to_string(), &on.kernel];
    for line in lines {
        let fields: Vec<String> = machine.into_iter().chain(&line).map(|one| csv(one)).collect();
        writeln!(text, "{}", fields.join(",")).expect("a string takes all");
    }
    let dir = file.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(dir)
        .and_then(|()| OpenOptions::new().create(true).append(true).open(file))
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|e| format!("{}: {e}", file.display()))
}

/// A field of a CSV file, in quotes where it needs them (RFC 4180).
fn csv(field: &str) -> String {
    if field.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", field.replace('"', "\"\""));
    }
    field.to_owned()
}

#[cfg(test)]
mod tests {
    use super::{CSV_HEADER, Machine, csv, record, table};
    use crate::case::{Case, Limit, Row};
    use crate::measure::Sample;

    fn rows() -> [Row; 2] {
        let sample = |wall_ms| Sample { wall_ms, cpu_ms: 2.0 * wall_ms };
        let ours = Row {
            contender: "ours",
            version: "0.1, built here".to_owned(),
            median: sample(10.0),
            ratio: None,
            limit: None,
        };
        let rival = Row {
            contender: "rival",
            ratio: Some(0.625),
            limit: Some(Limit::Ratio(0.5)),
            median: sample(16.0),
            ..ours.clone()
        };
        [ours, rival]
    }

    fn walk(size_bytes: Option<u64>) -> Case {
        Case {
            name: "walk",
            references: Vec::new(),
            contenders: Vec::new(),
            size_bytes,
            targets: Vec::new(),
            facts: Vec::new(),
        }
    }

    #[test]
    fn the_table_tells_whether_the_target_is_met() {
        let text = table(&walk(None), 15, &rows());
        let last = text.lines().last().unwrap();
        assert_eq!(last, "| rival | 0.1, built here | 16.0 | 32.0 | 0.62 | <= 0.50 | **no** |");
        let [mut ours, mut rival] = rows();
        rival.limit = Some(Limit::Ratio(1.0));
        ours.limit = Some(Limit::WallMs(9.5));
        let text = table(&walk(None), 15, &[ours.clone(), rival.clone()]);
        assert!(text.contains("| 10.0 | 20.0 |  | <= 9.5 ms | **no** |\n"), "{text}");
        assert!(text.ends_with("| <= 1.00 | yes |\n"), "{text}");
        let text = table(&walk(Some(20_000_000)), 15, &[ours, rival]);
        assert!(text.contains("| 10.0 | 20.0 | 2.00 |  | <= 9.5 ms |"), "{text}");
    }

    #[test]
    fn the_record_grows_under_one_header() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new/tree.csv");
        let machine = Machine::find();
        record(&file, &machine, "walk", &rows()).unwrap();
        record(&file, &machine, "walk", &rows()).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[0], CSV_HEADER);
        let end = ",walk,rival,\"0.1, built here\",16.000,32.000,0.6250";
        assert!(lines[4].ends_with(end), "{}", lines[4]);
        assert_eq!(csv("say \"a\""), "\"say \"\"a\"\"\"");
    }
}
