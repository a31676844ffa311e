//! `__bug_table`: which `ud2` instructions are BUG and WARN, and where in the source.
//!
//! An entry has 12 bytes: address and file name, relative to their own places, line, flags.
//!
//! Kernel counterparts: `struct bug_entry` of include/asm-generic/bug.h, `find_bug` of lib/bug.c.

use super::world::{Table, World};

/// A warning: the module goes on behind the instruction.
const WARNING: u16 = 1;
const ONCE: u16 = 2;
const DONE: u16 = 4;
const NO_CUT_HERE: u16 = 8;
/// Longest file name that is read.
const NAME_LIMIT: usize = 4096;

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bug {
    /// Name of the source file.
    pub file: Option<String>,
    /// Line in it.
    pub line: u16,
    /// Where the flags lie.
    flags_at: u64,
    flags: u16,
}

impl Bug {
    /// It is a WARN, not a BUG.
    pub fn is_warning(&self) -> bool {
        self.flags & WARNING != 0
    }

    /// Its message, with the line that begins a report, was printed before.
    pub fn is_announced(&self) -> bool {
        self.flags & NO_CUT_HERE != 0
    }

    /// Number of the taint bit that a warning sets.
    pub fn taint(&self) -> u32 {
        u32::from(self.flags >> 8)
    }

    /// True if a WARN_ONCE was reported before; else notes in the table that it is now.
    pub fn is_done(&self, world: &dyn World) -> bool {
        if self.flags & (WARNING | ONCE) != WARNING | ONCE {
            return false;
        }
        if self.flags & DONE != 0 {
            return true;
        }
        world.write_u16(self.flags_at, self.flags | DONE);
        false
    }
}

/// The entry of an instruction. File names are read from the world.
pub fn find(world: &dyn World, table: &Table, ip: u64) -> Option<Bug> {
    for (i, entry) in table.bytes.as_chunks::<12>().0.iter().enumerate() {
        let at = table.addr.wrapping_add(12 * i as u64);
        let [a, b, c, d, e, f, g, h, line @ .., i, j] = *entry;
        if at.wrapping_add_signed(i64::from(i32::from_le_bytes([a, b, c, d]))) != ip {
            continue;
        }
        let name = at.wrapping_add(4).wrapping_add_signed(i64::from(i32::from_le_bytes([e, f, g, h])));
        let (line, flags) = (u16::from_le_bytes(line), u16::from_le_bytes([i, j]));
        return Some(Bug { file: read_name(world, name), line, flags_at: at.wrapping_add(10), flags });
    }
    None
}

fn read_name(world: &dyn World, addr: u64) -> Option<String> {
    let mut out = Vec::new();
    while out.len() < NAME_LIMIT {
        let mut byte = [0];
        if !world.read_bytes(addr.wrapping_add(out.len() as u64), &mut byte) {
            return None;
        }
        let [byte] = byte;
        if byte == 0 {
            return Some(String::from_utf8_lossy(&out).into_owned());
        }
        out.push(byte);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::testing::Fake;
    use super::*;

    #[test]
    fn entries_are_found_and_marked_done_once() {
        let mut world = Fake::new();
        world.put(0x3000, b"drivers/a.c\0");
        let mut bytes = vec![0; 12];
        bytes.extend((0x1234i32 - 0x200c).to_le_bytes());
        bytes.extend((0x3000i32 - 0x2010).to_le_bytes());
        bytes.extend(77u16.to_le_bytes());
        bytes.extend((9u16 << 8 | 3).to_le_bytes());
        world.put(0x2000, &bytes);
        let table = |world: &Fake| Table { addr: 0x2000, bytes: world.take(0x2000, 24).into() };
        let bug = find(&world, &table(&world), 0x1234).expect("the entry");
        assert_eq!((bug.file.as_deref(), bug.line, bug.taint()), (Some("drivers/a.c"), 77, 9));
        assert!(bug.is_warning() && !bug.is_announced());
        assert!(!bug.is_done(&world));
        let again = find(&world, &table(&world), 0x1234).expect("the entry");
        assert!(again.is_done(&world));
        assert_eq!(find(&world, &table(&world), 0x1235), None);
    }

    #[test]
    fn a_plain_warning_is_never_done() {
        let bug = Bug { file: None, line: 1, flags_at: 0, flags: WARNING | NO_CUT_HERE };
        assert!(!bug.is_done(&Fake::new()) && bug.is_announced());
    }
}
