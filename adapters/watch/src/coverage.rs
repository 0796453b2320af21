//! What is watched how, and what nobody sees.

use std::path::Path;

use treenail_os::bytes_of;
use treenail_os::feed::Rung;

/// What is watched how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Coverage {
    /// Subtrees, the root's first: each reaches down to the next of the list that is below it.
    pub watched: Vec<Covered>,
    /// What no back end sees there. A [recheck](crate::Watcher::recheck) finds all of it.
    pub unseen: Vec<Unseen>,
}

/// A subtree and what reports its changes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Covered {
    /// Its path, relative to the root; empty for the root.
    pub path: Vec<u8>,
    /// What reports its changes.
    pub by: Rung,
    /// Why nothing better does, with the remedy where there is one.
    pub reasons: Vec<String>,
}

/// What no back end sees.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unseen {
    /// Where, relative to the root; empty if it is so everywhere.
    pub path: Vec<u8>,
    /// What.
    pub what: String,
}

impl Coverage {
    /// With `has_rules`, ignore rules are part of a filter.
    pub(crate) fn new(root: &Path, coverage: treenail_share::Coverage, has_rules: bool) -> Self {
        let relative = |path: &Path| {
            let path = path.strip_prefix(root).unwrap_or(path);
            bytes_of(path.as_os_str()).to_vec()
        };
        let mut watched: Vec<Covered> = coverage
            .mounts
            .iter()
            .map(|mount| Covered {
                path: relative(&mount.path),
                by: mount.rung,
                reasons: mount.reasons.clone(),
            })
            .collect();
        let everywhere = |what: &str| Unseen { path: Vec::new(), what: what.to_owned() };
        let mut unseen = vec![
            everywhere("stores through a memory mapping"),
            everywhere("on an overlay or network mount, what is written behind it or elsewhere"),
            everywhere("what is written through a name outside of it that a file is given later"),
        ];
        if has_rules {
            unseen.push(everywhere(
                "what changes in ignore rules outside of it, such as the user's, until one in it \
                 changes or it is watched anew",
            ));
        }
        for polled in coverage.polled {
            let (path, reason) = (polled.path, polled.reason);
            if !watched.iter().any(|row| row.path == path && row.by == Rung::Polling) {
                watched.push(Covered { path, by: Rung::Polling, reasons: vec![reason] });
            }
        }
        for (path, reason) in coverage.unlisted {
            unseen.push(Unseen { path, what: format!("what is in it: {reason}") });
        }
        for path in coverage.linked_elsewhere {
            let what = "what is written through its names outside of the root, by some back ends";
            unseen.push(Unseen { path, what: what.to_owned() });
        }
        Self { watched, unseen }
    }
}
