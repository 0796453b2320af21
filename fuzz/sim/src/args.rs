//! The command line.

use std::ops::Range;
use std::time::Duration;

use treenail_sim::runner::{Plan, Scenario};

/// What the command line asks for.
pub(crate) enum Command {
    Help,
    Run(Request),
}

/// What to run.
pub(crate) struct Request {
    /// Its place in the list of scenarios.
    pub(crate) scenario: usize,
    pub(crate) seeds: Range<u64>,
    pub(crate) plan: Plan,
    pub(crate) threads: usize,
    pub(crate) duration_max: Option<Duration>,
    pub(crate) trace: bool,
    pub(crate) json: bool,
    pub(crate) progress: bool,
    pub(crate) shrink: bool,
}

const HELP: &str = "\
Runs machines whose disks, networks and clocks fail as a seed wants, and checks what must hold.

Usage: treenail-sim SCENARIO [OPTIONS]

Options:
  --seeds A..B      run these seeds (default 0..1000); `A..` goes on until --seconds are over
  --seed N          run one seed
  --trace           with --seed: show what happens in it
  --seconds S       end after S seconds, even if seeds are left
  --threads N       run N seeds at a time (default: one for each processor)
  --steps N         end the workload of each seed after N steps
  --without A,B     leave out classes of faults
  --no-shrink       show a failing seed as it is, without looking for a smaller run
  --json            one JSON object a line
  --quiet           no progress

Exit: 0 everything held, 1 a seed failed (it is named, with the command that replays it), 2 error.

Scenarios, with their classes of faults:
";

/// The text of `--help`.
pub(crate) fn help(scenarios: &[Box<dyn Scenario>]) -> String {
    scenarios.iter().fold(HELP.to_owned(), |help, scenario| {
        format!("{help}  {:<15} {}\n", scenario.name(), scenario.classes().join(", "))
    })
}

/// Reads the command line.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn parse(
    args: impl Iterator<Item = String>,
    scenarios: &[Box<dyn Scenario>],
) -> Result<Command, String> {
    let mut args = args.flat_map(|arg| match arg.split_once('=') {
        Some((name, value)) if name.starts_with("--") => vec![name.to_owned(), value.to_owned()],
        _ => vec![arg],
    });
    let mut request = Request {
        scenario: 0,
        seeds: 0..1_000,
        plan: Plan::default(),
        threads: std::thread::available_parallelism().map_or(1, Into::into),
        duration_max: None,
        trace: false,
        json: false,
        progress: true,
        shrink: true,
    };
    let (mut scenario, mut one_seed) = (None, false);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("`{arg}` needs a value"));
        match arg.as_str() {
            "-h" | "--help" => return Ok(Command::Help),
            "--seeds" => request.seeds = range(&value()?)?,
            "--seed" => {
                request.plan.seed = number(&value()?)?;
                one_seed = true;
            }
            "--seconds" => request.duration_max = Some(Duration::from_secs(number(&value()?)?)),
            "--threads" => request.threads = number(&value()?)?.clamp(1, 1_024) as usize,
            "--steps" => request.plan.steps = Some(number(&value()?)?),
            "--without" => {
                let classes = value()?;
                request.plan.without = classes.split(',').map(str::to_owned).collect();
            }
            "--trace" => request.trace = true,
            "--json" => request.json = true,
            "-q" | "--quiet" => request.progress = false,
            "--no-shrink" => request.shrink = false,
            name if !name.starts_with('-') && scenario.is_none() => {
                scenario = scenarios.iter().position(|scenario| scenario.name() == name);
                scenario.ok_or_else(|| format!("there is no scenario `{name}`; see --help"))?;
            }
            _ => return Err(format!("`{arg}` is not known; see --help")),
        }
    }
    request.scenario = scenario.ok_or("name a scenario; see --help")?;
    if one_seed {
        request.seeds = request.plan.seed..request.plan.seed.saturating_add(1);
    }
    check(&request, one_seed, &scenarios[request.scenario].classes())?;
    Ok(Command::Run(request))
}

fn check(request: &Request, one_seed: bool, classes: &[&str]) -> Result<(), String> {
    if request.trace && !one_seed {
        return Err("`--trace` shows one seed: name it with --seed".to_owned());
    }
    if request.seeds.end == u64::MAX && request.duration_max.is_none() {
        return Err("seeds without an end need `--seconds`".to_owned());
    }
    match request.plan.without.iter().find(|class| !classes.contains(&class.as_str())) {
        Some(class) => Err(format!("there is no class of faults `{class}`; see --help")),
        None => Ok(()),
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("`{text}` is not a number"))
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let (start, end) = text.split_once("..").ok_or_else(|| format!("`{text}` is not A..B"))?;
    let end = if end.is_empty() { u64::MAX } else { number(end)? };
    Ok(number(start)?..end)
}

#[cfg(test)]
mod tests {
    use super::{Command, Request, help, parse};
    use treenail_sim::scenarios;

    fn request(line: &str) -> Result<Request, String> {
        let args = line.split_whitespace().map(str::to_owned);
        match parse(args, &scenarios::all())? {
            Command::Run(request) => Ok(request),
            Command::Help => Err("help".to_owned()),
        }
    }

    #[test]
    fn options_are_read_in_either_spelling() {
        let asked = request("log --seeds 5..9 --threads=3 --seconds 7 --json -q").unwrap();
        assert_eq!((asked.seeds, asked.threads, asked.json), (5..9, 3, true));
        assert!(!asked.progress && asked.shrink && !asked.trace);
        let asked = request("log --seed=42 --trace --steps 10 --without rot,lie").unwrap();
        assert_eq!(asked.plan.arguments(), "--seed 42 --steps 10 --without rot,lie");
        assert_eq!(asked.seeds, 42..43);
        assert_eq!(request("log --seeds 3.. --seconds 1").unwrap().seeds, 3..u64::MAX);
    }

    #[test]
    fn mistakes_are_named() {
        for (line, word) in [
            ("", "name a scenario"),
            ("nothing", "`nothing`"),
            ("log --seed", "needs a value"),
            ("log --seed x", "`x`"),
            ("log --seeds 5", "`5`"),
            ("log --seeds 5..", "--seconds"),
            ("log --trace", "--seed"),
            ("log --without moon", "`moon`"),
            ("log extra", "`extra`"),
        ] {
            let message = request(line).err().unwrap();
            assert!(message.contains(word), "{line}: {message}");
        }
    }

    #[test]
    fn the_help_names_every_scenario() {
        let scenarios = scenarios::all();
        let help = help(&scenarios);
        assert!(scenarios.iter().all(|scenario| help.contains(scenario.name())));
    }
}
