//! FNV-1a, a quick hash of 64 bits (<https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>). Not for what somebody might
//! forge.

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

/// FNV-1a of bytes.
pub fn bytes(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes
        .into_iter()
        .map(u64::from)
        .fold(BASIS, |hash, byte| (hash ^ byte).wrapping_mul(PRIME))
}

/// FNV-1a a word at a time, eight times as quick. High bits are brought down besides, which the product alone does not.
pub fn words(words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().fold(BASIS, |hash, word| {
        let hash = (hash ^ word).wrapping_mul(PRIME);
        hash ^ (hash >> 29)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_hash_as_the_draft_has_it() {
        assert_eq!(bytes(*b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(bytes(*b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(bytes(*b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn words_that_differ_in_a_high_bit_or_in_order_hash_apart() {
        let hashes = [[1, 2], [2, 1], [1, 2 | 1 << 63], [1 | 1 << 63, 2]].map(words);
        for (at, hash) in hashes.iter().enumerate() {
            assert!(!hashes[..at].contains(hash));
            assert_ne!(hash & 0xffff_ffff, 0);
        }
    }
}
