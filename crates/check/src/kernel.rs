//! The kernel that a module is judged against.

use abi::{Export, Profile};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

/// Whether register arguments are all known, and how many there are.
type Words = HashMap<String, Option<u64>>;

/// A kernel, and what modules can get of it.
pub struct Kernel {
    profile: Profile,
    words: Mutex<Words>,
    in_tree: Exporters,
}

/// Names the modules of a kernel's tree that export a symbol.
pub type Exporters = Box<dyn Fn(&str) -> Vec<String> + Send + Sync>;

/// Whether the checks of the `loader` can be asked.
static ADOPTED: AtomicBool = AtomicBool::new(false);

/// Lets refusals be told: the checks of the `loader` want a kernel that this process is. The first one stays; what depends on
/// it is decided anew for each module.
pub fn adopt(profile: Profile) {
    kabi::set_profile(profile);
    ADOPTED.store(true, Ordering::Release);
}

/// Whether [`adopt`] was called.
pub fn is_adopted() -> bool {
    ADOPTED.load(Ordering::Acquire)
}

impl Kernel {
    /// The kernel of a profile; `in_tree` names the modules of its tree that export a symbol.
    pub fn new(profile: Profile, in_tree: Exporters) -> Self {
        Self { profile, words: Mutex::default(), in_tree }
    }

    /// What is known of it.
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Its release.
    pub fn release(&self) -> &str {
        self.profile.release()
    }

    /// The first two numbers of its release.
    pub fn series(&self) -> loader::Series {
        let mut numbers = self.release().split('.').map(|number| number.parse().unwrap_or(0));
        (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
    }

    /// What it exports.
    pub fn export(&self, name: &str) -> Option<Export<'_>> {
        self.profile.export(name)
    }

    /// Whether it has a symbol that it does not export.
    pub fn has_inside(&self, name: &str) -> bool {
        self.profile.export(name).is_none() && self.profile.symbol(name).is_some()
    }

    /// The modules of its tree that export a symbol.
    pub fn modules_with(&self, symbol: &str) -> Vec<String> {
        (self.in_tree)(symbol)
    }

    /// Registers and words of the stack that a function's arguments take; `None` if that is not certain.
    pub fn argument_words(&self, function: &str) -> Option<u64> {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = words.get(function) {
            return *known;
        }
        let prototype = self.profile.prototype(function).filter(|p| !p.variadic);
        let count = prototype.map(|p| {
            p.params.iter().map(|param| param.value.words().max(1)).sum::<u64>() + u64::from(p.ret.is_aggregate())
        });
        words.insert(function.to_owned(), count);
        count
    }
}
