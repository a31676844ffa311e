//! Ends the process when a case hangs, and measures what memory a case takes.

use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Far longer than any load takes: what is still running then never ends.
const HANG: Duration = Duration::from_secs(60);

/// Watches the case that is running.
pub struct Guard {
    running: Arc<Mutex<Option<(Instant, String)>>>,
    before: Mutex<u64>,
}

/// A number of bytes from /proc/self/status.
fn status(field: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default();
    line.trim_start_matches(':').split_whitespace().next().and_then(|n| n.parse::<u64>().ok()).unwrap_or(0) << 10
}

impl Guard {
    /// Starts the watch.
    pub fn watch() -> Self {
        let running: Arc<Mutex<Option<(Instant, String)>>> = Arc::default();
        let watched = Arc::clone(&running);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(Duration::from_secs(1));
                let running = watched.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some((since, name)) = running.as_ref().filter(|(since, _)| since.elapsed() > HANG) {
                    eprintln!("{name}: hangs since {:?}", since.elapsed());
                    std::process::abort();
                }
            }
        });
        Self { running, before: Mutex::new(0) }
    }

    /// A case begins.
    pub fn enter(&self, name: &str) {
        if std::env::var_os("HOSTILE_TRACE").is_some() {
            eprintln!("{name}");
        }
        // 5 sets the highest size so far to the present one.
        let _ = fs::write("/proc/self/clear_refs", "5");
        *self.before.lock().unwrap_or_else(PoisonError::into_inner) = status("VmRSS");
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), name.to_string()));
    }

    /// A case is over: the most memory that it had, in bytes.
    pub fn leave(&self) -> u64 {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
        status("VmHWM").saturating_sub(*self.before.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
