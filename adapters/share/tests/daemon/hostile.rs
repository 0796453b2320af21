//! What a client should not do.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use treenail_share::client::Client;
use treenail_share::protocol::{Answer, MESSAGE_BYTES_MAX, Request, read_message, write_message};
use treenail_share::{From, Problem};

use super::support::{Daemon, until, write};

/// What the daemon answers to raw bytes, until it closes the connection.
fn answers(daemon: &Daemon, bytes: &[u8]) -> Vec<Answer> {
    let mut stream = UnixStream::connect(daemon.place.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // It may be closed before all is written.
    _ = stream.write_all(bytes);
    let mut answers = Vec::new();
    loop {
        match read_message(&mut stream) {
            Ok(Some(message)) => answers.push(Answer::decode(&message).unwrap()),
            Ok(None) => return answers,
            // What it had not read is thrown away with the connection.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return answers,
            Err(error) => panic!("{error}"),
        }
    }
}

fn message(request: &Request) -> Vec<u8> {
    let (mut body, mut bytes) = (Vec::new(), Vec::new());
    request.encode(&mut body);
    write_message(&mut bytes, &body).unwrap();
    bytes
}

fn refused(answers: &[Answer]) -> &Problem {
    match answers.last() {
        Some(Answer::Problem(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn malformed_and_too_long_messages_are_refused_with_the_reason() {
    let daemon = Daemon::start("");
    let hello = message(&Request::hello());
    let too_long = (MESSAGE_BYTES_MAX as u32 + 1).to_le_bytes();
    for (bytes, why) in [
        (vec![0, 0, 0, 0], "0 bytes"),
        (too_long.to_vec(), "1048577 bytes"),
        ([&hello[..], &too_long].concat(), "1048577 bytes"),
        ([&hello[..], &[1, 0, 0, 0, 99]].concat(), "no request has this kind"),
        ([&hello[..], &[2, 0, 0, 0, 8, 1]].concat(), "ends early"),
        ([&hello[..], &[6, 0, 0, 0, 8, 1, 0, 0, 0, b'a']].concat(), "absolute path"),
        (message(&Request::Roots), "no hello"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "bytes"),
    ] {
        let answers = answers(&daemon, &bytes);
        let problem = refused(&answers);
        assert_eq!(problem.kind, Problem::PROTOCOL);
        assert!(problem.message.contains(why), "{why}: {problem}");
    }
    assert!(daemon.client().roots().is_ok(), "others are served on");
}

/// Does something in a thread that belongs to another user.
#[cfg(target_os = "linux")]
fn as_nobody<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let nobody = rustix::process::Uid::from_raw(65_534);
            rustix::thread::set_thread_res_uid(nobody, nobody, nobody).unwrap();
            work()
        });
        thread.join().unwrap()
    })
}

#[cfg(target_os = "linux")]
#[test]
fn both_sides_refuse_another_user() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;
    if !rustix::process::geteuid().is_root() {
        return eprintln!("skipped: only root can become another user");
    }
    let daemon = Daemon::start("");
    // So that nothing but the two checks is in the way.
    for dir in [daemon.temp.path(), daemon.place.dir()] {
        set_permissions(dir, Permissions::from_mode(0o755)).unwrap();
    }
    set_permissions(daemon.place.socket(), Permissions::from_mode(0o777)).unwrap();
    let answers = as_nobody(|| answers(&daemon, &message(&Request::hello())));
    let problem = refused(&answers);
    assert_eq!((answers.len(), &*problem.kind), (1, Problem::FOREIGN));
    assert!(problem.message.contains("user 0 only, not user 65534"), "{problem}");

    let problem = as_nobody(|| Client::connect_at(&daemon.place)).err().unwrap();
    assert_eq!(problem.kind, Problem::FOREIGN);
    assert!(problem.message.contains("belongs to user 0"), "{problem}");
    set_permissions(daemon.place.dir(), Permissions::from_mode(0o700)).unwrap();
    assert!(daemon.client().roots().is_ok());
}

#[test]
fn another_version_is_told_whom_to_end() {
    let daemon = Daemon::start("");
    let answers = answers(&daemon, &message(&Request::Hello { version: 7 }));
    let problem = refused(&answers);
    assert_eq!(problem.kind, Problem::PROTOCOL);
    assert!(problem.remedy.as_ref().unwrap().contains(&std::process::id().to_string()));
}

#[test]
fn a_connection_that_changes_flow_through_takes_no_questions() {
    let daemon = Daemon::start("");
    let root = daemon.root().into_os_string().into_encoded_bytes();
    let watch = Request::Watch { root, from: None, ring: false };
    let bytes = [message(&Request::hello()), message(&watch), message(&Request::Roots)].concat();
    let answers = answers(&daemon, &bytes);
    assert!(matches!(answers[1], Answer::Watching { .. }));
    assert_eq!(refused(&answers).kind, Problem::PROTOCOL);
}

#[test]
fn more_clients_than_may_be_are_refused_and_served_when_there_is_room() {
    let daemon = Daemon::start("clients_max = 2");
    let first = daemon.client();
    let second = daemon.client();
    let problem = Client::connect_at(&daemon.place).err().unwrap();
    assert_eq!(problem.kind, Problem::LIMIT);
    assert!(problem.remedy.unwrap().contains("clients_max"));
    drop(first);
    super::support::eventually("there is room", || Client::connect_at(&daemon.place).is_ok());
    assert!(second.roots().is_ok());
}

#[test]
fn a_client_that_scribbles_on_its_ring_harms_itself_alone() {
    use treenail_os::shm::Segment;
    let daemon = Daemon::start("ring_bytes = 65536");
    let root = daemon.root();
    let mut honest = daemon.client().watch(&root, From::Now).unwrap();
    let mut stream = UnixStream::connect(daemon.place.socket()).unwrap();
    let named = root.clone().into_os_string().into_encoded_bytes();
    stream.write_all(&message(&Request::hello())).unwrap();
    read_message(&mut stream).unwrap().unwrap();
    let watch = Request::Watch { root: named, from: None, ring: true };
    stream.write_all(&message(&watch)).unwrap();
    read_message(&mut stream).unwrap().unwrap();
    let segment = Segment::receive(&stream).unwrap();
    for word in segment.words() {
        word.store(u64::MAX, std::sync::atomic::Ordering::Relaxed);
    }
    // The ring is looked at again when it seems to be full.
    let long = "n".repeat(200);
    for n in 0..600 {
        write(&root.join(format!("{long}{n}")), "");
        until(&mut honest, &format!("{long}{n}"));
    }
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // The daemon parts with it.
    while stream.read(&mut [0; 64]).unwrap() > 0 {}
    write(&root.join("b"), "");
    until(&mut honest, "b");
}
