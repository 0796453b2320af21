//! A bare loop of `inotify_add_watch` over paths that are known already: the least that a watcher
//! on inotify can take. It follows no new directories.

use std::ffi::CString;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::{fs, thread};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};

use super::{Consumer, Place, Watching};
use crate::protocol::{Change, Kind, Ready, now};

pub(crate) fn watch(place: &Place, consumer: &Consumer) -> Result<Watching, String> {
    let listed = fs::read_to_string(&place.directories).map_err(|error| error.to_string())?;
    let directories: Vec<String> = listed.lines().map(str::to_owned).collect();
    let path =
        |dir: &String| CString::new(place.root.join(dir).into_os_string().into_encoded_bytes());
    let paths: Vec<CString> =
        directories.iter().map(path).collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    let mask = WatchFlags::MODIFY
        | WatchFlags::CLOSE_WRITE
        | WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVE
        | WatchFlags::ONLYDIR;
    let mut names = vec![None; paths.len() + 1];

    let start = now();
    let feed = inotify::init(CreateFlags::CLOEXEC).map_err(|error| error.to_string())?;
    for (index, path) in paths.iter().enumerate() {
        let watch = inotify::add_watch(&feed, path, mask)
            .map_err(|error| format!("{}: {error}", directories[index]))?;
        // The kernel counts them from 1; a directory that is listed twice keeps its number.
        names[usize::try_from(watch).expect("not negative")] = Some(index);
    }
    let complete = now();

    let consumer = consumer.clone();
    thread::spawn(move || {
        if let Err(error) = read(&feed, &directories, &names, &consumer) {
            consumer.error(error);
        }
    });
    let ready = Ready {
        start,
        armed: complete,
        complete,
        pids: vec![std::process::id()],
        version: "-".to_owned(),
        backend: "inotify".to_owned(),
    };
    Ok(Watching { ready, stop: Box::new(|| ()) })
}

fn read(
    feed: &OwnedFd,
    directories: &[String],
    names: &[Option<usize>],
    consumer: &Consumer,
) -> Result<(), String> {
    let mut buffer = vec![MaybeUninit::uninit(); 64 << 10];
    let mut reader = Reader::new(feed, &mut buffer);
    loop {
        let event = reader.next().map_err(|error| error.to_string())?;
        let at = now();
        if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
            consumer.error("the queue overflowed");
            continue;
        }
        let index = usize::try_from(event.wd()).ok().and_then(|wd| *names.get(wd)?);
        let (Some(index), Some(name)) = (index, event.file_name()) else { continue };
        let name = name.to_string_lossy();
        let dir = &directories[index];
        let path = if dir.is_empty() { name.into_owned() } else { format!("{dir}/{name}") };
        let is_gone = event.events().intersects(ReadFlags::DELETE | ReadFlags::MOVED_FROM);
        let kind = if is_gone { Kind::Gone } else { Kind::Change };
        consumer.changes(at, vec![Change { kind, path, old: None }]);
    }
}
