//! ORC unwind tables: for each code address, where the caller's frame is.
//!
//! `.orc_unwind_ip` holds one 32-bit address a piece of code, relative to its own place; `.orc_unwind` one 6-byte entry
//! for each. The entry's flag bits changed with 6.3 and 6.4, so the kernel's version chooses the format.
//!
//! Kernel counterparts: arch/x86/include/asm/orc_types.h, `__orc_find` of arch/x86/kernel/unwind_orc.c.

use super::world::OrcTable;

/// What a frame's address is computed from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the variants are the registers that they are named after")]
pub enum Base {
    Undefined,
    /// The caller's stack pointer.
    PrevSp,
    Dx,
    Di,
    Bp,
    Sp,
    R10,
    R13,
    /// The word that the frame pointer points to.
    BpIndirect,
    /// The word that the stack pointer points to.
    SpIndirect,
    /// A number that no kernel uses.
    Unknown,
}

impl Base {
    fn from_bits(bits: u8) -> Base {
        match bits & 15 {
            0 => Base::Undefined,
            1 => Base::PrevSp,
            2 => Base::Dx,
            3 => Base::Di,
            4 => Base::Bp,
            5 => Base::Sp,
            6 => Base::R10,
            7 => Base::R13,
            8 => Base::BpIndirect,
            9 => Base::SpIndirect,
            _ => Base::Unknown,
        }
    }
}

/// What lies at the frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing is known about this code.
    Undefined,
    /// The outermost frame.
    End,
    /// A return address.
    Call,
    /// A whole `struct pt_regs`.
    Regs,
    /// The part of `struct pt_regs` that the processor pushes.
    RegsPartial,
    /// A number that no kernel uses.
    Unknown,
}

/// A decoded entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Offset of the caller's stack pointer from its base.
    pub sp_offset: i16,
    /// Offset of the saved frame pointer from its base.
    pub bp_offset: i16,
    /// Base of the caller's stack pointer.
    pub sp: Base,
    /// Base of the saved frame pointer; undefined if the function did not change it.
    pub bp: Base,
    /// What lies there.
    pub kind: Kind,
    /// The frame above was interrupted, so its address is not that of a call; `None`: as its kind says.
    pub signal: Option<bool>,
}

impl Entry {
    /// The frame at a function's first instruction: for addresses where no table says anything but a call just ended.
    pub const AT_ENTRY: Entry =
        Entry { sp_offset: 8, bp_offset: 0, sp: Base::Sp, bp: Base::Undefined, kind: Kind::Call, signal: None };
    /// A guess for code without a table: it keeps a frame pointer.
    pub const FRAME_POINTER: Entry =
        Entry { sp_offset: 16, bp_offset: -16, sp: Base::Bp, bp: Base::PrevSp, kind: Kind::Call, signal: None };

    /// Decodes the 6 bytes of an entry of the given kernel.
    pub fn decode(bytes: &[u8; 6], version: (u16, u16)) -> Entry {
        let [a, b, c, d, regs, flags] = *bytes;
        let (sp, bp) = (Base::from_bits(regs), Base::from_bits(regs >> 4));
        let (kind, signal) = if version >= (6, 4) {
            (new_kind(flags & 7), Some(flags & 8 != 0))
        } else {
            let (end, signal) =
                if version == (6, 3) { (flags & 8 != 0, Some(flags & 4 != 0)) } else { (flags & 4 != 0, None) };
            (old_kind(flags & 3, sp, end), signal)
        };
        let (sp_offset, bp_offset) = (i16::from_le_bytes([a, b]), i16::from_le_bytes([c, d]));
        Entry { sp_offset, bp_offset, sp, bp, kind, signal }
    }
}

fn new_kind(bits: u8) -> Kind {
    match bits {
        0 => Kind::Undefined,
        1 => Kind::End,
        2 => Kind::Call,
        3 => Kind::Regs,
        4 => Kind::RegsPartial,
        _ => Kind::Unknown,
    }
}

fn old_kind(bits: u8, sp: Base, end: bool) -> Kind {
    match (bits, sp, end) {
        (_, Base::Undefined, false) => Kind::Undefined,
        (_, Base::Undefined, true) => Kind::End,
        (0, ..) => Kind::Call,
        (1, ..) => Kind::Regs,
        (2, ..) => Kind::RegsPartial,
        _ => Kind::Unknown,
    }
}

/// The entry for a code address: that of the greatest table address that is not above it. Where several have the same
/// address, an entry that only ends a section is weaker than a real one. The table need not be sorted.
pub fn find(table: &OrcTable, ip: u64, version: (u16, u16)) -> Option<Entry> {
    let mut best: Option<(u64, Entry)> = None;
    let pairs = table.ips.bytes.as_chunks::<4>().0.iter().zip(table.entries.as_chunks::<6>().0);
    for (i, (relative, entry)) in pairs.enumerate() {
        let place = table.ips.addr.wrapping_add(4 * i as u64);
        let addr = place.wrapping_add_signed(i64::from(i32::from_le_bytes(*relative)));
        if addr > ip || best.is_some_and(|(found, _)| found > addr) {
            continue;
        }
        let entry = Entry::decode(entry, version);
        if entry.kind == Kind::Undefined && best.is_some_and(|(found, _)| found == addr) {
            continue;
        }
        best = Some((addr, entry));
    }
    best.map(|(_, entry)| entry)
}

#[cfg(test)]
mod tests {
    use super::super::world::Table;
    use super::*;

    fn table(rows: &[(u64, [u8; 6])]) -> OrcTable<'static> {
        const AT: u64 = 0x10_0000;
        let ips = rows
            .iter()
            .enumerate()
            .flat_map(|(i, (addr, _))| (addr.wrapping_sub(AT + 4 * i as u64) as i32).to_le_bytes());
        let entries = rows.iter().flat_map(|(_, entry)| *entry).collect::<Vec<u8>>();
        OrcTable { ips: Table { addr: AT, bytes: ips.collect::<Vec<u8>>().into() }, entries: entries.into() }
    }

    #[test]
    fn formats_differ_between_kernels() {
        let call =
            Entry { sp_offset: 24, bp_offset: -16, sp: Base::Sp, bp: Base::PrevSp, kind: Kind::Call, signal: None };
        assert_eq!(Entry::decode(&[24, 0, 0xf0, 0xff, 0x15, 0], (6, 1)), call);
        let new = Entry { signal: Some(false), ..call };
        assert_eq!(Entry::decode(&[24, 0, 0xf0, 0xff, 0x15, 2], (6, 12)), new);
        assert_eq!(Entry::decode(&[24, 0, 0xf0, 0xff, 0x15, 10], (6, 12)).signal, Some(true));
        assert_eq!(Entry::decode(&[24, 0, 0, 0, 0x05, 1], (6, 1)).kind, Kind::Regs);
        assert_eq!(Entry::decode(&[0; 6], (6, 1)).kind, Kind::Undefined);
        assert_eq!(Entry::decode(&[0, 0, 0, 0, 0, 4], (6, 1)).kind, Kind::End);
        assert_eq!(Entry::decode(&[0, 0, 0, 0, 0, 1], (6, 12)).kind, Kind::End);
        assert_eq!(Entry::decode(&[0, 0, 0, 0, 0xff, 7], (6, 12)).sp, Base::Unknown);
    }

    #[test]
    fn lookup_takes_the_last_start_and_prefers_real_entries() {
        const REAL: [u8; 6] = [8, 0, 0, 0, 5, 0];
        const PUSHED: [u8; 6] = [16, 0, 0, 0, 5, 0];
        // Unsorted, and with a section end at the address of a real entry, on both sides of it.
        let rows = [(0x2010, PUSHED), (0x2020, [0; 6]), (0x2000, [0; 6]), (0x2000, REAL), (0x2000, [0; 6])];
        let table = table(&rows);
        let at = |ip| find(&table, ip, (6, 1)).map(|e| (e.kind, e.sp_offset));
        assert_eq!(at(0x1fff), None);
        assert_eq!(at(0x2000), Some((Kind::Call, 8)));
        assert_eq!(at(0x200f), Some((Kind::Call, 8)));
        assert_eq!(at(0x2010), Some((Kind::Call, 16)));
        assert_eq!(at(0x2020), Some((Kind::Undefined, 0)));
    }
}
