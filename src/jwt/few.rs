//! A list that is short nearly always.

use std::ops::Deref;

/// A list that allocates only when it has more than `N` items.
#[derive(Clone, Debug)]
pub(crate) enum Few<T, const N: usize> {
    Inline { len: u8, items: [T; N] },
    Many(Vec<T>),
}

impl<T: Copy + Default, const N: usize> Few<T, N> {
    #[inline]
    pub(crate) fn push(&mut self, item: T) {
        match self {
            Self::Inline { len, items } => match items.get_mut(usize::from(*len)) {
                Some(place) => {
                    *place = item;
                    *len = len.saturating_add(1);
                }
                None => *self = Self::many(items, item),
            },
            Self::Many(items) => items.push(item),
        }
    }

    /// Keeps the first `len` items.
    #[inline]
    pub(crate) fn truncate(&mut self, len: usize) {
        match self {
            Self::Inline { len: current, .. } => {
                *current = u8::try_from(len).map_or(*current, |len| len.min(*current));
            }
            Self::Many(items) => items.truncate(len),
        }
    }

    #[cold]
    fn many(items: &[T], item: T) -> Self {
        let mut many = Vec::with_capacity(items.len().saturating_mul(2).max(4));
        many.extend_from_slice(items);
        many.push(item);
        Self::Many(many)
    }
}

impl<T: Copy + Default, const N: usize> Default for Few<T, N> {
    #[inline]
    fn default() -> Self {
        const { assert!(N < 256) };
        Self::Inline { len: 0, items: [T::default(); N] }
    }
}

impl<T, const N: usize> Deref for Few<T, N> {
    type Target = [T];

    #[inline]
    fn deref(&self) -> &[T] {
        match self {
            Self::Inline { len, items } => items.get(..usize::from(*len)).unwrap_or_default(),
            Self::Many(items) => items,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_stay_in_their_order_however_many_there_are() {
        let mut few = Few::<u32, 3>::default();
        for n in 0..20 {
            assert_eq!(*few, (0..n).collect::<Vec<_>>());
            assert_eq!(matches!(few, Few::Many(_)), n > 3);
            few.push(n);
        }
        for n in [300, 20, 7, 2, 0] {
            few.truncate(n);
            assert_eq!(*few, (0..20).take(n).collect::<Vec<_>>());
        }
        let mut inline = Few::<u32, 3>::default();
        inline.push(1);
        inline.push(2);
        inline.truncate(300);
        inline.truncate(1);
        assert_eq!(*inline, [1]);
    }
}
