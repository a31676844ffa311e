//! When which timer is due. Counterpart: the timer wheel of kernel/time/timer.c.
//!
//! Timers run in the order of the wheel's slots, as modules see it in Linux: a slot is 1 tick wide for the next 63 ticks, 8
//! for the next 504, and so on; a timer runs at the end of its slot, the one that was armed last first.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

/// Levels of the wheel with 250 ticks in a second.
const LEVELS: u32 = 9;
/// Slots of a level that are used from the start.
const USED: u64 = 63;
/// Binary digits by which slots widen from level to level.
const WIDEN: u32 = 3;

/// The end of a timer's slot, the wider slots first, what was armed last first.
type Key = (u64, Reverse<u32>, Reverse<u64>);

/// An armed timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Armed {
    /// Address of its structure.
    pub timer: u64,
    /// Its function when it was armed; that of the work for a delayed work.
    pub function: u64,
}

/// All armed timers.
#[derive(Debug, Default)]
pub(super) struct Wheel {
    by_time: BTreeMap<Key, Armed>,
    keys: HashMap<u64, Key>,
    armed: u64,
}

/// The level for a time so many ticks away, and the end of the slot that contains it.
fn slot(expires: u64, now: u64) -> (u32, u64) {
    let ahead = expires.wrapping_sub(now);
    if ahead as i64 <= 0 {
        return (0, now.wrapping_add(1));
    }
    let level = (0..LEVELS - 1).find(|level| ahead < USED << (WIDEN * level)).unwrap_or(LEVELS - 1);
    let most = (USED + 1) << (WIDEN * (LEVELS - 1));
    let expires = if ahead >= most { now.wrapping_add(most - 1) } else { expires };
    let shift = WIDEN * level;
    (level, ((expires >> shift) + 1) << shift)
}

impl Wheel {
    /// Arms a timer; false if it was armed already, for whatever time.
    pub fn arm(&mut self, armed: Armed, expires: u64, now: u64) -> bool {
        let was = self.disarm(armed.timer).is_some();
        let (level, end) = slot(expires, now);
        self.armed += 1;
        let key = (end, Reverse(level), Reverse(self.armed));
        self.by_time.insert(key, armed);
        self.keys.insert(armed.timer, key);
        !was
    }

    /// Disarms a timer, if it is armed.
    pub fn disarm(&mut self, timer: u64) -> Option<Armed> {
        self.by_time.remove(&self.keys.remove(&timer)?)
    }

    /// When the first one is due.
    pub fn next(&self) -> Option<u64> {
        self.by_time.first_key_value().map(|((end, ..), _)| *end)
    }

    /// Takes the next one that is due.
    pub fn take_due(&mut self, now: u64) -> Option<Armed> {
        if self.next()? > now {
            return None;
        }
        let (_, armed) = self.by_time.pop_first()?;
        self.keys.remove(&armed.timer);
        Some(armed)
    }

    /// Disarms all of a kind.
    pub fn disarm_all(&mut self, which: impl Fn(&Armed) -> bool) {
        self.by_time.retain(|_, armed| !which(armed));
        self.keys.retain(|_, key| self.by_time.contains_key(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_end_behind_the_time_and_widen() {
        let far = u64::MAX >> 2;
        let ends = [(999, 1001), (1000, 1001), (1001, 1002), (1062, 1063), (1063, 1064), (1100, 1104), (1500, 1504)];
        for (expires, end) in ends {
            assert_eq!(slot(expires, 1000).1, end, "{expires}");
        }
        assert_eq!(slot(1504, 1000), (2, 1536));
        assert_eq!(slot(far, 1000).0, LEVELS - 1);
    }

    #[test]
    fn the_last_armed_of_a_slot_is_the_first_to_run() {
        let mut wheel = Wheel::default();
        for timer in 1..=3 {
            assert!(wheel.arm(Armed { timer, function: 0 }, 10, 0));
        }
        assert!(!wheel.arm(Armed { timer: 1, function: 0 }, 5, 0));
        assert_eq!(wheel.take_due(5), None);
        let order: Vec<u64> = std::iter::from_fn(|| wheel.take_due(11)).map(|armed| armed.timer).collect();
        assert_eq!(order, [1, 3, 2]);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn disarmed_timers_do_not_run() {
        let mut wheel = Wheel::default();
        for timer in 1..=4 {
            wheel.arm(Armed { timer, function: timer % 2 }, 10, 0);
        }
        assert_eq!(wheel.disarm(2).map(|armed| armed.function), Some(0));
        assert_eq!(wheel.disarm(2), None);
        wheel.disarm_all(|armed| armed.function == 1);
        assert_eq!((wheel.take_due(11).map(|a| a.timer), wheel.take_due(11)), (Some(4), None));
    }
}
