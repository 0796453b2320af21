//! The compression function on vectors, a message in each lane; written once for all vectors.

/// One step, with `$word` telling how the step's word of the schedule comes to be.
macro_rules! step {
    ($t:literal, $word:ident, $w:ident, $k:ident,
     $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident) => {
        $word!($w, $t);
        let sum = add(add($h, add($w[$t], splat($k[$t]))), add(upper_1($e), choose($e, $f, $g)));
        $d = add($d, sum);
        $h = add(sum, add(upper_0($a), majority($a, $b, $c)));
    };
}

macro_rules! message {
    ($w:ident, $t:literal) => {};
}

macro_rules! schedule {
    ($w:ident, $t:literal) => {
        let recent = add(lower_1($w[($t + 14) % 16]), $w[($t + 9) % 16]);
        $w[$t] = add(add($w[$t], lower_0($w[($t + 1) % 16])), recent);
    };
}

/// Sixteen steps.
macro_rules! steps {
    ($word:ident, $w:ident, $k:ident,
     $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident) => {
        step!(0, $word, $w, $k, $a $b $c $d $e $f $g $h);
        step!(1, $word, $w, $k, $h $a $b $c $d $e $f $g);
        step!(2, $word, $w, $k, $g $h $a $b $c $d $e $f);
        step!(3, $word, $w, $k, $f $g $h $a $b $c $d $e);
        step!(4, $word, $w, $k, $e $f $g $h $a $b $c $d);
        step!(5, $word, $w, $k, $d $e $f $g $h $a $b $c);
        step!(6, $word, $w, $k, $c $d $e $f $g $h $a $b);
        step!(7, $word, $w, $k, $b $c $d $e $f $g $h $a);
        step!(8, $word, $w, $k, $a $b $c $d $e $f $g $h);
        step!(9, $word, $w, $k, $h $a $b $c $d $e $f $g);
        step!(10, $word, $w, $k, $g $h $a $b $c $d $e $f);
        step!(11, $word, $w, $k, $f $g $h $a $b $c $d $e);
        step!(12, $word, $w, $k, $e $f $g $h $a $b $c $d);
        step!(13, $word, $w, $k, $d $e $f $g $h $a $b $c);
        step!(14, $word, $w, $k, $c $d $e $f $g $h $a $b);
        step!(15, $word, $w, $k, $b $c $d $e $f $g $h $a);
    };
}

/// Defines `$isa::compress` on the vectors of that module, which need `$features`.
macro_rules! compress {
    ($isa:ident, $features:literal) => {
        pub(super) mod $isa {
            use crate::sha256::K;
            use crate::sha_lanes::BLOCK_BYTES;
            pub(in crate::sha256) use crate::sha_lanes::$isa::LANES;
            use crate::sha_lanes::$isa::{
                Vector, add, choose, load, load_blocks, majority, rotate_right, shift_right,
                splat, store, transpose, xor3,
            };

            #[inline]
            #[target_feature(enable = $features)]
            fn upper_0(x: Vector) -> Vector {
                xor3(rotate_right::<2>(x), rotate_right::<13>(x), rotate_right::<22>(x))
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn upper_1(x: Vector) -> Vector {
                xor3(rotate_right::<6>(x), rotate_right::<11>(x), rotate_right::<25>(x))
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn lower_0(x: Vector) -> Vector {
                xor3(rotate_right::<7>(x), rotate_right::<18>(x), shift_right::<3>(x))
            }

            #[inline]
            #[target_feature(enable = $features)]
            fn lower_1(x: Vector) -> Vector {
                xor3(rotate_right::<17>(x), rotate_right::<19>(x), shift_right::<10>(x))
            }

            /// Takes `blocks` blocks of each run.
            #[target_feature(enable = $features)]
            pub(in crate::sha256) fn compress(
                state: &mut [[u32; LANES]; 8],
                runs: &[&[u8]; LANES],
                blocks: usize,
            ) {
                let mut ahead = load_blocks(runs, 0);
                for block in 1..=blocks {
                    let mut w = transpose(&ahead);
                    let [mut a, mut b, mut c, mut d] = [0, 1, 2, 3].map(|i: usize| load(&state[i]));
                    let [mut e, mut f, mut g, mut h] = [4, 5, 6, 7].map(|i: usize| load(&state[i]));
                    let (k, rest) = K.split_at(16);
                    steps!(message, w, k, a b c d e f g h);
                    // Blocks that lie a multiple of 4 KiB apart fall into one set of the first
                    // cache, so that a line may be gone before its second half is asked for: all
                    // are fetched at once, while there is still much else to do.
                    if block < blocks {
                        ahead = load_blocks(runs, block * BLOCK_BYTES);
                    }
                    for k in rest.chunks_exact(16) {
                        steps!(schedule, w, k, a b c d e f g h);
                    }
                    for (word, value) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
                        store(add(load(word), value), word);
                    }
                }
            }
        }
    };
}

compress!(avx2, "avx2");
compress!(avx512, "avx512f,avx512bw");
