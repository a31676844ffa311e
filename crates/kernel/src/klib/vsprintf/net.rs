//! Addresses of networks: `%pM`, `%pI4`, `%pI6`, `%pIS`, `%pNF`.

use super::Printer;
use super::ctype::is_alpha;
use super::decode::{Spec, byte_at};
use super::env::{Fault, at, read_array, read_u64};
use super::number::{hex_byte, number, special_hex};
use super::out::Out;

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
/// The flow label and class in `sin6_flowinfo`.
const FLOWINFO_MASK: u32 = 0x0fff_ffff;
/// What the kernel's buffers for a socket address hold.
const SOCKADDR6_TEXT: usize = 78;
const SOCKADDR4_TEXT: usize = 23;

/// Four decimal numbers; `zeros` pads them to three digits, `order` is the letter of the byte order.
fn ip4_text(addr: [u8; 4], zeros: bool, order: u8, out: &mut Vec<u8>) {
    let reversed = matches!(order, b'h' | b'l');
    for i in 0..4 {
        let byte = addr[if reversed { 3 - i } else { i }];
        if i > 0 {
            out.push(b'.');
        }
        let text = if zeros { format!("{byte:03}") } else { byte.to_string() };
        out.extend_from_slice(text.as_bytes());
    }
}

/// Eight groups of four digits, with colons or without.
fn ip6_text(addr: [u8; 16], colons: bool, out: &mut Vec<u8>) {
    for (i, byte) in addr.into_iter().enumerate() {
        if colons && i > 0 && i % 2 == 0 {
            out.push(b':');
        }
        out.extend_from_slice(&hex_byte(byte));
    }
}

/// Whether the last four bytes are shown as an IPv4 address: mapped ones, and ISATAP's interface ids.
fn ends_in_ip4(addr: [u8; 16]) -> bool {
    let mapped = addr[..10] == [0; 10] && addr[10..12] == [0xff; 2];
    mapped || (addr[8] | 0x02 == 0x02 && addr[9..12] == [0x00, 0x5e, 0xfe])
}

/// The first longest run of at least two zero groups: where it starts and how long it is.
fn longest_zero_run(groups: &[u16]) -> Option<(usize, usize)> {
    let mut best = None;
    for start in 0..groups.len() {
        let len = groups[start..].iter().take_while(|&&g| g == 0).count();
        if len > best.map_or(1, |(_, len)| len) {
            best = Some((start, len));
        }
    }
    best
}

/// The short form of RFC 5952.
fn ip6_compressed(addr: [u8; 16], out: &mut Vec<u8>) {
    let ip4 = ends_in_ip4(addr);
    let groups: Vec<u16> = addr.chunks_exact(2).map(|g| u16::from_be_bytes([g[0], g[1]])).collect();
    let groups = &groups[..if ip4 { 6 } else { 8 }];
    let run = longest_zero_run(groups);
    let mut colon = false;
    let mut i = 0;
    while i < groups.len() {
        if let Some((_, len)) = run.filter(|&(start, _)| start == i) {
            out.extend_from_slice(if colon || i == 0 { b"::" } else { b":" });
            colon = false;
            i += len;
            continue;
        }
        if colon {
            out.push(b':');
        }
        out.extend_from_slice(format!("{:x}", groups[i]).as_bytes());
        colon = true;
        i += 1;
    }
    if ip4 {
        if colon {
            out.push(b':');
        }
        ip4_text([addr[12], addr[13], addr[14], addr[15]], false, b'n', out);
    }
}

/// The letters behind `%pIS`.
fn options(suffix: &[u8]) -> &[u8] {
    let rest = suffix.get(2..).unwrap_or_default();
    &rest[..rest.iter().position(|&c| !is_alpha(c)).unwrap_or(rest.len())]
}

impl Printer<'_, '_> {
    /// `%pM`, `%pm`, with `F` (dashes) or `R` (reversed).
    pub(super) fn mac(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let mut mac: [u8; 6] = read_array(self.env, addr)?;
        let separator = match byte_at(suffix, 1) {
            b'F' => b'-',
            b'R' => {
                mac.reverse();
                b':'
            }
            _ => b':',
        };
        let mut text = Vec::with_capacity(17);
        for (i, byte) in mac.into_iter().enumerate() {
            if i > 0 && byte_at(suffix, 0) == b'M' {
                text.push(separator);
            }
            text.extend_from_slice(&hex_byte(byte));
        }
        self.text(&text, spec);
        Ok(())
    }

    /// `%pI4`, `%pI6`, `%pIS` and their raw forms with a small `i`.
    pub(super) fn ip(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        let pretty = byte_at(suffix, 0) == b'I';
        let mut text = Vec::with_capacity(48);
        match byte_at(suffix, 1) {
            b'4' => ip4_text(read_array(self.env, addr)?, !pretty, byte_at(suffix, 2), &mut text),
            b'6' if pretty && byte_at(suffix, 2) == b'c' => ip6_compressed(read_array(self.env, addr)?, &mut text),
            b'6' => ip6_text(read_array(self.env, addr)?, pretty, &mut text),
            b'S' => match u16::from_le_bytes(read_array(self.env, addr)?) {
                AF_INET => self.sockaddr4(suffix, read_array(self.env, addr)?, spec, &mut text),
                AF_INET6 => self.sockaddr6(suffix, read_array(self.env, addr)?, spec, &mut text),
                _ => {
                    self.error_text("(einval)", spec);
                    return Ok(());
                }
            },
            _ => {
                self.error_text(if pretty { "(%pI?)" } else { "(%pi?)" }, spec);
                return Ok(());
            }
        }
        self.text(&text, spec);
        Ok(())
    }

    fn sockaddr4(&self, suffix: &[u8], sa: [u8; 8], spec: Spec, text: &mut Vec<u8>) {
        let options = options(suffix);
        let order = options.iter().rev().copied().find(|c| b"hlnb".contains(c)).unwrap_or(0);
        ip4_text([sa[4], sa[5], sa[6], sa[7]], byte_at(suffix, 0) == b'i', order, text);
        if options.contains(&b'p') {
            text.push(b':');
            append(text, SOCKADDR4_TEXT, u64::from(u16::from_be_bytes([sa[2], sa[3]])), spec);
        }
    }

    fn sockaddr6(&self, suffix: &[u8], sa: [u8; 28], spec: Spec, text: &mut Vec<u8>) {
        let pretty = byte_at(suffix, 0) == b'I';
        let has = |c: u8| options(suffix).contains(&c);
        let word = |at: usize| [sa[at], sa[at + 1], sa[at + 2], sa[at + 3]];
        let mut addr = [0; 16];
        addr.copy_from_slice(&sa[8..24]);
        let bracket = has(b'p') || has(b's') || has(b'f');
        if bracket {
            text.push(b'[');
        }
        if pretty && has(b'c') {
            ip6_compressed(addr, text);
        } else {
            ip6_text(addr, pretty, text);
        }
        if bracket {
            text.push(b']');
        }
        let parts = [
            (b'p', b':', u64::from(u16::from_be_bytes([sa[2], sa[3]]))),
            (b'f', b'/', u64::from(u32::from_be_bytes(word(4)) & FLOWINFO_MASK)),
            (b's', b'%', u64::from(u32::from_le_bytes(word(24)))),
        ];
        for (_, separator, value) in parts.into_iter().filter(|(letter, ..)| has(*letter)) {
            text.push(separator);
            append(text, SOCKADDR6_TEXT, value, spec);
        }
    }

    /// `%pNF`: `netdev_features_t`.
    pub(super) fn netdev_bits(&mut self, suffix: &[u8], addr: u64, spec: Spec) -> Result<(), Fault> {
        if self.bad_pointer(addr, spec) {
            return Ok(());
        }
        if byte_at(suffix, 1) != b'F' {
            self.error_text("(%pN?)", spec);
            return Ok(());
        }
        special_hex(&mut self.out, read_u64(self.env, at(addr, 0)?)?, 8);
        Ok(())
    }
}

/// A number with the conversion's own width and flags.
///
/// DIFFERS: a width that does not fit into the kernel's buffer destroys its stack there; here the number is cut.
fn append(text: &mut Vec<u8>, limit: usize, value: u64, spec: Spec) {
    let room = limit.saturating_sub(text.len());
    number(&mut Out::new(text, room), value, spec);
}
