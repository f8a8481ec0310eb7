//! What was met just now: asked in front of a set that is slower to ask, as most lines are about
//! somebody who was here a moment ago.

/// A power of two.
const SLOTS: usize = 1 << 12;

/// Some of what was met, each in its slot.
pub struct Lately<T> {
    slots: Vec<Option<T>>,
}

impl<T: Copy> Default for Lately<T> {
    fn default() -> Self {
        Lately { slots: vec![None; SLOTS] }
    }
}

impl<T: PartialEq> Lately<T> {
    /// Notes that it was met; false where it was the last in its slot. `hash` chooses the slot.
    #[inline]
    pub fn is_new(&mut self, hash: usize, met: T) -> bool {
        let Some(slot) = self.slots.get_mut(hash % SLOTS) else { return true };
        let is_new = slot.as_ref() != Some(&met);
        if is_new {
            *slot = Some(met);
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_in_a_slot_is_known() {
        let mut lately = Lately::default();
        let met = [(1, 'a'), (1, 'a'), (1 + SLOTS, 'b'), (1, 'a'), (2, 'a'), (2, 'a')];
        let new = met.map(|(hash, thing)| lately.is_new(hash, thing));
        assert_eq!(new, [true, false, true, true, true, false]);
    }
}
