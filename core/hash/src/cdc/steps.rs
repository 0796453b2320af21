//! The loop that the back ends share.

/// Tries the windows of `$bytes`, which holds one at least, `$step` at a time, and evaluates to
/// where the first one found begins. `$tried` makes of the bytes that a step's windows cover, an
/// array `$covered`, a bit for each window that is found.
///
/// The last step tries some windows again that the one before did not find; fewer windows than a
/// step's are tried in a copy, zeros behind it.
///
/// A macro, because a closure would not be inlined: it may use instructions that a function generic
/// over it may not.
macro_rules! find_in_steps {
    ($bytes:expr, $step:expr, |$covered:ident| $tried:expr) => {{
        const STEP: usize = $step;
        const COVERED: usize = STEP + $crate::cdc::WINDOW_BYTES - 1;
        const { assert!(STEP < 64) };
        let bytes: &[u8] = $bytes;
        let windows = bytes.len() - ($crate::cdc::WINDOW_BYTES - 1);
        let mut copy = [0; COVERED];
        let mut at = 0;
        let mut bytes = bytes;
        if windows < STEP {
            copy[..bytes.len()].copy_from_slice(bytes);
            bytes = &copy;
        }
        let last = windows.saturating_sub(STEP);
        let asked = if windows < STEP { (1_u64 << windows) - 1 } else { u64::MAX };
        loop {
            let $covered: &[u8; COVERED] = bytes[at..].first_chunk().expect("a step is left");
            let found: u64 = $tried & asked;
            if found != 0 {
                break Some(at + found.trailing_zeros() as usize);
            }
            if at == last {
                break None;
            }
            at = (at + STEP).min(last);
        }
    }};
}
pub(super) use find_in_steps;
