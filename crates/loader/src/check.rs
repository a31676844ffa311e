//! Is this a module for this kernel? Counterpart: `check_modinfo`, `check_modstruct_version` of kernel/module/main.c,
//! kernel/module/version.c.

use crate::refusal::{LogLine, Refusal};
use kabi::errno::{ENOEXEC, ENOMEM};
use kofile::Machine;
use machine::arena::PAGE;

/// Flags of `finit_module(2)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flags(pub u32);

impl Flags {
    /// Symbol versions do not count (`modprobe --force-modversion`).
    pub fn ignore_modversions(self) -> bool {
        self.0 & 1 != 0
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
    /// A signature stands at the end of the file.
    pub signed: bool,
    /// `import_ns=` namespaces.
    pub imported_namespaces: Vec<String>,
    /// Whether the file has symbol versions.
    pub has_versions: bool,
    /// Why its `struct module` is not the kernel's.
    pub foreign_struct: Option<String>,
}

/// The release from which on the kernel compares the size of `struct module` before anything else.
const COMPARES_SIZE: (u32, u32) = (6, 4);
/// Bytes of per-CPU variables that one module can have: all that a CPU's area holds.
const MOST_PERCPU: u64 = 256 << 10;

impl Identity {
    /// Reads what the file says.
    ///
    /// # Errors
    /// `ENOEXEC` where the kernel refuses the file before it looks at symbols.
    pub fn read(module: &kofile::Module<'_>) -> Result<Self, Refusal> {
        let elf = module.elf();
        machine(elf)?;
        elf.check_module()?;
        tables(elf)?;
        writable_struct(elf)?;
        percpu(elf)?;
        let this = module.this_module()?;
        let foreign_struct = foreign_struct(elf.file(), this.size);
        if foreign_struct.is_some() && kernel_number() >= COMPARES_SIZE {
            let text = "section size must match the kernel's built struct module size at run time";
            let line = LogLine::err(format!("module {}: .gnu.linkonce.this_module {text}", this.name));
            return Err(Refusal { detail: foreign_struct, ..Refusal::logged(ENOEXEC, line) });
        }
        let info = module.modinfo();
        let text = |key| info.get(key).map(|v| v.to_string());
        Ok(Self {
            name: this.name.to_string(),
            license: text("license"),
            vermagic: text("vermagic"),
            version: text("version"),
            srcversion: text("srcversion"),
            in_tree: info.get("intree").is_some(),
            staging: info.get("staging").is_some(),
            retpoline: info.get("retpoline").is_some(),
            livepatch: info.get("livepatch").is_some(),
            signed: module.signature().is_some(),
            imported_namespaces: info.get_all("import_ns").map(|v| v.to_string()).collect(),
            has_versions: module.elf().section_by_name("__versions").is_some()
                || module.elf().section_by_name("__version_ext_crcs").is_some(),
            foreign_struct,
        })
    }

    /// True if GPL-only symbols are open to it: `license_is_gpl_compatible` of include/linux/license.h.
    pub fn is_gpl_compatible(&self) -> bool {
        const COMPATIBLE: [&str; 6] =
            ["GPL", "GPL v2", "GPL and additional rights", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"];
        self.license.as_deref().is_some_and(|l| COMPATIBLE.contains(&l))
    }
}

/// Only the machine that lkm is made for can run the module.
fn machine(elf: &kofile::Elf<'_>) -> Result<(), Refusal> {
    if elf.machine() == Machine::X86_64 {
        return Ok(());
    }
    let number = elf.bytes().get(18..20).and_then(|b| b.first_chunk()).map_or(0, |b| u16::from_le_bytes(*b));
    let line = LogLine::err(format!("Invalid architecture in ELF header: {number}"));
    let machine = elf.machine().name();
    let detail = format!("{}: built for {machine}, this kernel is x86_64: build it for this machine", elf.file());
    Err(Refusal { detail: Some(detail), ..Refusal::logged(ENOEXEC, line) })
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

/// Per-CPU variables must fit beside those of all others. DIFFERS: the kernel lowers an alignment above a page.
fn percpu(elf: &kofile::Elf<'_>) -> Result<(), Refusal> {
    let Some(section) = crate::place::percpu_section(elf) else { return Ok(()) };
    let (size, align) = (section.size, section.align);
    if size <= MOST_PERCPU && align <= PAGE as u64 {
        return Ok(());
    }
    let line = LogLine::warn(format!("{}: Could not allocate {size} bytes percpu data", elf.file()));
    let (file, index, name) = (elf.file(), section.index, section.name);
    let detail =
        format!("{file}: section {index} ({name}): {size} bytes aligned to {align}: at most {MOST_PERCPU}, {PAGE}");
    Err(Refusal { detail: Some(detail), ..Refusal::logged(ENOMEM, line) })
}

/// What is wrong if the module's `struct module` has another size than the kernel's.
fn foreign_struct(file: &str, size: u64) -> Option<String> {
    let wanted = kabi::profile().size_of("module").filter(|wanted| *wanted != size)?;
    let release = kabi::profile().release();
    Some(format!(
        "{file}: section .gnu.linkonce.this_module has {size} bytes, struct module of {release} has {wanted}: \
         build the module against the headers of {release}"
    ))
}

/// The first two numbers of the kernel's release.
fn kernel_number() -> (u32, u32) {
    let mut numbers = kabi::profile().release().split('.').map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// Compares the version magic with the kernel's, and at last the size of `struct module`.
///
/// DIFFERS: kernels before 6.4 use a `struct module` of any size, and overwrite what lies behind one that is too small.
///
/// Returns whether that makes it a forced load: a module without version magic, or one whose magic shall not count.
///
/// # Errors
/// `ENOEXEC` with the kernel's message.
pub fn version_magic(identity: &Identity, kernel: &str, flags: Flags) -> Result<bool, Refusal> {
    let forced = compare_magic(identity, kernel, flags)?;
    match &identity.foreign_struct {
        None => Ok(forced),
        Some(why) => Err(Refusal { detail: Some(why.clone()), ..Refusal::silent(ENOEXEC) }),
    }
}

fn compare_magic(identity: &Identity, kernel: &str, flags: Flags) -> Result<bool, Refusal> {
    let Some(magic) = identity.vermagic.as_deref().filter(|_| !flags.ignore_vermagic()) else { return Ok(true) };
    // With symbol versions the release (the first word) does not count.
    let skip =
        |m: &str| if identity.has_versions { m[m.find(' ').unwrap_or(m.len())..].to_string() } else { m.to_string() };
    if skip(magic) == skip(kernel) {
        return Ok(false);
    }
    let line = format!("{}: version magic '{magic}' should be '{kernel}'", identity.name);
    Err(Refusal::logged(ENOEXEC, LogLine::err(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(vermagic: &str, has_versions: bool) -> Identity {
        Identity { name: "m".into(), vermagic: Some(vermagic.into()), has_versions, ..Identity::default() }
    }

    #[test]
    fn with_versions_only_the_options_count() {
        let kernel = "6.1.0-56-amd64 SMP preempt mod_unload modversions ";
        let other = "6.1.0-10-amd64 SMP preempt mod_unload modversions ";
        assert_eq!(version_magic(&module(other, true), kernel, Flags(0)), Ok(false));
        let refused = version_magic(&module(other, false), kernel, Flags(0)).unwrap_err();
        assert_eq!(refused.errno, ENOEXEC);
        assert_eq!(refused.log[0].text, format!("m: version magic '{other}' should be '{kernel}'"));
        assert_eq!(version_magic(&module(other, false), kernel, Flags(2)), Ok(true));
        assert!(version_magic(&module("6.1.0-56-amd64 SMP mod_unload ", true), kernel, Flags(0)).is_err());
    }

    #[test]
    fn a_foreign_struct_module_is_refused_after_the_magic() {
        let kernel = "6.1.0-56-amd64 SMP preempt mod_unload modversions ";
        let mut identity = Identity { foreign_struct: Some("too small".into()), ..module(kernel, true) };
        let refused = version_magic(&identity, kernel, Flags(0)).unwrap_err();
        assert_eq!((refused.errno, refused.detail.as_deref()), (ENOEXEC, Some("too small")));
        assert!(version_magic(&identity, kernel, Flags(3)).is_err());
        identity.vermagic = Some("other".into());
        assert!(version_magic(&identity, kernel, Flags(0)).unwrap_err().log[0].text.contains("version magic"));
    }

    #[test]
    fn only_the_listed_licences_are_compatible() {
        let with = |l: &str| Identity { license: Some(l.into()), ..Identity::default() }.is_gpl_compatible();
        assert!(with("Dual MIT/GPL") && with("GPL"));
        assert!(!with("GPL v3") && !with("Proprietary") && !Identity::default().is_gpl_compatible());
    }
}
