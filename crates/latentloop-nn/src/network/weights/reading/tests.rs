use std::collections::HashMap;

use safetensors::tensor::TensorView;
use serde_json::{Value, json};

use super::*;

/// A file of tensors of 0.5 and a card with this architecture.
fn file(architecture: Value, tensors: &[(&str, &[usize])]) -> Vec<u8> {
    with_card(
        &json!({ "version": 1, "architecture": architecture }),
        tensors,
    )
}

fn with_card(card: &Value, tensors: &[(&str, &[usize])]) -> Vec<u8> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, shape)| 0.5f32.to_le_bytes().repeat(shape.iter().product()))
        .collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape), bytes)| {
        let view = TensorView::new(Dtype::F32, shape.to_vec(), bytes).unwrap();
        (*name, view)
    });
    let metadata = HashMap::from([(METADATA_KEY.to_owned(), card.to_string())]);
    safetensors::serialize(views, Some(metadata)).unwrap()
}

fn layer_shape(kernel: usize, stride: usize, padding: usize, transposed: bool) -> Value {
    let filter = json!({ "kernel": kernel, "stride": stride, "padding": padding });
    json!({ "norm": false, "slope": 0.0, "filter": filter, "transposed": transposed })
}

#[test]
fn a_grey_generator_of_other_filters_is_read_as_three_colours_alike() {
    let layers = [
        layer_shape(3, 2, 0, true),
        layer_shape(3, 1, 1, false),
        layer_shape(4, 2, 0, true),
    ];
    let weights = parse(&file(
        json!({ "layers": layers }),
        &[
            ("input.weight", &[5 * 9, 7]),
            ("input.bias", &[5 * 9]),
            ("net.2.weight", &[5, 6, 3, 3]),
            ("net.2.bias", &[6]),
            ("net.5.weight", &[2, 6, 3, 3]),
            ("net.5.bias", &[2]),
            ("net.8.weight", &[2, 1, 4, 4]),
            ("net.8.bias", &[1]),
        ],
    ))
    .unwrap();
    assert_eq!((weights.latent, weights.stem_side), (7, 3));
    assert_eq!(weights.sides(), [3, 7, 7, 16]);
    assert_eq!(weights.layers[2].outputs, 3);
    assert_eq!(weights.layers[2].weight.len(), 2 * 3 * 16);
    assert_eq!(weights.layers[2].bias, [0.5; 3]);
}

#[test]
fn the_footages_palette_is_read_and_a_faulty_one_stops_no_model() {
    let layers = json!({ "layers": [layer_shape(4, 2, 1, true)] });
    let tensors: &[(&str, &[usize])] = &[
        ("input.weight", &[4, 2]),
        ("input.bias", &[4]),
        ("net.2.weight", &[1, 3, 4, 4]),
        ("net.2.bias", &[3]),
    ];
    let palette = |palette: Value| {
        let card = json!({ "architecture": layers, "palette": palette });
        parse(&with_card(&card, tensors)).unwrap().palette
    };
    let colours = json!([{ "colour": "#102030", "share": 1.0 }]);
    let read = palette(colours.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), colours);
    for faulty in [
        json!(null),
        json!([]),
        json!("#102030"),
        json!([{ "colour": "red", "share": 1.0 }]),
        json!([{ "colour": "#102030" }]),
    ] {
        assert_eq!(palette(faulty), None);
    }
}

#[test]
fn metadata_that_describes_nothing_playable_is_an_error_and_no_more() {
    let tensors: &[(&str, &[usize])] = &[
        ("input.weight", &[4, 2]),
        ("input.bias", &[4]),
        ("net.2.weight", &[1, 1, 16, 16]),
        ("net.2.bias", &[1]),
    ];
    let huge: Vec<(String, Vec<usize>)> = (0..32)
        .flat_map(|layer| {
            [
                (format!("net.{}.weight", 3 * layer + 2), vec![1, 1, 16, 16]),
                (format!("net.{}.bias", 3 * layer + 2), vec![1]),
            ]
        })
        .collect();
    let mut grown: Vec<(&str, &[usize])> = tensors[..2].to_vec();
    grown.extend(huge.iter().map(|(name, shape)| (name.as_str(), &shape[..])));
    let layers = |layer: Value, count: usize| json!({ "layers": vec![layer; count] });
    for (architecture, tensors, word) in [
        (
            layers(layer_shape(16, 16, 0, true), 32),
            &grown[..],
            "sides",
        ),
        (layers(layer_shape(16, 1, 0, false), 1), tensors, "sides"),
        (layers(layer_shape(16, 17, 0, true), 1), tensors, "filter"),
        (layers(layer_shape(16, 0, 0, true), 1), tensors, "filter"),
        (layers(layer_shape(16, 1, 16, true), 1), tensors, "filter"),
        (
            layers(layer_shape(4, 2, 1, true), 1),
            tensors,
            "[in, out, 4, 4]",
        ),
        (json!({ "layers": [] }), tensors, "no layers"),
        (json!({ "layers": [], "more": 1 }), tensors, "unknown field"),
        (json!(7), tensors, "metadata"),
    ] {
        let error = parse(&file(architecture.clone(), tensors)).unwrap_err();
        assert!(error.contains(word), "{architecture}: {error}");
    }
}
