//! What reports need to know of the instance, as a trait, and the lines they consist of.
//!
//! The reports themselves touch no memory and no global state: everything comes through [`World`], so that they can be
//! tested without a running instance.

use super::taint::Linked;
use machine::enter::Stretch;
use std::borrow::Cow;

/// Level of a log line (include/linux/kern_levels.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// KERN_EMERG.
    Emerg,
    /// KERN_ALERT.
    Alert,
    /// KERN_CRIT.
    Crit,
    /// KERN_WARNING.
    Warning,
    /// KERN_INFO.
    Info,
    /// KERN_DEFAULT: `default_message_loglevel`, 4 unless changed.
    Default,
}

impl Level {
    /// The number, given `default_message_loglevel`.
    pub fn number(self, default: u8) -> u8 {
        match self {
            Level::Emerg => 0,
            Level::Alert => 1,
            Level::Crit => 2,
            Level::Warning => 4,
            Level::Info => 6,
            Level::Default => default,
        }
    }
}

/// A line for the kernel log, without newline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its level.
    pub level: Level,
    /// Its text.
    pub text: String,
}

impl Line {
    pub(super) fn new(level: Level, text: impl Into<String>) -> Line {
        Line { level, text: text.into() }
    }
}

/// What an address belongs to, as kallsyms tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Name of the symbol.
    pub name: String,
    /// Bytes from its beginning to the address.
    pub offset: u64,
    /// Its size: up to the next symbol, as kallsyms counts.
    pub size: u64,
    /// The module it belongs to; `None` for the kernel's own.
    pub module: Option<String>,
}

/// A table of relative entries as it lies in module memory.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    /// Address of its first byte, which the entries are relative to.
    pub addr: u64,
    /// Its bytes.
    pub bytes: Cow<'a, [u8]>,
}

/// The unwind tables of one module.
#[derive(Debug, Clone)]
pub struct OrcTable<'a> {
    /// Section `.orc_unwind_ip` with its address.
    pub ips: Table<'a>,
    /// Section `.orc_unwind`.
    pub entries: Cow<'a, [u8]>,
}

/// An import that lkm does not provide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its name.
    pub name: String,
    /// True for a variable, false for a function.
    pub variable: bool,
}

/// The kernel worker that runs, for the line `Workqueue:`.
#[derive(Debug, Clone, Default)]
pub struct Worker {
    /// Name of the workqueue.
    pub queue: String,
    /// Address of the work's function.
    pub function: u64,
    /// Description of the work; the same as `queue` unless the work set one.
    pub description: String,
}

/// Registers that a trap does not carry.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "the fields are the registers that they are named after")]
pub struct Control {
    pub fs_base: u64,
    pub gs_base: u64,
    pub cr0: u64,
    pub cr3: u64,
    pub cr4: u64,
}

impl Default for Control {
    /// DIFFERS: a process cannot read CR0, CR3 and CR4. CR0 is what Linux always runs with (paging, write protection,
    /// alignment mask, numeric error, extension type, monitor, protection), the others are shown as 0.
    fn default() -> Control {
        Control { fs_base: 0, gs_base: 0, cr0: 0x8005_0033, cr3: 0, cr4: 0 }
    }
}

/// The settings that decide what follows a report (kernel/panic.c, kernel/watchdog.c).
#[derive(Debug, Clone, Copy, Default)]
pub struct Policy {
    /// `kernel.panic_on_oops`.
    pub panic_on_oops: bool,
    /// `kernel.panic_on_warn`.
    pub panic_on_warn: bool,
    /// `kernel.softlockup_panic`.
    pub softlockup_panic: bool,
    /// `kernel.panic`: seconds until the reboot, 0 for never, negative for at once.
    pub panic_timeout: i32,
}

/// What a report says of the instance and of the task that caused it.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// Major and minor number of the kernel: chooses wording and table formats.
    pub version: (u16, u16),
    /// `uname -r`.
    pub release: String,
    /// The first word of `uname -v`: `#1`.
    pub build: String,
    /// What the distribution adds: `" Debian 6.1.192-2"`, with its leading space, or nothing.
    pub package: String,
    /// What follows the trap's name: `PREEMPT SMP PTI`.
    pub features: String,
    /// Text of the line `Hardware name:`; no line if empty.
    pub hardware: String,
    /// The CPU the task holds.
    pub cpu: usize,
    /// Process id of the task.
    pub pid: i32,
    /// User id of the task.
    pub uid: u32,
    /// Name of the task.
    pub comm: String,
    /// Taint bits of the kernel.
    pub tainted: u64,
    /// The modules, newest first.
    pub linked: Vec<Linked>,
    /// Name and taint bits of the module that was unloaded last.
    pub last_unloaded: Option<(String, u64)>,
    /// The worker, if the task is one.
    pub worker: Option<Worker>,
    /// The task serves an interrupt: an oops then panics.
    pub in_interrupt: bool,
    /// Registers that a trap does not carry.
    pub control: Control,
    /// Settings.
    pub policy: Policy,
}

impl Facts {
    /// Sets version, release, build number and package from `uname -r` and `uname -v`.
    ///
    /// The package is what Debian's kernels have in the latter: `#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (DATE)`.
    pub fn set_uname(&mut self, release: &str, version: &str) {
        let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
        self.version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        self.release = release.to_string();
        let mut words = version.split(' ');
        self.build = words.next().unwrap_or_default().to_string();
        let debian = words.skip_while(|w| *w != "Debian").take(2).fold(String::new(), |all, word| all + " " + word);
        self.package = debian;
    }
}

/// The instance as reports see it. Addresses are module memory; none of these may fault.
pub trait World {
    /// Reads the word at an address.
    fn read_u64(&self, addr: u64) -> Option<u64>;
    /// Reads bytes; false if one of them cannot be read.
    fn read_bytes(&self, addr: u64, to: &mut [u8]) -> bool;
    /// Writes a 16-bit number (the flags of a bug entry); false if it cannot be written.
    fn write_u16(&self, addr: u64, value: u16) -> bool;
    /// What an address belongs to.
    fn symbol(&self, addr: u64) -> Option<Symbol>;
    /// True for an address in code of a module (its init code only while it exists) or of the kernel
    /// (`__kernel_text_address`).
    fn is_text(&self, addr: u64) -> bool;
    /// The unwind tables of the module that an address belongs to.
    fn orc(&self, ip: u64) -> Option<OrcTable<'_>>;
    /// Section `__bug_table` of the module that an address belongs to.
    fn bugs(&self, ip: u64) -> Option<Table<'_>>;
    /// Section `__ex_table` of the module that an address belongs to.
    fn exceptions(&self, ip: u64) -> Option<Table<'_>>;
    /// The import without an implementation that an address stands for: a trap stub, or the place of a variable.
    fn missing(&self, addr: u64) -> Option<Missing>;
    /// The calls into module code that are under way, innermost first ([`machine::enter::stretches`]).
    fn stretches(&self) -> Vec<Stretch>;
    /// Everything else.
    fn facts(&self) -> Facts;
    /// How reports write an address of module memory; the same unless the instance has another place for it.
    fn shown(&self, addr: u64) -> u64 {
        addr
    }
    /// What `%p` prints for an address. DIFFERS: not hashed unless the instance overrides it.
    fn hashed(&self, addr: u64) -> u64 {
        addr
    }
}

/// `%pS`: symbol, offset, size and module, or the bare number.
pub fn describe(world: &dyn World, addr: u64) -> String {
    describe_at(world, addr, 0)
}

/// `%pB`: as [`describe`] for a return address, which may lie behind the end of its function.
pub fn describe_return(world: &dyn World, addr: u64) -> String {
    describe_at(world, addr, 1)
}

fn describe_at(world: &dyn World, addr: u64, back: u64) -> String {
    let Some(symbol) = world.symbol(addr.wrapping_sub(back)) else { return format!("{:#x}", world.shown(addr)) };
    let offset = symbol.offset.wrapping_add(back);
    let module = symbol.module.map(|m| format!(" [{m}]")).unwrap_or_default();
    format!("{}+{offset:#x}/{:#x}{module}", symbol.name, symbol.size)
}

/// `%ps`: the symbol without offset.
pub(super) fn name_of(world: &dyn World, addr: u64) -> String {
    let Some(symbol) = world.symbol(addr) else { return format!("{:#x}", world.shown(addr)) };
    let module = symbol.module.map(|m| format!(" [{m}]")).unwrap_or_default();
    symbol.name + &module
}

#[test]
fn uname_gives_version_build_and_package() {
    let mut facts = Facts::default();
    facts.set_uname("6.12.117+deb12-amd64", "#1 SMP PREEMPT_DYNAMIC Debian 6.12.117-1~bpo12+1 (2026-11-02)");
    assert_eq!(facts.version, (6, 12));
    assert_eq!((facts.build.as_str(), facts.package.as_str()), ("#1", " Debian 6.12.117-1~bpo12+1"));
    facts.set_uname("7.0.0", "#3 SMP");
    assert_eq!((facts.version, facts.build.as_str(), facts.package.as_str()), ((7, 0), "#3", ""));
    facts.set_uname("", "");
    assert_eq!(facts.version, (0, 0));
}
