//! A mutable slice that the tasks of a parallel loop share, each writing elements of its own.

use std::marker::PhantomData;

/// A mutable slice that several threads write in disjoint places. Its bounds are checked; that the places are disjoint is for
/// its users to see to.
#[derive(Debug)]
pub(crate) struct UnsafeSlice<'a, T> {
    start: *mut T,
    len: usize,
    buffer: PhantomData<&'a mut [T]>,
}

impl<T> Clone for UnsafeSlice<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for UnsafeSlice<'_, T> {}

// SAFETY: it is a mutable slice whose elements each belong to one thread at a time, which `slice` and writes through `at` demand.
unsafe impl<T: Send> Send for UnsafeSlice<'_, T> {}
// SAFETY: as above; through a shared reference nothing is reached but by `slice` and `at`.
unsafe impl<T: Send> Sync for UnsafeSlice<'_, T> {}

impl<'a, T> UnsafeSlice<'a, T> {
    pub(crate) fn new(buffer: &'a mut [T]) -> Self {
        Self {
            start: buffer.as_mut_ptr(),
            len: buffer.len(),
            buffer: PhantomData,
        }
    }

    /// Elements `start..start + length`. Panics where the buffer has not so many.
    ///
    /// # Safety
    /// Nobody else may touch them as long as the slice lives.
    #[inline]
    pub(crate) unsafe fn slice(self, start: usize, length: usize) -> &'a mut [T] {
        let is_inside = start <= self.len && length <= self.len - start;
        assert!(is_inside, "{length} elements from {start} of {}", self.len);
        // SAFETY: they lie in the buffer, which lives as long as 'a; the caller vouches for nobody else touching them.
        unsafe { std::slice::from_raw_parts_mut(self.at(start), length) }
    }

    /// Where an element lies. Whoever reads or writes there vouches for its being in the buffer, and for nobody else's touching
    /// it meanwhile.
    #[inline(always)]
    pub(crate) fn at(self, offset: usize) -> *mut T {
        self.start.wrapping_add(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disjoint_places_are_written_together_and_what_lies_outside_is_refused() {
        let mut numbers = [0; 6];
        let shared = UnsafeSlice::new(&mut numbers);
        std::thread::scope(|scope| {
            for part in 0..3 {
                // SAFETY: two elements a part.
                scope.spawn(move || unsafe { shared.slice(2 * part, 2) }.fill(part));
            }
        });
        for (start, length) in [(5, 2), (7, 0), (usize::MAX, 2)] {
            // SAFETY: nothing else is borrowed.
            let outside = || unsafe { shared.slice(start, length) }.len();
            assert!(
                std::panic::catch_unwind(outside).is_err(),
                "{start} {length}"
            );
        }
        assert_eq!(numbers, [0, 0, 1, 1, 2, 2]);
    }
}
