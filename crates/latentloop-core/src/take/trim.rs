//! A part of a take.

use std::sync::Arc;

use super::log::{Ended, Take};
use super::player::{Player, PlayerError};
use crate::instrument::Table;

/// The part of a take from one tick to another, both counted from its beginning. It opens with the state that the
/// instrument had there.
///
/// # Errors
/// When the take cannot be played up to there.
pub fn trim(take: &Take, from: u64, to: u64, table: &Arc<Table>) -> Result<Take, PlayerError> {
    let from = take.start() + from.min(take.length());
    let to = take.start().saturating_add(to).clamp(from, take.end);
    let mut player = Player::take(take, table)?;
    player.advance_to_picture(from)?;
    let kept = player.rest().iter().filter(|(tick, _)| *tick <= to);
    Ok(Take {
        events: kept.cloned().collect(),
        opening: Box::new(player.snapshot()),
        end: to,
        unknown: Default::default(),
        ended: Ended::Whole,
    })
}
