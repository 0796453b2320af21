//! The notify crate, with its default settings, in two versions.

use std::any::Any;

use super::{Consumer, Place, Watching, below};
use crate::protocol::{Change, Kind, Ready, now};

macro_rules! driver {
    ($watch:ident, $notify:ident, $version:expr) => {
        pub(crate) fn $watch(place: &Place, consumer: &Consumer) -> Result<Watching, String> {
            use $notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
            use $notify::{RecursiveMode, Watcher as _};

            let changes = |root: &std::path::Path, event: &$notify::Event| -> Vec<Change> {
                let mut paths = event.paths.iter().filter_map(|path| below(root, path));
                let kind = match event.kind {
                    EventKind::Access(AccessKind::Close(AccessMode::Write)) => Kind::Change,
                    EventKind::Access(_) => return Vec::new(),
                    EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => Kind::Rename,
                    EventKind::Modify(ModifyKind::Name(RenameMode::From)) => Kind::Gone,
                    EventKind::Remove(_) => Kind::Gone,
                    _ => Kind::Change,
                };
                match kind {
                    Kind::Rename => match (paths.next(), paths.next()) {
                        (Some(old), Some(new)) => vec![Change::rename(&old, &new)],
                        _ => Vec::new(),
                    },
                    _ => paths.map(|path| Change { kind, path, old: None }).collect(),
                }
            };
            let (root, told) = (place.root.clone(), consumer.clone());
            let start = now();
            let mut watcher = $notify::recommended_watcher(
                move |event: Result<$notify::Event, $notify::Error>| {
                    let at = now();
                    match event {
                        Err(error) => told.error(error),
                        Ok(event) if event.need_rescan() => told.error("to be scanned anew"),
                        Ok(event) => told.changes(at, changes(&root, &event)),
                    }
                },
            )
            .map_err(|error| error.to_string())?;
            watcher
                .watch(&place.root, RecursiveMode::Recursive)
                .map_err(|error| error.to_string())?;
            Ok(watching(start, $version, Box::new(watcher)))
        }
    };
}

driver!(watch_8, notify_8, env!("VERSION_NOTIFY_8"));
driver!(watch_9, notify_9, env!("VERSION_NOTIFY_9"));

fn watching(start: u64, version: &str, watcher: Box<dyn Any>) -> Watching {
    let complete = now();
    let ready = Ready {
        start,
        armed: complete,
        complete,
        pids: vec![std::process::id()],
        version: version.to_owned(),
        backend: "inotify".to_owned(),
    };
    Watching { ready, stop: Box::new(move || drop(watcher)) }
}
