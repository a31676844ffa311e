//! How much is watched of what modules do with memory, and what was found.
//!
//! DIFFERS: Linux has such checks only where it is built or booted for them (`slub_debug`, KASAN). The wording is theirs
//! where they have one: mm/slub.c, mm/kasan/report.c.

use crate::fault;
use crate::log;
use crate::mm::owned::{Freed, Origin};
use crate::module::taint;
use crate::{oops, sched};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use wire::Finding;

/// How much is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Nothing.
    Fast = 0,
    /// Who owns what; frees.
    #[default]
    Track = 1,
    /// Also accesses behind a block's page, and to blocks that were freed; canaries in the rest of the page.
    Guard = 2,
    /// Also every access around blocks and global variables ([`super::kasan`], [`super::exact`]).
    Exact = 3,
}

static MODE: AtomicU8 = AtomicU8::new(Mode::Track as u8);

/// Sets the mode; before any module runs.
pub fn set_mode(mode: Mode) {
    MODE.store(mode as u8, Ordering::Relaxed);
}

/// The mode.
pub fn mode() -> Mode {
    match MODE.load(Ordering::Relaxed) {
        0 => Mode::Fast,
        1 => Mode::Track,
        2 => Mode::Guard,
        _ => Mode::Exact,
    }
}

/// Whether blocks lie between closed pages.
pub fn guards() -> bool {
    matches!(mode(), Mode::Guard | Mode::Exact)
}

/// Different findings that are kept.
const MOST: usize = 256;

static FOUND: Mutex<Vec<Finding>> = Mutex::new(Vec::new());

fn found() -> MutexGuard<'static, Vec<Finding>> {
    FOUND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All that was found.
pub fn findings() -> Vec<Finding> {
    found().clone()
}

/// A finding that is being made.
#[derive(Debug)]
pub struct Report {
    finding: Finding,
    /// The kernel's own lines.
    title: Vec<String>,
}

impl Report {
    /// Something wrong with memory of `cache`, in the kernel's words, and `what` in lkm's.
    pub fn new(cache: &str, text: &str, what: String) -> Self {
        let title = vec![
            "=============================================================================".to_string(),
            format!("BUG {cache} ({}): {text}", oops::tainted(taint::bits())),
            "-----------------------------------------------------------------------------".to_string(),
            String::new(),
        ];
        Self { finding: Finding { what, count: 1, chains: Vec::new(), advice: None }, title }
    }

    /// A wrong access, in KASAN's words: `kind` of error, the function, `access` (`Read of size 8 at addr ...`).
    pub fn access(kind: &str, function: &str, access: &str, what: String) -> Self {
        let caller = sched::caller();
        let title = vec![
            "==================================================================".to_string(),
            format!("BUG: KASAN: {kind} in {function}"),
            format!("{access} by task {}/{}", caller.comm, caller.tid),
            String::new(),
        ];
        Self { finding: Finding { what, count: 1, chains: Vec::new(), advice: None }, title }
    }

    /// With who did what.
    pub fn chain(mut self, what: &str, origin: &Origin) -> Self {
        if !origin.made_by.is_empty() {
            self.finding.chains.push((what.to_string(), origin.made_by.clone()));
        }
        self
    }

    /// With the code that runs.
    pub fn here(self, what: &str) -> Self {
        let origin = Origin::of(&fault::call_chain());
        self.chain(what, &origin)
    }

    /// With where a block was made and given back.
    pub fn freed(self, freed: &Freed) -> Self {
        self.chain("allocated in", &freed.block.origin()).chain("freed in", &freed.origin())
    }

    /// With what to do about it.
    pub fn advice(mut self, advice: &str) -> Self {
        self.finding.advice = Some(advice.to_string());
        self
    }

    /// Logs it, the first time that it is found in its place.
    pub fn publish(self) {
        let mut all = found();
        if let Some(known) = all.iter_mut().find(|known| is_same(known, &self.finding)) {
            known.count += 1;
            return;
        }
        if all.len() < MOST {
            all.push(self.finding.clone());
        }
        drop(all);
        self.log();
    }

    /// As `slab_bug` and `print_tracking` of mm/slub.c write it.
    fn log(&self) {
        const ERR: u8 = 3;
        let line = |text: &str| log::line(ERR, text);
        self.title.iter().for_each(|text| line(text));
        line(&format!("lkm: {}", self.finding.what));
        for (what, frames) in &self.finding.chains {
            let mut what = what.as_str();
            for frame in frames {
                line(&format!("{what} {}", frame.text));
                what = "       from";
            }
        }
        if let Some(advice) = &self.finding.advice {
            line(&format!("lkm: {advice}"));
        }
    }
}

/// The same thing at the same place: numbers in the text may differ.
fn is_same(a: &Finding, b: &Finding) -> bool {
    let place =
        |finding: &Finding| finding.chains.first().and_then(|(_, frames)| frames.first()).map(|f| f.text.clone());
    let words = |text: &str| text.chars().filter(|c| !c.is_ascii_hexdigit()).collect::<String>();
    place(a) == place(b) && words(&a.what) == words(&b.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(what: &str, frame: &str) -> Finding {
        let frames = vec![wire::CallFrame { text: frame.into(), ..wire::CallFrame::default() }];
        Finding { what: what.into(), count: 1, chains: vec![("freed in".into(), frames)], advice: None }
    }

    #[test]
    fn findings_of_one_place_are_one() {
        assert!(is_same(&finding("free of 40 bytes", "f+0x1/0x2 [m]"), &finding("free of 80 bytes", "f+0x1/0x2 [m]")));
        assert!(!is_same(&finding("free of 40 bytes", "f+0x1/0x2 [m]"), &finding("free of 40 bytes", "g+0x1/0x2 [m]")));
    }
}
