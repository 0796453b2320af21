//! Records of changes, as the system's queues give them: whatever the bytes are, what is taken for
//! a record lies wholly within them, and nothing follows a malformed one.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treenail_os::feed::records::{fanotify, inotify};

fuzz_target!(|bytes: &[u8]| {
    let within = |part: &[u8]| {
        let (all, part) = (bytes.as_ptr_range(), part.as_ptr_range());
        assert!(part.is_empty() || (all.start <= part.start && part.end <= all.end));
    };
    let mut malformed = false;
    let mut count = 0;
    for record in fanotify::Records::new(bytes) {
        assert!(!malformed);
        count += 1;
        let Ok(record) = record else {
            malformed = true;
            continue;
        };
        for place in [record.dir, record.old, record.new].into_iter().flatten() {
            within(place.dir.bytes);
            within(place.name);
            assert!(!place.name.contains(&0));
        }
        if let Some(target) = record.target {
            within(target.bytes);
        }
    }
    assert!(count <= bytes.len().div_ceil(24));

    malformed = false;
    let mut length = 0;
    for record in inotify::Records::new(bytes) {
        assert!(!malformed);
        let Ok(record) = record else {
            malformed = true;
            continue;
        };
        within(record.name);
        assert!(!record.name.contains(&0));
        length += 16 + record.name.len();
    }
    assert!(length <= bytes.len());
});
