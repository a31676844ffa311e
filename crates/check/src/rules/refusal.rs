//! For what the kernel refuses the file, in its own words: the checks of the `loader`, in the kernel's order, up to the
//! symbols, which [`super::symbols`] looks at.

use crate::finding::{Finding, Kind, Place};
use crate::kernel::Kernel;
use kabi::errno::ENOEXEC;
use loader::check::{self, Version};
use loader::signature::{self, Authority};
use loader::{Flags, Identity, LogLine, Refusal, validity};

/// The refusal of a file, if there is one; none is looked for before [`crate::adopt`]. `shown` is the file's name.
pub fn find(shown: &str, bytes: &[u8], kernel: &Kernel) -> Option<Finding> {
    if !crate::is_adopted() {
        return None;
    }
    let refusal = refusal(shown, bytes, kernel).err()?;
    Some(told(shown, &refusal))
}

/// A refusal as a finding.
fn told(shown: &str, refusal: &Refusal) -> Finding {
    let mut said: Vec<&str> = refusal.log.iter().map(|line| line.text.trim_end()).collect();
    let own = format!("{shown}: ");
    let detail = refusal.detail.as_deref().map(|detail| detail.strip_prefix(&own).unwrap_or(detail));
    said.extend(detail);
    let errno = refusal.errno.0;
    let what = match said.as_slice() {
        [] => "the kernel refuses it".to_owned(),
        said => format!("the kernel refuses it: {}", said.join("; ")),
    };
    let place = Place { file: shown.to_owned(), line: None, symbol: None };
    Finding { errno: Some(errno), ..Finding::new(Kind::Refused, place, what) }
}

fn refusal(shown: &str, bytes: &[u8], kernel: &Kernel) -> Result<(), Refusal> {
    let flags = Flags(0);
    let profile = kernel.profile();
    let struct_module = profile.size_of("module");
    let signed = signature::check(bytes, flags, Authority { kernel: Some(profile), enforced: false })?;
    let sound = validity::check_for(signed.contents, kernel.series(), struct_module)?;
    let file = kofile::Module::of_elf(kofile::Elf::parse(shown, &sound.bytes)?);
    let mut identity = Identity::read(&file, sound.name, signed.good)?;
    // It was read for the kernel that this process is.
    identity.foreign_struct = foreign_struct(&file, struct_module, kernel.release());
    let crcs = check::crcs(&file, flags)?;
    let layout = kernel.export("module_layout").and_then(|export| export.crc);
    if let Version::Wrong(line) = check::version(&identity, crcs.as_ref(), "module_layout", layout) {
        return Err(Refusal::logged(ENOEXEC, line));
    }
    let usual = format!("{} SMP preempt mod_unload modversions ", kernel.release());
    check::version_magic(&identity, profile.vermagic().unwrap_or(&usual), flags, crcs.is_some())?;
    check::write_or_execute(file.elf(), &identity)?;
    relocations(file.elf(), &identity.name)
}

/// What the `loader` refuses of relocations without knowing any address: kinds, symbols, places, and bytes that are there
/// already. Sections that take no memory have none for the kernel.
fn relocations(elf: &kofile::Elf<'_>, module: &str) -> Result<(), Refusal> {
    let symbols = elf.symbols()?;
    for table in elf.relocation_tables() {
        let Some(section) = elf.section(table.target()).filter(|section| section.is_alloc()) else { continue };
        for (entry, row) in table.iter().enumerate() {
            table.symbol(entry, &symbols)?;
            let place = format!("{}: entry {entry} (offset {:#x}, type {})", table.name(), row.offset, row.kind);
            let width = match row.kind {
                0 => continue,
                1 | 24 => 8,
                2 | 4 | 10 | 11 => 4,
                kind => {
                    let line = LogLine::err(format!("module: {module}: Unknown rela relocation: {kind}"));
                    return Err(Refusal { detail: Some(place), ..Refusal::logged(ENOEXEC, line) });
                }
            };
            let start = usize::try_from(row.offset).unwrap_or(usize::MAX);
            let problem = match start.checked_add(width).and_then(|end| section.data.get(start..end)) {
                None if section.is_nobits() && row.offset < section.size => continue,
                None => "lies outside of its section",
                Some(bytes) if bytes.iter().any(|byte| *byte != 0) => "its place is not zero: it was applied already",
                Some(_) => continue,
            };
            return Err(Refusal { detail: Some(format!("{place}: {problem}")), ..Refusal::silent(ENOEXEC) });
        }
    }
    Ok(())
}

/// What is wrong if the module's `struct module` has another size than the kernel's.
fn foreign_struct(file: &kofile::Module<'_>, wanted: Option<u64>, release: &str) -> Option<String> {
    let size = file.this_module().ok()?.size;
    let wanted = wanted.filter(|wanted| *wanted != size)?;
    Some(format!(
        "section .gnu.linkonce.this_module has {size} bytes, struct module of {release} has {wanted}: build the module \
         against the headers of {release}"
    ))
}
