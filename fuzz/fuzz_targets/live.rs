//! Records of a live tree's journal, and clocks, of any bytes: what is decoded is encoded to the
//! same bytes again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use treenail_tree::live::{Clock, decodes};

fuzz_target!(|input: &[u8]| {
    decodes(input);
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(clock) = text.parse::<Clock>()
    {
        assert_eq!(clock.to_string().parse(), Ok(clock));
    }
});
