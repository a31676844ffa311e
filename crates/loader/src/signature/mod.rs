//! Is the file signed, soundly, and by a key that the kernel trusts? Counterpart: `module_sig_check` of
//! kernel/module/signing.c, `mod_check_sig` of kernel/module_signature.c, `pkcs7_verify` and `pkcs7_validate_trust` of
//! crypto/asymmetric_keys.
//!
//! DIFFERS: the keys are those that the image was built with: those of a machine's firmware are not known. A kernel
//! without an image has none to ask: a sound signature then counts as good. With a key on an elliptic curve, SHA-224 and
//! SHA-3 count as hashes that the kernel lacks.

mod certificate;
mod chain;
mod keyring;
mod message;

use crate::check::Flags;
use crate::refusal::{LogLine, Refusal};
use crate::{Series, series};
use abi::Profile;
use chain::Chains;
use kabi::Errno;
use kabi::errno::EINVAL;
use keyring::KeyRing;
use kofile::signature::MARKER;
use message::{EBADMSG, ENOPKG, Message};
use signing::Verdict;

const ENODATA: Errno = Errno(61);
const ENOKEY: Errno = Errno(126);
const EKEYREJECTED: Errno = Errno(129);
/// Bytes of `struct module_signature`.
const TRAILER: usize = 12;
/// `PKEY_ID_PKCS7`
const PKCS7: u8 = 2;

/// Who decides about signatures.
#[derive(Debug, Clone, Copy, Default)]
pub struct Authority<'a> {
    /// The kernel, whose image has the keys. They are read for a file that is signed only.
    pub kernel: Option<&'a Profile>,
    /// Only signed modules are loaded (`module.sig_enforce`).
    pub enforced: bool,
}

/// A file and what its signature is worth.
#[derive(Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The file without marker and signature.
    pub contents: &'a [u8],
    /// A trusted key signed it.
    pub good: bool,
    /// What the log says though the file is accepted.
    pub log: Vec<LogLine>,
}

/// Cuts the signature off and verifies it. A module that is loaded by force is not the one that was signed: it counts as
/// unsigned.
///
/// # Errors
/// `EBADMSG`: there is one, and it is damaged. `EKEYREJECTED`: contents or signature were changed, or the module is not
/// signed by a trusted key where it must be. `EINVAL`: a message of another type.
pub fn check<'a>(file: &'a [u8], flags: Flags, authority: Authority<'_>) -> Result<Signed<'a>, Refusal> {
    let mut log = Vec::new();
    let forced = flags.ignore_modversions() || flags.ignore_vermagic();
    let marked = file.strip_suffix(MARKER).filter(|rest| !rest.is_empty() && !forced);
    let mut contents = marked.unwrap_or(file);
    let verdict = match marked {
        None => Err(Refusal::silent(ENODATA)),
        Some(rest) => split(rest).and_then(|(signed, message)| {
            contents = signed;
            verify(signed, message, authority.kernel.and_then(KeyRing::of).as_ref(), &mut log)
        }),
    };
    let refusal = match verdict {
        Ok(()) => return Ok(Signed { contents, good: true, log }),
        Err(refusal) => refusal,
    };
    let reason = match refusal.errno {
        ENODATA => "unsigned module",
        ENOPKG => "module with unsupported crypto",
        ENOKEY => "module with unavailable key",
        _ => return Err(Refusal { log: [log, refusal.log].concat(), ..refusal }),
    };
    log.extend(refusal.log);
    if authority.enforced {
        log.push(LogLine::notice(format!("Loading of {reason} is rejected")));
        return Err(Refusal { log, ..Refusal::silent(EKEYREJECTED) });
    }
    Ok(Signed { contents, good: false, log })
}

/// The contents and the message of a file without its marker.
fn split(rest: &[u8]) -> Result<(&[u8], &[u8]), Refusal> {
    let damaged = |text: &str| Refusal { detail: Some(format!("signature: {text}")), ..Refusal::silent(EBADMSG) };
    let (before, trailer) = rest
        .split_last_chunk::<TRAILER>()
        .filter(|(before, _)| !before.is_empty())
        .ok_or_else(|| damaged("the trailer is cut short"))?;
    let [.., a, b, c, d] = *trailer;
    let length = u32::from_be_bytes([a, b, c, d]) as usize;
    let (contents, message) = before
        .len()
        .checked_sub(length)
        .filter(|at| *at != 0)
        .and_then(|at| before.split_at_checked(at))
        .ok_or_else(|| damaged("sig_len is not smaller than the file"))?;
    let [algorithm, hash, kind, signer, key, x, y, z, ..] = *trailer;
    if kind != PKCS7 {
        return Err(Refusal::logged(ENOPKG, LogLine::err("module: not signed with expected PKCS#7 message")));
    }
    if [algorithm, hash, signer, key, x, y, z] != [0; 7] {
        let line = LogLine::err("module: PKCS#7 signature info has unexpected non-zero params");
        return Err(Refusal::logged(EBADMSG, line));
    }
    Ok((contents, message))
}

/// Asks the kernel's keys (`verify_pkcs7_signature`); without any, a message that can be read is good.
fn verify(contents: &[u8], message: &[u8], keys: Option<&KeyRing<'_>>, log: &mut Vec<LogLine>) -> Result<(), Refusal> {
    let Some(ring) = keys else {
        // Without the kernel's table every identifier looks unknown, which is not worth a line.
        return message::read(message, &KeyRing::default(), &mut Vec::new()).map(drop);
    };
    let mut ask = || {
        let message = message::read(message, ring, log)?;
        of_module(&message)?;
        Chains::verify(&message, contents, log)?.trusted(ring)
    };
    let result = ask();
    if ring.has_platform_ring && result.as_ref().is_err_and(|refusal| refusal.errno == ENOKEY) {
        // The kernel does all of it once more to ask its other ring, which is empty here.
        return ask();
    }
    result
}

/// Whether a message is one of those that sign modules.
fn of_module(message: &Message<'_>) -> Result<(), Refusal> {
    let rejected = |text: &str| Err(Refusal::logged(EKEYREJECTED, LogLine::warn(format!("PKCS7: {text}"))));
    if message.has_contents {
        let line = LogLine::err("PKCS#7 signature with non-detached data");
        return Err(Refusal::logged(EBADMSG, line));
    }
    if !message.is_data {
        return rejected("Invalid module sig (not pkcs7-data)");
    }
    if message.signers.iter().any(|signer| signer.has_attributes) {
        return rejected("Invalid module sig (has authattrs)");
    }
    Ok(())
}

/// The errno of a signature that is not good.
fn errno_of(wrong: Verdict) -> Errno {
    /// From this release on the kernel looks for the numbers that any key signs.
    const TRIVIAL: Series = (6, 9);
    match wrong {
        Verdict::Good | Verdict::Changed => EKEYREJECTED,
        Verdict::Malformed => EBADMSG,
        Verdict::Trivial if series() < TRIVIAL => EBADMSG,
        Verdict::Trivial | Verdict::Impossible => EINVAL,
        Verdict::Unsupported => ENOPKG,
    }
}

/// The kernels that lkm knows have these hashes.
fn is_supported(hash: &str) -> bool {
    matches!(hash, "sha1" | "sha224" | "sha256" | "sha384" | "sha512" | "sha3-256" | "sha3-384" | "sha3-512")
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
        let errno = |file: &[u8]| {
            check(file, Flags(0), Authority::default()).map(|s| s.good).map_err(|r| (r.errno.0, r.log.len()))
        };
        assert_eq!(errno(b"elf"), Ok(false));
        assert_eq!(errno(MARKER), Ok(false));
        assert_eq!(errno(&signed(b"cms", good, 3)), Err((74, 0)));
        assert_eq!(errno(&signed(b"cms", good, 6)), Err((74, 0)));
        assert_eq!(errno(&signed(b"cms", good, 7)), Err((74, 0)));
        assert_eq!(errno(&signed(b"cms", [1, 0, 2, 0, 0, 0, 0, 0], 3)), Err((74, 1)));
        let file = signed(b"cms", [0; 8], 3);
        let foreign = check(&file, Flags(0), Authority::default()).unwrap();
        assert_eq!((foreign.contents.len(), foreign.good, foreign.log.len()), (3 + 3 + 12, false, 1));
        let file = signed(b"cms", good, 3);
        assert_eq!(check(&file, Flags(2), Authority::default()).unwrap().contents, file);
        assert_eq!(errno(&signed(b"", good, 0)), Err((74, 0)));
    }
}
