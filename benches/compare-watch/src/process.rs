//! What the kernel tells of other processes.

use std::fs;
use std::path::Path;

/// What some processes hold, together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Held {
    pub(crate) resident_kib: u64,
    pub(crate) peak_kib: u64,
    pub(crate) inotify_watches: u64,
    pub(crate) fanotify_marks: u64,
}

/// What some processes did so far, together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    /// How often a thread slept of its own will, and so was woken.
    pub(crate) sleeps: u64,
    pub(crate) cpu_ns: u64,
}

pub(crate) fn held(pids: &[u32]) -> Result<Held, String> {
    let mut held = Held::default();
    for pid in pids {
        let dir = format!("/proc/{pid}");
        let status = read(Path::new(&dir).join("status").as_ref())?;
        held.resident_kib += field(&status, "VmRSS:");
        held.peak_kib += field(&status, "VmHWM:");
        for info in entries(&Path::new(&dir).join("fdinfo"))? {
            // A descriptor may be closed meanwhile.
            let text = fs::read_to_string(info).unwrap_or_default();
            let count = |start: &[&str]| {
                text.lines()
                    .filter(|line| start.iter().any(|start| line.starts_with(start)))
                    .count() as u64
            };
            held.inotify_watches += count(&["inotify wd:"]);
            held.fanotify_marks += count(&["fanotify ino:", "fanotify mnt_id:", "fanotify sdev:"]);
        }
    }
    Ok(held)
}

pub(crate) fn done(pids: &[u32]) -> Result<Done, String> {
    let mut done = Done::default();
    for pid in pids {
        for task in entries(&Path::new("/proc").join(pid.to_string()).join("task"))? {
            done.sleeps += field(&read(&task.join("status"))?, "voluntary_ctxt_switches:");
            let schedstat = read(&task.join("schedstat"))?;
            let cpu_ns = schedstat.split_whitespace().next().and_then(|word| word.parse().ok());
            done.cpu_ns += cpu_ns.unwrap_or(0);
        }
    }
    Ok(done)
}

fn entries(dir: &Path) -> Result<Vec<std::path::PathBuf>, String> {
    let listed = fs::read_dir(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    Ok(listed.filter_map(|entry| Some(entry.ok()?.path())).collect())
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))
}

fn field(text: &str, name: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    value.and_then(|value| value.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{done, held};

    #[test]
    fn a_process_knows_itself() {
        let own = [std::process::id()];
        let before = done(&own).unwrap();
        let feed = rustix::fs::inotify::init(rustix::fs::inotify::CreateFlags::CLOEXEC).unwrap();
        let mask = rustix::fs::inotify::WatchFlags::CREATE;
        rustix::fs::inotify::add_watch(&feed, "/", mask).unwrap();
        let held = held(&own).unwrap();
        assert!(held.resident_kib > 0 && held.peak_kib >= held.resident_kib);
        assert_eq!((held.inotify_watches, held.fanotify_marks), (1, 0));
        std::thread::sleep(std::time::Duration::from_millis(2));
        assert!(done(&own).unwrap().sleeps > before.sleeps);
    }
}
