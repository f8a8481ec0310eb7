//! Chance that follows from the seed, the same on every machine.
//!
//! Each actor has a generator of its own, so that what befalls one (a ban, a later start) changes
//! nothing in the life of another. Only `+ - * /` and `sqrt` are used on fractions, which IEEE 754
//! fixes to the last bit; a system's own `ln` and `exp` may differ.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// A source of chance.
#[derive(Clone, Debug)]
pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    /// The generator of `stream` in the world of `seed`.
    pub fn new(seed: u64, stream: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(stream);
        Chance(generator)
    }

    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// 0 to `limit` - 1; 0 where there is no choice.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(limit.max(1))) >> 64) as u64
    }

    /// An index into a list of `length`.
    pub fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    /// `low` to `high`, both possible.
    pub fn within(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low).max(0) as u64 + 1) as i64
    }

    /// 0 to less than 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// `low` to less than `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    pub fn is(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of a list that is not empty.
    pub fn pick<'t, T>(&mut self, list: &'t [T]) -> &'t T {
        &list[self.index(list.len())]
    }

    /// The time to the next of events that have no memory.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -ln(1.0 - self.unit()) * mean
    }

    /// Mean 0, deviation 1; the sum of twelve (Irwin and Hall), so never beyond 6.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }

    /// What has a middle and a long tail: pauses, sizes, how much a person writes.
    pub fn log_normal(&mut self, median: f64, sigma: f64) -> f64 {
        median * exp(sigma * self.normal())
    }

    /// `mean` give or take a `share` of it, evenly.
    pub fn about(&mut self, mean: f64, share: f64) -> f64 {
        mean * self.between(1.0 - share, 1.0 + share)
    }

    /// How many of events that have no memory fall into a span in which `mean` are expected.
    pub fn poisson(&mut self, mean: f64) -> u32 {
        if mean > 30.0 {
            return (mean + self.normal() * mean.sqrt()).max(0.0) as u32;
        }
        let floor = exp(-mean);
        let (mut product, mut count) = (self.unit(), 0);
        while product > floor {
            product *= self.unit();
            count += 1;
        }
        count
    }

    /// An index into `length`, the first far likelier than the last: whom a person writes to.
    pub fn rank(&mut self, length: usize) -> usize {
        let unit = self.unit();
        ((unit * unit * unit) * length as f64) as usize
    }
}

/// Two numbers to one that looks like chance: for what must be found again without being kept.
pub(crate) const fn mix(a: u64, b: u64) -> u64 {
    let mut x = a ^ b.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(31);
    x = (x ^ (x >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 27)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

/// The natural logarithm of a positive normal number, by the series of atanh.
fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i64 - 1023;
    let mantissa = f64::from_bits((bits & 0x000f_ffff_ffff_ffff) | (1023 << 52));
    let t = (mantissa - 1.0) / (mantissa + 1.0);
    let square = t * t;
    let (mut term, mut sum) = (t, 0.0);
    for k in 0..20 {
        sum += term / f64::from(2 * k + 1);
        term *= square;
    }
    2.0 * sum + exponent as f64 * core::f64::consts::LN_2
}

/// e to the `x`, for |x| up to some hundreds.
fn exp(x: f64) -> f64 {
    // e^x = (e^(x/1024))^1024.
    let small = x / 1024.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..12 {
        term *= small / f64::from(k);
        sum += term;
    }
    for _ in 0..10 {
        sum *= sum;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithm_and_power_are_those_of_the_school() {
        for x in [1e-9, 0.1, 0.5, 1.0, 1.5, 2.0, 37.0, 1e6] {
            assert!((ln(x) - f64::ln(x)).abs() < 1e-9, "{x}");
        }
        for x in [-30.0, -1.0, -0.1, 0.0, 0.3, 2.0, 9.0] {
            assert!((exp(x) / f64::exp(x) - 1.0).abs() < 1e-9, "{x}");
        }
    }

    #[test]
    fn draws_have_the_mean_that_they_are_said_to_have() {
        let mut chance = Chance::new(1, 2);
        let mut mean = |draw: &mut dyn FnMut(&mut Chance) -> f64| {
            (0..20_000).map(|_| draw(&mut chance)).sum::<f64>() / 20_000.0
        };
        assert!((mean(&mut |c| c.exponential(5.0)) - 5.0).abs() < 0.2);
        assert!((mean(&mut |c| f64::from(c.poisson(3.0))) - 3.0).abs() < 0.1);
        assert!((mean(&mut |c| f64::from(c.poisson(80.0))) - 80.0).abs() < 0.5);
        assert!(mean(&mut Chance::normal).abs() < 0.05);
        assert!((mean(&mut |c| c.within(1, 3) as f64) - 2.0).abs() < 0.05);
    }
}
