//! A profile without the kernel's image: from its headers.
//!
//! Layouts and prototypes come from BTF that the headers bring along (some distributions put a vmlinux with
//! nothing but BTF there), from the running kernel's BTF if it is that release, or from the DWARF of a
//! probe compiled with the headers. The exports come from Module.symvers: whether one is code is known
//! where there is a prototype; for the rest a module's relocations tell.

mod dwarf;
mod probe;

use crate::btf::{self, Btf};
use crate::cache::dir::{self, Key};
use crate::cache::format::{Contents, Note, Part};
use crate::elf::Elf;
use crate::error::{Error, Result};
use crate::exports::{ExportKind, RawExport};
use crate::import::{Progress, Stored, Tell};
use crate::symvers;
use crate::tables::{self, Names};
use std::path::{Path, PathBuf};

/// Raw BTF and where it is from.
pub(crate) struct Types {
    pub raw: Vec<u8>,
    pub origin: &'static str,
}

/// Where layouts can come from besides an image.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'p> {
    pub release: &'p str,
    /// The folder modules are built with.
    pub build: &'p Path,
    /// Whether the running kernel may be asked (not when another system's tree is looked at).
    pub ask_running: bool,
}

/// Imports what the headers tell and stores the profile.
pub(crate) fn import(place: Place<'_>, folders: &[PathBuf], key: &Key, tell: Tell<'_>) -> Result<Stored> {
    let headers = |reason: &str| Error::Headers { path: place.build.to_owned(), reason: reason.to_owned() };
    let path = symvers::locate(place.build).ok_or_else(|| headers("there is no Module.symvers"))?;
    tell(Progress { phase: "exports", done: 0, total: 0 });
    let mut lines = symvers::read(&path)?;
    lines.retain(|l| l.module == "vmlinux");
    if lines.is_empty() {
        return Err(headers("Module.symvers lists nothing of the kernel itself"));
    }
    let names: Vec<&str> = lines.iter().map(|l| l.name.as_str()).collect();
    let types = types_of(place, &names, tell)?;
    let mut contents = Contents::default();
    let index = btf::index::build(&types.raw).map_err(|e| e.for_image(place.build))?;
    let exports = exports_of(&lines, &types.raw, &index);
    add_identity(place, &mut contents);
    contents.note(Note::Source, place.build.to_string_lossy());
    contents.note(Note::Origin, types.origin);
    let mut table = Names::default();
    let mut sized: Vec<_> = exports.into_iter().map(|e| (e, 0)).collect();
    tables::write_exports(&mut sized, &mut table, &mut contents);
    contents.part(Part::Names, table.finish());
    contents.part(Part::Btf, types.raw);
    contents.part(Part::BtfIndex, index);
    tell(Progress { phase: "write", done: 0, total: 0 });
    dir::store(folders, key, &contents)
}

/// The best types there are without an image's own.
pub(crate) fn types_of(place: Place<'_>, exports: &[&str], tell: Tell<'_>) -> Result<Types> {
    if let Some(raw) = btf_of_headers(place.build) {
        return Ok(Types { raw, origin: "headers: BTF" });
    }
    if let Some(raw) = btf_of_running(place) {
        return Ok(Types { raw, origin: "headers: BTF of the running kernel" });
    }
    let object = probe::compile(place.build, &exports.iter().copied().collect(), tell)?;
    tell(Progress { phase: "types", done: 0, total: 0 });
    let raw = dwarf::to_btf(&object).map_err(|e| e.for_image(place.build))?;
    Ok(Types { raw, origin: "headers: DWARF" })
}

fn btf_of_headers(build: &Path) -> Option<Vec<u8>> {
    let file = std::fs::read(build.join("vmlinux")).ok()?;
    let elf = Elf::parse(&file).ok()?;
    elf.bytes_of(elf.section(".BTF")?).map(<[u8]>::to_vec)
}

fn btf_of_running(place: Place<'_>) -> Option<Vec<u8>> {
    let running = rustix::system::uname();
    let is_it = place.ask_running && running.release().to_str() == Ok(place.release);
    is_it.then(|| std::fs::read("/sys/kernel/btf/vmlinux").ok()).flatten()
}

fn exports_of(lines: &[symvers::Line], raw: &[u8], index: &[u8]) -> Vec<RawExport> {
    let btf = Btf::new(raw, index);
    // A kernel without module versions has zeros.
    let has_crcs = lines.iter().any(|l| l.crc != 0);
    let is_function = |name: &str| btf.is_some_and(|b| b.functions(name).next().is_some());
    let export = |l: &symvers::Line| RawExport {
        name: l.name.clone(),
        namespace: l.namespace.clone(),
        addr: 0,
        gpl: l.gpl,
        crc: has_crcs.then_some(l.crc),
        kind: if is_function(&l.name) { ExportKind::Function } else { ExportKind::Unknown },
    };
    lines.iter().map(export).collect()
}

/// Release, version, banner and vermagic, as the headers' generated files have them.
fn add_identity(place: Place<'_>, contents: &mut Contents<'_>) {
    let read =
        |name: &str| std::fs::read_to_string(place.build.join("include/generated").join(name)).unwrap_or_default();
    let (compile, utsversion) = (read("compile.h"), read("utsversion.h"));
    // Before 5.19 the version stood in compile.h.
    let version = defined(&utsversion, "UTS_VERSION").or_else(|| defined(&compile, "UTS_VERSION")).unwrap_or_default();
    let word = |name: &str| defined(&compile, name).unwrap_or("unknown");
    let (by, host, compiler) = (word("LINUX_COMPILE_BY"), word("LINUX_COMPILE_HOST"), word("LINUX_COMPILER"));
    contents.note(Note::Release, place.release);
    contents.note(Note::Version, version);
    contents.note(Note::Banner, format!("Linux version {} ({by}@{host}) ({compiler}) {version}", place.release));
    if let Some(vermagic) = vermagic(place.release, &read("autoconf.h")) {
        contents.note(Note::Vermagic, vermagic);
    }
}

/// The text of `#define NAME "text"`.
fn defined<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    text.lines()
        .find_map(|line| line.strip_prefix("#define ")?.strip_prefix(name)?.trim().strip_prefix('"')?.strip_suffix('"'))
}

/// The vermagic by the configuration (include/linux/vermagic.h); `None` where it holds a random part.
fn vermagic(release: &str, config: &str) -> Option<String> {
    let set = |name: &str| {
        config.lines().any(|l| l.strip_prefix("#define CONFIG_").and_then(|l| l.strip_suffix(" 1")) == Some(name))
    };
    if config.is_empty() || set("RANDSTRUCT") || set("GCC_PLUGIN_RANDSTRUCT") {
        return None;
    }
    let preempt = if set("PREEMPT_RT") {
        "preempt_rt "
    } else if set("PREEMPT_BUILD") || set("PREEMPT") {
        "preempt "
    } else {
        ""
    };
    let word = |name: &str, word: &'static str| if set(name) { word } else { "" };
    let (smp, unload, versions) =
        (word("SMP", "SMP "), word("MODULE_UNLOAD", "mod_unload "), word("MODVERSIONS", "modversions "));
    Some(format!("{release} {smp}{preempt}{unload}{versions}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vermagic_follows_the_configuration() {
        let config = "#define CONFIG_SMP 1\n#define CONFIG_PREEMPT_BUILD 1\n#define CONFIG_MODULE_UNLOAD 1\n";
        assert_eq!(vermagic("6.1", config).as_deref(), Some("6.1 SMP preempt mod_unload "));
        assert_eq!(vermagic("6.1", &format!("{config}#define CONFIG_RANDSTRUCT 1\n")), None);
        assert_eq!(vermagic("6.1", ""), None);
    }

    #[test]
    fn definitions_are_read() {
        assert_eq!(defined("#define A 1\n#define UTS_VERSION \"#1 SMP\"\n", "UTS_VERSION"), Some("#1 SMP"));
        assert_eq!(defined("#define UTS_VERSION_X \"#1 SMP\"\n", "UTS_VERSION"), None);
    }
}
