//! How much a thread has worked.

use std::time::Duration;

/// The CPU time of one thread of this process (`pthread_getcpuclockid(3)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThreadClock(libc::clockid_t);

impl ThreadClock {
    /// That of the calling thread.
    pub fn own() -> Self {
        let mut clock = libc::CLOCK_THREAD_CPUTIME_ID;
        // SAFETY: the calling thread exists, and `clock` can be written. What fails leaves it as it was.
        unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &raw mut clock) };
        Self(clock)
    }

    /// How long the thread has run; `None` once it has ended.
    pub fn elapsed(self) -> Option<Duration> {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` can be written; a clock that does not exist is an error.
        let got = unsafe { libc::clock_gettime(self.0, &raw mut time) };
        let (seconds, nanoseconds) = (u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?);
        (got == 0).then(|| Duration::new(seconds, nanoseconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_runs_while_the_thread_does() {
        let (clocks, clock) = std::sync::mpsc::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            clocks.send(ThreadClock::own()).unwrap();
            let start = ThreadClock::own().elapsed().unwrap();
            while ThreadClock::own().elapsed().unwrap() < start + Duration::from_millis(5) {}
            clocks.send(ThreadClock::own()).unwrap();
            ended.recv().unwrap();
        });
        let first = clock.recv().unwrap();
        assert_eq!(clock.recv().unwrap(), first);
        assert!(first.elapsed().unwrap() >= Duration::from_millis(5));
        assert_ne!(ThreadClock::own(), first);
        // It sleeps now: its clock stands still but for going to sleep.
        std::thread::sleep(Duration::from_millis(20));
        let asleep = first.elapsed();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(first.elapsed(), asleep);
        end.send(()).unwrap();
        thread.join().unwrap();
        assert_eq!(first.elapsed(), None);
    }
}
