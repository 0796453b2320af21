//! What changes, told to a client in the keeper's thread: the shortest way from a save.

use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use rustix::net::{SendFlags, send};

use super::lock;
use crate::keeper::Direct;
use crate::protocol::parts::{Message, send_changes};
use crate::protocol::{Answer, write_message};
use crate::ring::Writer;

/// More changes at once are left to the client's own thread: the keeper has other things to do.
const CHANGES_MAX: usize = 64;

/// Tells a client through its ring what fits there in one message. What does not, or finds no room,
/// is left to the client's own thread, which can wait.
pub(super) fn teller(stream: UnixStream, writer: Arc<Mutex<Writer>>, bytes_max: usize) -> Direct {
    Arc::new(move |batch, clock| {
        if batch.changes.len() > CHANGES_MAX {
            return false;
        }
        let (mut parts, mut message) = (0, Vec::new());
        let mut keep = |part: &[u8]| {
            parts += 1;
            part.clone_into(&mut message);
            Ok(())
        };
        let what = (&batch.changes[..], &batch.gaps[..]);
        let made = send_changes(Message::Batch(clock), what, bytes_max, &mut keep);
        if made.is_err() || parts != 1 {
            return false;
        }
        let pushed = lock(&writer).push(&message);
        if let Ok(true) = pushed {
            wake(&stream);
        }
        pushed.is_ok()
    })
}

/// Wakes a client that sleeps, without ever waiting for it. If there is no room for the message, or
/// nobody to read it, the client has others to wake up for, or has gone.
fn wake(stream: &UnixStream) {
    let (mut answer, mut framed) = (Vec::new(), Vec::new());
    Answer::Wake.encode(&mut answer);
    write_message(&mut framed, &answer).expect("it is short, and memory takes it");
    // So few bytes are sent as a whole or not at all.
    _ = send(stream, &framed, WITHOUT_WAITING);
}

/// And without a signal if nobody reads: where the flag is missing, the standard library has set
/// that for the socket.
#[cfg(not(target_vendor = "apple"))]
const WITHOUT_WAITING: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
#[cfg(target_vendor = "apple")]
const WITHOUT_WAITING: SendFlags = SendFlags::DONTWAIT;
