//! Module files made for a test: sections with what depmod and modprobe read, and nothing to load.

/// What a module says.
#[derive(Default)]
pub struct Ko<'a> {
    /// Fields of `.modinfo`.
    pub info: &'a [&'a str],
    /// Exported symbols, with their versions.
    pub exports: &'a [(&'a str, u32)],
    /// Needed symbols, with their versions; weak ones begin with `?`.
    pub needs: &'a [(&'a str, u32)],
}

impl Ko<'_> {
    /// The bytes of the file.
    pub fn build(&self) -> Vec<u8> {
        let info: Vec<u8> = self.info.iter().flat_map(|line| [line.as_bytes(), b"\0"].concat()).collect();
        let (mut strings, mut symbols, mut crcs, mut versions) = (vec![0], vec![0; 24], Vec::new(), Vec::new());
        let mut symbol = |name: String, info: u8, section: u16, value: u64| {
            symbols.extend((strings.len() as u32).to_le_bytes());
            symbols.extend([info, 0]);
            symbols.extend(section.to_le_bytes());
            symbols.extend(value.to_le_bytes());
            symbols.extend([0; 8]);
            strings.extend(name.as_bytes());
            strings.push(0);
        };
        for (name, crc) in self.exports {
            // Section 2 is the table of versions.
            symbol(format!("__crc_{name}"), 0, 2, crcs.len() as u64);
            crcs.extend(crc.to_le_bytes());
        }
        for (name, crc) in self.needs {
            let (name, info) = name.strip_prefix('?').map_or((*name, 0x10), |name| (name, 0x20));
            symbol(name.into(), info, 0, 0);
            versions.extend(u64::from(*crc).to_le_bytes());
            let mut padded = name.as_bytes().to_vec();
            padded.resize(56, 0);
            versions.extend(padded);
        }
        elf(&[
            (".modinfo", &info, 0, 0),
            ("__kcrctab", &crcs, 0, 0),
            ("__versions", &versions, 0, 0),
            (".symtab", &symbols, 5, 24),
            (".strtab", &strings, 0, 0),
        ])
    }
}

/// An ELF file with sections: their names, bytes, links and sizes of entries.
fn elf(sections: &[(&str, &[u8], u32, u64)]) -> Vec<u8> {
    let mut names = vec![0];
    let mut out = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x01\0\x3e\0\x01\0\0\0".to_vec();
    out.resize(64, 0);
    let mut headers = vec![0; 64];
    let mut header = |name: u32, kind: u32, offset: usize, size: usize, link: u32, entry: u64| {
        headers.extend(name.to_le_bytes());
        headers.extend(kind.to_le_bytes());
        headers.extend([0; 16]);
        headers.extend((offset as u64).to_le_bytes());
        headers.extend((size as u64).to_le_bytes());
        headers.extend(link.to_le_bytes());
        headers.extend([0; 4]);
        headers.extend(1u64.to_le_bytes());
        headers.extend(entry.to_le_bytes());
    };
    for (name, bytes, link, entry) in sections {
        let kind = match *name {
            ".symtab" => 2,
            ".strtab" => 3,
            _ => 1,
        };
        header(names.len() as u32, kind, out.len(), bytes.len(), *link, *entry);
        names.extend(name.as_bytes());
        names.push(0);
        out.extend(*bytes);
    }
    let name = names.len() as u32;
    names.extend(b".shstrtab\0");
    header(name, 3, out.len(), names.len(), 0, 0);
    out.extend(&names);
    let at = out.len() as u64;
    out.extend(&headers);
    out[40..48].copy_from_slice(&at.to_le_bytes());
    let count = sections.len() as u16 + 2;
    out[52..54].copy_from_slice(&64u16.to_le_bytes());
    out[58..60].copy_from_slice(&64u16.to_le_bytes());
    out[60..62].copy_from_slice(&count.to_le_bytes());
    out[62..64].copy_from_slice(&(count - 1).to_le_bytes());
    out
}
