//! The ladder: for each mount the best back end that it allows.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use rustix::event::epoll;

use crate::platform::{Handle, MountId};

use super::super::{Coverage, Options, Rung};
use super::fanotify::Group;
use super::inotify::Queue;
use super::sentinel::Sentinel;
use super::{limits, lock};

/// A queue of the system's.
#[derive(Clone)]
pub(super) enum Source {
    Group(Arc<Group>),
    Queue(Arc<Queue>),
    Sentinel(Arc<Sentinel>),
}

impl Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Group(group) => group.as_fd(),
            Self::Queue(queue) => queue.as_fd(),
            Self::Sentinel(sentinel) => sentinel.as_fd(),
        }
    }
}

/// What reports the changes of one mount.
pub(super) struct Mount {
    pub(super) means: Means,
    coverage: Coverage,
}

impl Mount {
    pub(super) fn rung(&self) -> Rung {
        self.coverage.rung
    }
}

/// The back end of one mount.
#[derive(Clone)]
pub(super) enum Means {
    Group(Arc<Group>),
    Inotify,
    Nothing(Arc<str>),
}

impl Means {
    fn rung(&self) -> Rung {
        match self {
            Self::Group(group) => group.rung(),
            Self::Inotify => Rung::Inotify,
            Self::Nothing(_) => Rung::Polling,
        }
    }
}

/// All mounts that were come across, and all queues.
pub(super) struct Mounts {
    known: RwLock<Known>,
    /// Only ever grows: the number of a queue in it is what its readiness is told under.
    sources: RwLock<Vec<Source>>,
    /// One for each shard, made when it is first needed.
    queues: Mutex<Vec<Option<Arc<Queue>>>>,
    sentinel: Option<Arc<Sentinel>>,
}

#[derive(Default)]
struct Known {
    by_id: BTreeMap<MountId, Arc<Mount>>,
    /// In the order in which they were come across.
    order: Vec<MountId>,
}

impl Mounts {
    pub(super) fn new(options: &Options, epoll: BorrowedFd<'_>) -> io::Result<Self> {
        let mounts = Self {
            known: RwLock::default(),
            sources: RwLock::default(),
            queues: Mutex::new(vec![None; options.queues]),
            // Without it an unmounting is not told, and nothing else is amiss.
            sentinel: Sentinel::open().ok().map(Arc::new),
        };
        if let Some(sentinel) = &mounts.sentinel {
            mounts.add(Source::Sentinel(sentinel.clone()), epoll)?;
        }
        Ok(mounts)
    }

    pub(super) fn sentinel(&self) -> Option<&Sentinel> {
        self.sentinel.as_deref()
    }

    pub(super) fn sources(&self) -> Vec<Source> {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Says for each mount what reports its changes.
    pub(super) fn coverage(&self) -> Vec<Coverage> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.order.iter().map(|id| known.by_id[id].coverage.clone()).collect()
    }

    /// The back end for a directory, open as `fd`.
    pub(super) fn of(
        &self,
        dir: &Handle,
        fd: BorrowedFd<'_>,
        options: &Options,
        epoll: BorrowedFd<'_>,
    ) -> io::Result<(MountId, Arc<Mount>)> {
        let id = dir.mount()?;
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(mount) = known.by_id.get(&id) {
                return Ok((id, mount.clone()));
            }
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(mount) = known.by_id.get(&id) {
            return Ok((id, mount.clone()));
        }
        let mut reasons = Vec::new();
        let means = self.choose(fd, dir.id()?.device, options, epoll, &mut reasons)?;
        if let (Means::Group(group), Some(sentinel)) = (&means, &self.sentinel) {
            // As above.
            _ = sentinel.expect_unmount(fd, id, group.clone());
        }
        let path = PathBuf::from(crate::os_str_of(&dir.full_path())?.into_owned());
        let coverage = Coverage { path, rung: means.rung(), reasons };
        let mount = Arc::new(Mount { means, coverage });
        known.by_id.insert(id, mount.clone());
        known.order.push(id);
        Ok((id, mount))
    }

    /// Climbs down the ladder until something holds.
    fn choose(
        &self,
        dir: BorrowedFd<'_>,
        device: u64,
        options: &Options,
        epoll: BorrowedFd<'_>,
        reasons: &mut Vec<String>,
    ) -> io::Result<Means> {
        if let Some(unseen) = limits::unseen(dir) {
            reasons.push(unseen.clone());
            return Ok(Means::Nothing(unseen.into()));
        }
        for rung in [Rung::FileSystem, Rung::Inodes] {
            if !options.allows(rung) {
                reasons.push(format!("{rung}: not allowed by the options"));
                continue;
            }
            // Several mounts may show one file system.
            let same = self.sources().into_iter().find_map(|source| match source {
                Source::Group(group) if group.rung() == rung && group.device() == device => {
                    Some(group)
                }
                _ => None,
            });
            if let Some(group) = same {
                return Ok(Means::Group(group));
            }
            match Group::open(rung, dir, device) {
                Ok(group) => {
                    let group = Arc::new(group);
                    self.add(Source::Group(group.clone()), epoll)?;
                    return Ok(Means::Group(group));
                }
                Err(reason) => reasons.push(format!("{rung}: {reason}")),
            }
        }
        if !options.allows(Rung::Inotify) {
            reasons.push(format!("{}: not allowed by the options", Rung::Inotify));
        } else {
            match self.queue(b"", epoll) {
                Ok(_) => return Ok(Means::Inotify),
                Err(error) => {
                    let reason = limits::explain_inotify(&error);
                    reasons.push(format!("{}: {reason}", Rung::Inotify));
                }
            }
        }
        Ok(Means::Nothing(reasons.join("; ").into()))
    }

    /// The queue of a top-level name; another one's if no further queue can be had.
    pub(super) fn queue(&self, top: &[u8], epoll: BorrowedFd<'_>) -> io::Result<Arc<Queue>> {
        let mut queues = lock(&self.queues);
        let shard = shard_of(top, queues.len());
        if let Some(queue) = &queues[shard] {
            return Ok(queue.clone());
        }
        match Queue::open() {
            Ok(queue) => {
                let queue = Arc::new(queue);
                self.add(Source::Queue(queue.clone()), epoll)?;
                queues[shard] = Some(queue.clone());
                Ok(queue)
            }
            Err(error) => {
                let other = queues.iter().flatten().next().cloned().ok_or(error)?;
                queues[shard] = Some(other.clone());
                Ok(other)
            }
        }
    }

    fn add(&self, source: Source, epoll: BorrowedFd<'_>) -> io::Result<()> {
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        let number = epoll::EventData::new_u64(sources.len() as u64);
        epoll::add(epoll, source.as_fd(), number, epoll::EventFlags::IN)?;
        sources.push(source);
        Ok(())
    }
}

/// The shard of a top-level name: FNV-1a, which spreads short names well.
fn shard_of(top: &[u8], shards: usize) -> usize {
    let hash = top.iter().fold(0xCBF2_9CE4_8422_2325_u64, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
    });
    // The remainder is below a `usize`.
    (hash % shards as u64) as usize
}
