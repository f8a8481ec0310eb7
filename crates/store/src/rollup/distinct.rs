//! How many different values there were, in few bytes: exact while they are few, then the
//! HyperLogLog estimate of Flajolet, Fusy, Gandouet and Meunier (AOFA 2007) with 64 registers,
//! whose standard error is 1.04 / sqrt(64) = 13 %.

use crate::codec::bytes::{Bytes, put_number};

/// Hashes that are kept one by one.
const FEW_MAX: usize = 12;
const REGISTERS: usize = 64;
const REGISTER_BITS: u32 = REGISTERS.trailing_zeros();

/// A set that can only be added to and counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Distinct(Form);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Form {
    /// In order.
    Few(Vec<u32>),
    Many(Box<[u8; REGISTERS]>),
}

impl Default for Distinct {
    fn default() -> Self {
        Distinct(Form::Few(Vec::new()))
    }
}

impl Distinct {
    /// Adds a value.
    pub(crate) fn add(&mut self, value: &[u8]) {
        self.add_hash(hash(value));
    }

    fn add_hash(&mut self, hash: u32) {
        match &mut self.0 {
            Form::Few(few) => match few.binary_search(&hash) {
                Ok(_) => {}
                Err(place) if few.len() < FEW_MAX => few.insert(place, hash),
                Err(_) => {
                    let few = std::mem::take(few);
                    self.0 = Form::Many(Box::new([0; REGISTERS]));
                    few.into_iter().chain([hash]).for_each(|hash| self.add_hash(hash));
                }
            },
            Form::Many(registers) => {
                let place = (hash >> (u32::BITS - REGISTER_BITS)) as usize;
                let rank = (hash << REGISTER_BITS).leading_zeros().min(u32::BITS - REGISTER_BITS);
                if let Some(register) = registers.get_mut(place) {
                    *register = (*register).max(rank as u8 + 1);
                }
            }
        }
    }

    /// Adds all that is in another.
    pub(crate) fn merge(&mut self, other: &Distinct) {
        match &other.0 {
            Form::Few(few) => few.iter().for_each(|hash| self.add_hash(*hash)),
            Form::Many(theirs) => {
                if let Form::Few(few) = &mut self.0 {
                    let few = std::mem::take(few);
                    self.0 = Form::Many(theirs.clone());
                    few.into_iter().for_each(|hash| self.add_hash(hash));
                } else if let Form::Many(ours) = &mut self.0 {
                    for (ours, theirs) in ours.iter_mut().zip(theirs.iter()) {
                        *ours = (*ours).max(*theirs);
                    }
                }
            }
        }
    }

    /// How many values: exact up to twelve, else an estimate.
    pub fn count(&self) -> u64 {
        match &self.0 {
            Form::Few(few) => few.len() as u64,
            Form::Many(registers) => estimate(registers),
        }
    }

    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Form::Few(few) => {
                put_number(out, few.len() as u64);
                few.iter().for_each(|hash| out.extend_from_slice(&hash.to_le_bytes()));
            }
            Form::Many(registers) => {
                put_number(out, FEW_MAX as u64 + 1);
                out.extend_from_slice(&registers[..]);
            }
        }
    }

    pub(crate) fn take(input: &mut Bytes<'_>) -> Option<Distinct> {
        let count = usize::try_from(input.number().ok()?).ok()?;
        if count > FEW_MAX {
            return Some(Distinct(Form::Many(Box::new(input.array().ok()?))));
        }
        let few: Option<Vec<u32>> =
            (0..count).map(|_| input.array().ok().map(u32::from_le_bytes)).collect();
        Some(Distinct(Form::Few(few?)))
    }
}

/// The paper's figure 3; its correction for 32-bit hashes that run out is far beyond what a
/// step brings.
fn estimate(registers: &[u8; REGISTERS]) -> u64 {
    const ALPHA: f64 = 0.709;
    let count = REGISTERS as f64;
    // A register is at most 27.
    let part = |register: &u8| 1.0 / (1_u64 << (*register & 63)) as f64;
    let sum: f64 = registers.iter().map(part).sum();
    let raw = ALPHA * count * count / sum;
    let empty = registers.iter().filter(|register| **register == 0).count();
    let estimate =
        if raw <= 2.5 * count && empty > 0 { count * (count / empty as f64).ln() } else { raw };
    estimate.round() as u64
}

/// FNV-1a with the last mixing of MurmurHash3: stored, so it must stay as it is.
fn hash(value: &[u8]) -> u32 {
    let fnv = value.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mixed = (fnv ^ (fnv >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let mixed = (mixed ^ (mixed >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (mixed >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: std::ops::Range<u32>) -> Distinct {
        let mut distinct = Distinct::default();
        values.for_each(|value| distinct.add(&value.to_le_bytes()));
        distinct
    }

    fn again(distinct: &Distinct) -> Distinct {
        let mut bytes = Vec::new();
        distinct.put(&mut bytes);
        Distinct::take(&mut Bytes(&bytes)).unwrap()
    }

    #[test]
    fn few_are_counted_exactly_and_many_nearly() {
        for count in 0..=FEW_MAX as u32 {
            assert_eq!(of(0..count).count(), u64::from(count));
        }
        for count in [13, 40, 100, 1_000, 50_000] {
            // Over many sets, so that no single one is lucky: within four standard errors.
            let sum: u64 = (0..20).map(|set| of(set * count..(set + 1) * count).count()).sum();
            let mean = sum as f64 / 20.0 / f64::from(count);
            assert!((0.88..1.12).contains(&mean), "{count}: {mean}");
        }
    }

    #[test]
    fn a_union_counts_no_value_twice_and_survives_the_disk() {
        for (one, other) in [(0..5, 3..9), (0..5, 0..900), (0..900, 5..9), (0..900, 400..1300)] {
            let mut merged = of(one.clone());
            merged.merge(&of(other.clone()));
            let whole = of(one.start.min(other.start)..one.end.max(other.end));
            assert_eq!(merged, whole, "{one:?} {other:?}");
            assert_eq!(again(&merged), merged);
        }
        assert_eq!(Distinct::take(&mut Bytes(&[3, 1, 2])), None);
    }
}
