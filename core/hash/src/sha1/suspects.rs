//! Blocks that may carry an attack, tested many at a time: a block and one of its candidate vectors
//! in each lane.
//!
//! One block in some twenty has a candidate, nearly always for nothing, so that the test of a
//! single one, which takes as long as four blocks or more, would be a good part of all work.

macro_rules! forward {
    ($f:ident, $from:expr, $to:expr, $w:expr, $state:ident) => {
        for t in $from..$to {
            let [a, b, c, d, e] = $state;
            let ready = add(add(e, add($w[t], splat(K[t / 20]))), $f(b, c, d));
            $state = [add(ready, rotate_left::<5>(a)), a, rotate_left::<30>(b), c, d];
        }
    };
}

macro_rules! backward {
    ($f:ident, $from:expr, $to:expr, $w:expr, $state:ident) => {
        for t in ($to..$from).rev() {
            let [new, a, c, d, e] = $state;
            let (b, ready) = (rotate_left::<2>(c), sub(new, add($w[t], splat(K[t / 20]))));
            let ready = sub(ready, rotate_left::<5>(a));
            $state = [a, b, d, e, sub(ready, $f(b, d, e))];
        }
    };
}

/// Defines the suspects of the module `$isa`, which needs `$features`.
macro_rules! suspects {
    ($isa:ident, $features:literal) => {
        pub(super) mod $isa {
            use crate::sha_lanes::BLOCK_BYTES;
            use crate::sha_lanes::$isa::{
                Vector, add, choose, load, load_blocks, majority, rotate_left, splat, store, sub,
                transpose, xor, xor3,
            };
            use crate::sha1::conditions::{Candidates, DIFFERENCES, STARTING_AT_58};
            use crate::sha1::exact::{K, State};
            use crate::sha1::lanes::$isa::{LANES, expand, nothing};

            /// Up to a block and a vector for each lane.
            #[derive(Clone)]
            pub(in crate::sha1) struct Suspects {
                count: usize,
                blocks: [[u8; BLOCK_BYTES]; LANES],
                /// The chaining values before and after the block, word `w` of lane `l` in
                /// `[w][l]`.
                before: [[u32; LANES]; 5],
                after: [[u32; LANES]; 5],
                vectors: [usize; LANES],
                messages: [usize; LANES],
            }

            impl Suspects {
                pub(in crate::sha1) fn new() -> Self {
                    Self {
                        count: 0,
                        blocks: [[0; BLOCK_BYTES]; LANES],
                        before: [[0; LANES]; 5],
                        after: [[0; LANES]; 5],
                        vectors: [0; LANES],
                        messages: [0; LANES],
                    }
                }

                /// Adds a block with its candidates, or returns those that there is no room for.
                #[must_use]
                pub(in crate::sha1) fn add(
                    &mut self,
                    message: usize,
                    block: &[u8; BLOCK_BYTES],
                    [before, after]: [&State; 2],
                    mut candidates: Candidates,
                ) -> Candidates {
                    while candidates != 0 && self.count < LANES {
                        let lane = self.count;
                        self.count += 1;
                        self.vectors[lane] = candidates.trailing_zeros() as usize;
                        candidates &= candidates - 1;
                        self.messages[lane] = message;
                        self.blocks[lane] = *block;
                        for word in 0..5 {
                            self.before[word][lane] = before[word];
                            self.after[word][lane] = after[word];
                        }
                    }
                    candidates
                }

                /// Calls `convict` with the message of each suspect that carries an attack; none
                /// is left after that.
                #[target_feature(enable = $features)]
                pub(in crate::sha1) fn test(&mut self, mut convict: impl FnMut(usize)) {
                    if self.count == 0 {
                        return;
                    }
                    let differs = self.compare();
                    for lane in 0..self.count {
                        if differs[lane] == 0 {
                            convict(self.messages[lane]);
                        }
                    }
                    self.count = 0;
                }

                /// For each lane, zero if the other message of the collision leads to the same
                /// chaining value as the lane's block; lanes that are not filled are undefined.
                #[target_feature(enable = $features)]
                fn compare(&self) -> [u32; LANES] {
                    let mut runs: [&[u8]; LANES] = [&[]; LANES];
                    for (run, block) in runs.iter_mut().zip(&self.blocks) {
                        *run = block;
                    }
                    let mut w = nothing();
                    expand(&load_blocks(&runs, 0), &mut w);
                    let mut state = [0, 1, 2, 3, 4].map(|word: usize| load(&self.before[word]));
                    forward!(choose, 0, 20, w, state);
                    forward!(xor3, 20, 40, w, state);
                    forward!(majority, 40, 58, w, state);
                    let at_58 = state;
                    forward!(majority, 58, 60, w, state);
                    forward!(xor3, 60, 65, w, state);
                    let at_65 = state;

                    // From here on the other message.
                    for (run, vector) in runs.iter_mut().zip(self.vectors) {
                        *run = DIFFERENCES[vector].as_flattened();
                    }
                    for (number, words) in w.as_chunks_mut::<16>().0.iter_mut().enumerate() {
                        let differences = transpose(&load_blocks(&runs, number * BLOCK_BYTES));
                        for (word, difference) in words.iter_mut().zip(differences) {
                            *word = xor(*word, difference);
                        }
                    }
                    let starts_at_58 =
                        self.vectors.map(|v| 0_u32.wrapping_sub(STARTING_AT_58 >> v & 1));
                    let starts_at_58 = load(&starts_at_58);
                    let mut early = at_65;
                    backward!(xor3, 65, 60, w, early);
                    backward!(majority, 60, 58, w, early);
                    early = either(starts_at_58, at_58, early);
                    backward!(majority, 58, 40, w, early);
                    backward!(xor3, 40, 20, w, early);
                    backward!(choose, 20, 0, w, early);
                    let mut late = at_58;
                    forward!(majority, 58, 60, w, late);
                    forward!(xor3, 60, 65, w, late);
                    late = either(starts_at_58, late, at_65);
                    forward!(xor3, 65, 80, w, late);

                    let mut differs = splat(0);
                    for word in 0..5 {
                        let difference = xor(add(early[word], late[word]), load(&self.after[word]));
                        // Any bit that is set in either.
                        differs = choose(differs, differs, difference);
                    }
                    let mut lanes = [0; LANES];
                    store(differs, &mut lanes);
                    lanes
                }
            }

            /// In each lane `yes` where all bits of `condition` are set, `no` where none is.
            #[inline]
            #[target_feature(enable = $features)]
            fn either(condition: Vector, yes: [Vector; 5], mut no: [Vector; 5]) -> [Vector; 5] {
                for (no, yes) in no.iter_mut().zip(yes) {
                    *no = choose(condition, yes, *no);
                }
                no
            }
        }
    };
}

suspects!(avx2, "avx2");
suspects!(avx512, "avx512f,avx512bw");
