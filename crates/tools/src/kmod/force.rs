//! Taking out of a module what the kernel would refuse it for: `-f` where the kernel itself cannot be asked to look away
//! (`kmod_elf_strip_section`, `kmod_elf_strip_vermagic` of kmod's `libkmod/libkmod-elf.c`).

use kofile::Elf;

/// `SHF_ALLOC` in a section header: where the flags are, and the bit.
const FLAGS: usize = 8;
const ALLOC: u8 = 2;
/// Bytes of a section header.
const HEADER: usize = 64;

/// Hides the versions of the symbols.
pub(super) fn hide_versions(image: &mut [u8]) {
    let found = Elf::parse("module", image).ok().and_then(|elf| {
        let section = elf.section_by_name("__versions")?;
        usize::try_from(elf.header().section_headers).ok()?.checked_add(section.index * HEADER + FLAGS)
    });
    if let Some(flags) = found.and_then(|at| image.get_mut(at)) {
        *flags &= !ALLOC;
    }
}

/// Takes the version magic out.
pub(super) fn strip_vermagic(image: &mut [u8]) {
    let found = Elf::parse("module", image).ok().and_then(|elf| {
        let section = elf.section_by_name(".modinfo")?;
        let mut place = usize::try_from(section.offset).ok()?;
        for line in section.data.split(|byte| *byte == 0) {
            if line.starts_with(b"vermagic=") {
                return Some(place..place + line.len());
            }
            place += line.len() + 1;
        }
        None
    });
    if let Some(line) = found.and_then(|range| image.get_mut(range)) {
        line.fill(0);
    }
}

#[test]
fn what_is_taken_out_is_not_there_any_more() {
    let folders = std::fs::read_dir("/lib/modules").unwrap().flatten();
    let file = folders.map(|folder| folder.path().join("kernel/lib/crc16.ko")).find(|file| file.exists());
    let mut image = std::fs::read(file.expect("no kernel with a plain crc16.ko is installed")).unwrap();
    let shown = |image: &[u8]| {
        let elf = Elf::parse("crc16.ko", image).unwrap();
        (elf.alloc_section_by_name("__versions").is_some(), kofile::Modinfo::of(&elf).vermagic().is_some())
    };
    assert_eq!(shown(&image), (true, true));
    hide_versions(&mut image);
    assert_eq!(shown(&image), (false, true));
    strip_vermagic(&mut image);
    assert_eq!(shown(&image), (false, false));
    for end in 0..300 {
        let mut cut = image[..end].to_vec();
        hide_versions(&mut cut);
        strip_vermagic(&mut cut);
    }
}
