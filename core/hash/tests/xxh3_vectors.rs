//! XXH3 of the buffer that xxHash's own sanity check fills, as xxHash 0.8 computes it: without
//! more, with a seed, with a secret; 64 and 128 bits.

use treenail_hash::xxh3::{
    Secret, Xxh3WithSecret, Xxh128WithSecret, xxh3_64, xxh3_64_with_secret, xxh3_64_with_seed,
    xxh3_128, xxh3_128_with_secret, xxh3_128_with_seed,
};
use treenail_hash::{Hash, Xxh3, Xxh128};

const SEED: u64 = 11400714785074694797;

fn buffer() -> Vec<u8> {
    let mut state = 2654435761_u64;
    let mut next = || {
        let byte = (state >> 56) as u8;
        state = state.wrapping_mul(SEED);
        byte
    };
    (0..4096).map(|_| next()).collect()
}

#[test]
fn digests_of_64_bits_equal_xxhash() {
    let buffer = buffer();
    let secret = Secret::new(&buffer[7..7 + Secret::SIZE_BYTES_MIN + 11]).expect("long enough");
    for &(length, [plain, seeded, keyed]) in VECTORS_64 {
        let message = &buffer[..length];
        assert_eq!(xxh3_64(message), plain, "{length}");
        assert_eq!(xxh3_64_with_seed(message, 0), plain, "{length}");
        assert_eq!(xxh3_64_with_secret(message, Secret::DEFAULT), plain, "{length}");
        assert_eq!(xxh3_64_with_seed(message, SEED), seeded, "{length}");
        assert_eq!(xxh3_64_with_secret(message, secret), keyed, "{length}");
        let mut state = Xxh3::with_seed(SEED);
        state.update(message);
        assert_eq!(state.digest(), seeded, "{length}");
        let mut state = Xxh3WithSecret::new(secret);
        state.update(message);
        assert_eq!(state.digest(), keyed, "{length}");
    }
}

#[test]
fn digests_of_128_bits_equal_xxhash() {
    let buffer = buffer();
    let secret = Secret::new(&buffer[7..7 + Secret::SIZE_BYTES_MIN + 11]).expect("long enough");
    for &(length, [plain, seeded, keyed]) in VECTORS_128 {
        let message = &buffer[..length];
        assert_eq!(xxh3_128(message), plain, "{length}");
        assert_eq!(xxh3_128_with_seed(message, 0), plain, "{length}");
        assert_eq!(xxh3_128_with_secret(message, Secret::DEFAULT), plain, "{length}");
        assert_eq!(xxh3_128_with_seed(message, SEED), seeded, "{length}");
        assert_eq!(xxh3_128_with_secret(message, secret), keyed, "{length}");
        let mut state = Xxh128::with_seed(SEED);
        state.update(message);
        assert_eq!(state.digest(), seeded, "{length}");
        let mut state = Xxh128WithSecret::new(secret);
        state.update(message);
        assert_eq!(state.digest(), keyed, "{length}");
    }
}

#[test]
fn secret_shorter_than_the_minimum_is_refused() {
    assert!(Secret::new(&[1; Secret::SIZE_BYTES_MIN - 1]).is_none());
    assert!(Secret::new(&[1; Secret::SIZE_BYTES_MIN]).is_some());
}

const VECTORS_64: &[(usize, [u64; 3])] = &[
    (0, [0x2d06800538d394c2, 0xa8a6b918b2f0364a, 0x3559d64878c5c66c]),
    (1, [0xc44bdff4074eecdb, 0x032be332dd766ef8, 0x8a52451418b2da4d]),
    (3, [0x54247382a8d6b94d, 0x634b8990b4976373, 0xe9af94712ffbc846]),
    (4, [0xe5dc74bc51848a51, 0xaa2e7eccb0c8f747, 0x95806659c700bba1]),
    (6, [0x27b56a84cd2d7325, 0x84589c116ab59ab9, 0x82c90ab0519369ad]),
    (8, [0x24ccc9acaa9f65e4, 0x8f973410999b8f6b, 0x2a4b7e158eea2325]),
    (9, [0x14d5001c15dd3f2b, 0xb3ae7333d9013f60, 0x292020119372149a]),
    (12, [0xa713daf0dfbb77e7, 0xe7303e1b2336de0e, 0x14631e773b78ec57]),
    (16, [0x981b17d36c7498c9, 0x663f29333b4db6b1, 0x62cba613b281ff2e]),
    (17, [0x796f5acd3a60f862, 0xf3ec5067f4306db3, 0xdffb6e4943fac2a4]),
    (24, [0xa3fe70bf9d3510eb, 0x850e80fc35bdd690, 0xcdd5542e4a9d9fe8]),
    (48, [0x397da259ecba1f11, 0xadc2cbaa44acc616, 0x33abd54d094b2534]),
    (80, [0xbcdefbbb2c47c90a, 0xc6dd0cb699532e73, 0xe687ba1684965297]),
    (128, [0xfcff24126754d861, 0x73fde75280646649, 0xe6e3633df5c718e2]),
    (129, [0x98f1b0a679a2ca29, 0x21fffdbca099c844, 0x49e96035a8476dcf]),
    (195, [0xcd94217ee362ec3a, 0xba68003d370cb3d9, 0xa057273f5eecfb20]),
    (240, [0x81c3c2b67f568ccf, 0xcc0f58c27ef3d8ee, 0xdd1f0faf1a8164c0]),
    (241, [0xc5a639ecd2030e5e, 0xdda9b0a161d4829a, 0x454805371df98a91]),
    (256, [0x55de574ad89d0ac5, 0x4d30234b7a3aa61c, 0xd4cba59e2e2cf9f0]),
    (403, [0xcdeb804d65c6dea4, 0x6259f6ecfd6443fd, 0x14546019124d43b8]),
    (512, [0x617e49599013cb6b, 0x3ce457de14c27708, 0x7564693dd526e28d]),
    (1024, [0xdd85c9b5c1109c5c, 0xef368a8a2ebabaef, 0x3538a2d1ea7410d0]),
    (1025, [0xd870c0fa13211c6a, 0x96792bcf9af88519, 0xe33739f32d405604]),
    (2048, [0xdd59e2c3a5f038e0, 0x66f81670669ababc, 0xd32e975821d6519f]),
    (2240, [0x6e73a90539cf2948, 0x757ba8487d1b5247, 0xb26c938c7af3a71f]),
    (2367, [0xcb37aeb9e5d361ed, 0xd2db3415b942b42a, 0x293fa8e5173bb5e7]),
];

const VECTORS_128: &[(usize, [u128; 3])] = &[
    (
        0,
        [
            0x99aa06d3014798d86001c324468d497f,
            0x00feaa732a3ce25ea986dfc5d7605bfe,
            0x5f70f4ea232f1d38005923cceecbe8ae,
        ],
    ),
    (
        1,
        [
            0xa6cd5e9392000f6ac44bdff4074eecdb,
            0x20e49abcc53b3842032be332dd766ef8,
            0x3a66af5a9819198e8a52451418b2da4d,
        ],
    ),
    (
        3,
        [
            0x20efc49ff02422ea54247382a8d6b94d,
            0x1c7ecf6a308cf00e634b8990b4976373,
            0x51103173fa1f0727e9af94712ffbc846,
        ],
    ),
    (
        4,
        [
            0x970d585ac632bf8e2e7d8d6876a39fe9,
            0x3d53e5dfd837d927bfaf51f1e67e0b0f,
            0xccc924914b0d8032266a9b610a7a5641,
        ],
    ),
    (
        6,
        [
            0x082afe0b8162d12a3e7039bdda43cfc6,
            0x014bd95a51ca5ddbc5b54d56038e4e40,
            0x376bd91b6432f36d0b61c8aca7d4778f,
        ],
    ),
    (
        8,
        [
            0x47a7f080d82bb45664c69cab4bb21dc5,
            0xf50cec145bcd5c5a7b29471dc729b5ff,
            0x20ed43ff46f7a0a1f668474d2fee1f92,
        ],
    ),
    (
        9,
        [
            0x564ef6078950d457ed7ccbc501eb7501,
            0x6b380b43ffa61042aef5dfc0ac9f9044,
            0x6af09813af70cfd1c3bbf94649c59dfc,
        ],
    ),
    (
        12,
        [
            0x6e3efd8fc7802b18061a192713f69ad9,
            0xff0d60acd02ed4015d92b5d7190b12d1,
            0x90a3c2d839f57d0faf82f6eba263d7d8,
        ],
    ),
    (
        16,
        [
            0xc68c368ecf8a9c05562980258a998629,
            0x6ffcb80cd33085c80346d13a7a5498c7,
            0x4c317fd601bcda88fe396195466852b9,
        ],
    ),
    (
        17,
        [
            0x955fa78643ed3669abbc12d11973d7db,
            0xd77681219e464828980a14119985a7df,
            0x604cc5ee8f142950e94eb4616009b975,
        ],
    ),
    (
        24,
        [
            0x0ce966e4678d37611e7044d28b1b901d,
            0xd7895ded1f62559dc6cbf92a70680b19,
            0x3476c01ab8b8e821d9ed8351e0bb5526,
        ],
    ),
    (
        48,
        [
            0xa002ac4e5478227ef942219aed80f67b,
            0xbc689f4c0152fb443a94d91333ed395a,
            0x2c599633a4d78138d3488d14a0fc9147,
        ],
    ),
    (
        80,
        [
            0xfdf2cefde9eaac8a454ae6bf7a8a532d,
            0x19bf02d69bc56833a5eac764d1ff1166,
            0x5de1c8eb7bd056b812568d8d732f8544,
        ],
    ),
    (
        128,
        [
            0x39992220e045260aebb15e34a7fb5ab1,
            0xa0f7ccb68ee02add8394f5c51f1d8246,
            0x1df8cce15fe35b2cb8feec0b6b6eaf60,
        ],
    ),
    (
        129,
        [
            0x03815fc91f1b30b686c9e3bc8f0a3b5c,
            0xad559266067c0bf3d4aae26fcec7dc03,
            0x72d4d4395002b1509def70d87b89ed7b,
        ],
    ),
    (
        195,
        [
            0x7729543a26b207ee3fb593c086a66075,
            0x0326104c4d4849e7cf9d9ec2c8c9913f,
            0x18783075f43015be002cdb4476b9a36f,
        ],
    ),
    (
        240,
        [
            0xaa4202daa2769dc85c9aae94c8ebe5a0,
            0x29d2133d6ea58c5b604e98db085c1864,
            0x8033fd83d4336ca929dd17317e40cba2,
        ],
    ),
    (
        241,
        [
            0x99a80ecf0ecfc647c5a639ecd2030e5e,
            0xec64afae6a137582dda9b0a161d4829a,
            0x0ecde988107f17f2454805371df98a91,
        ],
    ),
    (
        256,
        [
            0x8b1c66091423d28855de574ad89d0ac5,
            0xaaa57235b92d5e7c4d30234b7a3aa61c,
            0xdc8cd5dc03c0da95d4cba59e2e2cf9f0,
        ],
    ),
    (
        403,
        [
            0x1b6de21e332dd73dcdeb804d65c6dea4,
            0xbed311971e0be8f26259f6ecfd6443fd,
            0xe14eedf084a487f314546019124d43b8,
        ],
    ),
    (
        512,
        [
            0x18d2d110dcc9bca1617e49599013cb6b,
            0x925d06b8ec5b80403ce457de14c27708,
            0x918c0f2c7656ab6d7564693dd526e28d,
        ],
    ),
    (
        1024,
        [
            0x0d30d24071c64c57dd85c9b5c1109c5c,
            0x17600efe2b493a18ef368a8a2ebabaef,
            0x7663338d0b32666d3538a2d1ea7410d0,
        ],
    ),
    (
        1025,
        [
            0xfd3ee4fe7f2954c6d870c0fa13211c6a,
            0x2c383949f57bf7e196792bcf9af88519,
            0x3644184c7d1e8f29e33739f32d405604,
        ],
    ),
    (
        2048,
        [
            0xf736557fd47073a5dd59e2c3a5f038e0,
            0x23cc3a2e75ebaaea66f81670669ababc,
            0xe862d841c07049afd32e975821d6519f,
        ],
    ),
    (
        2240,
        [
            0xccb134fbfa7ce49d6e73a90539cf2948,
            0xe40842f585875ba9757ba8487d1b5247,
            0x1e89ee710a768055b26c938c7af3a71f,
        ],
    ),
    (
        2367,
        [
            0xe89c0f6ff369b427cb37aeb9e5d361ed,
            0xccb7a94cca1a6496d2db3415b942b42a,
            0x343654a35acf0dae293fa8e5173bb5e7,
        ],
    ),
];
