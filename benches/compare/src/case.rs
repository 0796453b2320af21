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
pub(crate) struct Case {
    /// What is done, in a few words; unique within the comparison.
    pub(crate) name: &'static str,
    /// Values that stand beside the contenders' own: a name and a way to get it without them.
    pub(crate) references: Vec<(&'static str, Answer)>,
    /// Who does it; the first is ours.
    pub(crate) contenders: Vec<Contender>,
    /// What ours aims at.
    pub(crate) target: Option<Target>,
    /// What else belongs below the table: a name and a value.
    pub(crate) facts: Vec<(&'static str, Answer)>,
}

/// One way to do the job.
pub(crate) struct Contender {
    /// The name in the table.
    pub(crate) name: &'static str,
    /// Its version.
    pub(crate) version: Answer,
    /// Values that must equal those of the same name elsewhere in the case.
    pub(crate) answers: Vec<(&'static str, Answer)>,
    /// What is timed.
    pub(crate) work: Work,
}

/// A limit of our time.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// Our time over a rival's, which is named.
    Ratio { rival: &'static str, max: f64 },
    /// Where no rival does the job.
    WallMs(f64),
}

/// What a row is to be measured by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    /// Our wall time over this contender's.
    Ratio(f64),
    /// This contender's wall time.
    WallMs(f64),
}

/// A contender's result.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    pub(crate) contender: &'static str,
    pub(crate) version: String,
    pub(crate) median: Sample,
    /// Our wall time over this contender's; nothing for ours.
    pub(crate) ratio: Option<f64>,
    pub(crate) limit: Option<Limit>,
}

impl Target {
    /// The limit in the row of this contender.
    fn limit(self, index: usize, contender: &str) -> Option<Limit> {
        match self {
            Self::Ratio { rival, max } => (rival == contender).then_some(Limit::Ratio(max)),
            Self::WallMs(max) => (index == 0).then_some(Limit::WallMs(max)),
        }
    }
}

/// Runs the cases, prints a table for each and records it; true when all gave equal answers.
///
/// # Errors
/// If no case has the name asked for, or the record cannot be written.
pub(crate) fn run_all(cases: Vec<Case>, settings: &Settings) -> Result<bool, String> {
    let mut machine = None;
    let mut all_sound = true;
    let mut found = false;
    for mut case in cases.into_iter().filter(|case| case.name.contains(&settings.case)) {
        found = true;
        match run(&mut case, settings.rounds) {
            Ok(rows) => {
                println!("{}", report::table(case.name, settings.rounds, &rows));
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
    let rows = case.contenders.iter().zip(versions).zip(medians).enumerate();
    Ok(rows
        .map(|(index, ((contender, version), median))| Row {
            contender: contender.name,
            version,
            median,
            ratio: (index > 0).then(|| ours / median.wall_ms),
            limit: case.target.and_then(|target| target.limit(index, contender.name)),
        })
        .collect())
}

/// Every value with the same name is the same, and none stands alone, for then it shows nothing.
fn compare_answers(case: &mut Case) -> Result<(), String> {
    if let Some(Target::Ratio { rival, .. }) = case.target {
        let rivals = case.contenders.get(1..).unwrap_or_default();
        if !rivals.iter().any(|contender| contender.name == rival) {
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
        Case { name: "test", references: Vec::new(), contenders, target: None, facts: Vec::new() }
    }

    #[test]
    fn equal_answers_are_timed() {
        let mut case = case(vec![contender("ours", "7"), contender("rival", "7")]);
        case.target = Some(Target::Ratio { rival: "rival", max: 0.5 });
        let rows = run(&mut case, 3).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].ratio, rows[0].limit), (None, None));
        assert!(rows[1].ratio.is_some());
        assert_eq!(rows[1].limit, Some(Limit::Ratio(0.5)));
        case.target = Some(Target::WallMs(1.0));
        let limits = run(&mut case, 1).unwrap().into_iter().map(|row| row.limit);
        assert!(limits.eq([Some(Limit::WallMs(1.0)), None]));
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
        case.target = Some(Target::Ratio { rival: "ours", max: 1.0 });
        assert!(run(&mut case, 1).is_err());
    }

    #[test]
    fn failing_work_is_named() {
        let mut case = case(vec![contender("ours", "7"), contender("rival", "7")]);
        case.contenders[1].work = Work::closure(|| Err("broke".to_owned()));
        assert_eq!(run(&mut case, 1).unwrap_err(), "rival: broke");
    }
}
