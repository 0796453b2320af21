//! The compression function and the check of the unavoidable bit conditions on vectors, a block in
//! each lane; written once for all vectors.

/// One step; the vectors' names take turns instead of moving.
macro_rules! step {
    ($f:ident, $w:ident, $t:expr, $k:ident,
     $a:ident $b:ident $c:ident $d:ident $e:ident) => {
        let sum = add(add($e, add($w[$t], $k)), $f($b, $c, $d));
        $b = rotate_left::<30>($b);
        $e = add(sum, rotate_left::<5>($a));
    };
}

/// Twenty steps from step `$from`.
macro_rules! steps {
    ($f:ident, $w:ident, $from:literal, $a:ident $b:ident $c:ident $d:ident $e:ident) => {
        let k = splat(K[$from / 20]);
        for t in [$from, $from + 5, $from + 10, $from + 15] {
            step!($f, $w, t, k, $a $b $c $d $e);
            step!($f, $w, t + 1, k, $e $a $b $c $d);
            step!($f, $w, t + 2, k, $d $e $a $b $c);
            step!($f, $w, t + 3, k, $c $d $e $a $b);
            step!($f, $w, t + 4, k, $b $c $d $e $a);
        }
    };
}

macro_rules! expand_words {
    ($to:ident, $recent:ident, $($t:literal)*) => {$(
        let early = xor3($recent[$t], $recent[($t + 2) % 16], $recent[($t + 8) % 16]);
        $recent[$t] = rotate_left::<1>(xor(early, $recent[($t + 13) % 16]));
        $to[$t] = $recent[$t];
    )*};
}

/// Of `$left`, the disturbance vectors whose conditions in the numbered lookups hold. Which words
/// and bits these look at is known when this is compiled, and becomes part of the instructions.
macro_rules! narrow {
    ($w:ident, $left:ident, $($number:expr)*) => {$(
        let lookup = &LOOKUPS[$number];
        let a = rotate_left_by($w[lookup.word_a], lookup.rotate_a);
        let b = rotate_left_by($w[lookup.word_b], lookup.rotate_b);
        $left = and($left, lookup_16(&lookup.left, xor(a, b)));
    )*};
}

macro_rules! narrow_tens {
    ($w:ident, $left:ident, $($first:literal)*) => {$(
        narrow!($w, $left, { $first } { $first + 1 } { $first + 2 } { $first + 3 });
        narrow!($w, $left, { $first + 4 } { $first + 5 } { $first + 6 } { $first + 7 });
        narrow!($w, $left, { $first + 8 } { $first + 9 });
    )*};
}

/// Defines a module of functions on the vectors of the module `$isa`, which need `$features`.
macro_rules! lanes {
    ($isa:ident, $features:literal) => {
        pub(super) mod $isa {
            use crate::sha1::conditions::{Candidates, LOOKUP_COUNT, LOOKUPS};
            use crate::sha1::exact::K;
            pub(in crate::sha1) use crate::sha_lanes::$isa::LANES;
            pub(in crate::sha1) use crate::sha_lanes::$isa::{Rows, Vector, load_blocks};
            use crate::sha_lanes::$isa::{
                add, choose, load, lookup_16, majority, rotate_left, rotate_left_by, splat, store,
                transpose, xor, xor3, and,
            };

            /// The expanded messages, word `t` of lane `l` in lane `l` of `[t]`.
            pub(in crate::sha1) type Expanded = [Vector; 80];

            #[target_feature(enable = $features)]
            #[inline]
            pub(in crate::sha1) fn nothing() -> Expanded {
                [splat(0); 80]
            }

            /// All words of the messages in `rows`.
            #[inline]
            #[target_feature(enable = $features)]
            pub(in crate::sha1) fn expand(rows: &Rows, w: &mut Expanded) {
                // The sixteen most recent words stay in registers.
                let mut recent = transpose(rows);
                let (first, rest) = w.split_first_chunk_mut().expect("sixteen of eighty");
                *first = recent;
                let (sixteens, _) = rest.as_chunks_mut::<16>();
                for sixteen in sixteens {
                    expand_words!(sixteen, recent, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
                }
            }

            /// The disturbance vectors whose conditions hold in each lane.
            #[inline]
            #[target_feature(enable = $features)]
            pub(in crate::sha1) fn candidates(w: &Expanded) -> [Candidates; LANES] {
                let mut candidates = [0; LANES];
                let mut left = splat(!0);
                narrow_tens!(w, left, 0 10 20 30 40 50 60 70 80 90 100);
                narrow!(w, left, 110 111 112);
                const { assert!(LOOKUP_COUNT == 113) }
                store(left, &mut candidates);
                candidates
            }

            /// Takes a block in each lane.
            #[target_feature(enable = $features)]
            pub(in crate::sha1) fn take(state: &mut [[u32; LANES]; 5], w: &Expanded) {
                let [mut a, mut b, mut c, mut d, mut e] =
                    [0, 1, 2, 3, 4].map(|word: usize| load(&state[word]));
                steps!(choose, w, 0, a b c d e);
                steps!(xor3, w, 20, a b c d e);
                steps!(majority, w, 40, a b c d e);
                steps!(xor3, w, 60, a b c d e);
                for (word, value) in state.iter_mut().zip([a, b, c, d, e]) {
                    store(add(load(word), value), word);
                }
            }

            /// Takes the block at `offset` of each run, and tells the candidates.
            #[target_feature(enable = $features)]
            pub(in crate::sha1) fn compress(
                state: &mut [[u32; LANES]; 5],
                runs: &[&[u8]; LANES],
                offset: usize,
                w: &mut Expanded,
            ) -> [Candidates; LANES] {
                expand(&load_blocks(runs, offset), w);
                take(state, w);
                candidates(w)
            }
        }
    };
}

lanes!(avx2, "avx2");
lanes!(avx512, "avx512f,avx512bw");
