//! The unavoidable bit conditions of the 32 disturbance vectors, and the differences between the
//! two messages of a collision that these vectors describe.
//!
//! The vectors are those that Stevens and Shumow chose (section 4.4 of their paper); each is one of
//! two shapes, begun at some step and bit. A collision attack along a vector forces, in each of its
//! blocks, certain bits of the expanded message to be equal or to differ. A block that breaks one
//! of a vector's conditions is no part of such an attack.
//!
//! Many conditions ask for bits at the same distance in the same two words. They are looked up
//! together: the words' exclusive or, four bits of it, is an index into a table that tells which
//! vectors are left. That costs the same few operations for one block as for a vector of blocks.

/// A set of disturbance vectors, bit `i` for `VECTORS[i]`.
pub(super) type Candidates = u32;

/// A disturbance vector: the shape's first or second type, its step and its bit.
const VECTORS: [(Type, usize, u32); 32] = [
    (Type::I, 43, 0),
    (Type::I, 44, 0),
    (Type::I, 45, 0),
    (Type::I, 46, 0),
    (Type::I, 46, 2),
    (Type::I, 47, 0),
    (Type::I, 47, 2),
    (Type::I, 48, 0),
    (Type::I, 48, 2),
    (Type::I, 49, 0),
    (Type::I, 49, 2),
    (Type::I, 50, 0),
    (Type::I, 50, 2),
    (Type::I, 51, 0),
    (Type::I, 51, 2),
    (Type::I, 52, 0),
    (Type::II, 45, 0),
    (Type::II, 46, 0),
    (Type::II, 46, 2),
    (Type::II, 47, 0),
    (Type::II, 48, 0),
    (Type::II, 49, 0),
    (Type::II, 49, 2),
    (Type::II, 50, 0),
    (Type::II, 50, 2),
    (Type::II, 51, 0),
    (Type::II, 51, 2),
    (Type::II, 52, 0),
    (Type::II, 53, 0),
    (Type::II, 54, 0),
    (Type::II, 55, 0),
    (Type::II, 56, 0),
];

#[derive(Clone, Copy)]
enum Type {
    I,
    II,
}

/// Vectors from this step on have differences in the state at step 58, and none at step 65.
const FIRST_STEP_OF_START_65: usize = 50;

/// The vectors that recompression follows from step 58.
pub(super) const STARTING_AT_58: Candidates = {
    let mut set = 0;
    let mut vector = 0;
    while vector < VECTORS.len() {
        if VECTORS[vector].1 < FIRST_STEP_OF_START_65 {
            set |= 1 << vector;
        }
        vector += 1;
    }
    set
};

/// `DIFFERENCES[v][t]` is the difference of the two messages' word `t` along `VECTORS[v]`, in the
/// order of bytes that messages have.
pub(super) static DIFFERENCES: [[[u8; 4]; 80]; 32] = {
    let mut differences = [[[0; 4]; 80]; 32];
    let mut vector = 0;
    while vector < VECTORS.len() {
        let words = difference(VECTORS[vector]);
        let mut t = 0;
        while t < words.len() {
            differences[vector][t] = words[t].to_be_bytes();
            t += 1;
        }
        vector += 1;
    }
    differences
};

/// The sum of the local collisions that the vector begins: a disturbance at step `t` is corrected
/// in the five steps after it (section 4.3 of the paper).
const fn difference((kind, step, bit): (Type, usize, u32)) -> [u32; 80] {
    /// Steps before the first whose disturbances still reach into the message.
    const BEFORE: usize = 5;
    let mut w = [0_u32; BEFORE + 80];
    let first = BEFORE + step;
    w[first + 15] = 1 << bit;
    if let Type::II = kind {
        w[first + 1] = (1_u32 << bit).rotate_left(31);
        w[first + 3] = (1_u32 << bit).rotate_left(31);
    }
    // Sixteen words make all others, the message's expansion run either way.
    let mut t = first + 16;
    while t < w.len() {
        w[t] = (w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16]).rotate_left(1);
        t += 1;
    }
    let mut t = first;
    while t > 0 {
        t -= 1;
        w[t] = w[t + 16].rotate_right(1) ^ w[t + 13] ^ w[t + 8] ^ w[t + 2];
    }
    let mut sum = [0; 80];
    let mut step = 0;
    while step < sum.len() {
        let t = BEFORE + step;
        sum[step] = w[t]
            ^ w[t - 1].rotate_left(5)
            ^ w[t - 2]
            ^ w[t - 3].rotate_left(30)
            ^ w[t - 4].rotate_left(30)
            ^ w[t - 5].rotate_left(30);
        step += 1;
    }
    sum
}

/// Conditions on bits at one distance in two words of the expanded message.
#[repr(C, align(64))]
pub(super) struct Lookup {
    /// The vectors that are left, by four bits of the exclusive or of the words.
    pub(super) left: [Candidates; 16],
    pub(super) word_a: usize,
    pub(super) word_b: usize,
    /// How far each word is rotated to the left, so that the four bits are the lowest.
    pub(super) rotate_a: u32,
    pub(super) rotate_b: u32,
}

/// The vectors whose conditions hold in the expanded message `w`.
pub(super) fn candidates(w: &[u32; 80]) -> Candidates {
    LOOKUPS.iter().fold(Candidates::MAX, |left, lookup| {
        let difference = w[lookup.word_a].rotate_left(lookup.rotate_a)
            ^ w[lookup.word_b].rotate_left(lookup.rotate_b);
        left & lookup.left[difference as usize % 16]
    })
}

/// With bits `first ..` of `word_a` and as many of `word_b` rotated left by `rotate_b`, each of
/// `conditions` says of one bit, counted from `first`, whether it must differ for which vectors.
const fn lookup(
    word_a: usize,
    word_b: usize,
    rotate_b: u32,
    first: u32,
    conditions: &[(u32, bool, Candidates)],
) -> Lookup {
    let mut left = [Candidates::MAX; 16];
    let mut index = 0;
    while index < left.len() {
        let mut condition = 0;
        while condition < conditions.len() {
            let (bit, differs, vectors) = conditions[condition];
            if (index >> bit & 1 == 1) != differs {
                left[index] &= !vectors;
            }
            condition += 1;
        }
        index += 1;
    }
    let rotate_a = (32 - first) % 32;
    Lookup { left, word_a, word_b, rotate_a, rotate_b: (rotate_b + rotate_a) % 32 }
}

pub(super) const LOOKUP_COUNT: usize = 113;

/// All conditions (tables 4 and 5 of the paper). Where several bits of a vector are tied to each
/// other, those pairs are asked for that share a lookup with most other vectors.
pub(super) static LOOKUPS: [Lookup; LOOKUP_COUNT] = [
    lookup(44, 45, 0, 29, &[(0, false, 0x0283_a080)]),
    lookup(
        38,
        42,
        7,
        3,
        &[(0, false, 0x0080_0000), (1, false, 0x0088_2080), (2, false, 0x0100_0000)],
    ),
    lookup(47, 50, 7, 4, &[(0, false, 0x8201_2220)]),
    lookup(48, 49, 0, 29, &[(0, false, 0x60a0_8004)]),
    lookup(46, 49, 7, 4, &[(0, false, 0x4080_8888)]),
    lookup(49, 50, 0, 29, &[(0, false, 0xc281_0008)]),
    lookup(43, 46, 7, 4, &[(0, false, 0x0808_0225)]),
    lookup(43, 44, 0, 29, &[(0, false, 0x00a1_2820)]),
    lookup(40, 41, 0, 29, &[(0, false, 0x800a_00a2)]),
    lookup(45, 46, 0, 29, &[(0, false, 0x0a0a_8200)]),
    lookup(45, 48, 7, 4, &[(0, false, 0x2020_2224)]),
    lookup(46, 47, 0, 29, &[(0, false, 0x1818_0801)]),
    lookup(44, 47, 7, 4, &[(0, false, 0x1010_088a)]),
    lookup(47, 48, 0, 29, &[(0, false, 0x3030_2002)]),
    lookup(42, 45, 7, 4, &[(0, false, 0x0202_808a)]),
    lookup(41, 44, 7, 4, &[(0, false, 0x0081_2025)]),
    lookup(44, 46, 0, 4, &[(0, true, 0x0000_0888), (2, false, 0x0000_1110)]),
    lookup(45, 47, 0, 4, &[(0, true, 0x0000_2220), (2, false, 0x0000_4440)]),
    lookup(
        37,
        41,
        7,
        3,
        &[(0, false, 0x0020_0000), (1, false, 0x0022_0820), (2, false, 0x0040_0000)],
    ),
    lookup(
        35,
        39,
        7,
        3,
        &[(0, false, 0x0008_2000), (1, false, 0x0008_0084), (2, false, 0x0000_4000)],
    ),
    lookup(
        39,
        43,
        7,
        3,
        &[(0, false, 0x0200_0000), (1, false, 0x0210_8200), (2, false, 0x0400_0000)],
    ),
    lookup(48, 51, 7, 4, &[(0, false, 0x0802_8880)]),
    lookup(49, 52, 7, 4, &[(0, false, 0x1009_2200)]),
    lookup(47, 49, 0, 4, &[(0, true, 0x0001_2200), (2, false, 0x0000_4400)]),
    lookup(50, 53, 7, 4, &[(0, false, 0x2012_8800)]),
    lookup(
        63,
        64,
        27,
        0,
        &[(0, true, 0x0010_0080), (1, true, 0x0001_0004), (2, true, 0x0000_0100)],
    ),
    lookup(
        61,
        62,
        27,
        0,
        &[(0, true, 0x0002_0008), (1, true, 0x0000_0001), (2, true, 0x0004_0010)],
    ),
    lookup(49, 51, 0, 29, &[(0, false, 0x8200_0000), (0, true, 0x0000_8880)]),
    lookup(41, 42, 0, 29, &[(0, false, 0x0018_0284)]),
    lookup(
        36,
        37,
        27,
        30,
        &[(0, true, 0x0020_0000), (2, true, 0x0040_0000), (3, true, 0x0004_1040)],
    ),
    lookup(40, 42, 0, 1, &[(0, true, 0x0100_4000), (3, true, 0x8000_000a)]),
    lookup(54, 55, 0, 29, &[(0, false, 0xc088_2000)]),
    lookup(43, 45, 0, 4, &[(0, true, 0x0000_0224), (2, false, 0x0000_0440)]),
    lookup(42, 44, 0, 4, &[(0, true, 0x0000_008a), (2, false, 0x0000_0110)]),
    lookup(41, 43, 0, 1, &[(0, true, 0x0404_0000), (3, true, 0x0000_0025)]),
    lookup(52, 53, 0, 29, &[(0, false, 0x3011_0200)]),
    lookup(53, 54, 0, 29, &[(0, false, 0x6022_0800)]),
    lookup(42, 43, 0, 29, &[(0, false, 0x0030_0a08)]),
    lookup(39, 41, 0, 1, &[(0, true, 0x0040_1000), (3, true, 0x4000_0005)]),
    lookup(40, 43, 7, 4, &[(0, false, 0x8020_080a)]),
    lookup(36, 40, 7, 3, &[(0, false, 0x0010_0000), (1, false, 0x0011_0208)]),
    lookup(48, 50, 0, 4, &[(0, true, 0x0002_8800), (2, false, 0x0004_1000)]),
    lookup(39, 40, 27, 30, &[(0, true, 0x0800_0000), (3, true, 0x0040_1010)]),
    lookup(
        62,
        63,
        27,
        0,
        &[(0, true, 0x0008_0020), (1, true, 0x0000_0002), (2, true, 0x0000_0040)],
    ),
    lookup(55, 56, 0, 29, &[(0, false, 0x8210_8000)]),
    lookup(38, 40, 0, 1, &[(0, true, 0x0000_0400), (3, true, 0xa000_0002)]),
    lookup(52, 55, 7, 4, &[(0, false, 0x8090_8000)]),
    lookup(
        37,
        38,
        27,
        30,
        &[(0, true, 0x0080_0000), (2, true, 0x0100_0000), (3, true, 0x0000_4100)],
    ),
    lookup(51, 54, 7, 4, &[(0, false, 0x4028_2000)]),
    lookup(51, 52, 0, 29, &[(0, false, 0x1808_0080)]),
    lookup(37, 42, 7, 4, &[(0, true, 0x4000_2001)]),
    lookup(41, 42, 7, 4, &[(0, true, 0x4000_0005)]),
    lookup(35, 36, 27, 30, &[(0, true, 0x0010_0000), (3, true, 0x0000_0410)]),
    lookup(38, 41, 7, 4, &[(0, false, 0xa000_0002)]),
    lookup(53, 56, 0, 29, &[(0, true, 0x0030_8000)]),
    lookup(37, 40, 7, 4, &[(0, false, 0x5000_0001)]),
    lookup(49, 51, 0, 4, &[(0, true, 0x0008_2000), (2, false, 0x0000_4000)]),
    lookup(50, 51, 0, 29, &[(0, false, 0x0802_0020)]),
    lookup(
        38,
        39,
        27,
        30,
        &[(0, true, 0x0200_0000), (2, true, 0x0400_0000), (3, true, 0x0000_0400)],
    ),
    lookup(41, 42, 27, 1, &[(0, true, 0x0404_0100)]),
    lookup(40, 41, 27, 1, &[(0, true, 0x0100_4040)]),
    lookup(43, 47, 7, 3, &[(0, false, 0x4000_0000), (1, false, 0x4000_0000)]),
    lookup(51, 53, 0, 4, &[(0, true, 0x0020_0000), (2, false, 0x0040_0000)]),
    lookup(40, 44, 7, 3, &[(0, false, 0x0800_0000), (1, false, 0x0800_0000)]),
    lookup(41, 45, 7, 3, &[(0, false, 0x1000_0000), (1, false, 0x1000_0000)]),
    lookup(58, 59, 0, 29, &[(0, false, 0x2200_0000)]),
    lookup(46, 48, 0, 6, &[(0, false, 0x0000_1100)]),
    lookup(57, 58, 0, 29, &[(0, false, 0x1080_0000)]),
    lookup(60, 64, 7, 4, &[(0, false, 0x8000_0000), (1, false, 0x0000_0002)]),
    lookup(52, 54, 0, 4, &[(0, true, 0x0080_0000), (2, false, 0x0100_0000)]),
    lookup(46, 47, 5, 6, &[(0, false, 0x0100_0010)]),
    lookup(56, 57, 0, 29, &[(0, false, 0x0820_0000)]),
    lookup(55, 58, 7, 4, &[(0, false, 0x1200_0000)]),
    lookup(56, 59, 0, 29, &[(0, true, 0x0a00_0000)]),
    lookup(53, 55, 0, 4, &[(0, true, 0x0200_0000), (2, false, 0x0400_0000)]),
    lookup(36, 41, 7, 4, &[(0, true, 0x2000_0800)]),
    lookup(60, 61, 27, 0, &[(0, true, 0x0001_0004)]),
    lookup(44, 45, 27, 1, &[(0, true, 0x0040_4000)]),
    lookup(56, 59, 7, 4, &[(0, false, 0x2800_0000)]),
    lookup(42, 46, 7, 3, &[(0, false, 0x2000_0000), (1, false, 0x2000_0000)]),
    lookup(59, 63, 7, 4, &[(0, false, 0x4000_0000), (1, false, 0x0000_0001)]),
    lookup(44, 48, 7, 3, &[(0, false, 0x8000_0000), (1, false, 0x8000_0000)]),
    lookup(47, 48, 5, 6, &[(0, false, 0x0400_0040)]),
    lookup(54, 57, 7, 4, &[(0, false, 0x0880_0000)]),
    lookup(50, 51, 5, 6, &[(0, false, 0x0004_1000)]),
    lookup(56, 60, 0, 29, &[(0, true, 0x0800_0000)]),
    lookup(43, 50, 27, 1, &[(0, true, 0x0000_1000)]),
    lookup(58, 63, 2, 0, &[(0, true, 0x0000_0001)]),
    lookup(40, 42, 0, 6, &[(0, false, 0x0000_0010)]),
    lookup(42, 45, 27, 1, &[(0, true, 0x0000_0400)]),
    lookup(37, 37, 27, 1, &[(0, false, 0x0000_4000)]),
    lookup(40, 48, 0, 1, &[(0, true, 0x0000_0040)]),
    lookup(52, 55, 27, 1, &[(0, true, 0x0400_0000)]),
    lookup(47, 52, 5, 6, &[(0, false, 0x0000_4000)]),
    lookup(45, 46, 27, 1, &[(0, true, 0x0100_0000)]),
    lookup(50, 53, 27, 1, &[(0, true, 0x0040_0000)]),
    lookup(47, 50, 27, 1, &[(0, true, 0x0004_0000)]),
    lookup(51, 54, 27, 1, &[(0, true, 0x0100_0000)]),
    lookup(46, 48, 0, 1, &[(0, true, 0x0400_0000)]),
    lookup(58, 62, 7, 4, &[(0, false, 0x2000_0000)]),
    lookup(54, 55, 5, 6, &[(0, false, 0x0100_0000)]),
    lookup(57, 61, 7, 4, &[(0, false, 0x1000_0000)]),
    lookup(59, 60, 27, 0, &[(0, true, 0x0000_0002)]),
    lookup(57, 61, 0, 29, &[(0, true, 0x1000_0000)]),
    lookup(39, 40, 7, 4, &[(0, true, 0x1000_0000)]),
    lookup(48, 49, 5, 6, &[(0, false, 0x0000_0100)]),
    lookup(53, 54, 5, 6, &[(0, false, 0x0040_0000)]),
    lookup(38, 43, 7, 4, &[(0, true, 0x0000_8000)]),
    lookup(55, 56, 5, 6, &[(0, false, 0x0400_0000)]),
    lookup(43, 50, 5, 6, &[(0, false, 0x0000_0400)]),
    lookup(44, 46, 0, 1, &[(0, true, 0x0040_0000)]),
    lookup(36, 38, 0, 4, &[(0, true, 0x0800_0000)]),
    lookup(57, 59, 7, 4, &[(0, false, 0x4000_0000)]),
];
