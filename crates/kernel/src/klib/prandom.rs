//! Pseudo-random numbers that repeat for the same seed. Counterpart: lib/random32.c. The generator is L'Ecuyer's taus113.

use crate::percpu;
use kabi::{KPtr, KResult, exports, kexport};
use machine::{access, cpu};

exports![prandom_u32_state, prandom_bytes_state, prandom_seed_full_state];

/// `struct rnd_state`: four words.
#[derive(Debug)]
pub struct RndState;

/// Of each component: two shifts, the bits that are kept, the shift of these, and the least seed.
const COMPONENTS: [(u32, u32, u32, u32, u32); 4] =
    [(6, 13, !1, 18, 2), (2, 27, !7, 2, 8), (13, 21, !15, 7, 16), (3, 12, !127, 13, 128)];

fn step(state: &mut [u32; 4]) -> u32 {
    for (s, (a, b, keep, c, _)) in state.iter_mut().zip(COMPONENTS) {
        *s = (*s & keep) << c ^ ((*s << a) ^ *s) >> b;
    }
    state.iter().fold(0, |all, s| all ^ s)
}

/// The first numbers still show the seed.
fn warm_up(state: &mut [u32; 4]) {
    for _ in 0..10 {
        step(state);
    }
}

fn load(state: KPtr<RndState>) -> KResult<[u32; 4]> {
    Ok([state.get(0)?, state.get(4)?, state.get(8)?, state.get(12)?])
}

fn save(at: KPtr<RndState>, state: [u32; 4]) -> KResult {
    (0u64..).zip(state).try_for_each(|(i, s)| at.put(4 * i, s))
}

/// The next number.
#[kexport(since = "3.8", header = "linux/prandom.h")]
fn prandom_u32_state(at: KPtr<RndState>) -> KResult<u32> {
    let mut state = load(at)?;
    let number = step(&mut state);
    save(at, state)?;
    Ok(number)
}

/// Fills memory with the next numbers' bytes.
#[kexport(since = "3.9", header = "linux/prandom.h")]
fn prandom_bytes_state(at: KPtr<RndState>, to: KPtr, len: usize) -> KResult {
    let mut state = load(at)?;
    let mut bytes: Vec<u8> = (0..len.div_ceil(4)).flat_map(|_| step(&mut state).to_le_bytes()).collect();
    bytes.truncate(len);
    save(at, state)?;
    Ok(access::write(to.addr(), &bytes)?)
}

/// Seeds the states of all CPUs from random numbers.
#[kexport(since = "4.4", header = "linux/prandom.h")]
fn prandom_seed_full_state(states: KPtr<RndState>) -> KResult {
    for number in 0..cpu::count() {
        let mut bytes = [0; 16];
        machine::random::fill(&mut bytes);
        let mut state = [0; 4];
        for ((s, word), (.., least)) in state.iter_mut().zip(bytes.as_chunks::<4>().0).zip(COMPONENTS) {
            let seed = u32::from_le_bytes(*word);
            *s = if seed < least { seed + least } else { seed };
        }
        warm_up(&mut state);
        save(KPtr::new(percpu::at(number, states.addr())), state)?;
    }
    Ok(())
}

#[test]
fn seeds_give_the_published_numbers() {
    // The first rows of the kernel's own table of results, and how it seeds for them.
    let seed = |seed: u32| {
        let lcg = |x: u32| x.wrapping_mul(69069);
        let (mut x, mut state) = (seed, [0; 4]);
        for (s, (.., least)) in state.iter_mut().zip(COMPONENTS) {
            x = lcg(x);
            *s = if x < least { x + least } else { x };
        }
        warm_up(&mut state);
        step(&mut state)
    };
    assert_eq!([seed(1), seed(2)], [3_484_351_685, 2_623_130_059]);
}
