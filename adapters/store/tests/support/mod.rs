//! What the tests share.
#![allow(dead_code, reason = "no test uses all of it")]

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use treenail_store::disk::{Access, Disk, DiskFile, OsDisk, OsFile, OsLock};
use treenail_store::{Kind, Log, Lsn, Options, Reader};

pub(crate) fn kind() -> Kind {
    Kind::new(1).expect("a kind")
}

pub(crate) fn small() -> Options {
    Options { segment_bytes: 64 << 10, background: false, log_id: 7, ..Options::default() }
}

/// All that is left in a log from its checkpoint on.
pub(crate) fn payloads<D: Disk>(log: &Log<D>, from: Lsn) -> Vec<Vec<u8>> {
    drain(&mut log.read_from(from).expect("opened"))
}

/// All that a reader has now.
pub(crate) fn drain<D: Disk>(reader: &mut Reader<D>) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    while let Some(record) = reader.next().expect("no error") {
        payloads.push(record.payload.to_vec());
    }
    payloads
}

/// What is asked of a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Open,
    Create,
    List,
    Rename,
    Remove,
    SyncDir,
    Lock,
    Read,
    Write,
    Allocate,
    SetLen,
    Sync,
    Len,
}

/// Which calls fail: it is given the call and its number.
type Rule = Box<dyn FnMut(Call, u64) -> io::Result<()> + Send>;

/// Sees every call, and decides which fail.
pub(crate) struct Probe {
    calls: AtomicU64,
    syncs: AtomicU64,
    /// A sync failed, and another came on the same handle.
    pub(crate) retried: AtomicBool,
    sync_time: Duration,
    rule: Mutex<Rule>,
}

impl Probe {
    pub(crate) fn new() -> Arc<Self> {
        Self::with_slow_sync(Duration::ZERO)
    }

    pub(crate) fn with_slow_sync(sync_time: Duration) -> Arc<Self> {
        Arc::new(Self {
            calls: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            retried: AtomicBool::new(false),
            sync_time,
            rule: Mutex::new(Box::new(|_, _| Ok(()))),
        })
    }

    pub(crate) fn set(&self, rule: impl FnMut(Call, u64) -> io::Result<()> + Send + 'static) {
        *self.rule.lock().expect("no panic") = Box::new(rule);
    }

    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(crate) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    fn see(&self, call: Call) -> io::Result<()> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        (self.rule.lock().expect("no panic"))(call, number)
    }
}

/// A real directory with a probe in front.
pub(crate) struct ProbedDisk {
    disk: OsDisk,
    probe: Arc<Probe>,
}

impl ProbedDisk {
    pub(crate) fn new(path: &Path, probe: &Arc<Probe>) -> Self {
        Self { disk: OsDisk::open(path).expect("opened"), probe: probe.clone() }
    }

    fn file(&self, file: OsFile) -> ProbedFile {
        ProbedFile { file, probe: self.probe.clone(), has_failed: AtomicBool::new(false) }
    }
}

pub(crate) struct ProbedFile {
    file: OsFile,
    probe: Arc<Probe>,
    has_failed: AtomicBool,
}

impl Disk for ProbedDisk {
    type File = ProbedFile;
    type Lock = OsLock;

    fn open(&self, name: &str, access: Access) -> io::Result<ProbedFile> {
        self.probe.see(Call::Open)?;
        Ok(self.file(self.disk.open(name, access)?))
    }

    fn create(&self, name: &str) -> io::Result<ProbedFile> {
        self.probe.see(Call::Create)?;
        Ok(self.file(self.disk.create(name)?))
    }

    fn list(&self) -> io::Result<Vec<String>> {
        self.probe.see(Call::List)?;
        self.disk.list()
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.probe.see(Call::Rename)?;
        self.disk.rename(from, to)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.probe.see(Call::Remove)?;
        self.disk.remove(name)
    }

    fn sync_dir(&self) -> io::Result<()> {
        self.probe.see(Call::SyncDir)?;
        self.disk.sync_dir()
    }

    fn lock(&self, name: &str) -> io::Result<Option<OsLock>> {
        self.probe.see(Call::Lock)?;
        self.disk.lock(name)
    }

    fn path(&self) -> &Path {
        self.disk.path()
    }
}

impl DiskFile for ProbedFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.probe.see(Call::Read)?;
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.probe.see(Call::Write)?;
        self.file.write_at(bytes, offset)
    }

    fn allocate(&self, len: u64) -> io::Result<()> {
        self.probe.see(Call::Allocate)?;
        self.file.allocate(len)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.probe.see(Call::SetLen)?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.has_failed.load(Ordering::Relaxed) {
            self.probe.retried.store(true, Ordering::Relaxed);
        }
        self.probe.syncs.fetch_add(1, Ordering::Relaxed);
        self.probe.see(Call::Sync).inspect_err(|_| {
            self.has_failed.store(true, Ordering::Relaxed);
        })?;
        if self.probe.sync_time > Duration::ZERO {
            thread::sleep(self.probe.sync_time);
            return Ok(());
        }
        self.file.sync_data()
    }

    fn len(&self) -> io::Result<u64> {
        self.probe.see(Call::Len)?;
        self.file.len()
    }
}
