//! What keeps records: ours, the rivals, and a bare file.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use okaywal::{Entry, EntryId, LogManager, SegmentReader, WriteAheadLog};
use redb::{ReadableDatabase, ReadableTable};
use treenail_store::{Kind, Log, Lsn, Options};

/// Keeps records, each durable when [`commit`](Self::commit) returns. All have one length.
pub(crate) trait Store: Send + Sync {
    fn commit(&self, record: &[u8]) -> Result<(), String>;
}

pub(crate) type Opened = Result<Box<dyn Store>, String>;

/// A kind of store.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// Makes a new one.
    pub(crate) make: fn(&Path) -> Opened,
    /// Reads what one keeps, in any order.
    pub(crate) read: fn(&Path) -> Result<Vec<Vec<u8>>, String>,
}

pub(crate) const OURS: Kept = Kept {
    name: "treenail-store",
    version: env!("VERSION_TREENAIL_STORE"),
    make: |path| Ok(Box::new(Log::open(path, &Options::default()).map_err(text)?.0)),
    read: |path| {
        let (log, recovery) = Log::open(path, &Options::default()).map_err(text)?;
        let mut reader = log.read_from(recovery.checkpoint.lsn).map_err(text)?;
        let mut records = Vec::new();
        while let Some(record) = reader.next().map_err(text)? {
            records.push(record.payload.to_vec());
        }
        Ok(records)
    },
};

pub(crate) const OKAYWAL: Kept = Kept {
    name: "okaywal",
    version: env!("VERSION_OKAYWAL"),
    make: |path| Ok(Box::new(WriteAheadLog::recover(path, Found::default()).map_err(text)?)),
    read: |path| {
        let found = Found::default();
        let log = WriteAheadLog::recover(path, found.clone()).map_err(text)?;
        log.shutdown().map_err(text)?;
        let records = found.0.lock().expect("no panic").clone();
        Ok(records)
    },
};

pub(crate) const SQLITE: Kept = Kept {
    name: "SQLite, WAL, FULL",
    version: env!("VERSION_LIBSQLITE3_SYS"),
    make: |path| {
        let connection = sqlite(path)?;
        let table = "create table records (id integer primary key, content blob not null)";
        connection.execute(table, ()).map_err(text)?;
        Ok(Box::new(Mutex::new(connection)))
    },
    read: |path| {
        let connection = sqlite(path)?;
        let mut rows = connection.prepare("select content from records").map_err(text)?;
        let records = rows.query_map((), |row| row.get(0)).map_err(text)?;
        records.collect::<Result<_, _>>().map_err(text)
    },
};

pub(crate) const REDB: Kept = Kept {
    name: "redb",
    version: env!("VERSION_REDB"),
    make: |path| {
        fs::create_dir(path).map_err(text)?;
        let next = Mutex::new(0);
        Ok(Box::new(Redb {
            database: redb::Database::create(path.join("db")).map_err(text)?,
            next,
        }))
    },
    read: |path| {
        let database = redb::Database::open(path.join("db")).map_err(text)?;
        let table = database.begin_read().map_err(text)?.open_table(TABLE).map_err(text)?;
        let records = table.iter().map_err(text)?;
        records.map(|entry| Ok(entry.map_err(text)?.1.value().to_vec())).collect()
    },
};

pub(crate) const FJALL: Kept = Kept {
    name: "fjall, SyncData",
    version: env!("VERSION_FJALL"),
    make: |path| Ok(Box::new(fjall_at(path)?)),
    read: |path| {
        let records = fjall_at(path)?.records;
        records.iter().map(|entry| Ok(entry.value().map_err(text)?.to_vec())).collect()
    },
};

pub(crate) const PREALLOCATED: Kept = Kept {
    name: "write + fdatasync, preallocated",
    version: "-",
    make: |path| bare(path, PREALLOCATED_BYTES),
    read: read_bare,
};

pub(crate) const APPENDED: Kept = Kept {
    name: "write + fdatasync, appended",
    version: "-",
    make: |path| bare(path, 0),
    read: read_bare,
};

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Store for Log {
    fn commit(&self, record: &[u8]) -> Result<(), String> {
        self.write(Kind::new(1).expect("a kind"), record).map(|_: Lsn| ()).map_err(text)
    }
}

/// Collects what is recovered, and keeps nothing elsewhere at a checkpoint.
#[derive(Debug, Clone, Default)]
struct Found(Arc<Mutex<Vec<Vec<u8>>>>);

impl LogManager for Found {
    fn recover(&mut self, entry: &mut Entry<'_>) -> io::Result<()> {
        let chunks = entry.read_all_chunks()?.unwrap_or_default();
        self.0.lock().expect("no panic").extend(chunks);
        Ok(())
    }

    fn checkpoint_to(
        &mut self,
        _: EntryId,
        _: &mut SegmentReader,
        _: &WriteAheadLog,
    ) -> io::Result<()> {
        Ok(())
    }
}

impl Store for WriteAheadLog {
    fn commit(&self, record: &[u8]) -> Result<(), String> {
        let mut entry = self.begin_entry().map_err(text)?;
        entry.write_chunk(record).map_err(text)?;
        entry.commit().map(|_| ()).map_err(text)
    }
}

fn sqlite(path: &Path) -> Result<rusqlite::Connection, String> {
    if !path.exists() {
        fs::create_dir(path).map_err(text)?;
    }
    let connection = rusqlite::Connection::open(path.join("db")).map_err(text)?;
    connection.pragma_update(None, "journal_mode", "wal").map_err(text)?;
    connection.pragma_update(None, "synchronous", "full").map_err(text)?;
    Ok(connection)
}

impl Store for Mutex<rusqlite::Connection> {
    fn commit(&self, record: &[u8]) -> Result<(), String> {
        let connection = self.lock().expect("no panic");
        let mut insert =
            connection.prepare_cached("insert into records (content) values (?)").map_err(text)?;
        insert.execute((record,)).map(|_| ()).map_err(text)
    }
}

struct Redb {
    database: redb::Database,
    next: Mutex<u64>,
}

const TABLE: redb::TableDefinition<'_, u64, &[u8]> = redb::TableDefinition::new("records");

impl Store for Redb {
    fn commit(&self, record: &[u8]) -> Result<(), String> {
        let transaction = self.database.begin_write().map_err(text)?;
        let id = {
            let mut next = self.next.lock().expect("no panic");
            *next += 1;
            *next
        };
        transaction.open_table(TABLE).map_err(text)?.insert(id, record).map_err(text)?;
        transaction.commit().map_err(text)
    }
}

struct Fjall {
    database: fjall::Database,
    records: fjall::Keyspace,
    next: Mutex<u64>,
}

fn fjall_at(path: &Path) -> Result<Fjall, String> {
    let database = fjall::Database::builder(path).open().map_err(text)?;
    let options = fjall::KeyspaceCreateOptions::default;
    let records = database.keyspace("records", options).map_err(text)?;
    Ok(Fjall { database, records, next: Mutex::new(0) })
}

impl Store for Fjall {
    fn commit(&self, record: &[u8]) -> Result<(), String> {
        let id = {
            let mut next = self.next.lock().expect("no panic");
            *next += 1;
            *next
        };
        self.records.insert(id.to_be_bytes(), record).map_err(text)?;
        self.database.persist(fjall::PersistMode::SyncData).map_err(text)
    }
}

/// The bare file's length; at its end it begins anew.
const PREALLOCATED_BYTES: usize = 16 << 20;

/// A file, and where the next record goes.
struct Bare {
    file: File,
    end: Mutex<u64>,
    wraps: bool,
}

fn bare(path: &Path, size_bytes: usize) -> Opened {
    fs::create_dir(path).map_err(text)?;
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).open(path.join("file")).map_err(text)?;
    file.write_all_at(&vec![0; size_bytes], 0).map_err(text)?;
    file.sync_all().map_err(text)?;
    Ok(Box::new(Bare { file, end: Mutex::new(0), wraps: size_bytes > 0 }))
}

fn read_bare(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let bytes = fs::read(path.join("file")).map_err(text)?;
    let records = bytes.chunks(crate::RECORD_BYTES);
    Ok(records.map(<[u8]>::to_vec).filter(|one| one.iter().any(|&byte| byte != 0)).collect())
}

impl Store for Bare {
    fn commit(&self, record: &[u8]) -> Result<(), String> {
        let mut end = self.end.lock().expect("no panic");
        if self.wraps && *end + record.len() as u64 > PREALLOCATED_BYTES as u64 {
            *end = 0;
        }
        self.file.write_all_at(record, *end).map_err(text)?;
        self.file.sync_data().map_err(text)?;
        *end += record.len() as u64;
        Ok(())
    }
}
