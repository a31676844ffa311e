//! `%p`: plain pointers, and which letter behind it means what.

use super::decode::{Spec, byte_at};
use super::env::{Fault, FormatWarning, KptrAccess, VaList, at, read_u64};
use super::errname::errname;
use super::number::{number, special_hex};
use super::string::is_err;
use super::{MAX_DEPTH, Printer, Slots};

/// Columns of a pointer.
const POINTER_WIDTH: i32 = 16;

impl Printer<'_, '_> {
    /// Prints `addr` as the letters in `suffix` (what follows the `p`) ask.
    pub(super) fn pointer(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        match byte_at(suffix, 0) {
            b'S' | b's' | b'B' => self.symbol(suffix, addr, spec),
            b'R' | b'r' => return self.resource(suffix, addr, spec),
            b'h' => return self.hex_string(suffix, addr, spec),
            b'b' => return self.bitmap(suffix, addr, spec),
            b'M' | b'm' => return self.mac(suffix, addr, spec),
            b'I' | b'i' => return self.ip(suffix, addr, spec),
            b'E' => return self.escaped(suffix, addr, spec),
            b'U' => return self.uuid(suffix, addr, spec),
            b'V' => return self.va_format(addr, spec),
            b'K' => self.restricted_pointer(addr, spec),
            b'N' => return self.netdev_bits(suffix, addr, spec),
            b'4' => return self.fourcc(suffix, addr, spec),
            b'a' => return self.address_value(addr, spec),
            b'd' => return self.dentry(suffix, addr, spec),
            b'D' => return self.file(suffix, addr, spec),
            b't' => return self.time(suffix, addr, spec),
            b'C' => return self.clock(addr, spec),
            b'g' => return self.block_device(addr, spec),
            b'G' => return self.flags(suffix, addr, spec),
            b'O' => self.device_node(suffix, spec),
            b'f' => return self.fwnode(suffix, addr, spec),
            b'A' => {
                self.env.warn_once(FormatWarning::RustFormat);
                self.error_text("(%pA?)", spec);
            }
            b'x' => self.raw_pointer(addr, spec),
            b'e' => self.error_pointer(addr, spec),
            b'u' | b'k' if byte_at(suffix, 1) == b's' => return self.string(addr, spec),
            b'u' | b'k' => self.error_text("(einval)", spec),
            _ => self.default_pointer(addr, spec),
        }
        Ok(())
    }

    /// `%px`, and the digits of all other plain pointers.
    fn raw_pointer(&mut self, value: u64, mut spec: Spec) {
        spec.base = 16;
        spec.flags |= Spec::SMALL;
        if spec.width == -1 {
            spec.width = POINTER_WIDTH;
            spec.flags |= Spec::ZEROPAD;
        }
        number(&mut self.out, value, spec);
    }

    /// `%p`: an id that tells pointers apart but not where they point. NULL and error pointers are shown as they are.
    fn default_pointer(&mut self, addr: u64, mut spec: Spec) {
        if self.env.no_hash_pointers() || addr == 0 || is_err(addr) {
            return self.raw_pointer(addr, spec);
        }
        match self.env.hash_pointer(addr) {
            Some(id) => self.raw_pointer(u64::from(id), spec),
            None => {
                spec.width = POINTER_WIDTH;
                self.error_text("(____ptrval____)", spec);
            }
        }
    }

    /// `%pK`: depends on `kptr_restrict`.
    fn restricted_pointer(&mut self, addr: u64, mut spec: Spec) {
        let shown = match self.env.kptr_restrict() {
            0 => return self.default_pointer(addr, spec),
            1 => match self.env.kptr_access() {
                KptrAccess::Allowed => addr,
                KptrAccess::Denied => 0,
                KptrAccess::Interrupt => {
                    if spec.width == -1 {
                        spec.width = POINTER_WIDTH;
                    }
                    return self.error_text("pK-error", spec);
                }
            },
            _ => 0,
        };
        self.raw_pointer(shown, spec);
    }

    /// `%pe`: the name of an error pointer's errno.
    fn error_pointer(&mut self, addr: u64, mut spec: Spec) {
        if !is_err(addr) {
            return self.default_pointer(addr, spec);
        }
        let error = addr as i64 as i32;
        if let Some(name) = errname(error.unsigned_abs()) {
            return self.text(format!("-{name}").as_bytes(), spec);
        }
        spec.flags |= Spec::SIGN;
        spec.base = 10;
        number(&mut self.out, addr, spec);
    }

    /// `%pV`: another format with its own arguments, which stay untouched.
    fn va_format(&mut self, addr: u64, spec: Spec) -> Result<(), Fault> {
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        if self.depth >= MAX_DEPTH {
            return Err(Fault::Depth);
        }
        let mut fmt = Vec::new();
        self.env.read_str(read_u64(self.env, addr)?, usize::MAX, &mut fmt)?;
        let mut args = VaList::copy(self.env, read_u64(self.env, at(addr, 8)?)?)?;
        self.depth += 1;
        self.format(&fmt, &mut Slots(&mut args))?;
        self.depth -= 1;
        Ok(())
    }

    /// `%pa`: an address that is passed by reference; `phys_addr_t` and `dma_addr_t` have 8 bytes.
    fn address_value(&mut self, addr: u64, spec: Spec) -> Result<(), Fault> {
        if !self.bad_pointer(addr, spec) {
            special_hex(&mut self.out, read_u64(self.env, addr)?, 8);
        }
        Ok(())
    }
}
