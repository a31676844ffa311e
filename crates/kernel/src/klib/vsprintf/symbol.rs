//! `%pS`, `%ps`, `%pB`: addresses as symbols (`kernel/kallsyms.c`).

use super::Printer;
use super::decode::{Spec, byte_at};
use super::env::Env;

/// How an address is shown as a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SymbolStyle {
    /// `+0xoffset/0xsize` behind the name.
    pub offset: bool,
    /// Look up the call in front of a return address (`%pB`).
    pub backtrace: bool,
    /// The module's build id behind its name, where there is one.
    pub build_id: bool,
}

/// `name+0xoffset/0xsize [module]`, or the bare address where no symbol contains it.
#[must_use]
pub fn sprint_symbol(env: &dyn Env, addr: u64, style: SymbolStyle) -> String {
    let back = u64::from(style.backtrace);
    let Some(symbol) = env.symbol(addr.wrapping_sub(back)) else {
        return format!("{addr:#x}");
    };
    let mut text = symbol.name.into_owned();
    if style.offset {
        text += &format!("+{:#x}/{:#x}", symbol.offset.wrapping_add(back), symbol.size);
    }
    if let Some(module) = symbol.module {
        text += " [";
        text += &module;
        if let Some(id) = symbol.build_id.filter(|_| style.build_id) {
            text.push(' ');
            text.extend(id.iter().map(|byte| format!("{byte:02x}")));
        }
        text.push(']');
    }
    text
}

impl Printer<'_, '_> {
    pub(super) fn symbol(&mut self, suffix: &[u8], addr: u64, spec: Spec) {
        let kind = byte_at(suffix, 0);
        let build_id = match kind {
            b'B' => byte_at(suffix, 1) == b'b',
            b'S' => suffix.starts_with(b"Sb") || suffix.starts_with(b"SRb"),
            _ => false,
        };
        let style = SymbolStyle { offset: kind != b's', backtrace: kind == b'B', build_id };
        let text = sprint_symbol(self.env, addr, style);
        self.text(text.as_bytes(), spec);
    }
}
