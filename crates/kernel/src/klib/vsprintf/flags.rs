//! `%pGp`, `%pGv`, `%pGg`: flags by name.

use super::Printer;
use super::decode::{Spec, byte_at};
use super::env::{Fault, read_u32, read_u64};
use super::flags_tables::{Flag, tables};
use super::number::number;

impl Printer<'_, '_> {
    pub(super) fn flags(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let tables = tables(self.env.release());
        match byte_at(suffix, 1) {
            b'p' => self.page_flags(read_u64(self.env, addr)?),
            b'v' => self.named_flags(read_u64(self.env, addr)?, tables.vma),
            b'g' => self.named_flags(u64::from(read_u32(self.env, addr)?), tables.gfp),
            _ => self.error_text("(%pG?)", spec),
        }
        Ok(())
    }

    /// Names joined with `|`; what has no name is a number at the end.
    fn named_flags(&mut self, mut flags: u64, names: &[Flag]) {
        for &(mask, name) in names {
            if flags == 0 {
                return;
            }
            if flags & mask != mask {
                continue;
            }
            self.out.extend(name.as_bytes());
            flags &= !mask;
            if flags != 0 {
                self.out.push(b'|');
            }
        }
        if flags != 0 {
            number(&mut self.out, flags, Spec::FLAGS);
        }
    }

    /// The flags as a number, by name, and the fields above them.
    fn page_flags(&mut self, flags: u64) {
        let tables = tables(self.env.release());
        number(&mut self.out, flags, Spec::FLAGS);
        self.out.push(b'(');
        let named = flags & tables.page_mask;
        self.named_flags(named, tables.page);
        for (i, field) in tables.page_fields.iter().enumerate() {
            if i > 0 || named != 0 {
                self.out.push(b'|');
            }
            self.out.extend(field.name.as_bytes());
            self.out.push(b'=');
            let spec = if field.hex { Spec::FLAGS } else { Spec::DEC };
            number(&mut self.out, flags >> field.shift & field.mask, spec);
        }
        self.out.push(b')');
    }
}
