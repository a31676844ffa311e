//! Random numbers, from the host. Counterpart: drivers/char/random.c.

use kabi::{KPtr, KResult, c_int, exports, kexport};
use machine::access;

exports![
    get_random_bytes,
    get_random_u8,
    get_random_u16,
    get_random_u32,
    get_random_u64,
    __get_random_u32_below,
    rng_is_initialized,
    wait_for_random_bytes
];

pub(crate) fn number() -> u64 {
    let mut bytes = [0; 8];
    machine::random::fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// Fills memory with random bytes.
#[kexport(since = "2.6.0", header = "linux/random.h")]
fn get_random_bytes(to: KPtr, len: usize) -> KResult {
    let mut bytes = vec![0; len];
    machine::random::fill(&mut bytes);
    Ok(access::write(to.addr(), &bytes)?)
}

/// A random byte.
#[kexport(since = "6.1", header = "linux/random.h")]
fn get_random_u8() -> u8 {
    number() as u8
}

/// A random 16-bit number.
#[kexport(since = "6.1", header = "linux/random.h")]
fn get_random_u16() -> u16 {
    number() as u16
}

/// A random 32-bit number.
#[kexport(since = "4.11", header = "linux/random.h")]
fn get_random_u32() -> u32 {
    number() as u32
}

/// A random 64-bit number.
#[kexport(since = "4.11", header = "linux/random.h")]
fn get_random_u64() -> u64 {
    number()
}

/// A random number below `ceiling`, each as likely as the others.
#[kexport(since = "6.2", header = "linux/random.h")]
fn __get_random_u32_below(ceiling: u32) -> u32 {
    if ceiling == 0 {
        return number() as u32;
    }
    // The lowest products stand for one number more often than the rest: try again for these.
    let unfair = ceiling.wrapping_neg() % ceiling;
    loop {
        let product = u64::from(number() as u32) * u64::from(ceiling);
        if product as u32 >= unfair {
            return (product >> 32) as u32;
        }
    }
}

/// True: the host's generator is ready before any program runs.
#[kexport(since = "5.3", header = "linux/random.h")]
fn rng_is_initialized() -> bool {
    true
}

/// Waits until random numbers are good: they are.
#[kexport(since = "4.13", header = "linux/random.h")]
fn wait_for_random_bytes() -> c_int {
    0
}

#[cfg(test)]
mod tests {
    use super::__get_random_u32_below;

    #[test]
    fn numbers_stay_below_their_ceiling() {
        let mut seen = [false; 3];
        (0..200).for_each(|_| seen[__get_random_u32_below(3) as usize] = true);
        assert_eq!(seen, [true; 3]);
        assert_eq!(__get_random_u32_below(1), 0);
    }
}
