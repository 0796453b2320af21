//! The loop that the back ends share.

use super::WINDOW_BYTES;

/// Tries the windows of `bytes`, which holds one at least, `STEP` at a time. `step` is given the
/// `COVERED` bytes that they cover, and returns a bit for each window that is found.
///
/// The last step tries some windows again that the one before did not find; fewer windows than a
/// step's are tried in a copy, zeros behind it.
#[inline(always)]
pub(super) fn find_in_steps<const STEP: usize, const COVERED: usize>(
    bytes: &[u8],
    mut step: impl FnMut(&[u8; COVERED]) -> u32,
) -> Option<usize> {
    const { assert!(STEP <= 32 && COVERED == STEP + WINDOW_BYTES - 1) };
    let windows = bytes.len() - (WINDOW_BYTES - 1);
    if windows < STEP {
        let mut copy = [0; COVERED];
        copy[..bytes.len()].copy_from_slice(bytes);
        let found = step(&copy) & ((1 << windows) - 1);
        return (found != 0).then_some(found.trailing_zeros() as usize);
    }
    let mut at = 0;
    loop {
        let covered = bytes[at..].first_chunk().expect("a step is left");
        let found = step(covered);
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        if at == windows - STEP {
            return None;
        }
        at = (at + STEP).min(windows - STEP);
    }
}
