//! `%pR` and `%pr`: `struct resource`.

use super::Printer;
use super::decode::{Spec, byte_at};
use super::env::{Fault, at, read_u64};
use super::number::number;
use super::out::Out;

const IO: u64 = 0x100;
const MEM: u64 = 0x200;
const IRQ: u64 = 0x400;
const DMA: u64 = 0x800;
const BUS: u64 = 0x1000;
const PREFETCH: u64 = 0x2000;
const MEM_64: u64 = 0x10_0000;
const WINDOW: u64 = 0x20_0000;
const DISABLED: u64 = 0x1000_0000;
const UNSET: u64 = 0x2000_0000;

/// The kernel's buffer for one resource.
const BUFFER: usize = 74;

/// `struct resource`, as far as it is shown.
struct Resource {
    start: u64,
    end: u64,
    flags: u64,
}

impl Resource {
    /// Its kind's name, how its numbers look, and whether its flags can be decoded.
    fn kind(&self) -> (&'static [u8], Spec, bool) {
        let hex = |width, flags| Spec { width, flags: Spec::SMALL | Spec::ZEROPAD | flags, ..Spec::HEX };
        // DEC in the kernel's tables has width 0 here; none is the same.
        match self.flags {
            f if f & IO != 0 => (b"io  ", hex(6, Spec::SPECIAL), true),
            f if f & MEM != 0 => (b"mem ", hex(10, Spec::SPECIAL), true),
            f if f & IRQ != 0 => (b"irq ", Spec::DEC, true),
            f if f & DMA != 0 => (b"dma ", Spec::DEC, true),
            f if f & BUS != 0 => (b"bus ", hex(2, 0), true),
            _ => (b"??? ", hex(10, Spec::SPECIAL), false),
        }
    }

    fn write(&self, out: &mut Out<'_>, decode: bool) {
        let (name, spec, known) = self.kind();
        let decode = decode && known;
        out.push(b'[');
        out.extend(name);
        if decode && self.flags & UNSET != 0 {
            out.extend(b"size ");
            number(out, self.end.wrapping_sub(self.start).wrapping_add(1), spec);
        } else {
            number(out, self.start, spec);
            if self.start != self.end {
                out.push(b'-');
                number(out, self.end, spec);
            }
        }
        if decode {
            let words: [(u64, &[u8]); 4] =
                [(MEM_64, b" 64bit"), (PREFETCH, b" pref"), (WINDOW, b" window"), (DISABLED, b" disabled")];
            for (_, word) in words.iter().filter(|(bit, _)| self.flags & bit != 0) {
                out.extend(word);
            }
        } else {
            out.extend(b" flags ");
            number(out, self.flags, Spec::FLAGS);
        }
        out.push(b']');
    }
}

impl Printer<'_, '_> {
    pub(super) fn resource(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let field = |name, default| read_u64(self.env, at(addr, self.env.member("resource", name).unwrap_or(default))?);
        let resource = Resource { start: field("start", 0)?, end: field("end", 8)?, flags: field("flags", 24)? };
        let mut text = Vec::with_capacity(BUFFER);
        resource.write(&mut Out::new(&mut text, BUFFER), byte_at(suffix, 0) == b'R');
        self.text(&text, spec);
        Ok(())
    }
}
