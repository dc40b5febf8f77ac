//! Weights that are kept in parts: spectral norm and weight norm of PyTorch, both ways in which it writes them.

use std::collections::BTreeMap;

use super::state::Tensor;

/// Where the newer way keeps the parts of a module's weights, and what the older one calls them.
const PARTS: [(&str, &str); 5] = [
    ("parametrizations.weight.original", "weight_orig"),
    ("parametrizations.weight.0._u", "weight_u"),
    ("parametrizations.weight.0._v", "weight_v"),
    ("parametrizations.weight.original0", "weight_g"),
    ("parametrizations.weight.original1", "weight_v"),
];
/// What PyTorch keeps a vector's length above.
const LEAST: f64 = 1e-12;

/// The module and the part of it that a tensor's name tells, the part as the older way calls it.
pub(super) fn split(name: &str) -> (String, String) {
    for (newer, older) in PARTS {
        if let Some(module) = name.strip_suffix(newer)
            && (module.is_empty() || module.ends_with('.'))
        {
            return (module.trim_end_matches('.').to_owned(), older.to_owned());
        }
    }
    let (module, part) = name.rsplit_once('.').unwrap_or(("", name));
    (module.to_owned(), part.to_owned())
}

/// Makes the weights of a module out of its parts, where it has such.
///
/// # Errors
/// When a part is missing or does not fit the others.
pub(super) fn fold(parts: &mut BTreeMap<String, Tensor>) -> Result<(), String> {
    if let Some(original) = parts.remove("weight_orig") {
        // Files of very old versions have what it came to as well, from before the last step.
        parts.remove("weight");
        let vectors = ["weight_u", "weight_v"].map(|part| parts.remove(part));
        let weight = spectral(original, &vectors)?;
        parts.insert("weight".to_owned(), weight);
    } else if let Some(lengths) = parts.remove("weight_g") {
        let directions = parts.remove("weight_v").ok_or_else(|| {
            format!(
                "its tensor {} is one half of a weight norm, and the other is missing",
                lengths.name
            )
        })?;
        parts.insert("weight".to_owned(), scaled(&lengths, directions)?);
    }
    Ok(())
}

/// Spectral norm (Miyato et al. 2018, <https://arxiv.org/abs/1802.05957>): the weights divided by `u' W v`, the largest
/// singular value as far as the power iteration has come.
fn spectral(mut weight: Tensor, [u, v]: &[Option<Tensor>; 2]) -> Result<Tensor, String> {
    let name = weight.name.clone();
    let unfit = || {
        format!(
            "the vectors beside its tensor {name} with shape {:?} are none of a spectral norm",
            weight.shape
        )
    };
    let count = weight.numbers.len();
    let Some(u) = u.as_ref().filter(|u| u.shape.len() == 1) else {
        return Err(unfit());
    };
    let rows = u.numbers.len();
    let columns = count / rows.max(1);
    if v.as_ref().is_some_and(|v| v.shape != [columns]) || rows * columns != count {
        return Err(unfit());
    }
    // A matrix of it has a row an output: that is the first dimension, or the second of a transposed convolution. Where both
    // are as long, the vectors fit the one for which they were found.
    let sigmas = (0..weight.shape.len().min(2))
        .filter(|&axis| weight.shape[axis] == rows)
        .map(|axis| {
            sigma(
                &weight,
                axis,
                &u.numbers,
                v.as_ref().map(|v| &v.numbers[..]),
            )
        });
    let sigma = sigmas.fold(0.0f64, |most, sigma| {
        if sigma.abs() > most.abs() {
            sigma
        } else {
            most
        }
    });
    if !sigma.is_normal() {
        return Err(unfit());
    }
    for number in &mut weight.numbers {
        *number = (f64::from(*number) / sigma) as f32;
    }
    Ok(weight)
}

/// `u' W v`, `W` having a row for each place along `axis`. Where there is no `v` it is made of `u`.
fn sigma(weight: &Tensor, axis: usize, u: &[f32], v: Option<&[f32]>) -> f64 {
    let inner: usize = weight.shape[axis + 1..].iter().product();
    let outer: usize = weight.shape[..axis].iter().product();
    let rows = weight.shape[axis];
    // W' u, whose length is the norm where v is made of it.
    let mut along = vec![0.0f64; outer * inner];
    for (at, number) in weight.numbers.iter().enumerate() {
        let (place, row, block) = (at % inner, at / inner % rows, at / inner / rows);
        along[block * inner + place] += f64::from(*number) * f64::from(u[row]);
    }
    match v {
        Some(v) => along.iter().zip(v).map(|(a, v)| a * f64::from(*v)).sum(),
        None => along.iter().map(|a| a * a).sum::<f64>().sqrt(),
    }
}

/// Weight norm (Salimans and Kingma 2016, <https://arxiv.org/abs/1602.07868>): directions brought to their lengths, one
/// along each place of the dimensions that the lengths have.
fn scaled(lengths: &Tensor, mut directions: Tensor) -> Result<Tensor, String> {
    let one = lengths.numbers.len() == 1;
    let fits = lengths.shape.len() == directions.shape.len()
        && lengths
            .shape
            .iter()
            .zip(&directions.shape)
            .all(|(&length, &size)| length == size || length == 1);
    if !fits && !one {
        return Err(format!(
            "its tensor {} with shape {:?} does not scale {} with shape {:?}, as a weight norm would",
            lengths.name, lengths.shape, directions.name, directions.shape
        ));
    }
    let shape = directions.shape.clone();
    let place = |mut at: usize| {
        if one {
            return 0;
        }
        let (mut place, mut step) = (0, 1);
        for (&size, &length) in shape.iter().zip(&lengths.shape).rev() {
            if length > 1 {
                place += at % size * step;
                step *= length;
            }
            at /= size;
        }
        place
    };
    let mut squares = vec![0.0f64; lengths.numbers.len()];
    for (at, &number) in directions.numbers.iter().enumerate() {
        squares[place(at)] += f64::from(number).powi(2);
    }
    for (at, number) in directions.numbers.iter_mut().enumerate() {
        let place = place(at);
        let length = f64::from(lengths.numbers[place]) / squares[place].sqrt().max(LEAST);
        *number = (f64::from(*number) * length) as f32;
    }
    Ok(directions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tensor(name: &str, shape: &[usize], numbers: &[f32]) -> (String, Tensor) {
        let tensor = Tensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            numbers: numbers.to_vec(),
        };
        (name.to_owned(), tensor)
    }

    fn folded<const N: usize>(parts: [(String, Tensor); N]) -> Result<Vec<f32>, String> {
        let mut parts = BTreeMap::from(parts);
        fold(&mut parts)?;
        assert_eq!(parts.keys().collect::<Vec<_>>(), ["weight"]);
        Ok(parts.remove("weight").unwrap().numbers)
    }

    #[test]
    fn both_ways_of_writing_have_the_same_parts() {
        for (name, module, part) in [
            ("main.0.weight", "main.0", "weight"),
            ("weight", "", "weight"),
            ("a.parametrizations.weight.original", "a", "weight_orig"),
            ("a.b.parametrizations.weight.0._u", "a.b", "weight_u"),
            ("parametrizations.weight.original1", "", "weight_v"),
            (
                "a.parametrizations.bias.original",
                "a.parametrizations.bias",
                "original",
            ),
        ] {
            assert_eq!(split(name), (module.to_owned(), part.to_owned()), "{name}");
        }
    }

    #[test]
    fn a_spectral_norm_divides_by_what_its_vectors_find() {
        // Rows (3, 0) and (0, 2) have the largest singular value 3 along (1, 0).
        let weight = || tensor("weight_orig", &[2, 2, 1, 1], &[3.0, 0.0, 0.0, 2.0]);
        let [u, v] = ["weight_u", "weight_v"].map(|name| tensor(name, &[2], &[1.0, 0.0]));
        let expected = [1.0, 0.0, 0.0, 2.0 / 3.0];
        assert_eq!(folded([weight(), u.clone(), v]).unwrap(), expected);
        // As the first version of it had it, without the second vector.
        assert_eq!(folded([weight(), u.clone()]).unwrap(), expected);
        assert!(folded([weight()]).is_err());
        let v = tensor("weight_v", &[3], &[1.0, 0.0, 0.0]);
        assert!(folded([weight(), u, v]).is_err());
        let zeros = ["weight_u", "weight_v"].map(|name| tensor(name, &[2], &[0.0, 0.0]));
        let [u, v] = zeros;
        assert!(folded([weight(), u, v]).is_err());
    }

    #[test]
    fn the_rows_of_a_transposed_convolution_are_its_second_dimension() {
        // [1, 2, 1, 2]: the rows of the matrix are (1, 2) and (3, 4).
        let weight = || tensor("weight_orig", &[1, 2, 1, 2], &[1.0, 2.0, 3.0, 4.0]);
        let u = tensor("weight_u", &[2], &[0.0, 1.0]);
        let v = tensor("weight_v", &[2], &[1.0, 0.0]);
        let expected = [1.0f32, 2.0, 3.0, 4.0].map(|v| v / 3.0);
        assert_eq!(folded([weight(), u, v]).unwrap(), expected);
        // A square one: rows are columns otherwise. u' W v along the first dimension is 2, along the second 3.
        let weight = tensor("weight_orig", &[2, 2, 1, 1], &[1.0, 2.0, 3.0, 4.0]);
        let u = tensor("weight_u", &[2], &[1.0, 0.0]);
        let v = tensor("weight_v", &[2], &[0.0, 1.0]);
        assert_eq!(folded([weight, u, v]).unwrap(), expected);
    }

    #[test]
    fn a_weight_norm_brings_each_direction_to_its_length() {
        let v = || tensor("weight_v", &[2, 1, 1, 2], &[3.0, 4.0, 0.0, 2.0]);
        let g = tensor("weight_g", &[2, 1, 1, 1], &[10.0, 1.0]);
        assert_eq!(folded([v(), g]).unwrap(), [6.0, 8.0, 0.0, 1.0]);
        // Along the last dimension, and of all of it.
        let g = tensor("weight_g", &[1, 1, 1, 2], &[3.0, 20f32.sqrt()]);
        assert_eq!(folded([v(), g]).unwrap(), [3.0, 4.0, 0.0, 2.0]);
        let g = tensor("weight_g", &[], &[29f32.sqrt()]);
        assert_eq!(folded([v(), g]).unwrap(), [3.0, 4.0, 0.0, 2.0]);
        let g = tensor("weight_g", &[3, 1, 1, 1], &[1.0; 3]);
        assert!(folded([v(), g]).is_err());
        let g = tensor("weight_g", &[2, 1, 1, 1], &[1.0; 2]);
        assert!(folded([g]).is_err());
    }
}
