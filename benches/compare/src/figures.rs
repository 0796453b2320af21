//! Tables of figures that are no wall times of one job: latencies, memory, counts.
//!
//! A contender that could not be measured keeps its row, with the reason in it.

use std::fmt::Write as _;

use crate::Settings;
use crate::report::{self, Machine};

const CSV_HEADER: &str =
    "date,commit,cpu,cores,kernel,case,contender,version,figure,unit,value,reason";

/// One job and what it gave for each contender.
#[derive(Debug)]
pub struct Table {
    /// What was done, in a few words; unique within the comparison.
    pub name: String,
    /// How it was measured; a sentence or two.
    pub note: String,
    /// What the figures are.
    pub columns: Vec<Column>,
    /// A row for each contender, ours first.
    pub rows: Vec<Row>,
    /// What ours aims at.
    pub targets: Vec<Target>,
}

/// What a figure is.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name, unique within the table.
    pub name: &'static str,
    /// Its unit; empty for a count.
    pub unit: &'static str,
}

/// What a contender gave.
#[derive(Clone, Debug)]
pub struct Row {
    /// The contender's name.
    pub contender: String,
    /// Its version.
    pub version: String,
    /// As many figures as there are columns, nothing where one says nothing about this contender;
    /// or why it was not measured.
    pub figures: Result<Vec<Option<f64>>, String>,
}

/// A limit of one figure of ours.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The contender that is held to it.
    pub contender: &'static str,
    /// The figure's column.
    pub column: &'static str,
    /// The limit.
    pub limit: Limit,
}

/// The largest figure that meets a target.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    /// The figure itself.
    Max(f64),
    /// The figure over a rival's.
    Ratio {
        /// The rival's name.
        rival: &'static str,
        /// The ratio.
        max: f64,
    },
}

impl Table {
    /// Prints the table and adds it to the record; true when every contender was measured.
    ///
    /// # Errors
    /// If the record cannot be written.
    pub fn publish(&self, settings: &Settings, machine: &Machine) -> Result<bool, String> {
        println!("{}", self.markdown());
        let lines = self.rows.iter().flat_map(|row| self.csv_lines(row));
        report::append(&settings.record, CSV_HEADER, machine, lines)?;
        Ok(self.rows.iter().all(|row| row.figures.is_ok()))
    }

    fn csv_lines(&self, row: &Row) -> Vec<[String; 7]> {
        let line = |figure: &str, unit: &str, value: String, reason: &str| {
            [&self.name, &row.contender, &row.version, figure, unit, &value, reason]
                .map(str::to_owned)
        };
        match &row.figures {
            Err(reason) => vec![line("", "", String::new(), reason)],
            Ok(figures) => {
                let figures = self.columns.iter().zip(figures);
                let said = figures.filter_map(|(column, figure)| Some((column, (*figure)?)));
                said.map(|(column, value)| line(column.name, column.unit, digits(value), ""))
                    .collect()
            }
        }
    }

    fn markdown(&self) -> String {
        let mut text = format!("### {}\n\n{}\n\n| | version |", self.name, self.note);
        for Column { name, unit } in &self.columns {
            let unit = if unit.is_empty() { String::new() } else { format!(", {unit}") };
            write!(text, " {name}{unit} |").expect("a string takes all");
        }
        writeln!(text, "\n|---|---|{}", "--:|".repeat(self.columns.len()))
            .expect("a string takes all");
        for row in &self.rows {
            let cells = match &row.figures {
                Ok(figures) => figures
                    .iter()
                    .map(|figure| figure.map(digits).unwrap_or_default())
                    .collect::<Vec<_>>()
                    .join(" | "),
                Err(reason) => {
                    format!("not measured: {reason}{}", " |".repeat(self.columns.len() - 1))
                }
            };
            writeln!(text, "| {} | {} | {cells} |", row.contender, row.version)
                .expect("a string takes all");
        }
        if !self.targets.is_empty() {
            text += "\n| target | limit | is | met |\n|---|--:|--:|---|\n";
        }
        for target in &self.targets {
            writeln!(text, "{}", self.judge(target)).expect("a string takes all");
        }
        text
    }

    fn judge(&self, target: &Target) -> String {
        let Target { contender, column, limit } = target;
        let ours = self.figure(contender, column);
        let (what, max, is) = match *limit {
            Limit::Max(max) => (format!("{contender}: {column}"), max, ours),
            Limit::Ratio { rival, max } => {
                let ratio = ours.and_then(|ours| Some(ours / self.figure(rival, column)?));
                (format!("{contender}: {column}, over that of {rival}"), max, ratio)
            }
        };
        let met = match is {
            None => "not measured",
            Some(is) if is <= max => "yes",
            Some(_) => "**no**",
        };
        format!("| {what} | <= {max} | {} | {met} |", is.map(digits).unwrap_or_default())
    }

    fn figure(&self, contender: &str, column: &str) -> Option<f64> {
        let row = self.rows.iter().find(|row| row.contender == contender)?;
        let column = self.columns.iter().position(|one| one.name == column)?;
        *row.figures.as_ref().ok()?.get(column)?
    }
}

/// As many digits as say something.
fn digits(value: f64) -> String {
    if value == value.trunc() {
        format!("{value}")
    } else if value.abs() < 1.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.1}")
    }
}

#[cfg(test)]
mod tests {
    use super::{CSV_HEADER, Column, Limit, Row, Table, Target};
    use crate::Settings;
    use crate::report::Machine;

    fn row(contender: &str, figures: Result<Vec<Option<f64>>, String>) -> Row {
        Row { contender: contender.to_owned(), version: "1".to_owned(), figures }
    }

    fn table() -> Table {
        let target = |column, limit| Target { contender: "ours", column, limit };
        Table {
            name: "latency".to_owned(),
            note: "Of saves.".to_owned(),
            columns: vec![Column { name: "median", unit: "ms" }, Column { name: "lost", unit: "" }],
            rows: vec![
                row("ours", Ok(vec![Some(0.25), Some(0.0)])),
                row("rival", Ok(vec![Some(2.5), None])),
                row("other", Err("no such program".to_owned())),
            ],
            targets: vec![
                target("median", Limit::Ratio { rival: "rival", max: 0.2 }),
                target("median", Limit::Max(0.1)),
                target("lost", Limit::Ratio { rival: "other", max: 1.0 }),
            ],
        }
    }

    #[test]
    fn a_table_shows_figures_reasons_and_targets() {
        let text = table().markdown();
        assert!(text.contains("| | version | median, ms | lost |\n|---|---|--:|--:|\n"), "{text}");
        assert!(text.contains("| ours | 1 | 0.250 | 0 |\n| rival | 1 | 2.5 |  |\n"), "{text}");
        assert!(text.contains("| other | 1 | not measured: no such program | |\n"), "{text}");
        assert!(text.contains("median, over that of rival | <= 0.2 | 0.100 | yes |\n"), "{text}");
        assert!(text.contains("| ours: median | <= 0.1 | 0.250 | **no** |\n"), "{text}");
        assert!(text.ends_with("over that of other | <= 1 |  | not measured |\n"), "{text}");
    }

    #[test]
    fn the_record_has_a_line_for_each_figure_and_each_reason() {
        let dir = tempfile::tempdir().unwrap();
        let settings = Settings {
            corpus: dir.path().into(),
            release: dir.path().into(),
            record: dir.path().join("watch.csv"),
            rounds: 1,
            case: String::new(),
        };
        let is_whole = table().publish(&settings, &Machine::find()).unwrap();
        assert!(!is_whole, "one was not measured");
        let text = std::fs::read_to_string(&settings.record).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[0], CSV_HEADER);
        assert!(lines[1].ends_with(",latency,ours,1,median,ms,0.250,"), "{}", lines[1]);
        assert!(lines[4].ends_with(",latency,other,1,,,,no such program"), "{}", lines[4]);
    }
}
