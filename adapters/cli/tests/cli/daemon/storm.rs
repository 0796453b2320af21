//! kill -9 of the daemon in the middle of a storm: what its clients were told before, and what the
//! next one tells them, together lead to what there is, contents and all.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use treenail::os::Kind;
use treenail::share::client::{Client, RemoteSubscription};
use treenail::share::protocol::Query;
use treenail::share::{Delivered, From, Problem};
use treenail::tree::Class;
use treenail::tree::live::{EventKind, Id};

use super::{LONG, User};
use crate::replica::{Replica, Told, hex};
use crate::storms::{Chance, Entries, assert_same, change, scanned, seeds};
use crate::support::is_root;

#[test]
fn a_daemon_that_is_killed_in_a_storm_and_its_successor_tell_everything() {
    seeds(4).for_each(storm);
}

fn storm(seed: u64) {
    let user = User::new();
    let root = user.root();
    let mut chance = Chance::of(seed ^ 0xdae0);
    for step in 0..60 {
        change(&root, &mut chance, step);
    }
    // Every other one without what a mark on the whole file system takes.
    let privileged = seed.is_multiple_of(2) || !is_root();
    let mut reader = Reader::begin(&user, privileged);
    let kills: Vec<u64> = (0..1 + seed % 3 / 2).map(|_| chance.below(60_000)).collect();
    let when = format!("seed {seed}, privileged: {privileged}, killed after {kills:?} us");
    thread::scope(|scope| {
        scope.spawn(|| {
            for step in 100..700 {
                change(&root, &mut chance, step);
                if chance.below(4) == 0 {
                    // So that the storm goes on while the next daemon starts.
                    thread::sleep(Duration::from_micros(chance.below(500)));
                }
            }
        });
        for after in &kills {
            let pid = reader.pid;
            scope.spawn(move || {
                thread::sleep(Duration::from_micros(*after));
                kill(pid);
            });
            let problem = reader.read_on(&when);
            assert_eq!(problem.kind, Problem::DISCONNECTED, "{when}: {problem}");
            start(&user, privileged);
            reader.go_on(&user, &when);
        }
    });
    let client = user.client();
    reader.read_until(&client, &when);
    reader.replica.check(&root, &when);
    // With the ids of all files the tree is one that a scan finds, and nobody hears otherwise.
    let fresh = scanned(&root);
    for path in fresh.keys() {
        client.learn(&root, path).unwrap();
    }
    let begun = Instant::now();
    let held = loop {
        reader.read_until(&client, &when);
        let held = held(&client, &user);
        let unknown = held.values().any(|(stat, id)| stat.kind == Kind::File && id.is_none());
        if !unknown || begun.elapsed() > LONG {
            break held;
        }
    };
    assert_same(&held, &fresh, &when);
    reader.replica.check(&root, &when);
}

/// A client with a copy of what it was told.
struct Reader {
    changes: RemoteSubscription,
    replica: Replica,
    root: std::path::PathBuf,
    pid: u32,
}

impl Reader {
    fn begin(user: &User, privileged: bool) -> Self {
        start(user, privileged);
        let root = user.root();
        let client = user.client();
        let changes = client.watch(&root, From::Now).unwrap();
        let replica = Replica::of(&root);
        Self { changes, replica, root, pid: client.welcome().pid }
    }

    /// Follows what it is told until nobody tells anything any more.
    fn read_on(&mut self, when: &str) -> Problem {
        loop {
            match self.changes.next(Some(LONG)) {
                Ok(Some(received)) => self.take(received.what),
                Ok(None) => panic!("{when}: the end of the daemon is not noticed"),
                Err(problem) => return problem,
            }
        }
    }

    /// Asks the next daemon from where this one ended.
    fn go_on(&mut self, user: &User, when: &str) {
        let clock = self.changes.clock();
        let client = user.client();
        assert_ne!(client.welcome().pid, self.pid, "{when}");
        self.pid = client.welcome().pid;
        self.changes = client.watch(&self.root, From::Clock(clock)).unwrap();
    }

    /// Follows what has happened up to now.
    fn read_until(&mut self, client: &Client, when: &str) {
        let end = client.barrier(&self.root, Some(LONG)).unwrap();
        while self.changes.clock().tick < end.tick {
            let received = self.changes.next(Some(LONG)).unwrap();
            self.take(received.unwrap_or_else(|| panic!("{when}: no change comes")).what);
        }
    }

    fn take(&mut self, what: Delivered) {
        match what {
            Delivered::Batch(batch) => batch.changes.iter().for_each(|one| {
                let paths = (&*one.path, one.from.as_deref());
                self.told(one.kind, one.class, paths, one.id.as_ref(), one.quiet);
            }),
            Delivered::Net { changes, .. } => changes.iter().for_each(|one| {
                self.told(one.kind, one.class, (&one.path, one.from.as_deref()), None, one.quiet);
            }),
            Delivered::Fresh(reason) => panic!("the clock has to be understood: {reason}"),
        }
    }

    fn told(
        &mut self,
        kind: EventKind,
        class: Class,
        (path, from): (&[u8], Option<&[u8]>),
        id: Option<&Id>,
        quiet: bool,
    ) {
        let text = |bytes| std::str::from_utf8(bytes).unwrap();
        let is = match class {
            Class::Directory => "dir",
            Class::Symlink => "symlink",
            _ => "file",
        };
        let id = id.map(|id| hex(id.as_bytes()));
        let (path, from, id) = (text(path), from.map(text), id.as_deref());
        self.replica.told(Told { kind: kind.name(), is, path, from, id, quiet });
    }
}

/// What the daemon's tree holds.
fn held(client: &Client, user: &User) -> Entries {
    let mut held = Entries::new();
    client
        .query(&user.root(), &Query::default(), |entry| {
            let id = entry.id.map(|id| id.as_bytes().to_vec());
            held.insert(entry.path, (entry.stat, id));
        })
        .unwrap();
    held
}

/// Starts a daemon, which the death of the one before does not keep from it.
fn start(user: &User, privileged: bool) {
    if privileged {
        user.run(&["daemon"]).expect(0);
        return;
    }
    let treenail = user.command(&["daemon"]);
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", "--inh-caps=-all"]);
    command.arg(treenail.get_program()).args(treenail.get_args());
    command.current_dir(treenail.get_current_dir().unwrap()).stdin(Stdio::null());
    command.envs(treenail.get_envs().filter_map(|(name, value)| Some((name, value?))));
    crate::support::finish(&mut command, b"").expect(0);
}

fn kill(pid: u32) {
    let status = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(status.is_ok_and(|status| status.success()));
}
