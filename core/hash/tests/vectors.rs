//! Published test vectors, and digests that the reference tools (xxhsum, b3sum, sha256sum, sha1sum,
//! zlib) print.

use treenail_hash::{Blake3, Crc32, Crc32c, Hash, Sha1, Sha256, Xxh3, Xxh128};

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes 0, 1, ..., 250, 0, ... that the BLAKE3 project hashes in its vectors.
fn counting(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}

fn check<H: Hash>(cases: &[(usize, &str)]) {
    for &(length, expected) in cases {
        assert_eq!(hex(H::hash(&counting(length))), expected, "{} of {length}", H::NAME);
    }
}

#[test]
fn xxh3_equals_xxhsum_h3() {
    check::<Xxh3>(&[
        (0, "2d06800538d394c2"),
        (1, "c44bdff4074eecdb"),
        (3, "5f4299fc161c9cbb"),
        (16, "8355e3a6f61770db"),
        (17, "9ef341a99de37328"),
        (128, "85c6174c7ff4c46b"),
        (129, "ec7642b431ba3e5a"),
        (240, "375a384d957fe865"),
        (241, "02e8cd95421c6d02"),
        (1024, "e5d78bafa45b2aa5"),
        (4097, "b69d29f17d48293f"),
    ]);
}

#[test]
fn xxh128_equals_xxhsum_h2() {
    check::<Xxh128>(&[
        (0, "99aa06d3014798d86001c324468d497f"),
        (1, "a6cd5e9392000f6ac44bdff4074eecdb"),
        (3, "e3b55f57945a17cf5f4299fc161c9cbb"),
        (16, "72950631827607e2842812cc870dcae2"),
        (17, "685bc458b37d057fc06e233df7729217"),
        (128, "14792fc3af88dc6c05321a0b64d67b41"),
        (129, "dd5e74ac6b45f54ebc30b63382b09a3b"),
        (240, "65b5be86da5540e7c92b68e16f83bbb6"),
        (241, "1da1cb61bcb8a2a102e8cd95421c6d02"),
        (1024, "d0ac1f7b93bf57b9e5d78bafa45b2aa5"),
        (4097, "0f77b4bc73e3337db69d29f17d48293f"),
    ]);
}

#[test]
fn blake3_equals_b3sum() {
    check::<Blake3>(&[
        (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
        (3, "e1be4d7a8ab5560aa4199eea339849ba8e293d55ca0a81006726d184519e647f"),
        (16, "a6a492965517a830cb75fdb713465aa465f2f098233896fea44c1d98268bf9e3"),
        (17, "8462aa7be93b09fda7b93cf9f9cddb703f6dd2cc0c8edd5f9eee092edf8abf0c"),
        (128, "f17e570564b26578c33bb7f44643f539624b05df1a76c81f30acd548c44b45ef"),
        (129, "683aaae9f3c5ba37eaaf072aed0f9e30bac0865137bae68b1fde4ca2aebdcb12"),
        (240, "45e1a0dc23dbe51733d7269a3c0f519c2a63b0718835b2b537677eba734db0d8"),
        (241, "749b36ae651c22e8567db692a6876e0ca4fd3daeb7aa8fa3ab2f642ccc69a8f6"),
        (1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"),
        (4097, "9b4052b38f1c5fc8b1f9ff7ac7b27cd242487b3d890d15c96a1c25b8aa0fb995"),
    ]);
}

#[test]
fn sha256_equals_sha256sum() {
    check::<Sha256>(&[
        (0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        (1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"),
        (3, "ae4b3280e56e2faf83f414a6e3dabe9d5fbe18976544c05fed121accb85b53fc"),
        (16, "be45cb2605bf36bebde684841a28f0fd43c69850a3dce5fedba69928ee3a8991"),
        (17, "3e5718fea51a8f3f5baca61c77afab473c1810f8b9db330273b4011ce92c787e"),
        (128, "471fb943aa23c511f6f72f8d1652d9c880cfa392ad80503120547703e56a2be5"),
        (129, "5099c6a56203f9687f7d33f4bfdf576d31dc91f6b695ecea38b2770c87631135"),
        (240, "abf4bafcddb38bbf3855e47b5e61b75dedbcf42aa44ffd4bb85d0b08d97e2682"),
        (241, "211882aeac8a599b0a55ec280e1a978923edef69cd86541bcbd58db864c45eac"),
        (1024, "2bce1ba628720664be4b9fdd77aae0678e5f0f3f02fc6ff641ec879094f6a404"),
        (4097, "a16560d668b843fb3be99ace41dbd18471f342bd3255a1d21204b35e43f74436"),
    ]);
}

#[test]
fn sha1_equals_sha1sum() {
    check::<Sha1>(&[
        (0, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        (1, "5ba93c9db0cff93f52b521d7420e43f6eda2784f"),
        (3, "0c7a623fd2bbc05b06423be359e4021d36e721ad"),
        (16, "56178b86a57fac22899a9964185c2cc96e7da589"),
        (17, "0a0315ec7b1e22a79fc862edf79bda2fc01669e3"),
        (128, "e6434bc401f98603d7eda504790c98c67385d535"),
        (129, "3352e41cc30b40ae80108970492b21014049e625"),
        (240, "f7b8e5e76e6b4cb3dfa7af7070d5560400822b65"),
        (241, "54717f94e8f3ded40b4cc1a470eacb25cb10136f"),
        (1024, "0ac28084ff74933d05123496dafd3791684d9b53"),
        (4097, "199b39f39620b41326652dea09d98b57b0381329"),
    ]);
}

#[test]
fn crc32_equals_zlib() {
    check::<Crc32>(&[
        (0, "00000000"),
        (1, "d202ef8d"),
        (3, "0854897f"),
        (16, "cecee288"),
        (17, "2c183a19"),
        (128, "24650d57"),
        (129, "ca91cdf7"),
        (240, "a60b0b66"),
        (241, "cbc8d2f7"),
        (1024, "7be4dfd0"),
        (4097, "27d94e23"),
    ]);
}

#[test]
fn crcs_of_the_check_string() {
    assert_eq!(hex(Crc32::hash(b"123456789")), "cbf43926");
    assert_eq!(hex(Crc32c::hash(b"123456789")), "e3069283");
}

#[test]
fn crc32c_equals_rfc_3720() {
    let ascending: Vec<u8> = (0..32).collect();
    let descending: Vec<u8> = (0..32).rev().collect();
    assert_eq!(hex(Crc32c::hash(&[0; 32])), "8a9136aa");
    assert_eq!(hex(Crc32c::hash(&[0xFF; 32])), "62a8ab43");
    assert_eq!(hex(Crc32c::hash(&ascending)), "46dd794e");
    assert_eq!(hex(Crc32c::hash(&descending)), "113fdb5c");
}

#[test]
fn sha_equals_fips_180() {
    assert_eq!(
        hex(Sha256::hash(b"abc")),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
    assert_eq!(hex(Sha1::hash(b"abc")), "a9993e364706816aba3e25717850c26c9cd0d89d");
}
