//! Finds the places in a module file that are worth damaging. It reads good files only.

/// Bytes of a section header.
pub const ROW: usize = 64;

/// A section of a good file.
#[derive(Debug, Clone)]
pub struct Section {
    /// Its index.
    pub index: usize,
    /// Where its header is.
    pub row: usize,
    /// Its name.
    pub name: String,
    /// `sh_type`.
    pub kind: u64,
    /// Where its bytes are.
    pub offset: usize,
    /// How many.
    pub size: usize,
    /// `sh_info`.
    pub info: usize,
}

/// `SHT_SYMTAB`.
pub const SYMTAB: u64 = 2;
/// `SHT_RELA`.
pub const RELA: u64 = 4;
/// `SHT_NOBITS`.
pub const NOBITS: u64 = 8;

/// The number at a place of a good file.
pub fn number(bytes: &[u8], at: usize, width: usize) -> u64 {
    bytes[at..at + width].iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
}

/// All sections of a good file.
pub fn sections(bytes: &[u8]) -> Vec<Section> {
    let table = number(bytes, 40, 8) as usize;
    let count = number(bytes, 60, 2) as usize;
    let field = |i: usize, at: usize, width: usize| number(bytes, table + ROW * i + at, width);
    let names = field(number(bytes, 62, 2) as usize, 24, 8) as usize;
    let name = |i: usize| {
        let rest = &bytes[names + field(i, 0, 4) as usize..];
        String::from_utf8_lossy(rest.split(|b| *b == 0).next().unwrap()).into_owned()
    };
    let section = |i: usize| Section {
        index: i,
        row: table + ROW * i,
        name: name(i),
        kind: field(i, 4, 4),
        offset: field(i, 24, 8) as usize,
        size: field(i, 32, 8) as usize,
        info: field(i, 44, 4) as usize,
    };
    (0..count).map(section).collect()
}
