//! Answers to questions for one parameter.

use super::addresses::AddressMap;
use super::change_tracker::osc_value;
use super::decoder::Scale;
use super::encoder::{OscValue, encode};
use crate::control::ControlPlane;
use crate::instrument::{Kind, ParamId};

/// Encodes a parameter's value, by the scale that was asked for where that can be told.
pub(super) fn encode_answer(
    buffer: &mut Vec<u8>,
    plane: &ControlPlane,
    addresses: &AddressMap,
    param: ParamId,
    scale: Scale,
) {
    let (row, value) = (plane.table.row(param), plane.values.get(param));
    let is_unit = scale.told(param, row) == Scale::Unit;
    let prefix = if is_unit { "/unit" } else { "" };
    let address = [prefix, addresses.get(param)];
    let text;
    let argument = match row.kind {
        Kind::Text => {
            text = plane.values.text(param);
            OscValue::Text(&text)
        }
        _ if is_unit => OscValue::Float(row.to_unit(value) as f32),
        _ => osc_value(row, value),
    };
    encode(buffer, &address, argument);
}
