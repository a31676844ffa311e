//! Is the file signed, and soundly? Counterpart: `module_sig_check` of kernel/module/signing.c, `mod_check_sig` of
//! kernel/module_signature.c.
//!
//! DIFFERS: a sound signature counts as good: the key is not looked up in the kernel's key ring, nor the contents
//! compared with what was signed.

use crate::check::Flags;
use crate::refusal::{LogLine, Refusal};
use kabi::Errno;
use kofile::signature::{MARKER, Signature};

const EBADMSG: Errno = Errno(74);
/// Bytes of `struct module_signature`.
const TRAILER: usize = 12;
/// `PKEY_ID_PKCS7`
const PKCS7: u8 = 2;

/// A file and what its signature is worth.
#[derive(Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The file without marker and signature.
    pub contents: &'a [u8],
    /// A sound signature stands at its end.
    pub good: bool,
    /// What the log says though the file is accepted.
    pub log: Vec<LogLine>,
}

/// Cuts the signature off. A module that is loaded by force is not the one that was signed: it counts as unsigned.
///
/// # Errors
/// `EBADMSG`: there is one, and it is damaged.
pub fn check(file: &[u8], flags: Flags) -> Result<Signed<'_>, Refusal> {
    let unsigned = |contents, log| Ok(Signed { contents, good: false, log });
    let forced = flags.ignore_modversions() || flags.ignore_vermagic();
    let Some(rest) = file.strip_suffix(MARKER).filter(|rest| !rest.is_empty() && !forced) else {
        return unsigned(file, Vec::new());
    };
    let damaged = |text: &str| Refusal { detail: Some(format!("signature: {text}")), ..Refusal::silent(EBADMSG) };
    let Some((before, trailer)) = rest.split_last_chunk::<TRAILER>().filter(|(before, _)| !before.is_empty()) else {
        return Err(damaged("the trailer is cut short"));
    };
    let [.., a, b, c, d] = *trailer;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    let Some((contents, message)) = before.len().checked_sub(length).and_then(|at| before.split_at_checked(at)) else {
        return Err(damaged("sig_len is larger than the file"));
    };
    if contents.is_empty() {
        return Err(damaged("sig_len is as large as the file"));
    }
    let [algorithm, hash, kind, signer, key, x, y, z, ..] = *trailer;
    if kind != PKCS7 {
        return unsigned(rest, vec![LogLine::err("module: not signed with expected PKCS#7 message")]);
    }
    if [algorithm, hash, signer, key, x, y, z] != [0; 7] {
        let line = LogLine::err("module: PKCS#7 signature info has unexpected non-zero params");
        return Err(Refusal::logged(EBADMSG, line));
    }
    match Signature::pkcs7(message).details() {
        Ok(_) => Ok(Signed { contents, good: true, log: Vec::new() }),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(message: &[u8], head: [u8; 8], length: u32) -> Vec<u8> {
        [b"elf", message, &head, &length.to_be_bytes(), MARKER].concat()
    }

    #[test]
    fn a_damaged_signature_is_fatal_and_a_foreign_one_is_none() {
        let good = [0, 0, 2, 0, 0, 0, 0, 0];
        let errno = |file: &[u8]| check(file, Flags(0)).map(|s| s.good).map_err(|r| (r.errno.0, r.log.len()));
        assert_eq!(errno(b"elf"), Ok(false));
        assert_eq!(errno(MARKER), Ok(false));
        assert_eq!(errno(&signed(b"cms", good, 3)), Err((74, 0)));
        assert_eq!(errno(&signed(b"cms", good, 6)), Err((74, 0)));
        assert_eq!(errno(&signed(b"cms", good, 7)), Err((74, 0)));
        assert_eq!(errno(&signed(b"cms", [1, 0, 2, 0, 0, 0, 0, 0], 3)), Err((74, 1)));
        let file = signed(b"cms", [0; 8], 3);
        let foreign = check(&file, Flags(0)).unwrap();
        assert_eq!((foreign.contents.len(), foreign.good, foreign.log.len()), (3 + 3 + 12, false, 1));
        let file = signed(b"cms", good, 3);
        assert_eq!(check(&file, Flags(2)).unwrap().contents, file);
        assert_eq!(errno(&signed(b"", good, 0)), Err((74, 0)));
    }
}
