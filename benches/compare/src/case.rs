//! A case: contenders that do the same job, checked against one another and then timed in turns.

use std::collections::BTreeMap;

use crate::Settings;
use crate::answer::Answer;
use crate::measure::{Sample, median};
use crate::report;
use crate::work::Work;

/// How often each contender runs before the clock counts.
const WARM_UPS: usize = 2;

/// One job.
pub struct Case {
    /// What is done, in a few words; unique within the comparison.
    pub name: &'static str,
    /// Values that stand beside the contenders' own: a name and a way to get it without them.
    pub references: Vec<(&'static str, Answer)>,
    /// Who does it; the first is ours.
    pub contenders: Vec<Contender>,
    /// How many bytes are worked on in one go, for a rate beside the time.
    pub size_bytes: Option<u64>,
    /// What ours aims at.
    pub targets: Vec<Target>,
    /// What else belongs below the table: a name and a value.
    pub facts: Vec<(&'static str, Answer)>,
}

/// One way to do the job.
pub struct Contender {
    /// The name in the table.
    pub name: &'static str,
    /// Its version.
    pub version: Answer,
    /// Values that must equal those of the same name elsewhere in the case.
    pub answers: Vec<(&'static str, Answer)>,
    /// What is timed.
    pub work: Work,
}

/// A limit of our time.
#[derive(Clone, Copy)]
pub enum Target {
    /// Our time over a rival's, which is named.
    Ratio {
        /// The rival's name.
        rival: &'static str,
        /// The ratio.
        max: f64,
    },
    /// Our time over that of the fastest rival whose answers are compared with ours.
    Best(f64),
    /// Where no rival does the job.
    WallMs(f64),
}

/// What a row is to be measured by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Limit {
    /// Our wall time over this contender's.
    Ratio(f64),
    /// This contender's wall time.
    WallMs(f64),
}

/// A contender's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name.
    pub contender: &'static str,
    /// Its version.
    pub version: String,
    /// What it took.
    pub median: Sample,
    /// Our wall time over this contender's; nothing for ours.
    pub ratio: Option<f64>,
    /// What it is to be measured by.
    pub limit: Option<Limit>,
}

impl Contender {
    fn answers_like(&self, ours: &Self) -> bool {
        self.answers.iter().any(|(name, _)| ours.answers.iter().any(|(own, _)| own == name))
    }
}

impl Target {
    /// The limit in the row of this contender.
    fn limit(self, index: usize, contender: &str, fastest: Option<&str>) -> Option<Limit> {
        match self {
            Self::Ratio { rival, max } => (rival == contender).then_some(Limit::Ratio(max)),
            Self::Best(max) => (fastest == Some(contender)).then_some(Limit::Ratio(max)),
            Self::WallMs(max) => (index == 0).then_some(Limit::WallMs(max)),
        }
    }
}

/// Runs the cases, prints a table for each and records it; true when all gave equal answers.
///
/// # Errors
/// If no case has the name asked for, or the record cannot be written.
pub fn run_all(cases: Vec<Case>, settings: &Settings) -> Result<bool, String> {
    let mut machine = None;
    let mut all_sound = true;
    let mut found = false;
    for mut case in cases.into_iter().filter(|case| case.name.contains(&settings.case)) {
        found = true;
        match run(&mut case, settings.rounds) {
            Ok(rows) => {
                println!("{}", report::table(&case, settings.rounds, &rows));
                for (name, fact) in &mut case.facts {
                    println!("{name}: {}\n", fact.get()?);
                }
                let machine = machine.get_or_insert_with(report::Machine::find);
                report::record(&settings.record, machine, case.name, &rows)?;
            }
            Err(message) => {
                println!("### {}\n\nNot measured: {message}\n", case.name);
                all_sound = false;
            }
        }
    }
    if found { Ok(all_sound) } else { Err(format!("no case has `{}` in its name", settings.case)) }
}

/// Checks the answers, then times the contenders in turns.
fn run(case: &mut Case, rounds: usize) -> Result<Vec<Row>, String> {
    eprintln!("{}: comparing the answers", case.name);
    compare_answers(case)?;
    let mut versions = Vec::new();
    for contender in &mut case.contenders {
        let version = contender.version.get();
        versions.push(version.map_err(|message| format!("{}: {message}", contender.name))?);
    }
    eprintln!("{}: {rounds} rounds", case.name);
    let mut samples = vec![Vec::with_capacity(rounds); case.contenders.len()];
    for round in 0..WARM_UPS + rounds {
        for (contender, samples) in case.contenders.iter_mut().zip(&mut samples) {
            let sample = contender.work.time();
            let sample = sample.map_err(|message| format!("{}: {message}", contender.name))?;
            if round >= WARM_UPS {
                samples.push(sample);
            }
        }
    }
    let medians: Vec<Sample> = samples.iter().map(|samples| median(samples)).collect();
    let ours = medians.first().ok_or("the case has no contender")?.wall_ms;
    let fastest = (1..medians.len())
        .filter(|index| case.contenders[*index].answers_like(&case.contenders[0]))
        .min_by(|a, b| medians[*a].wall_ms.total_cmp(&medians[*b].wall_ms))
        .map(|index| case.contenders[index].name);
    let limit = |index: usize, name: &str| {
        case.targets.iter().find_map(|target| target.limit(index, name, fastest))
    };
    let rows = case.contenders.iter().zip(versions).zip(medians).enumerate();
    Ok(rows
        .map(|(index, ((contender, version), median))| Row {
            contender: contender.name,
            version,
            median,
            ratio: (index > 0).then(|| ours / median.wall_ms),
            limit: limit(index, contender.name),
        })
        .collect())
}

/// Every value with the same name is the same, and none stands alone, for then it shows nothing.
fn compare_answers(case: &mut Case) -> Result<(), String> {
    let rivals = case.contenders.get(1..).unwrap_or_default();
    for target in &case.targets {
        if let Target::Ratio { rival, .. } = target
            && !rivals.iter().any(|contender| contender.name == *rival)
        {
            return Err(format!("the target's rival `{rival}` does not take part"));
        }
    }
    let mut values: BTreeMap<&str, Vec<(&str, String)>> = BTreeMap::new();
    for (name, answer) in &mut case.references {
        let value = answer.get().map_err(|message| format!("reference {name}: {message}"))?;
        values.entry(name).or_default().push(("reference", value));
    }
    for contender in &mut case.contenders {
        if contender.answers.is_empty() {
            return Err(format!("{} gives no answer to check", contender.name));
        }
        for (name, answer) in &mut contender.answers {
            let value = answer.get().map_err(|message| format!("{}: {message}", contender.name))?;
            values.entry(name).or_default().push((contender.name, value));
        }
    }
    for (name, values) in values {
        let ((first, expected), others) = values.split_first().expect("made with a value");
        if others.is_empty() {
            return Err(format!("nobody checks the {name} of {first}"));
        }
        if let Some((other, value)) = others.iter().find(|(_, value)| value != expected) {
            return Err(format!("{name} differ: {first} says {expected}, {other} says {value}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Case, Contender, Limit, Target, run};
    use crate::answer::Answer;
    use crate::work::Work;

    fn contender(name: &'static str, answer: &'static str) -> Contender {
        Contender {
            name,
            version: Answer::fixed("1"),
            answers: vec![("sum", Answer::fixed(answer))],
            work: Work::closure(|| Ok(())),
        }
    }

    fn case(contenders: Vec<Contender>) -> Case {
        Case {
            name: "test",
            references: Vec::new(),
            contenders,
            size_bytes: None,
            targets: Vec::new(),
            facts: Vec::new(),
        }
    }

    #[test]
    fn equal_answers_are_timed() {
        let mut case = case(vec![contender("ours", "7"), contender("rival", "7")]);
        case.targets = vec![Target::Ratio { rival: "rival", max: 0.5 }];
        let rows = run(&mut case, 3).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].ratio, rows[0].limit), (None, None));
        assert!(rows[1].ratio.is_some());
        assert_eq!(rows[1].limit, Some(Limit::Ratio(0.5)));
        case.targets = vec![Target::WallMs(1.0), Target::Best(0.9)];
        let limits = run(&mut case, 1).unwrap().into_iter().map(|row| row.limit);
        assert!(limits.eq([Some(Limit::WallMs(1.0)), Some(Limit::Ratio(0.9))]));
    }

    #[test]
    fn different_answers_are_not_timed() {
        let mut case = case(vec![contender("ours", "7"), contender("rival", "8")]);
        let error = run(&mut case, 1).unwrap_err();
        assert!(error.contains("ours says 7") && error.contains("rival says 8"), "{error}");
    }

    #[test]
    fn an_answer_that_nobody_checks_is_refused() {
        assert!(run(&mut case(vec![contender("ours", "7")]), 1).unwrap_err().contains("nobody"));
        let mut silent = case(vec![contender("ours", "7"), contender("rival", "7")]);
        silent.contenders[1].answers.clear();
        assert!(run(&mut silent, 1).unwrap_err().contains("no answer"));
    }

    #[test]
    fn a_target_needs_its_rival() {
        let mut case = case(vec![contender("ours", "7"), contender("rival", "7")]);
        case.targets = vec![Target::Ratio { rival: "ours", max: 1.0 }];
        assert!(run(&mut case, 1).is_err());
    }

    #[test]
    fn failing_work_is_named() {
        let mut case = case(vec![contender("ours", "7"), contender("rival", "7")]);
        case.contenders[1].work = Work::closure(|| Err("broke".to_owned()));
        assert_eq!(run(&mut case, 1).unwrap_err(), "rival: broke");
    }
}
