//! Keeps a file's own code from running once the file is removed.
//!
//! Counterpart: the active references of fs/kernfs/dir.c and `use_pde` of fs/proc/inode.c. Code of a file runs only
//! while its [`Gate`] is passed; removal shuts the gate and waits until everyone inside has left.
//!
//! DIFFERS: a thread that removes a file from within that file's own code does not wait for itself (Linux hangs unless
//! `sysfs_remove_file_self` is used).

use std::cell::RefCell;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

thread_local! {
    /// The gates this thread is inside of, by address.
    static INSIDE: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

#[derive(Default)]
struct State {
    inside: usize,
    shut: bool,
}

/// Counts who runs a file's code.
#[derive(Default)]
pub(super) struct Gate {
    state: Mutex<State>,
    left: Condvar,
}

/// One passage; dropping it leaves.
pub(super) struct Pass {
    gate: Arc<Gate>,
}

impl Gate {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Goes in, or `None` when the file is removed.
    pub(super) fn pass(self: &Arc<Self>) -> Option<Pass> {
        let mut state = self.lock();
        if state.shut {
            return None;
        }
        state.inside = state.inside.checked_add(1)?;
        drop(state);
        INSIDE.with_borrow_mut(|gates| gates.push(self.address()));
        Some(Pass { gate: Arc::clone(self) })
    }

    /// Lets nobody in from now on.
    pub(super) fn shut(&self) {
        self.lock().shut = true;
    }

    /// Whether the file is removed.
    pub(super) fn is_shut(&self) -> bool {
        self.lock().shut
    }

    fn own_passes(&self) -> usize {
        INSIDE.with_borrow(|gates| gates.iter().filter(|gate| **gate == self.address()).count())
    }

    /// Whether someone else than this thread is inside.
    pub(super) fn is_busy(&self) -> bool {
        self.lock().inside > self.own_passes()
    }

    /// Blocks until nobody but this thread is inside.
    pub(super) fn wait(&self) {
        let own = self.own_passes();
        let mut state = self.lock();
        while state.inside > own {
            state = self.left.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let address = self.gate.address();
        INSIDE.with_borrow_mut(|gates| {
            if let Some(at) = gates.iter().rposition(|gate| *gate == address) {
                gates.swap_remove(at);
            }
        });
        let mut state = self.gate.lock();
        state.inside = state.inside.saturating_sub(1);
        drop(state);
        self.gate.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn a_shut_gate_lets_nobody_in() {
        let gate = Arc::new(Gate::default());
        assert!(gate.pass().is_some());
        gate.shut();
        assert!(gate.pass().is_none());
        assert!(gate.is_shut() && !gate.is_busy());
        gate.wait();
    }

    #[test]
    fn waiting_ends_only_after_the_last_one_left() {
        let gate = Arc::new(Gate::default());
        let pass = gate.pass().expect("open");
        gate.shut();
        let left = Arc::new(AtomicBool::new(false));
        let waiter = std::thread::spawn({
            let (gate, left) = (Arc::clone(&gate), Arc::clone(&left));
            move || {
                assert!(gate.is_busy() || left.load(Ordering::SeqCst));
                gate.wait();
                left.load(Ordering::SeqCst)
            }
        });
        left.store(true, Ordering::SeqCst);
        drop(pass);
        assert!(waiter.join().expect("no panic"));
    }

    #[test]
    fn a_thread_does_not_wait_for_itself() {
        let gate = Arc::new(Gate::default());
        let _pass = gate.pass();
        gate.shut();
        assert!(!gate.is_busy());
        gate.wait();
    }
}
