//! Is this a module for this kernel? Counterpart: `check_modinfo` of kernel/module/main.c, kernel/module/version.c,
//! `module_enforce_rwx_sections` of kernel/module/strict_rwx.c.

use crate::refusal::{LogLine, Refusal};
use crate::{Series, series};
use kabi::errno::ENOEXEC;
use machine::arena::PAGE;
use std::collections::HashMap;

/// Flags of `finit_module(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u32);

impl Flags {
    /// Symbol versions do not count (`modprobe --force-modversion`).
    pub fn ignore_modversions(self) -> bool {
        self.0 & 1 != 0
    }

    /// The file is packed (`MODULE_INIT_COMPRESSED_FILE`).
    pub fn is_compressed(self) -> bool {
        self.0 & 4 != 0
    }

    /// The version magic does not count (`modprobe --force-vermagic`).
    pub fn ignore_vermagic(self) -> bool {
        self.0 & 2 != 0
    }
}

/// What a module says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// From `.gnu.linkonce.this_module`.
    pub name: String,
    /// What early messages call it: `name=` of `.modinfo`, or [`Identity::name`].
    pub label: String,
    /// `license=`; none is proprietary.
    pub license: Option<String>,
    /// `vermagic=`.
    pub vermagic: Option<String>,
    /// `version=`.
    pub version: Option<String>,
    /// `srcversion=`.
    pub srcversion: Option<String>,
    /// `intree=Y`: built with the kernel.
    pub in_tree: bool,
    /// `staging=Y`.
    pub staging: bool,
    /// `retpoline=Y`.
    pub retpoline: bool,
    /// `livepatch=Y`.
    pub livepatch: bool,
    /// `test=Y`.
    pub test: bool,
    /// A sound signature stands at the end of the file.
    pub signed: bool,
    /// `import_ns=` namespaces.
    pub imported_namespaces: Vec<String>,
    /// Why its `struct module` is not the kernel's.
    pub foreign_struct: Option<String>,
}

/// The CRCs that a module wants, by symbol: the whole words of `__versions`.
pub type Crcs<'a> = HashMap<&'a [u8], u64>;

/// Bytes of an entry of `__versions`: an `unsigned long` and the name.
const VERSION_ROW: usize = 64;
/// The release from which on `__version_ext_crcs` goes before `__versions`.
const EXTENDED_VERSIONS: Series = (6, 14);

impl Identity {
    /// Reads what the file says; [`crate::validity`] has found it sound.
    ///
    /// # Errors
    /// `ENOEXEC` for what lkm cannot read though the kernel would try.
    pub fn read(module: &kofile::Module<'_>, label: Option<String>, signed: bool) -> Result<Self, Refusal> {
        let elf = module.elf();
        tables(elf)?;
        writable_struct(elf)?;
        let this = module.this_module()?;
        let info = module.modinfo();
        let text = |key| info.get(key).map(|v| v.to_string());
        let name = this.name.to_string();
        Ok(Self {
            label: label.unwrap_or_else(|| name.clone()),
            name,
            license: text("license"),
            vermagic: text("vermagic"),
            version: text("version"),
            srcversion: text("srcversion"),
            in_tree: info.get("intree").is_some(),
            staging: info.get("staging").is_some(),
            retpoline: info.get("retpoline").is_some(),
            livepatch: info.get("livepatch").is_some(),
            test: info.get("test").is_some(),
            signed,
            imported_namespaces: info.get_all("import_ns").map(|v| v.to_string()).collect(),
            foreign_struct: foreign_struct(elf.file(), this.size),
        })
    }

    /// True if GPL-only symbols are open to it: `license_is_gpl_compatible` of include/linux/license.h.
    pub fn is_gpl_compatible(&self) -> bool {
        const COMPATIBLE: [&str; 6] =
            ["GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"];
        self.license.as_deref().is_some_and(|l| COMPATIBLE.contains(&l))
    }
}

/// The CRCs of a file; `None` without a section of them, or if they shall not count.
///
/// # Errors
/// `ENOEXEC`: the extended form is damaged.
pub fn crcs<'a>(module: &kofile::Module<'a>, flags: Flags) -> Result<Option<Crcs<'a>>, Refusal> {
    let section = |name| module.elf().alloc_section_by_name(name).filter(|_| !flags.ignore_modversions());
    let mut crcs = Crcs::new();
    if section("__version_ext_crcs").is_some() && series() >= EXTENDED_VERSIONS {
        let versions = module.versions()?;
        crcs.extend(versions.iter().map(|v| (v.name.as_bytes(), u64::from(v.crc))));
        return Ok(Some(crcs));
    }
    let Some(section) = section("__versions") else { return Ok(None) };
    for row in section.data.as_chunks::<VERSION_ROW>().0 {
        let (crc, name) = row.split_at(8);
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let crc = crc.first_chunk().map_or(0, |b| u64::from_le_bytes(*b));
        crcs.entry(name).or_insert(crc);
    }
    Ok(Some(crcs))
}

/// What comparing a symbol's version gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Version {
    /// It fits, or the exporter has none.
    Fits,
    /// The module has no versions: it is loaded by force.
    Forced,
    /// It does not fit, with the kernel's message.
    Wrong(LogLine),
}

/// Compares the version of a symbol (`check_version` of kernel/module/version.c).
pub fn version(identity: &Identity, crcs: Option<&Crcs<'_>>, symbol: &str, crc: Option<u32>) -> Version {
    let Some(crc) = crc else { return Version::Fits };
    let Some(crcs) = crcs else { return Version::Forced };
    let label = &identity.label;
    match crcs.get(symbol.as_bytes()) {
        Some(wanted) if *wanted == u64::from(crc) => Version::Fits,
        Some(_) => Version::Wrong(LogLine::warn(format!("{label}: disagrees about version of symbol {symbol}"))),
        None => Version::Wrong(LogLine::warn(format!("{label}: no symbol version for {symbol}"))),
    }
}

/// No section may be written and executed (`module_enforce_rwx_sections` of kernel/module/strict_rwx.c).
///
/// # Errors
/// `ENOEXEC` with the kernel's message.
pub fn write_or_execute(elf: &kofile::Elf<'_>, identity: &Identity) -> Result<(), Refusal> {
    let Some(bad) = elf.sections().iter().find(|s| s.is_write() && s.is_exec()) else { return Ok(()) };
    let (name, section, index) = (&identity.name, bad.name, bad.index);
    let line = format!("{name}: section {section} (index {index}) has invalid WRITE|EXEC flags");
    Err(Refusal::logged(ENOEXEC, LogLine::err(line)))
}

/// Tables that the kernel goes through have bytes. DIFFERS: the kernel reads zeros where they have none, up to the
/// size that the header names.
fn tables(elf: &kofile::Elf<'_>) -> Result<(), Refusal> {
    const TABLES: [&str; 8] = [
        "__param",
        "__jump_table",
        "__mcount_loc",
        ".return_sites",
        ".static_call_sites",
        "__bug_table",
        "__ex_table",
        ".orc_unwind_ip",
    ];
    let bad = elf.sections().iter().find(|s| s.is_nobits() && TABLES.iter().any(|name| s.name == *name));
    let Some(section) = bad else { return Ok(()) };
    let (file, index, name) = (elf.file(), section.index, section.name);
    let detail = format!("{file}: section {index} ({name}): a table must not be of type NOBITS: the file is damaged");
    Err(Refusal { detail: Some(detail), ..Refusal::silent(ENOEXEC) })
}

/// The kernel writes to `struct module`. DIFFERS: it dies of one that lies among code or constants.
fn writable_struct(elf: &kofile::Elf<'_>) -> Result<(), Refusal> {
    let section = elf.this_module_section()?;
    if section.is_write() && !section.is_exec() {
        return Ok(());
    }
    let (file, index, name) = (elf.file(), section.index, section.name);
    let detail = format!("{file}: section {index} ({name}): must be data that is written: the file is damaged");
    Err(Refusal { detail: Some(detail), ..Refusal::silent(ENOEXEC) })
}

/// Size and alignment of the per-CPU variables (`percpu_modalloc`).
pub fn percpu(elf: &kofile::Elf<'_>, name: &str, log: &mut Vec<LogLine>) -> Option<(u64, u64)> {
    let section = crate::place::percpu_section(elf)?;
    let align = section.align;
    if align > PAGE as u64 {
        log.push(LogLine::warn(format!("{name}: per-cpu alignment {align} > {PAGE}")));
    }
    Some((section.size, align.min(PAGE as u64)))
}

/// What is wrong if the kernel's `struct module` does not fit into the module's.
fn foreign_struct(file: &str, size: u64) -> Option<String> {
    /// From this release on the kernel compares the sizes.
    const COMPARED: Series = (6, 4);
    let fits = |wanted: u64| wanted == size || (wanted < size && series() < COMPARED);
    let wanted = kabi::profile().size_of("module").filter(|wanted| !fits(*wanted))?;
    let release = kabi::profile().release();
    Some(format!(
        "{file}: section .gnu.linkonce.this_module has {size} bytes, struct module of {release} has {wanted}: \
         build the module against the headers of {release}"
    ))
}

/// Compares the version magic with the kernel's, and at last the size of `struct module`.
///
/// DIFFERS: kernels before 6.4, which do not compare the size of `struct module` first, overwrite what lies behind one
/// that is too small.
///
/// Returns whether that makes it a forced load: a module without version magic, or one whose magic shall not count.
///
/// # Errors
/// `ENOEXEC` with the kernel's message.
pub fn version_magic(identity: &Identity, kernel: &str, flags: Flags, has_crcs: bool) -> Result<bool, Refusal> {
    let forced = compare_magic(identity, kernel, flags, has_crcs)?;
    match &identity.foreign_struct {
        None => Ok(forced),
        Some(why) => Err(Refusal { detail: Some(why.clone()), ..Refusal::silent(ENOEXEC) }),
    }
}

fn compare_magic(identity: &Identity, kernel: &str, flags: Flags, has_crcs: bool) -> Result<bool, Refusal> {
    let Some(magic) = identity.vermagic.as_deref().filter(|_| !flags.ignore_vermagic()) else { return Ok(true) };
    // With symbol versions the release (the first word) does not count.
    let skip = |m: &str| if has_crcs { m[m.find(' ').unwrap_or(m.len())..].to_string() } else { m.to_string() };
    if skip(magic) == skip(kernel) {
        return Ok(false);
    }
    let line = format!("{}: version magic '{magic}' should be '{kernel}'", identity.label);
    Err(Refusal::logged(ENOEXEC, LogLine::err(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(vermagic: &str) -> Identity {
        Identity { name: "m".into(), label: "m".into(), vermagic: Some(vermagic.into()), ..Identity::default() }
    }

    #[test]
    fn with_versions_only_the_options_count() {
        let kernel = "6.1.0-56-amd64 SMP preempt mod_unload modversions ";
        let other = "6.1.0-10-amd64 SMP preempt mod_unload modversions ";
        assert_eq!(version_magic(&module(other), kernel, Flags(0), true), Ok(false));
        let refused = version_magic(&module(other), kernel, Flags(0), false).unwrap_err();
        assert_eq!(refused.errno, ENOEXEC);
        assert_eq!(refused.log[0].text, format!("m: version magic '{other}' should be '{kernel}'"));
        assert_eq!(version_magic(&module(other), kernel, Flags(2), false), Ok(true));
        assert!(version_magic(&module("6.1.0-56-amd64 SMP mod_unload "), kernel, Flags(0), true).is_err());
    }

    #[test]
    fn a_foreign_struct_module_is_refused_after_the_magic() {
        let kernel = "6.1.0-56-amd64 SMP preempt mod_unload modversions ";
        let mut identity = Identity { foreign_struct: Some("too small".into()), ..module(kernel) };
        let refused = version_magic(&identity, kernel, Flags(0), true).unwrap_err();
        assert_eq!((refused.errno, refused.detail.as_deref()), (ENOEXEC, Some("too small")));
        assert!(version_magic(&identity, kernel, Flags(3), true).is_err());
        identity.vermagic = Some("other".into());
        assert!(version_magic(&identity, kernel, Flags(0), true).unwrap_err().log[0].text.contains("version magic"));
    }

    #[test]
    fn a_missing_version_is_wrong_and_a_missing_table_is_force() {
        let identity = module("");
        let crcs = Crcs::from([(&b"a"[..], 5), (b"b", 5 | 1 << 32)]);
        let text = |crcs, symbol, crc| match version(&identity, crcs, symbol, crc) {
            Version::Wrong(line) => line.text,
            other => format!("{other:?}"),
        };
        assert_eq!(text(Some(&crcs), "a", Some(5)), "Fits");
        assert_eq!(text(Some(&crcs), "a", None), "Fits");
        assert_eq!(text(Some(&crcs), "b", Some(5)), "m: disagrees about version of symbol b");
        assert_eq!(text(Some(&crcs), "c", Some(5)), "m: no symbol version for c");
        assert_eq!(text(None, "c", Some(5)), "Forced");
    }

    #[test]
    fn only_the_listed_licences_are_compatible() {
        let with = |l: &str| Identity { license: Some(l.into()), ..Identity::default() }.is_gpl_compatible();
        assert!(with("Dual MIT/GPL") && with("GPL"));
        assert!(!with("GPL v3") && !with("Proprietary") && !Identity::default().is_gpl_compatible());
    }
}
