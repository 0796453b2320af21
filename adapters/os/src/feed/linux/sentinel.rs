//! What fanotify does not report: that a file system was unmounted, and at once that the root was
//! removed while somebody has it open.

use std::collections::HashMap;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Mutex};

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};

use crate::platform::MountId;

use super::super::{Event, Loss, Token, What};
use super::fanotify::Group;
use super::inotify::add_watch;
use super::inotify_record::{Record, Records};
use super::lock;
use super::queue_fd::QueueFd;
use super::sink::{Sink, drain};

/// An inotify queue of a few watches that hardly ever say anything.
pub(super) struct Sentinel {
    fd: QueueFd,
    posts: Mutex<HashMap<i32, Vec<Post>>>,
    root: Mutex<Option<Token>>,
}

/// What a watch is for.
enum Post {
    /// A directory on a mount whose events come from elsewhere.
    Mounted { mount: MountId, group: Arc<Group> },
    /// The parent of the root, which has this name there.
    Parent { name: Box<[u8]> },
}

impl Sentinel {
    pub(super) fn open() -> io::Result<Self> {
        Ok(Self {
            fd: inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?.into(),
            posts: Mutex::default(),
            root: Mutex::new(None),
        })
    }

    /// Notices when the file system of `dir` is unmounted.
    pub(super) fn expect_unmount(
        &self,
        dir: BorrowedFd<'_>,
        mount: MountId,
        group: Arc<Group>,
    ) -> io::Result<()> {
        // Something has to be asked for; the end of the watch is told in any case.
        let flags = WatchFlags::DELETE_SELF | WatchFlags::ONLYDIR | WatchFlags::MASK_ADD;
        self.post(dir, flags, Post::Mounted { mount, group })
    }

    /// Notices when the directory `name`, which is the root, is removed from `parent`.
    pub(super) fn expect_removal(&self, parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
        let flags = WatchFlags::DELETE | WatchFlags::ONLYDIR | WatchFlags::MASK_ADD;
        self.post(parent, flags, Post::Parent { name: name.into() })
    }

    /// Takes the token of the root.
    pub(super) fn root_is(&self, token: Token) {
        *lock(&self.root) = Some(token);
    }

    fn post(&self, dir: BorrowedFd<'_>, flags: WatchFlags, post: Post) -> io::Result<()> {
        // Under the lock, so that no event of the watch is looked up too early.
        let mut posts = lock(&self.posts);
        let watch = add_watch(self.fd.as_fd(), dir, None, flags)?;
        posts.entry(watch).or_default().push(post);
        Ok(())
    }

    /// Passes on what the queue holds. Its own overflow, which hardly can be, means nothing more
    /// than that a removal may be seen later.
    pub(super) fn drain(&self, buffer: &mut [u8], sink: &mut Sink<'_>) -> io::Result<()> {
        drain(self.fd.as_fd(), 16, buffer, sink, |bytes, sink| {
            let mut count = 0;
            for record in Records::new(bytes).flatten() {
                count += 1;
                self.pass_on(&record, sink);
            }
            count
        })
    }

    fn pass_on(&self, record: &Record<'_>, sink: &mut Sink<'_>) {
        if record.mask & libc::IN_IGNORED != 0 {
            lock(&self.posts).remove(&record.watch);
            return;
        }
        let unmounted = record.mask & libc::IN_UNMOUNT != 0;
        let removed = record.mask & libc::IN_DELETE != 0 && record.mask & libc::IN_ISDIR != 0;
        let mut lost = Vec::new();
        let mut root = None;
        if let Some(posts) = lock(&self.posts).get(&record.watch) {
            for post in posts {
                match post {
                    Post::Mounted { mount, group } if unmounted => {
                        lost.extend(group.tokens_on(*mount));
                    }
                    Post::Parent { name } if removed && **name == *record.name => {
                        root = *lock(&self.root);
                    }
                    _ => {}
                }
            }
        }
        if lost.is_empty() && root.is_none() {
            sink.counts.outside += 1;
        }
        sink.lost(&lost, Loss::Unmounted);
        if let Some(dir) = root {
            sink.event(Event::Directory { dir, what: What::REMOVED | What::DIRECTORY });
        }
    }
}

impl AsFd for Sentinel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
