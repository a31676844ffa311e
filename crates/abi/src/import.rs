//! The import: a kernel image -> the contents of a profile. Runs once per kernel; everything here may be slow.

use crate::btf;
use crate::bytes::{cstr_at, find, slice};
use crate::cache::dir::{self, Key};
use crate::cache::format::{Contents, Head, Note, Part, Span};
use crate::cache::map::Bytes;
use crate::elf::Elf;
use crate::error::{Error, Result};
use crate::exports::{self, RawExport};
use crate::headers::{self, Place};
use crate::kallsyms::{self, RawSymbol};
use crate::symvers;
use crate::tables::{self, Names};
use crate::unpack;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done: "read", "unpack", "symbols", "exports", "types", "write"; "compile" with headers.
    pub phase: &'static str,
    /// Units done.
    pub done: u64,
    /// Units in all; 0 when not known.
    pub total: u64,
}

/// What is told the progress.
pub(crate) type Tell<'t> = &'t dyn Fn(Progress);

/// A stored profile: its bytes, their head, and the file if there is one.
pub(crate) type Stored = (Bytes, Head, Option<PathBuf>);

/// Imports a kernel image and stores the profile.
pub(crate) fn image(
    path: &Path,
    headers: Option<Place<'_>>,
    folders: &[PathBuf],
    key: &Key,
    tell: Tell<'_>,
) -> Result<Stored> {
    let step = |phase| tell(Progress { phase, done: 0, total: 0 });
    step("read");
    let raw = std::fs::read(path).map_err(|e| Error::io("read", path, e))?;
    let report = |done, total| tell(Progress { phase: "unpack", done, total });
    let vmlinux = unpack::vmlinux_of(&raw, &report).map_err(|e| e.for_image(path))?;
    let mut contents = contents_of(&vmlinux, headers, tell).map_err(|e| e.for_image(path))?;
    contents.note(Note::Source, path.to_string_lossy());
    step("write");
    dir::store(folders, key, &contents)
}

/// Everything a profile keeps of a `vmlinux`.
pub(crate) fn contents_of<'a>(vmlinux: &'a [u8], headers: Option<Place<'_>>, tell: Tell<'_>) -> Result<Contents<'a>> {
    let step = |phase| tell(Progress { phase, done: 0, total: 0 });
    let elf = Elf::parse(vmlinux)?;
    let mut contents = Contents::default();
    contents.borrowed(Part::Image, vmlinux);
    step("exports");
    let mut exports = exports::exports(&elf)?;
    fill_crcs(&mut exports, headers.and_then(|h| symvers::locate(h.build)).as_deref())?;
    step("symbols");
    let symbols = symbols_of(&elf, &exports);
    step("types");
    add_types(&elf, &exports, headers, &mut contents, tell)?;
    add_identity(&elf, &symbols, &mut contents)?;
    let mut names = Names::default();
    tables::write_symbols(&symbols, &mut names, &mut contents);
    let mut sized: Vec<_> =
        exports.into_iter().map(|e| (size_of_export(&elf, &symbols, &e), e)).map(|(s, e)| (e, s)).collect();
    tables::write_exports(&mut sized, &mut names, &mut contents);
    tables::write_layout(&elf.sections, &elf.segments, &mut names, &mut contents);
    contents.part(Part::Names, names.finish());
    Ok(contents)
}

/// Takes CRCs from the headers where the image has none.
fn fill_crcs(exports: &mut [RawExport], symvers: Option<&Path>) -> Result<()> {
    let Some(path) = symvers.filter(|_| exports.iter().any(|e| e.crc.is_none())) else { return Ok(()) };
    let lines = symvers::read(path)?;
    let crcs: HashMap<&str, u32> = lines.iter().map(|l| (l.name.as_str(), l.crc)).collect();
    // All zero: the kernel has no module versions at all.
    if crcs.values().all(|&crc| crc == 0) {
        return Ok(());
    }
    for export in exports.iter_mut().filter(|e| e.crc.is_none()) {
        export.crc = crcs.get(export.name.as_str()).copied();
    }
    Ok(())
}

/// The symbols, sorted by address. Without kallsyms in the image the exports are what is known.
fn symbols_of(elf: &Elf<'_>, exports: &[RawExport]) -> Vec<RawSymbol> {
    let rodata = elf.section(".rodata").and_then(|s| elf.bytes_of(s)).unwrap_or(elf.data);
    let text = elf.section(".text").map_or(0, |s| s.addr);
    let mut symbols = kallsyms::symbols(rodata, text).unwrap_or_else(|| {
        let letter = |e: &RawExport| if e.kind == exports::ExportKind::Function { b'T' } else { b'D' };
        exports.iter().map(|e| RawSymbol { name: e.name.clone(), addr: e.addr, kind: letter(e) }).collect()
    });
    symbols.sort_by_key(|s| s.addr);
    symbols
}

/// Bytes from an export to the next symbol, or to the end of its section.
fn size_of_export(elf: &Elf<'_>, symbols: &[RawSymbol], export: &RawExport) -> u64 {
    let next = symbols.partition_point(|s| s.addr <= export.addr);
    let next = symbols.get(next).map_or(u64::MAX, |s| s.addr);
    let end = elf.section_at(export.addr).map_or(export.addr, |s| s.addr.saturating_add(s.size));
    next.min(end).saturating_sub(export.addr)
}

/// The image's BTF; of a kernel built without, what its headers tell.
fn add_types(
    elf: &Elf<'_>,
    exports: &[RawExport],
    headers: Option<Place<'_>>,
    contents: &mut Contents<'_>,
    tell: Tell<'_>,
) -> Result<()> {
    if let Some((section, raw)) = elf.section(".BTF").and_then(|s| Some((s, elf.bytes_of(s)?))) {
        contents.part(Part::BtfIndex, btf::index::build(raw)?);
        contents.in_image(Part::Btf, Span { start: section.offset as usize, len: raw.len() });
        contents.note(Note::Origin, "image");
        return Ok(());
    }
    let place = headers.ok_or_else(|| {
        Error::image(
            "the kernel was built without BTF (CONFIG_DEBUG_INFO_BTF), so its layouts are not known; \
             cure: install this kernel's headers",
        )
    })?;
    let names: Vec<&str> = exports.iter().map(|e| e.name.as_str()).collect();
    let types = headers::types_of(place, &names, tell)?;
    contents.part(Part::BtfIndex, btf::index::build(&types.raw)?);
    contents.part(Part::Btf, types.raw);
    contents.note(Note::Origin, format!("image and {}", types.origin));
    Ok(())
}

/// Release, version, banner, build id and vermagic.
fn add_identity(elf: &Elf<'_>, symbols: &[RawSymbol], contents: &mut Contents<'_>) -> Result<()> {
    let text_of = |name: &str| {
        let addr = symbols.iter().find(|s| s.name == name)?.addr;
        text_at(elf, addr)
    };
    let is_banner = |t: &String| t.starts_with("Linux version ") && !t.starts_with("Linux version %");
    // A second banner in the image was made before the build number was known: its version starts with "# ".
    let is_numbered = |t: &String| is_banner(t) && version_of(t).as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let scanned = || scan(elf, "Linux version ", is_numbered).or_else(|| scan(elf, "Linux version ", is_banner));
    let banner = text_of("linux_banner").filter(is_banner).or_else(scanned);
    let banner = banner.ok_or_else(|| Error::image("no \"Linux version ...\" text: not a Linux kernel"))?;
    let release = banner.split(' ').nth(2).unwrap_or_default().to_owned();
    let own = format!("{release} ");
    let is_vermagic = |t: &String| t.strip_prefix(&own).is_some_and(is_vermagic);
    let vermagic = text_of("vermagic").filter(is_vermagic).or_else(|| scan(elf, &own, is_vermagic));
    contents.note(Note::Version, version_of(&banner));
    contents.note(Note::Release, release);
    contents.note(Note::Banner, banner.trim_end());
    if let Some(vermagic) = vermagic {
        contents.note(Note::Vermagic, vermagic);
    }
    if let Some(id) = elf.build_id() {
        contents.note(Note::BuildId, id.iter().map(|b| format!("{b:02x}")).collect::<String>());
    }
    Ok(())
}

/// True for what follows the release in a version magic (include/linux/vermagic.h). The banner of `/proc/version` stands
/// in the image, too, begins with the same release and has `SMP` in it: which of the two comes first depends on the build.
fn is_vermagic(options: &str) -> bool {
    const KNOWN: [&str; 5] = ["SMP", "preempt", "preempt_rt", "mod_unload", "modversions"];
    let is_word = |w: &str| w.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    options.split(' ').all(is_word) && options.split(' ').any(|w| KNOWN.contains(&w))
}

/// The version (uname -v) within a banner: what starts with the build number.
pub(crate) fn version_of(banner: &str) -> &str {
    banner.rfind(" #").and_then(|at| banner.get(at + 1..)).unwrap_or_default().trim_end()
}

fn text_at(elf: &Elf<'_>, addr: u64) -> Option<String> {
    let text = cstr_at(elf.data, elf.offset_of(addr)?)?;
    slice(text, 0, text.len().min(4096)).map(|t| String::from_utf8_lossy(t).into_owned())
}

/// The first text of the read-only data that starts with `start` and satisfies `accept`.
fn scan(elf: &Elf<'_>, start: &str, accept: impl Fn(&String) -> bool) -> Option<String> {
    let data = elf.section(".rodata").and_then(|s| elf.bytes_of(s))?;
    let mut from = 0;
    while let Some(at) = find(data, start.as_bytes(), from) {
        let text = String::from_utf8_lossy(cstr_at(data, at)?).into_owned();
        if accept(&text) {
            return Some(text);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_banner_is_no_vermagic() {
        for options in ["SMP preempt mod_unload modversions ", "SMP mod_unload RANDSTRUCT_0af3-1 ", "mod_unload "] {
            assert!(is_vermagic(options), "{options:?}");
        }
        let banner =
            "(debian-kernel@lists.debian.org) (gcc-12 (Debian 12.2.0-14) 12.2.0) # SMP PREEMPT_DYNAMIC Debian\n";
        for text in [banner, "# SMP\n", "", "SMP: all"] {
            assert!(!is_vermagic(text), "{text:?}");
        }
    }
}
