//! Addresses in the log and their names: System.map for the kernel, /proc/kallsyms for modules.
//!
//! `[<address>]` becomes `[symbol+0xoffset/0xsize]`, a module's `[module:symbol+...]`, as in sysklogd. (Kernels for x86
//! print symbols themselves since 4.10.)
//!
//! DIFFERS: where no System.map is found, /proc/kallsyms serves for the kernel, too; Debian ships no System.map. A map
//! whose name ends in the release is trusted: kernels no longer say their version in it.

use std::fmt;
use std::path::{Path, PathBuf};

const KALLSYMS: &str = "/proc/kallsyms";

/// What klogd says about symbols it reads: a level and a line.
pub type Note = (u32, String);
const ERROR: u32 = 3;
const WARNING: u32 = 4;
const INFO: u32 = 6;

/// Symbols, by address.
#[derive(Debug, Default)]
pub struct Symbols {
    kernel: Vec<Row>,
    modules: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    address: u64,
    name: String,
    module: Option<String>,
}

/// A symbol that an address lies in.
#[derive(Debug, PartialEq, Eq)]
struct Found<'a> {
    row: &'a Row,
    offset: u64,
    size: u64,
}

impl fmt::Display for Found<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(module) = &self.row.module {
            write!(f, "{module}:")?;
        }
        write!(f, "{}+{:#x}/0x{:02x}", self.row.name, self.offset, self.size)
    }
}

impl Symbols {
    /// Reads the kernel's symbols: from `map`, or from where they are found. `kallsyms` is that file's text.
    pub fn load_kernel(&mut self, map: Option<&Path>, release: &str, kallsyms: &str) -> Vec<Note> {
        let mut notes = Vec::new();
        self.kernel.clear();
        let chosen = match map {
            Some(path) => Some(path.to_owned()),
            None => find_map(release, &mut notes),
        };
        if let Some(path) = &chosen {
            self.kernel = read_map(path, release, map.is_none(), &mut notes);
        }
        if self.kernel.is_empty() && map.is_none() {
            self.kernel = rows(kallsyms).filter(|row| row.module.is_none()).collect();
            if !self.kernel.is_empty() {
                notes.push((INFO, format!("Loaded {} symbols from {KALLSYMS}.", self.kernel.len())));
            }
        }
        self.kernel.sort_by_key(|row| row.address);
        notes
    }

    /// Reads the symbols of modules.
    pub fn load_modules(&mut self, kallsyms: &str) -> Vec<Note> {
        self.modules = rows(kallsyms).filter(|row| row.module.is_some()).collect();
        let mut names: Vec<&str> = self.modules.iter().filter_map(|row| row.module.as_deref()).collect();
        names.sort_unstable();
        names.dedup();
        let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let text = match self.modules.len() {
            0 => "No module symbols loaded.".into(),
            count => format!("Loaded {} from {}.", plural(count, "symbol"), plural(names.len(), "module")),
        };
        self.modules.sort_by(|a, b| (&a.module, a.address).cmp(&(&b.module, b.address)));
        vec![(INFO, text)]
    }

    /// The line with its addresses replaced; `None` if none is known.
    pub fn expand(&self, line: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let mut rest = line;
        let mut any = false;
        while let Some(at) = rest.windows(2).position(|pair| pair == b"[<") {
            let (before, from) = rest.split_at(at + 1);
            out.extend_from_slice(before);
            rest = from;
            if let Some((found, length)) = address(from).and_then(|(value, length)| Some((self.lookup(value)?, length)))
            {
                out.extend_from_slice(found.to_string().as_bytes());
                rest = from.get(length..).unwrap_or_default();
                any = true;
            }
        }
        out.extend_from_slice(rest);
        any.then_some(out)
    }

    /// The symbol that is nearest below an address.
    fn lookup(&self, address: u64) -> Option<Found<'_>> {
        let modules = self.modules.chunk_by(|a, b| a.module == b.module).filter_map(|rows| nearest(rows, address));
        modules.chain(nearest(&self.kernel, address)).min_by_key(|found| (found.offset, found.size))
    }
}

/// The symbol that an address lies in. The last symbol has no known end, and so holds nothing.
fn nearest(rows: &[Row], address: u64) -> Option<Found<'_>> {
    let after = rows.partition_point(|row| row.address <= address);
    let (row, next) = (rows.get(after.checked_sub(1)?)?, rows.get(after)?);
    Some(Found { row, offset: address - row.address, size: next.address - row.address })
}

/// Reads `<address>`: the value, and how long that is.
fn address(text: &[u8]) -> Option<(u64, usize)> {
    let inside = text.strip_prefix(b"<")?;
    let end = inside.iter().take(19).position(|&c| c == b'>')?;
    inside.get(end + 1).filter(|&&c| c == b']')?;
    let digits = std::str::from_utf8(inside.get(..end)?).ok()?;
    let value = u64::from_str_radix(digits.trim_start_matches("0x"), 16).ok()?;
    Some((value, end + 2))
}

/// Reads the lines `address type name [module]` of /proc/kallsyms. Addresses that are kept secret (0) are no use.
fn rows(text: &str) -> impl Iterator<Item = Row> {
    text.lines().filter_map(row).filter(|row| row.address != 0)
}

fn row(line: &str) -> Option<Row> {
    let mut words = line.split_whitespace();
    let address = u64::from_str_radix(words.next()?, 16).ok()?;
    words.next().filter(|kind| kind.len() == 1)?;
    let name = words.next()?.to_owned();
    let module = words.next().map(|word| word.trim_matches(['[', ']']).to_owned());
    Some(Row { address, name, module })
}

/// The map of the kernel that runs, in the places where sysklogd looks.
fn find_map(release: &str, notes: &mut Vec<Note>) -> Option<PathBuf> {
    for base in ["/boot/System.map", "/System.map", "/usr/src/linux/System.map"] {
        let named = PathBuf::from(format!("{base}-{release}"));
        for path in [&named, Path::new(base)] {
            let Ok(text) = std::fs::read_to_string(path) else { continue };
            notes.push((INFO, format!("Inspecting {}", path.display())));
            let verified = path == named || version(&text).is_some_and(|code| Some(code) == release_code(release));
            match text.lines().all(is_map_line) {
                true if verified => return Some(path.to_owned()),
                true => {}
                // Debian's holds a line that says where the real one is.
                false => notes.push((INFO, format!("{} is no symbol table.", path.display()))),
            }
        }
    }
    notes.push((WARNING, "Cannot find map file.".into()));
    None
}

fn is_map_line(line: &str) -> bool {
    line.split_whitespace().count() == 3 && row(line).is_some()
}

fn read_map(path: &Path, release: &str, named: bool, notes: &mut Vec<Note>) -> Vec<Row> {
    let shown = path.display();
    let Ok(text) = std::fs::read_to_string(path) else {
        notes.push((WARNING, format!("Cannot open map file: {shown}.")));
        return Vec::new();
    };
    let Some(rows) = text.lines().map(|line| row(line).filter(|_| is_map_line(line))).collect::<Option<Vec<_>>>()
    else {
        notes.push((ERROR, format!("Error in symbol table input of {shown}.")));
        return Vec::new();
    };
    notes.push((INFO, format!("Loaded {} symbols from {shown}.", rows.len())));
    match version(&text) {
        Some(code) if Some(code) != release_code(release) => {
            notes.push((WARNING, "Symbols do not match kernel version.".into()));
            return Vec::new();
        }
        None if !named => notes.push((WARNING, "Cannot verify that symbols match kernel version.".into())),
        _ => notes.push((INFO, format!("Symbols match kernel version {release}."))),
    }
    rows
}

/// The version in a map: a symbol `Version_N`, N being LINUX_VERSION_CODE.
fn version(map: &str) -> Option<u64> {
    map.lines().find_map(|line| line.split_whitespace().nth(2)?.strip_prefix("Version_")?.parse().ok())
}

/// LINUX_VERSION_CODE of a release such as `6.1.0-56-amd64`.
fn release_code(release: &str) -> Option<u64> {
    let mut numbers = release.splitn(3, '.').map(|part| {
        let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        part.get(..digits)?.parse::<u64>().ok()
    });
    let mut next = || numbers.next().flatten();
    Some(next()? << 16 | next()? << 8 | next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KALLSYMS: &str = "ffffffff81000000 T _text\nffffffff81000100 T start\nffffffff81000180 t end\n\
        ffffffffc0000000 t init\t[a]\nffffffffc0000010 t work\t[a]\nffffffffc0000050 t tail\t[a]\n0000000000000000 T secret\n";

    fn symbols() -> Symbols {
        let mut symbols = Symbols::default();
        symbols.load_kernel(None, "no-such-release", KALLSYMS);
        assert_eq!(symbols.load_modules(KALLSYMS), [(6, "Loaded 3 symbols from 1 module.".into())]);
        symbols
    }

    #[test]
    fn addresses_get_names() {
        let symbols = symbols();
        for (line, want) in [
            ("at [<ffffffff81000104>] x", Some("at [start+0x4/0x80] x")),
            ("[<ffffffff81000100>]", Some("[start+0x0/0x80]")),
            ("[<ffffffffc0000012>] [<ffffffff81000001>]", Some("[a:work+0x2/0x40] [_text+0x1/0x100]")),
            ("[<ffffffffc0000012>] [<1>]", Some("[a:work+0x2/0x40] [<1>]")),
            ("[<0xffffffffc0000001>]", Some("[a:init+0x1/0x10]")),
            ("[<ffffffffc0000060>]", None),
            ("[<0000000000000000>]", None),
            ("[<] [<x>] [<12", None),
            ("", None),
        ] {
            assert_eq!(symbols.expand(line.as_bytes()).as_deref(), want.map(str::as_bytes), "{line}");
        }
    }

    #[test]
    fn maps_are_checked() {
        let path = std::env::temp_dir().join(format!("lkm-map-{}", std::process::id()));
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            let mut symbols = Symbols::default();
            let notes = symbols.load_kernel(Some(&path), "6.1.0-56-amd64", KALLSYMS);
            (symbols.kernel.len(), notes.last().unwrap().1.clone())
        };
        assert_eq!(read("81 T a\n82 T b\n"), (2, "Cannot verify that symbols match kernel version.".into()));
        assert_eq!(read("81 T a\n82 D Version_393472\n").1, "Symbols match kernel version 6.1.0-56-amd64.");
        assert_eq!(read("81 T a\n82 D Version_1\n"), (0, "Symbols do not match kernel version.".into()));
        assert!(read("ffffffffffffffff B The real System.map is elsewhere\n").1.starts_with("Error in symbol table"));
        std::fs::remove_file(&path).unwrap();
        let notes = Symbols::default().load_kernel(Some(&path), "6.1.0", "");
        assert!(notes[0].1.starts_with("Cannot open map file: "), "{notes:?}");
    }

    #[test]
    fn releases_have_codes() {
        assert_eq!(release_code("6.1.0-56-amd64"), Some(393_472));
        assert_eq!((release_code("6.x"), release_code("")), (None, None));
    }
}
