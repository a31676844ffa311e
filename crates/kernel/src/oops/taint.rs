//! Taint flags of the kernel and the list of modules in reports.
//!
//! Kernel counterparts: `taint_flags` and `print_tainted` of kernel/panic.c; `module_flags` and `print_modules` of
//! kernel/module/main.c.

use super::world::Facts;

/// Bit numbers of the taints that reports set (include/linux/panic.h).
pub mod bit {
    /// An oops happened.
    pub const DIE: u32 = 7;
    /// A warning happened.
    pub const WARN: u32 = 9;
    /// A soft lockup happened.
    pub const SOFTLOCKUP: u32 = 14;
}

/// A taint: letter when set, letter when not, whether modules carry it, name since 6.10.
struct Flag(char, char, bool, &'static str);

const FLAGS: [Flag; 19] = [
    Flag('P', 'G', true, "PROPRIETARY_MODULE"),
    Flag('F', ' ', true, "FORCED_MODULE"),
    Flag('S', ' ', false, "CPU_OUT_OF_SPEC"),
    Flag('R', ' ', false, "FORCED_RMMOD"),
    Flag('M', ' ', false, "MACHINE_CHECK"),
    Flag('B', ' ', false, "BAD_PAGE"),
    Flag('U', ' ', false, "USER"),
    Flag('D', ' ', false, "DIE"),
    Flag('A', ' ', false, "OVERRIDDEN_ACPI_TABLE"),
    Flag('W', ' ', false, "WARN"),
    Flag('C', ' ', true, "CRAP"),
    Flag('I', ' ', false, "FIRMWARE_WORKAROUND"),
    Flag('O', ' ', true, "OOT_MODULE"),
    Flag('E', ' ', true, "UNSIGNED_MODULE"),
    Flag('L', ' ', false, "SOFTLOCKUP"),
    Flag('K', ' ', true, "LIVEPATCH"),
    Flag('X', ' ', true, "AUX"),
    Flag('T', ' ', true, "RANDSTRUCT"),
    Flag('N', ' ', true, "TEST"),
];

fn set_flags(bits: u64) -> impl Iterator<Item = &'static Flag> {
    FLAGS.iter().enumerate().filter(move |(i, _)| bits >> i & 1 == 1).map(|(_, flag)| flag)
}

/// `Tainted: G           OE      `: one letter a flag, or `Not tainted`.
pub fn tainted(bits: u64) -> String {
    if bits == 0 {
        return "Not tainted".to_string();
    }
    let letters = FLAGS.iter().enumerate().map(|(i, flag)| if bits >> i & 1 == 1 { flag.0 } else { flag.1 });
    "Tainted: ".chars().chain(letters).collect()
}

/// `Tainted: [O]=OOT_MODULE, [E]=UNSIGNED_MODULE`: the line of its own that newer kernels add; `None` without taint.
pub fn tainted_verbose(bits: u64) -> Option<String> {
    let names: Vec<String> = set_flags(bits).map(|flag| format!("[{}]={}", flag.0, flag.3)).collect();
    (bits != 0).then(|| format!("Tainted: {}", names.join(", ")))
}

/// The letters of a module's taints, without parentheses.
pub fn module_letters(bits: u64) -> String {
    set_flags(bits).filter(|flag| flag.2).map(|flag| flag.0).collect()
}

/// State of a module in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its init function ran.
    Live,
    /// It is being loaded.
    Coming,
    /// It is being unloaded.
    Going,
}

/// A module in the list of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// Its name.
    pub name: String,
    /// Its taint bits.
    pub taints: u64,
    /// Its state.
    pub state: State,
}

impl Linked {
    /// What `/proc/modules` and reports show in parentheses, with them; empty for a live module without taint.
    pub fn flags(&self) -> String {
        let sign = match self.state {
            State::Live => "",
            State::Coming => "+",
            State::Going => "-",
        };
        if self.taints == 0 && sign.is_empty() {
            return String::new();
        }
        format!("({}{sign})", module_letters(self.taints))
    }
}

/// `Modules linked in: b(OE+) a(E) [last unloaded: c(OE)]`.
pub fn modules_in(facts: &Facts) -> String {
    let mut out = "Modules linked in:".to_string();
    for module in &facts.linked {
        out += &format!(" {}{}", module.name, module.flags());
    }
    if let Some((name, taints)) = &facts.last_unloaded {
        let letters = if *taints == 0 { String::new() } else { format!("({})", module_letters(*taints)) };
        out += &format!(" [last unloaded: {name}{letters}]");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taint_strings_have_the_kernels_columns() {
        assert_eq!(tainted(0), "Not tainted");
        // From a recorded report of 6.1, and from Documentation/admin-guide/tainted-kernels.rst's letters.
        assert_eq!(tainted(1 << 12 | 1 << 13), "Tainted: G           OE     ");
        assert_eq!(tainted(1 << 12 | 1 << 13 | 1 << 7), "Tainted: G      D    OE     ");
        assert_eq!(tainted(u64::MAX), "Tainted: PFSRMBUDAWCIOELKXTN");
        assert_eq!(tainted_verbose(1 << 12 | 1 << 13).as_deref(), Some("Tainted: [O]=OOT_MODULE, [E]=UNSIGNED_MODULE"));
        assert_eq!(tainted_verbose(0), None);
    }

    #[test]
    fn modules_show_taints_and_state() {
        let linked = |name: &str, taints, state| Linked { name: name.into(), taints, state };
        let mut facts = Facts::default();
        assert_eq!(modules_in(&facts), "Modules linked in:");
        facts.linked = vec![
            linked("b", 3 << 12, State::Coming),
            linked("a", 0, State::Live),
            linked("c", 0, State::Going),
            linked("d", 1, State::Live),
        ];
        facts.last_unloaded = Some(("e".into(), 1 << 12));
        assert_eq!(modules_in(&facts), "Modules linked in: b(OE+) a c(-) d(P) [last unloaded: e(O)]");
        facts.last_unloaded = Some(("e".into(), 0));
        assert!(modules_in(&facts).ends_with(" [last unloaded: e]"));
    }
}
