//! What is queued, who works on what, and what may start. Pure bookkeeping: it calls no module code.

use super::worker::Worker;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A worker that has been running for so long does not keep its pool from starting more (`wq_cpu_intensive_thresh_us`).
pub(super) const HOG: Duration = Duration::from_millis(10);

/// The kinds of pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum PoolKind {
    Normal,
    High,
    Unbound,
    /// Softirqs in place of workers.
    BottomHalf,
}

/// A work in a queue: what was queued once.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Never used twice.
    pub id: u64,
    pub work: u64,
    /// The work's function when it was queued.
    pub function: u64,
    pub queue: u64,
    pub queue_name: Arc<str>,
    /// It does not keep others from starting (`WQ_CPU_INTENSIVE`).
    pub intensive: bool,
}

/// A workqueue.
#[derive(Debug)]
pub(super) struct QueueState {
    pub name: Arc<str>,
    pub flags: u32,
    pub max_active: usize,
    pub pool: PoolKind,
    /// Items that were given to the pool, done or not.
    pub active: usize,
    /// Items beyond `max_active`.
    pub waiting: VecDeque<Item>,
    /// Ids of all that is not done.
    pub open: BTreeSet<u64>,
    /// Only works of this queue may queue more.
    pub draining: bool,
}

/// Who works on an item.
pub(super) struct Busy {
    pub item: Item,
    /// It counts as running in its pool.
    pub counts: bool,
    pub since: Instant,
    /// What the worker has come to.
    pub stage: Stage,
}

/// What a worker has come to with its item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is to begin.
    Given,
    /// It calls the function.
    Begun,
    /// The module went before it began: the function is not called.
    Gone,
}

#[derive(Default)]
pub(super) struct Pool {
    pub list: VecDeque<Item>,
    pub idle: Vec<Arc<Worker>>,
    /// By the worker's number.
    pub busy: BTreeMap<u64, Busy>,
}

#[derive(Default)]
pub(super) struct State {
    pub queues: HashMap<u64, QueueState>,
    pub pools: HashMap<PoolKind, Pool>,
    last_id: u64,
}

static STATE: LazyLock<Mutex<State>> = LazyLock::new(Mutex::default);
/// Signalled when an item is done or taken out.
pub(super) static DONE: Condvar = Condvar::new();

pub(super) fn lock() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What became of a work that was to be queued.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Queued {
    Yes,
    /// The queue takes no more.
    Draining,
    /// There is no such queue.
    NoQueue,
}

impl State {
    /// Queues a work; `chained`: a work of the queue does so.
    pub fn queue(&mut self, work: u64, function: u64, at: u64, chained: bool) -> Queued {
        self.last_id += 1;
        let id = self.last_id;
        let Some(queue) = self.queues.get_mut(&at) else { return Queued::NoQueue };
        if queue.draining && !chained {
            return Queued::Draining;
        }
        let intensive = queue.flags & super::queue::CPU_INTENSIVE != 0;
        let item = Item { id, work, function, queue: at, queue_name: Arc::clone(&queue.name), intensive };
        queue.open.insert(id);
        if queue.active < queue.max_active {
            queue.active += 1;
            self.pools.entry(queue.pool).or_default().list.push_back(item);
        } else {
            queue.waiting.push_back(item);
        }
        Queued::Yes
    }

    /// Gives a pool as many waiting items of a queue as may be active.
    pub fn refill(&mut self, at: u64) -> Option<PoolKind> {
        let queue = self.queues.get_mut(&at)?;
        let pool = self.pools.entry(queue.pool).or_default();
        while queue.active < queue.max_active
            && let Some(item) = queue.waiting.pop_front()
        {
            queue.active += 1;
            pool.list.push_back(item);
        }
        Some(queue.pool)
    }

    /// An item that was given to its pool is done, or will never be: its pool may have more to do.
    pub fn finish(&mut self, item: &Item) -> Option<PoolKind> {
        let queue = self.queues.get_mut(&item.queue)?;
        queue.active = queue.active.saturating_sub(1);
        queue.open.remove(&item.id);
        DONE.notify_all();
        self.refill(item.queue)
    }

    /// The next item that a pool may start now.
    pub fn next(&mut self, kind: PoolKind) -> Option<Item> {
        let pool = self.pools.entry(kind).or_default();
        let running = pool.busy.values().any(|busy| busy.counts && busy.since.elapsed() < HOG);
        if running && kind != PoolKind::BottomHalf {
            return None;
        }
        // A work never runs twice at a time: the second waits, others pass.
        let runs = |work: u64| self.pools.values().any(|pool| pool.busy.values().any(|busy| busy.item.work == work));
        let at = self.pools.get(&kind)?.list.iter().position(|item| !runs(item.work))?;
        self.pools.get_mut(&kind)?.list.remove(at)
    }

    /// How long until a worker that runs counts no more, if something waits for that.
    pub fn patience(&self, kind: PoolKind) -> Option<Duration> {
        let pool = self.pools.get(&kind).filter(|pool| !pool.list.is_empty())?;
        pool.busy.values().filter(|b| b.counts).map(|b| HOG.saturating_sub(b.since.elapsed())).min()
    }

    /// Takes the item of a pending work out: true if there was one.
    pub fn take(&mut self, work: u64) -> bool {
        for pool in self.pools.values_mut() {
            if let Some(at) = pool.list.iter().position(|item| item.work == work) {
                if let Some(item) = pool.list.remove(at) {
                    self.finish(&item);
                }
                return true;
            }
        }
        for queue in self.queues.values_mut() {
            if let Some(at) = queue.waiting.iter().position(|item| item.work == work) {
                if let Some(item) = queue.waiting.remove(at) {
                    queue.open.remove(&item.id);
                }
                DONE.notify_all();
                return true;
            }
        }
        false
    }

    /// The newest item of a work that is not done: queue and id.
    pub fn last_of(&self, work: u64) -> Option<(u64, u64)> {
        let listed = self.pools.values().flat_map(|pool| pool.list.iter());
        let waiting = self.queues.values().flat_map(|queue| queue.waiting.iter());
        let busy = self.pools.values().flat_map(|pool| pool.busy.values().map(|busy| &busy.item));
        let of_work = listed.chain(waiting).chain(busy).filter(|item| item.work == work);
        of_work.map(|item| (item.id, item.queue)).max().map(|(id, queue)| (queue, id))
    }

    /// True if an item of the queue with at most this id is not done.
    pub fn is_open(&self, queue: u64, up_to: u64) -> bool {
        self.queues.get(&queue).is_some_and(|queue| queue.open.range(..=up_to).next().is_some())
    }

    /// True if this item is not done.
    pub fn is_item_open(&self, queue: u64, id: u64) -> bool {
        self.queues.get(&queue).is_some_and(|queue| queue.open.contains(&id))
    }

    /// The id of the last item that was queued.
    pub fn last_id(&self) -> u64 {
        self.last_id
    }

    /// Whether a worker runs this work's function now, and whose item it is.
    pub fn running(&self, work: u64) -> Option<&Item> {
        self.pools.values().flat_map(|pool| pool.busy.values()).map(|busy| &busy.item).find(|item| item.work == work)
    }

    /// Takes out what will never be done, by addresses of work and function.
    pub fn abandon(&mut self, goes: impl Fn(u64, u64) -> bool) {
        let listed = self.pools.values().flat_map(|pool| pool.list.iter());
        let waiting = self.queues.values().flat_map(|queue| queue.waiting.iter());
        let gone = listed.chain(waiting).filter(|item| goes(item.work, item.function));
        let gone: Vec<u64> = gone.map(|item| item.work).collect();
        for work in gone {
            self.take(work);
        }
        let busy = self.pools.values_mut().flat_map(|pool| pool.busy.values_mut());
        for busy in busy.filter(|busy| busy.stage == Stage::Given && goes(busy.item.work, busy.item.function)) {
            busy.stage = Stage::Gone;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_queue(max_active: usize) -> State {
        let mut state = State::default();
        let queue = QueueState {
            name: "test".into(),
            flags: 0,
            max_active,
            pool: PoolKind::Normal,
            active: 0,
            waiting: VecDeque::new(),
            open: BTreeSet::new(),
            draining: false,
        };
        state.queues.insert(1, queue);
        state
    }

    fn start(state: &mut State, worker: u64) -> Option<u64> {
        let item = state.next(PoolKind::Normal)?;
        let work = item.work;
        let busy = Busy { item, counts: true, since: Instant::now(), stage: Stage::Given };
        state.pools.entry(PoolKind::Normal).or_default().busy.insert(worker, busy);
        Some(work)
    }

    fn pool(state: &mut State) -> &mut Pool {
        state.pools.entry(PoolKind::Normal).or_default()
    }

    #[test]
    fn one_runs_at_a_time_until_it_sleeps() {
        let mut state = with_queue(9);
        (10..13).for_each(|work| assert_eq!(state.queue(work, 0, 1, false), Queued::Yes));
        assert_eq!((start(&mut state, 1), start(&mut state, 2)), (Some(10), None));
        pool(&mut state).busy.get_mut(&1).unwrap().counts = false;
        assert_eq!((start(&mut state, 2), start(&mut state, 3)), (Some(11), None));
        let done = pool(&mut state).busy.remove(&2).unwrap().item;
        state.finish(&done);
        assert_eq!(start(&mut state, 2), Some(12));
    }

    #[test]
    fn no_more_are_active_than_allowed() {
        let mut state = with_queue(1);
        (10..13).for_each(|work| _ = state.queue(work, 0, 1, false));
        assert_eq!(start(&mut state, 1), Some(10));
        pool(&mut state).busy.get_mut(&1).unwrap().counts = false;
        assert_eq!(start(&mut state, 2), None);
        assert!(state.take(12) && !state.take(12));
        let done = pool(&mut state).busy.remove(&1).unwrap().item;
        state.finish(&done);
        assert_eq!(start(&mut state, 2), Some(11));
        assert_eq!(state.queues[&1].open.len(), 1);
    }

    #[test]
    fn a_work_that_runs_waits_for_itself_and_lets_others_pass() {
        let mut state = with_queue(9);
        state.queue(10, 0, 1, false);
        start(&mut state, 1);
        pool(&mut state).busy.get_mut(&1).unwrap().counts = false;
        state.queue(10, 0, 1, false);
        state.queue(11, 0, 1, false);
        assert_eq!(start(&mut state, 2), Some(11));
        assert_eq!(state.last_of(10), Some((1, 2)));
        assert!(state.is_open(1, 1) && !state.is_item_open(1, 9));
    }

    #[test]
    fn a_draining_queue_takes_only_what_its_own_works_queue() {
        let mut state = with_queue(9);
        state.queues.get_mut(&1).unwrap().draining = true;
        assert_eq!(state.queue(10, 0, 1, false), Queued::Draining);
        assert_eq!(state.queue(10, 0, 1, true), Queued::Yes);
        assert_eq!(state.queue(10, 0, 2, true), Queued::NoQueue);
        state.abandon(|work, _| work == 10);
        assert!(!state.is_open(1, u64::MAX));
    }

    #[test]
    fn a_work_that_has_not_begun_goes_with_its_module() {
        let mut state = with_queue(9);
        for (work, worker) in [(10, 1), (11, 2)] {
            state.queue(work, 0, 1, false);
            assert_eq!(start(&mut state, worker), Some(work));
            pool(&mut state).busy.get_mut(&worker).unwrap().counts = false;
        }
        pool(&mut state).busy.get_mut(&2).unwrap().stage = Stage::Begun;
        state.abandon(|_, _| true);
        let stages: Vec<Stage> = pool(&mut state).busy.values().map(|busy| busy.stage).collect();
        assert_eq!(stages, [Stage::Gone, Stage::Begun]);
    }
}
