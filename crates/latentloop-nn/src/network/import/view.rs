//! Tensors where they lie: a place, a shape and strides in a storage.

use half::{bf16, f16};

use super::archive::{Element, storage};
use super::pickle::{Object, Pickle, Place};

/// Most dimensions of a tensor; a convolution's weights have four.
const MAX_DIMENSIONS: usize = 8;

/// How a tensor lies in its storage.
#[derive(Debug)]
pub(super) struct View {
    /// The storage's key.
    pub(super) key: String,
    /// How its numbers are written.
    pub(super) element: Element,
    /// The tensor's first number.
    offset: usize,
    /// The tensor's shape.
    pub(super) shape: Vec<usize>,
    /// Numbers from one place along each dimension to the next.
    strides: Vec<usize>,
}

/// The tensor at a place, if it is one.
///
/// # Errors
/// When it is one that lies in no storage, or is kept in a form that is not read.
pub(super) fn view(pickle: &Pickle, mut place: Place) -> Result<Option<View>, String> {
    // A parameter wraps a tensor, and either may have been of a class of its own.
    for _ in 0..4 {
        let Some((name, arguments)) = pickle.call(place) else {
            return Ok(None);
        };
        match (name, arguments) {
            (
                "torch._utils._rebuild_tensor_v2" | "torch._utils._rebuild_tensor",
                [storage, layout @ ..],
            ) => return view_of(pickle, *storage, layout).map(Some),
            (
                "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state",
                [tensor, ..],
            ) => place = *tensor,
            ("torch._tensor._rebuild_from_type_v2", [function, _, arguments, ..])
                if pickle.class(*function) == Some("torch._utils._rebuild_tensor_v2") =>
            {
                return match pickle.sequence(*arguments) {
                    Some([storage, layout @ ..]) => view_of(pickle, *storage, layout).map(Some),
                    _ => Err("it lies in no storage".to_owned()),
                };
            }
            (name, _) if name.starts_with("torch._utils._rebuild") => {
                return Err(format!("it is stored by {name}, which is not read"));
            }
            _ => return Ok(None),
        }
    }
    Ok(None)
}

fn view_of(pickle: &Pickle, id: Place, layout: &[Place]) -> Result<View, String> {
    let Object::Persistent(id) = pickle.get(id) else {
        return Err("it lies in no storage".to_owned());
    };
    let storage = storage(pickle, *id)?;
    let &[offset, shape, strides, ..] = layout else {
        return Err("it has no shape".to_owned());
    };
    // One long tuple may be the shape of every tensor: it is not copied before it is looked at.
    let counts = |place| {
        let short = pickle.sequence(place)?.len() <= MAX_DIMENSIONS;
        short.then(|| pickle.counts(place)).flatten()
    };
    match (pickle.count(offset), counts(shape), counts(strides)) {
        (Some(offset), Some(shape), Some(strides)) if shape.len() == strides.len() => Ok(View {
            key: storage.key.to_owned(),
            element: storage.element,
            offset,
            shape,
            strides,
        }),
        _ => Err("its shape is none".to_owned()),
    }
}

impl View {
    /// The `count` numbers of the tensor, rows first.
    ///
    /// # Errors
    /// When it reaches beyond its storage.
    pub(super) fn numbers(&self, storage: &[u8], count: usize) -> Result<Vec<f32>, String> {
        let held = storage.len() / self.element.bytes();
        let reach = self
            .shape
            .iter()
            .zip(&self.strides)
            .try_fold(self.offset, |at, (size, stride)| {
                size.checked_sub(1)?.checked_mul(*stride)?.checked_add(at)
            });
        // A tensor of more numbers than its storage repeats some: no weights are kept like that.
        if reach.is_none_or(|reach| reach >= held) || count > held {
            return Err(format!(
                "has shape {:?} and strides {:?} from {} on, beyond the {held} numbers of its storage",
                self.shape, self.strides, self.offset
            ));
        }
        let mut index = vec![0; self.shape.len()];
        let mut at = self.offset;
        let mut numbers = Vec::with_capacity(count);
        for _ in 0..count {
            numbers.push(number(storage, self.element, at));
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                // Where there is one place along an axis, its stride may be anything.
                at = at.wrapping_add(self.strides[axis]);
                if index[axis] < self.shape[axis] {
                    break;
                }
                at = at.wrapping_sub(self.strides[axis].wrapping_mul(self.shape[axis]));
                index[axis] = 0;
            }
        }
        Ok(numbers)
    }
}

/// Number `at` of a storage.
pub(super) fn number(bytes: &[u8], element: Element, at: usize) -> f32 {
    let width = element.bytes();
    let bytes = &bytes[at * width..(at + 1) * width];
    match (element, bytes) {
        (Element::Half, &[a, b]) => f16::from_le_bytes([a, b]).to_f32(),
        (Element::Bfloat16, &[a, b]) => bf16::from_le_bytes([a, b]).to_f32(),
        (Element::Single, &[a, b, c, d]) => f32::from_le_bytes([a, b, c, d]),
        (Element::Double, &[a, b, c, d, e, f, g, h]) => {
            f64::from_le_bytes([a, b, c, d, e, f, g, h]) as f32
        }
        _ => f32::NAN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_are_read_along_their_strides_and_never_beyond_their_storage() {
        let storage: Vec<u8> = (0..12u8).flat_map(|v| f32::from(v).to_le_bytes()).collect();
        let view = |offset, shape: &[usize], strides: &[usize]| View {
            key: String::new(),
            element: Element::Single,
            offset,
            shape: shape.to_vec(),
            strides: strides.to_vec(),
        };
        let check = |view: &View, count, expected: Option<&[f32]>| {
            assert_eq!(
                view.numbers(&storage, count).ok().as_deref(),
                expected,
                "{view:?}"
            );
        };
        check(
            &view(1, &[2, 3], &[3, 1]),
            6,
            Some(&[1., 2., 3., 4., 5., 6.]),
        );
        check(
            &view(0, &[2, 3], &[1, 2]),
            6,
            Some(&[0., 2., 4., 1., 3., 5.]),
        );
        check(&view(3, &[1, 2], &[usize::MAX, 1]), 2, Some(&[3., 4.]));
        check(&view(11, &[], &[]), 1, Some(&[11.]));
        check(&view(12, &[], &[]), 1, None);
        check(&view(7, &[2, 3], &[3, 1]), 6, None);
        check(&view(0, &[2, 2], &[usize::MAX, usize::MAX]), 4, None);
        check(&view(usize::MAX, &[2], &[1]), 2, None);
        check(&view(0, &[13], &[0]), 13, None);
    }
}
