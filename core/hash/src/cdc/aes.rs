//! AES in portable code (FIPS 197), and the search for windows by it.
//!
//! A state is four columns of four bytes, each column a little-endian number, the order of bytes
//! being that of the message.

use super::WINDOW_BYTES;

/// The rounds of a fast key; the last is like the others.
pub(super) const ROUNDS_FAST: usize = 4;
/// The rounds of AES-128; the last leaves out MixColumns.
pub(super) const ROUNDS_STRONG: usize = 10;

/// One key before the first round and one for each round.
pub(super) type RoundKeys<const KEYS: usize> = [[u8; WINDOW_BYTES]; KEYS];

/// Whether the last of `KEYS - 1` rounds leaves out MixColumns.
pub(super) const fn last_is_short<const KEYS: usize>() -> bool {
    KEYS - 1 == ROUNDS_STRONG
}

/// Where the first window in `bytes` begins whose value is below `threshold`.
pub(super) fn find<const KEYS: usize>(
    keys: &RoundKeys<KEYS>,
    bytes: &[u8],
    threshold: u32,
) -> Option<usize> {
    let keys = keys.map(columns);
    bytes.windows(WINDOW_BYTES).position(|window| {
        let mut block = [0; WINDOW_BYTES];
        block.copy_from_slice(window);
        value(&keys, columns(block)) < threshold
    })
}

/// The first column of the encrypted window.
#[inline]
fn value<const KEYS: usize>(keys: &[[u32; 4]; KEYS], window: [u32; 4]) -> u32 {
    let mut state = xor(window, keys[0]);
    for key in &keys[1..KEYS - 1] {
        state = round(state, *key);
    }
    let last = if last_is_short::<KEYS>() { column_short } else { column };
    last(state, 0) ^ keys[KEYS - 1][0]
}

/// The whole of a block encrypted with AES-128.
pub(super) fn encrypt(keys: &RoundKeys<{ ROUNDS_STRONG + 1 }>, block: [u8; 16]) -> [u8; 16] {
    let keys = keys.map(columns);
    let mut state = xor(columns(block), keys[0]);
    for key in &keys[1..ROUNDS_STRONG] {
        state = round(state, *key);
    }
    let state = core::array::from_fn(|index| column_short(state, index));
    let mut out = [0; 16];
    for (bytes, column) in out.chunks_exact_mut(4).zip(xor(state, keys[ROUNDS_STRONG])) {
        bytes.copy_from_slice(&column.to_le_bytes());
    }
    out
}

/// The round keys of AES-128 (FIPS 197, section 5.2).
pub(super) fn expand(key: [u8; 16]) -> RoundKeys<{ ROUNDS_STRONG + 1 }> {
    let mut keys = [key; ROUNDS_STRONG + 1];
    let mut constant = 1;
    for index in 1..keys.len() {
        let last = keys[index - 1];
        let mut next = last;
        for at in 0..4 {
            next[at] ^= SBOX[usize::from(last[12 + (at + 1) % 4])];
        }
        next[0] ^= constant;
        for at in 4..16 {
            next[at] = last[at] ^ next[at - 4];
        }
        constant = double(constant);
        keys[index] = next;
    }
    keys
}

fn columns(block: [u8; 16]) -> [u32; 4] {
    let mut columns = [0; 4];
    for (column, bytes) in columns.iter_mut().zip(block.chunks_exact(4)) {
        *column = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    }
    columns
}

fn xor(a: [u32; 4], b: [u32; 4]) -> [u32; 4] {
    core::array::from_fn(|index| a[index] ^ b[index])
}

#[inline]
fn round(state: [u32; 4], key: [u32; 4]) -> [u32; 4] {
    core::array::from_fn(|index| column(state, index) ^ key[index])
}

/// Column `index` after SubBytes, ShiftRows and MixColumns.
#[inline]
fn column(state: [u32; 4], index: usize) -> u32 {
    (0..4).fold(0, |sum, row| sum ^ MIXED[byte(state, index, row)].rotate_left(8 * row as u32))
}

/// Column `index` after SubBytes and ShiftRows.
#[inline]
fn column_short(state: [u32; 4], index: usize) -> u32 {
    (0..4).fold(0, |sum, row| sum | u32::from(SBOX[byte(state, index, row)]) << (8 * row))
}

/// The byte that ShiftRows moves to this place.
#[inline]
fn byte(state: [u32; 4], column: usize, row: usize) -> usize {
    (state[(column + row) % 4] >> (8 * row) & 0xff) as usize
}

/// What MixColumns makes of a column that has the substituted byte in its first row.
static MIXED: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let substituted = SUBSTITUTED[byte];
        let twice = double(substituted);
        table[byte] = u32::from_le_bytes([twice, substituted, substituted, twice ^ substituted]);
        byte += 1;
    }
    table
};

/// SubBytes (FIPS 197, section 5.1.1): the inverse in GF(2^8), then an affine map. The powers of 3
/// run through the field's non-zero elements, those of its inverse, 0xf6, through their inverses.
static SBOX: [u8; 256] = SUBSTITUTED;
const SUBSTITUTED: [u8; 256] = {
    let mut table = [0; 256];
    table[0] = 0x63;
    let (mut power, mut inverse) = (1_u8, 1_u8);
    loop {
        let affine = inverse
            ^ inverse.rotate_left(1)
            ^ inverse.rotate_left(2)
            ^ inverse.rotate_left(3)
            ^ inverse.rotate_left(4);
        table[power as usize] = affine ^ 0x63;
        power ^= double(power);
        // Times 0xf6, which is x^7 + x^6 + x^5 + x^4 + x^2 + x.
        let x1 = double(inverse);
        let x2 = double(x1);
        let x4 = double(double(x2));
        let x5 = double(x4);
        let x6 = double(x5);
        inverse = double(x6) ^ x6 ^ x5 ^ x4 ^ x2 ^ x1;
        if power == 1 {
            break table;
        }
    }
};

/// Times x in GF(2^8).
const fn double(byte: u8) -> u8 {
    byte << 1 ^ if byte & 0x80 == 0 { 0 } else { 0x1b }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 197, appendix C.1.
    #[test]
    fn a_block_is_encrypted_as_the_standard_says() {
        let key = core::array::from_fn(|index| index as u8);
        let block = core::array::from_fn(|index| 0x11 * index as u8);
        let expected = 0x69c4_e0d8_6a7b_0430_d8cd_b780_70b4_c55a_u128;
        assert_eq!(encrypt(&expand(key), block), expected.to_be_bytes());
        let value = value(&expand(key).map(columns), columns(block));
        assert_eq!(value.to_le_bytes(), expected.to_be_bytes()[..4]);
    }
}
