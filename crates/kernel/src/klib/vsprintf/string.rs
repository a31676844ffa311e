//! Characters and strings, and what stands in for a pointer that cannot be one.

use super::Printer;
use super::decode::Spec;
use super::env::Fault;

/// Addresses below this are no strings.
const PAGE_SIZE: u64 = 4096;

/// `IS_ERR`: the address encodes an errno.
pub(super) fn is_err(addr: u64) -> bool {
    addr >= (-4095i64) as u64
}

/// What is printed instead of following a pointer that is plainly bad.
pub(super) fn check_pointer(addr: u64) -> Option<&'static str> {
    match addr {
        0 => Some("(null)"),
        _ if addr < PAGE_SIZE || is_err(addr) => Some("(efault)"),
        _ => None,
    }
}

impl Printer<'_, '_> {
    /// `%c`: the width counts, the precision does not.
    pub(super) fn char(&mut self, c: u8, spec: Spec) {
        self.out.push(c);
        self.out.widen(1, spec.width, spec.has(Spec::LEFT));
    }

    /// Text of our own, as the kernel's `string_nocheck()`: cut by the precision, padded to the width.
    pub(super) fn text(&mut self, text: &[u8], spec: Spec) {
        let text = text.iter().position(|&b| b == 0).map_or(text, |end| &text[..end]);
        let len = usize::try_from(spec.precision).map_or(text.len(), |limit| text.len().min(limit));
        self.out.extend(&text[..len]);
        self.out.widen(len, spec.width, spec.has(Spec::LEFT));
    }

    /// A message in place of a value; 16 bytes of it unless the precision says otherwise.
    pub(super) fn error_text(&mut self, text: &str, mut spec: Spec) {
        if spec.precision == -1 {
            spec.precision = 16;
        }
        self.text(text.as_bytes(), spec);
    }

    /// Prints the message for a bad pointer and says whether it was one.
    pub(super) fn bad_pointer(&mut self, addr: u64, spec: Spec) -> bool {
        let message = check_pointer(addr);
        if let Some(message) = message {
            self.error_text(message, spec);
        }
        message.is_some()
    }

    /// `%s`: the string at `addr`.
    pub(super) fn string(&mut self, addr: u64, spec: Spec) -> Result<(), Fault> {
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let limit = usize::try_from(spec.precision).unwrap_or(usize::MAX);
        let env = self.env;
        let len = self.out.append_with(|buf| env.read_str(addr, limit, buf))?;
        self.out.widen(len, spec.width, spec.has(Spec::LEFT));
        Ok(())
    }
}
