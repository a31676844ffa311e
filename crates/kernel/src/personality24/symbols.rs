//! The symbols that the kernel offers to 2.4's insmod: the profile's exports, under 2.4's names where those are others,
//! and what 2.4 exports beyond them. Counterpart: kernel/ksyms.c of Linux 2.4.
//!
//! With symbol versions (`CONFIG_MODVERSIONS`) a name carries its version, `printk_R1b7d4074`, and a symbol that only
//! GPL modules may use the prefix `GPLONLY_`. The versions are those of the profile's kernel; functions that only 2.4 has get
//! one as genksyms makes it, the CRC of their declaration.

use super::{inter_module, printk};
use crate::klib::crc::crc32;
use crate::module::symbols;
use abi::ExportKind;
use kabi::profile;
use std::collections::HashSet;
use std::sync::OnceLock;

/// A symbol of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelSymbol {
    /// Its value.
    pub value: u64,
    /// Its name, with version and prefix.
    pub name: String,
}

/// Names of 2.4, and those that their functions have today; the first that the profile has counts.
const RENAMED: &[(&str, &[&str])] =
    &[("kmalloc", &["__kmalloc", "__kmalloc_noprof"]), ("vmalloc", &["vmalloc", "vmalloc_noprof"])];

/// Functions that compilers call by themselves: they have no version (`EXPORT_SYMBOL_NOVERS`, arch/*/kernel/*_ksyms.c).
const UNVERSIONED: &[&str] = &[
    "memchr", "memcmp", "memcpy", "memmove", "memset", "strcat", "strchr", "strcmp", "strcpy", "strlen", "strncat",
    "strncmp", "strncpy", "strrchr", "strstr",
];

/// All symbols. They are made when somebody first asks.
pub fn kernel() -> &'static [KernelSymbol] {
    static TABLE: OnceLock<Vec<KernelSymbol>> = OnceLock::new();
    TABLE.get_or_init(make)
}

fn make() -> Vec<KernelSymbol> {
    let mut table = Vec::new();
    let mut taken: HashSet<&str> = HashSet::new();
    let versions = profile().exports().any(|e| e.crc.is_some());
    if versions {
        table.push(KernelSymbol { value: 1, name: "Using_Versions".into() });
    }
    let own = inter_module::EXPORTS.iter().zip(inter_module::DECLARATIONS);
    for (export, declaration) in own.chain(printk::EXPORTS.iter().zip(printk::DECLARATIONS)) {
        let name = export.names.first().copied().unwrap_or_default();
        if let Ok(value) = symbols::make_own(export) {
            let crc = versions.then(|| genksyms(declaration));
            table.push(KernelSymbol { value, name: full_name(name, crc, false) });
            taken.insert(name);
        }
    }
    for (name, today) in RENAMED {
        if let Some(found) = today.iter().find_map(|name| symbols::find(name).ok().flatten()) {
            table.push(KernelSymbol { value: found.value, name: full_name(name, found.crc, found.gpl_only) });
            taken.insert(name);
        }
    }
    let exports = profile().exports().filter(|e| e.kind != ExportKind::PerCpu && !taken.contains(e.name));
    table.extend(exports.filter_map(|export| {
        let found = symbols::find(export.name).ok().flatten()?;
        let crc = found.crc.filter(|_| !UNVERSIONED.contains(&export.name));
        Some(KernelSymbol { value: found.value, name: full_name(export.name, crc, found.gpl_only) })
    }));
    table
}

fn full_name(name: &str, crc: Option<u32>, gpl_only: bool) -> String {
    let prefix = if gpl_only { "GPLONLY_" } else { "" };
    crc.map_or_else(|| format!("{prefix}{name}"), |crc| format!("{prefix}{name}_R{crc:08x}"))
}

/// The version of a declaration: the CRC-32 of its tokens, each followed by a blank (scripts/genksyms).
fn genksyms(declaration: &str) -> u32 {
    let mut tokens = String::new();
    for c in declaration.chars() {
        if c.is_alphanumeric() || c == '_' {
            tokens.push(c);
        } else {
            tokens.push(' ');
            tokens.push(c);
            tokens.push(' ');
        }
    }
    let text: String = tokens.split_whitespace().map(|token| format!("{token} ")).collect();
    crc32(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_the_crc_of_the_tokens() {
        // What genksyms 2.5.60 (linux-kbuild-6.1) writes for `int f(int a)`, whose declaration is `int f ( int )` to it.
        assert_eq!(genksyms("int f(int)"), 0xb712_0541);
        assert_eq!(genksyms("int  f ( int )"), 0xb712_0541);
        assert_eq!(full_name("f", Some(0x1b7d_4074), true), "GPLONLY_f_R1b7d4074");
        assert_eq!(full_name("f", Some(7), false), "f_R00000007");
        assert_eq!(full_name("f", None, false), "f");
    }
}
