//! How a directory is followed: the command line's options as the library's, and the state.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use treenail::os::bytes_of;
use treenail::os::feed::{self, Rung};
use treenail::share;
use treenail::tree::live;
use treenail::watch::{Filter, Options, Type};

use crate::args::{Backend, EntryType, Followed};
use crate::output::{Failed, Problem};

/// Where the state of a root is kept.
pub(crate) struct State {
    pub(crate) dir: Option<PathBuf>,
    /// Whether to go on without it where it is in the way, since nobody said that it be kept.
    pub(crate) may_fail: bool,
    /// Why there is none, although one was wanted.
    pub(crate) missing: Option<&'static str>,
}

impl State {
    pub(crate) fn none() -> Self {
        Self { dir: None, may_fail: true, missing: None }
    }

    /// The state of a directory as it is followed.
    pub(crate) fn of(dir: &Path, args: &Followed) -> Result<Self, Failed> {
        Self::kept(dir, args.state.as_deref(), filter(args).exclusion().as_deref())
    }

    /// The state of a directory of which this is left out: where it was said to be, or below the
    /// user's own.
    pub(crate) fn kept(
        dir: &Path,
        wanted: Option<&Path>,
        exclusion: Option<&[u8]>,
    ) -> Result<Self, Failed> {
        let root = dir.canonicalize().map_err(|error| Problem::io(dir, &error))?;
        if let Some(wanted) = wanted {
            if is_below(wanted, &root) {
                let message = "the state cannot be kept below the directory that is watched";
                return Err(Failed::Error(Problem {
                    kind: "state",
                    message: message.to_owned(),
                    path: Some(bytes_of(wanted.as_os_str()).to_vec()),
                    remedy: Some("name another place with --state, or use --no-state"),
                }));
            }
            return Ok(Self { dir: Some(wanted.to_owned()), may_fail: false, missing: None });
        }
        let missing = |why| Self { dir: None, may_fail: true, missing: Some(why) };
        let Some(states) = share::states_of_user() else {
            return Ok(missing("neither XDG_STATE_HOME nor HOME says where to keep a state"));
        };
        let Some(dir) = share::state_of(&states, &root, exclusion) else {
            return Ok(missing("the state would be below the directory; --state names a place"));
        };
        Ok(Self { dir: Some(dir), may_fail: true, missing: None })
    }
}

/// Whether a path, of which not all need be there yet, leads into a directory without symbolic
/// links in its path.
fn is_below(path: &Path, root: &Path) -> bool {
    let Ok(path) = std::path::absolute(path) else { return false };
    let known = path.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
    let Some((above, known)) = known else { return path.starts_with(root) };
    let mut place = known;
    for part in path.strip_prefix(above).unwrap_or(Path::new("")).components() {
        match part {
            Component::ParentDir => _ = place.pop(),
            part => place.push(part),
        }
    }
    place.starts_with(root)
}

/// The library's options.
pub(crate) fn options(args: &Followed, state: &State) -> Options {
    Options::new().filter(filter(args)).raw(args.raw).live(live_options(args, state))
}

fn filter(args: &Followed) -> Filter {
    let types = args.types.iter().map(|one| match one {
        EntryType::File => Type::File,
        EntryType::Dir => Type::Dir,
        EntryType::Symlink => Type::Symlink,
        EntryType::Other => Type::Other,
    });
    let filter = Filter::new().gitignore(args.gitignore);
    let filter = args.globs.iter().fold(filter, |filter, glob| filter.glob(glob));
    let least = args.sizes.iter().map(|size| *size.start()).max().unwrap_or(0);
    let filter = types.fold(filter, Filter::wants).size_min(least);
    let most = args.sizes.iter().map(|size| *size.end()).min();
    filter.size_max(most.unwrap_or(u64::MAX))
}

pub(crate) fn live_options(args: &Followed, state: &State) -> live::Options {
    let feed = feed::Options::new();
    let feed = match args.backend {
        Backend::Auto => feed,
        Backend::Filesystem => feed.rungs(&[Rung::FileSystem]),
        Backend::Inodes => feed.rungs(&[Rung::Inodes]),
        Backend::Inotify => feed.rungs(&[Rung::Inotify]),
        Backend::Polling => feed.rungs(&[Rung::Polling]),
    };
    live::Options {
        ids: args.ids.kind(),
        state: state.dir.clone(),
        state_may_fail: state.may_fail,
        feed,
        open_max: Duration::from_millis(args.open_max),
        poll_every: Duration::from_millis(args.poll),
        ..live::Options::default()
    }
}
