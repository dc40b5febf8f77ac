//! The address space: the parameters as a tree of JSON nodes.

use std::net::SocketAddr;

use serde_json::{Map, Value, json};

use crate::control::Values;
use crate::control::osc::{AddressMap, OscValue};
use crate::instrument::{Kind, ParamId, Row, Table};

/// Attributes of the proposal that nodes have here.
pub(super) const ATTRIBUTES: [&str; 9] = [
    "FULL_PATH",
    "CONTENTS",
    "TYPE",
    "ACCESS",
    "VALUE",
    "RANGE",
    "DESCRIPTION",
    "UNIT",
    "CLIPMODE",
];
/// Attributes of the proposal that no node has here.
pub(super) const UNSUPPORTED: [&str; 6] = [
    "TAGS",
    "EXTENDED_TYPE",
    "CRITICAL",
    "OVERLOADS",
    "HTML",
    "ICON",
];

/// The access of what can be set and not asked for.
pub(super) const WRITE_ONLY: i32 = 2;

/// The JSON of a node, all below it included; nothing where there is none. `path` is without a slash at its end.
pub(super) fn node(
    path: &str,
    table: &Table,
    addresses: &AddressMap,
    values: &Values,
) -> Option<Value> {
    if let Some(param) = addresses.find(path) {
        return Some(method(param, table, addresses, values).into());
    }
    let mut root = container(path);
    let mut found = false;
    for (param, _) in table.iter() {
        let Some(below) = addresses.get(param).strip_prefix(path) else {
            continue;
        };
        let Some(below) = below.strip_prefix('/') else {
            continue;
        };
        found = true;
        let mut at = &mut root;
        let mut reached = path.to_owned();
        let mut parts = below.split('/').peekable();
        while let Some(part) = parts.next() {
            reached.push('/');
            reached.push_str(part);
            let made = match parts.peek() {
                Some(_) => container(&reached),
                None => method(param, table, addresses, values),
            };
            let contents = at
                .entry("CONTENTS")
                .or_insert_with(|| Map::new().into())
                .as_object_mut()?;
            at = contents
                .entry(part)
                .or_insert_with(|| made.into())
                .as_object_mut()?;
        }
    }
    found.then(|| root.into())
}

fn container(path: &str) -> Map<String, Value> {
    let mut node = Map::new();
    let full = if path.is_empty() { "/" } else { path };
    node.insert("FULL_PATH".to_owned(), full.into());
    node.insert("ACCESS".to_owned(), 0.into());
    node
}

fn method(
    param: ParamId,
    table: &Table,
    addresses: &AddressMap,
    values: &Values,
) -> Map<String, Value> {
    let row = table.row(param);
    let mut node = Map::new();
    let mut put = |name: &str, value: Value| {
        node.insert(name.to_owned(), value);
    };
    put("FULL_PATH", addresses.get(param).into());
    put("DESCRIPTION", row.help.as_str().into());
    put("TYPE", type_tag(row).into());
    let access = match row.kind {
        Kind::Trigger => WRITE_ONLY,
        _ if row.read_only => 1,
        _ => 3,
    };
    put("ACCESS", access.into());
    let value = match row.kind {
        // Nothing that could be asked for, but clients expect an item for every type tag.
        Kind::Trigger => Value::Null,
        Kind::Text => values.text(param).as_str().into(),
        _ => value(row, values.get(param)),
    };
    put("VALUE", json!([value]));
    match row.kind {
        Kind::Float => put("RANGE", json!([{ "MIN": row.min, "MAX": row.max }])),
        Kind::Int => put(
            "RANGE",
            json!([{ "MIN": row.min as i64, "MAX": row.max as i64 }]),
        ),
        Kind::Choice(names) => put("RANGE", json!([{ "VALS": names }])),
        Kind::Toggle | Kind::Trigger | Kind::Text => {}
    }
    if matches!(row.kind, Kind::Float | Kind::Int) {
        put("CLIPMODE", json!(["both"]));
    }
    if let Some(unit) = unit(row) {
        put("UNIT", json!([unit]));
    }
    node
}

fn type_tag(row: &Row) -> &'static str {
    match row.kind {
        Kind::Float => "f",
        Kind::Int => "i",
        Kind::Toggle => "T",
        Kind::Choice(_) | Kind::Text => "s",
        Kind::Trigger => "N",
    }
}

fn value(row: &Row, value: f64) -> Value {
    match tree_value(row, value) {
        OscValue::Float(value) => {
            // The shortest number that is this float: 0.3, not 0.30000001192092896.
            value.to_string().parse::<f64>().unwrap_or_default().into()
        }
        OscValue::Int(value) => value.into(),
        OscValue::Bool(value) => value.into(),
        OscValue::Text(text) => text.into(),
    }
}

/// A parameter's value, of the type that the tree says: choices by name, toggles as true and false.
pub(super) fn tree_value(row: &Row, value: f64) -> OscValue<'static> {
    match row.kind {
        Kind::Float => OscValue::Float(value as f32),
        Kind::Toggle => OscValue::Bool(value > 0.5),
        Kind::Choice(names) => match names.get(value as usize) {
            Some(name) => OscValue::Text(name),
            None => OscValue::Text(""),
        },
        Kind::Int | Kind::Trigger | Kind::Text => OscValue::Int(value as i32),
    }
}

/// The unit's name in the proposal's list, where it is there.
fn unit(row: &Row) -> Option<&'static str> {
    match row.unit {
        "s" => Some("time.second"),
        "BPM" => Some("time.bpm"),
        _ => None,
    }
}

/// The host info of the proposal: the program, and the address of its OSC.
pub(super) fn host_info(osc: SocketAddr) -> Value {
    let mut info = json!({
        "NAME": "latentloop",
        "OSC_PORT": osc.port(),
        "OSC_TRANSPORT": "UDP",
        "EXTENSIONS": {
            "ACCESS": true, "VALUE": true, "RANGE": true, "DESCRIPTION": true, "UNIT": true, "CLIPMODE": true,
            "LISTEN": true, "PATH_CHANGED": false,
        },
    });
    // Without it, a client takes the address at which it found this server.
    if !osc.ip().is_unspecified() {
        info["OSC_IP"] = osc.ip().to_string().into();
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world() -> (Table, AddressMap, Values) {
        let table = Table::standard();
        (table.clone(), AddressMap::new(&table), Values::new(&table))
    }

    #[test]
    fn every_parameter_is_in_the_tree_once_with_its_type_and_range() {
        let (table, addresses, values) = world();
        values.set_text(table.find("preset.load").unwrap(), "drift");
        let root = node("", &table, &addresses, &values).unwrap();
        assert_eq!(
            (&root["FULL_PATH"], &root["ACCESS"]),
            (&json!("/"), &json!(0))
        );
        let mut methods = 0;
        let mut open = vec![&root];
        while let Some(node) = open.pop() {
            match node.get("CONTENTS") {
                Some(contents) => open.extend(contents.as_object().unwrap().values()),
                None => {
                    assert!(
                        addresses
                            .find(node["FULL_PATH"].as_str().unwrap())
                            .is_some()
                    );
                    methods += 1;
                }
            }
        }
        assert_eq!(methods, table.len());
        for (path, expected) in [
            (
                "/loop/speed",
                json!({ "TYPE": "f", "ACCESS": 3, "VALUE": [0.3], "RANGE": [{ "MIN": -8.0, "MAX": 8.0 }], "CLIPMODE": ["both"] }),
            ),
            (
                "/loop/path",
                json!({ "TYPE": "s", "ACCESS": 3, "VALUE": ["lerp"] }),
            ),
            (
                "/loop/pause",
                json!({ "TYPE": "T", "ACCESS": 3, "VALUE": [false] }),
            ),
            ("/loop/glide", json!({ "UNIT": ["time.second"] })),
            ("/beat/phase", json!({ "TYPE": "f", "ACCESS": 1 })),
            (
                "/loop/undo",
                json!({ "TYPE": "N", "ACCESS": 2, "VALUE": [null] }),
            ),
            (
                "/preset/load",
                json!({ "TYPE": "s", "ACCESS": 3, "VALUE": ["drift"] }),
            ),
            (
                "/keyframe/3/seed",
                json!({ "TYPE": "i", "VALUE": [3], "RANGE": [{ "MIN": 0, "MAX": 2147483647u32 }] }),
            ),
        ] {
            let found = node(path, &table, &addresses, &values).unwrap();
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(&found[name], value, "{path} {name}");
            }
        }
        let third = node("/keyframe/3", &table, &addresses, &values).unwrap();
        assert_eq!(third["CONTENTS"].as_object().unwrap().len(), 6);
        for path in ["/lo", "/loop/speed/x", "/keyframe/65", "x"] {
            assert_eq!(node(path, &table, &addresses, &values), None, "{path}");
        }
    }

    #[test]
    fn the_host_names_its_address_where_it_has_one() {
        let info = host_info(SocketAddr::from(([127, 0, 0, 1], 7000)));
        assert_eq!(
            (&info["OSC_IP"], &info["OSC_PORT"]),
            (&json!("127.0.0.1"), &json!(7000))
        );
        assert_eq!(info["EXTENSIONS"]["LISTEN"], true);
        let open = host_info(SocketAddr::from(([0, 0, 0, 0], 7000)));
        assert_eq!(open.get("OSC_IP"), None);
    }
}
