//! Arithmetic. Counterpart: lib/math/{gcd,lcm,int_sqrt,int_pow,reciprocal_div}.c.

use kabi::{c_ulong, exports, kexport};

exports![gcd, lcm, lcm_not_zero, int_sqrt, int_pow, reciprocal_value];

/// The greatest common divisor; 0 divides nothing but itself.
#[kexport(since = "2.6.32", header = "linux/gcd.h")]
fn gcd(a: c_ulong, b: c_ulong) -> c_ulong {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The least common multiple, cut to a machine word; 0 if either is.
#[kexport(since = "2.6.32", header = "linux/lcm.h")]
fn lcm(a: c_ulong, b: c_ulong) -> c_ulong {
    if a != 0 && b != 0 { (a / gcd(a, b)).wrapping_mul(b) } else { 0 }
}

/// The least common multiple, or whichever number is not 0.
#[kexport(since = "4.0", header = "linux/lcm.h")]
fn lcm_not_zero(a: c_ulong, b: c_ulong) -> c_ulong {
    match lcm(a, b) {
        0 if b != 0 => b,
        0 => a,
        multiple => multiple,
    }
}

/// The square root, rounded down.
#[kexport(since = "2.6.18", header = "linux/math.h")]
fn int_sqrt(x: c_ulong) -> c_ulong {
    x.isqrt()
}

/// A number to a power, cut to 64 bits.
#[kexport(since = "5.2", header = "linux/math.h")]
fn int_pow(base: u64, exponent: u32) -> u64 {
    base.wrapping_pow(exponent)
}

/// What a number's division becomes: `m` in the low half, then two shifts of a byte each.
#[kexport(since = "2.6.20", header = "linux/reciprocal_div.h")]
fn reciprocal_value(divisor: u32) -> u64 {
    let bits = u32::BITS - divisor.wrapping_sub(1).leading_zeros();
    let over = (1u64 << bits).wrapping_sub(divisor.into());
    let m = (over << 32).checked_div(divisor.into()).unwrap_or(0).wrapping_add(1) as u32;
    u64::from(m) | u64::from(bits.min(1)) << 32 | u64::from(bits.saturating_sub(1)) << 40
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_a_multiple_of_everything() {
        assert_eq!([gcd(0, 7), gcd(7, 0), gcd(0, 0), gcd(12, 18), gcd(u64::MAX, 5)], [7, 7, 0, 6, 5]);
        assert_eq!([lcm(0, 7), lcm(4, 6), lcm_not_zero(0, 7), lcm_not_zero(9, 0)], [0, 12, 7, 9]);
    }

    #[test]
    fn reciprocals_divide() {
        for divisor in [1u32, 2, 3, 7, 10, 641, 0x8000_0000, u32::MAX] {
            let r = reciprocal_value(divisor);
            let (m, first, second) = (r as u32, r >> 32 & 0xff, r >> 40 & 0xff);
            for a in [0u32, 1, 6, 7, 99, 12345, 0x7fff_ffff, u32::MAX] {
                let t = ((u64::from(a) * u64::from(m)) >> 32) as u32;
                assert_eq!(t.wrapping_add(a.wrapping_sub(t) >> first) >> second, a / divisor, "{a} / {divisor}");
            }
        }
    }
}
