//! Takes whose checksums are right: what lies behind them is reached.

use std::sync::Arc;

use super::instrument::Table;
use super::take::{Player, Take, trim};

/// A log's bytes with the checksum of every record made right.
fn with_right_sums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    // Behind the magic bytes and the version.
    let mut at = 12;
    while let Some(head) = bytes.get(at..at + 4) {
        let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let end = at + 5 + length;
        if length > 1 << 20 || bytes.len() < end + 4 {
            break;
        }
        let sum = crc32(&bytes[at..end]).to_le_bytes();
        bytes[end..end + 4].copy_from_slice(&sum);
        at = end + 4;
    }
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = !0u32;
    for &byte in bytes {
        crc ^= u32::from(byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// Reads a log with its checksums made right, writes it, and plays its first seconds; whether it was read.
pub(crate) fn play(bytes: &[u8], table: &Arc<Table>) -> bool {
    let Ok(take) = Take::read(&with_right_sums(bytes), table) else {
        return false;
    };
    let written = take.write(table).expect("what was read can be written");
    assert!(Take::read(&written, table).is_ok());
    let until = take.end.min(take.start() + 960);
    if let Ok(mut player) = Player::take(&take, table) {
        let _ = player.advance(until);
        let played = player.instrument();
        let mut row = vec![0.0f32; played.latent()];
        played.latents(&mut row);
        assert!(
            row.iter().all(|number| number.is_finite()),
            "latents that are no numbers"
        );
        let _ = player.preset().to_toml();
        let _ = trim(&take, 10, 960, table);
    }
    true
}
