//! Times: the wall's and the processor's, of a child with all it started, or of this process.

use std::process::Child;
use std::time::Instant;

/// What one run took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// From start to end, in milliseconds.
    pub wall_ms: f64,
    /// User and system time of all threads and children, in milliseconds.
    pub cpu_ms: f64,
}

/// The medians of the wall times and of the processor times, each on its own.
pub fn median(samples: &[Sample]) -> Sample {
    let middle = |value: fn(&Sample) -> f64| {
        let mut values: Vec<f64> = samples.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        let upper = values.len() / 2;
        if values.len() % 2 == 1 {
            values[upper]
        } else {
            (values[upper - 1] + values[upper]) / 2.0
        }
    };
    Sample { wall_ms: middle(|one| one.wall_ms), cpu_ms: middle(|one| one.cpu_ms) }
}

/// Waits for a child that was started at `start`.
///
/// # Errors
/// If it ends with another status than 0.
pub fn wait(child: Child, start: Instant) -> Result<Sample, String> {
    let pid = libc::pid_t::try_from(child.id()).expect("process numbers fit");
    let mut status = 0;
    let mut usage = zeroed_usage();
    loop {
        // SAFETY: `status` and `usage` are valid for writing and outlive the call. `pid` is a child
        // of ours that nobody else waits for: `child` is ours alone and does not wait when dropped.
        if unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) } == pid {
            break;
        }
        let error = std::io::Error::last_os_error();
        if error.kind() != std::io::ErrorKind::Interrupted {
            return Err(format!("waiting for process {pid}: {error}"));
        }
    }
    let wall_ms = milliseconds_since(start);
    if libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0 {
        return Ok(Sample { wall_ms, cpu_ms: cpu_ms(&usage) });
    }
    if libc::WIFSIGNALED(status) {
        return Err(format!("ended by signal {}", libc::WTERMSIG(status)));
    }
    Err(format!("ended with status {}", libc::WEXITSTATUS(status)))
}

/// Times a call within this process, with all its threads.
///
/// # Errors
/// Those of the call.
pub fn time(call: &mut dyn FnMut() -> Result<(), String>) -> Result<Sample, String> {
    let before = own_cpu_ms();
    let start = Instant::now();
    call()?;
    let wall_ms = milliseconds_since(start);
    Ok(Sample { wall_ms, cpu_ms: own_cpu_ms() - before })
}

fn own_cpu_ms() -> f64 {
    let mut usage = zeroed_usage();
    // SAFETY: `usage` is valid for writing and outlives the call.
    let result = unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
    assert_eq!(result, 0, "getrusage of the process itself cannot fail");
    cpu_ms(&usage)
}

fn zeroed_usage() -> libc::rusage {
    // SAFETY: `rusage` consists of integers, for which all bits zero is a value.
    unsafe { std::mem::zeroed() }
}

fn cpu_ms(usage: &libc::rusage) -> f64 {
    let ms = |time: libc::timeval| time.tv_sec as f64 * 1e3 + time.tv_usec as f64 / 1e3;
    ms(usage.ru_utime) + ms(usage.ru_stime)
}

fn milliseconds_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Instant;

    use super::{Sample, median, time, wait};

    #[test]
    fn the_median_stands_in_the_middle() {
        let sample = |ms: f64| Sample { wall_ms: ms, cpu_ms: -ms };
        assert_eq!(median(&[3.0, 1.0, 2.0].map(sample)), sample(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 8.0].map(sample)), sample(3.0));
    }

    fn run(script: &str) -> Result<Sample, String> {
        let start = Instant::now();
        wait(Command::new("sh").args(["-c", script]).spawn().unwrap(), start)
    }

    #[test]
    fn the_childrens_children_count() {
        // The inner shell counts; were it left out, next to nothing would remain.
        let sample = run("sh -c 'i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done'").unwrap();
        assert!(sample.cpu_ms > 5.0 && sample.wall_ms > 5.0, "{sample:?}");
    }

    #[test]
    fn failures_are_told() {
        assert_eq!(run("exit 3").unwrap_err(), "ended with status 3");
        assert_eq!(run("kill -9 $$").unwrap_err(), "ended by signal 9");
        assert_eq!(time(&mut || Err("no".to_owned())).unwrap_err(), "no");
        assert!(time(&mut || Ok(())).unwrap().wall_ms >= 0.0);
    }
}
