//! What a module offers to others, and whom it refers to: the tables that insmod adds. Counterpart: `create_module_ksymtab`
//! and `add_ksymoops_symbols` of insmod/insmod.c.

use super::insmod::Load;
use super::link;
use super::object::{Object, Patch, Symbol, Target};
use kofile::Modinfo;
use wire::legacy::REF_LEN;

impl Load<'_> {
    /// The tables of symbols and of used modules.
    pub(super) fn export(&mut self, object: &mut Object, this: usize, info: &Modinfo<'_>) {
        for special in ["cleanup_module", "init_module", "kernel_version"] {
            let found = object.symbol(special).and_then(|i| object.symbols.get_mut(i));
            found.into_iter().for_each(|symbol| symbol.local = true);
        }
        let explicit = object.section("__ksymtab").is_some();
        let export_all = !explicit && !self.options.noexport;
        if !self.options.noksymoops {
            for (name, section) in self.ksymoops(object, this, info) {
                let symbol = object.add_symbol(&name, section, false);
                if !export_all {
                    add_export(object, symbol);
                }
            }
        }
        let used: Vec<u64> = self.modules.iter().filter(|(_, used)| *used).map(|(m, _)| m.addr).collect();
        if !used.is_empty() {
            let table = object.add_section(".kmodtab", 8, used.len() * REF_LEN as usize);
            for (row, addr) in used.iter().enumerate() {
                let offset = row as u64 * REF_LEN;
                link::put(object, table, offset, &addr.to_le_bytes());
                object.patches.push(Patch { section: table, offset: offset + 8, target: Target::Section(this, 0) });
            }
        }
        if export_all {
            let own = |s: &Symbol| !s.local && !s.nameless && object.is_own(s);
            let all: Vec<usize> =
                (0..object.symbols.len()).filter(|i| object.symbols.get(*i).is_some_and(own)).collect();
            all.into_iter().for_each(|symbol| add_export(object, symbol));
        }
    }

    /// Symbols that tell ksymoops where the module came from and where its sections lie.
    fn ksymoops(&self, object: &Object, this: usize, info: &Modinfo<'_>) -> Vec<(String, usize)> {
        use std::os::unix::fs::MetadataExt;
        let name = &self.name;
        let path = std::fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone().into());
        let mtime = std::fs::metadata(&path).map_or(0, |m| m.mtime());
        let version = info.get("kernel_version").map_or(-1, |v| number_of(&v.to_string()));
        let mut symbols = vec![(format!("__insmod_{name}_O{}_M{mtime:016X}_V{version}", path.display()), this)];
        for section in [".text", ".rodata", ".data", ".bss"] {
            let found = object.section(section).and_then(|i| Some((i, object.sections.get(i)?.bytes.len())));
            if let Some((index, len)) = found.filter(|(_, len)| *len > 0) {
                symbols.push((format!("__insmod_{name}_S{section}_L{len}"), index));
            }
        }
        symbols
    }
}

/// A release as one number, `2.4.37` as 132133; -1 for what is none.
fn number_of(release: &str) -> i64 {
    let mut parts = release.splitn(3, '.').map(|part| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part.get(..end).and_then(|digits| digits.parse::<i64>().ok())
    });
    match (parts.next().flatten(), parts.next().flatten(), parts.next().flatten()) {
        (Some(a), Some(b), Some(c)) => a << 16 | b << 8 | c,
        _ => -1,
    }
}

/// Adds a symbol to the table of exports; one that `EXPORT_NO_SYMBOLS` made takes no memory and is left alone.
fn add_export(object: &mut Object, symbol: usize) {
    let loaded = object.sections.iter().position(|s| s.name == "__ksymtab" && s.is_loaded());
    let table = loaded.unwrap_or_else(|| {
        object.sections.iter_mut().filter(|s| s.name == "__ksymtab").for_each(|s| s.name = "x_ksymtab".into());
        object.add_section("__ksymtab", 8, 0)
    });
    let Some(section) = object.sections.get_mut(table) else { return };
    let offset = section.bytes.len() as u64;
    section.bytes.extend([0; 16]);
    object.patches.push(Patch { section: table, offset, target: Target::Symbol(symbol) });
    let name = object.symbols.get(symbol).map(|s| s.name.clone()).unwrap_or_default();
    object.point_to_string(table, offset + 8, name.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    // `_V132116` of a module for 2.4.20 stands in ksyms output of the time.
    #[test]
    fn releases_become_numbers() {
        assert_eq!((number_of("2.4.20"), number_of("2.4.37-lkm"), number_of("2.4")), (132_116, 132_133, -1));
    }
}
