//! `lkm sign`: signs modules, and verifies signatures. Counterpart: `scripts/sign-file.c` of the kernel's sources, and
//! `mod_verify_sig()` of `kernel/module/signing.c`.
//!
//! Cryptography is `ring`'s; `pkcs8` opens encrypted keys. There are no PKCS#11 tokens, SHA-1, SHA-224 or SHA-3: those are
//! refused by name. What the message looks like is `message.rs`; `sign-file` leaves that to OpenSSL.

mod keys;
mod message;
mod target;
mod verify;

use crate::error::{Failure, errno_text};
use crate::{Invocation, output, words};
use keys::Key;
use kofile::signature::x509::Certificate;
use kofile::signature::{self, SignerId};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What was asked for.
#[derive(Debug, Default)]
struct Options {
    raw: bool,
    detached: bool,
    save: bool,
    key_id: bool,
    verify: bool,
    strip: bool,
    json: bool,
    words: Vec<OsString>,
}

/// The command.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_args(call.words.iter().cloned());
    let usage = |error: lexopt::Error| Failure::usage("sign", error);
    while let Some(argument) = parser.next().map_err(usage)? {
        let Some(argument) = words::option("sign", argument, |word| options.words.push(word)).map_err(usage)? else {
            continue;
        };
        match argument {
            "help" => return Ok(output::print("lkm", &cli::command("sign").help())),
            "s" => options.raw = true,
            "d" => options.detached = true,
            "p" => options.save = true,
            "k" => options.key_id = true,
            "verify" => options.verify = true,
            "strip" => options.strip = true,
            "json" => options.json = true,
            other => return Err(usage(words::untaken(other))),
        }
    }
    act(&options)
}

fn act(options: &Options) -> Result<u8, Failure> {
    let words: Vec<&Path> = options.words.iter().map(Path::new).collect();
    match (options.verify, options.strip, options.raw, words.as_slice()) {
        (true, false, false, &[certificate, module]) => verify::main(certificate, module, options.json),
        (false, true, false, &[module, ref rest @ ..]) if rest.len() <= 1 => strip(module, rest.first().copied()),
        (false, false, true, &[raw, _, _, module, ref rest @ ..]) if rest.len() <= 1 => {
            // As in sign-file the message itself says how it was made; hash and certificate are not looked at.
            let bytes = unsigned(module)?;
            let place = rest.first().copied().unwrap_or(module);
            target::write(place, module, &message::appended(&bytes, &read(raw)?)?).map(|()| 0)
        }
        (false, false, false, &[hash, key, certificate, module, ref rest @ ..]) if rest.len() <= 1 => {
            sign(options, hash, key, certificate, module, rest.first().copied())
        }
        _ => Err(Failure::usage("sign", "the words do not fit any form of the command")),
    }
}

/// A file's bytes.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::new(1, format!("cannot read {}", path.display())).cause(errno_text(&error)))
}

/// The bytes of a module to sign. One that is signed already is taken with its signature, as `sign-file` takes it: the
/// kernel looks at the last one.
fn unsigned(module: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = read(module)?;
    let shown = module.display();
    if !bytes.starts_with(b"\x7fELF") {
        return Err(Failure::new(1, format!("{shown} is no module"))
            .cause("it does not begin as an ELF file")
            .cure("unpack a compressed module first, and pack it after it is signed"));
    }
    if bytes.ends_with(signature::MARKER) {
        tell!(
            "lkm: {shown} is signed already: the new signature covers the old one\n  \
             cure: `lkm sign --strip {shown}` before signing removes it"
        );
    }
    Ok(bytes)
}

fn sign(
    options: &Options,
    hash: &Path,
    key: &Path,
    certificate: &Path,
    module: &Path,
    place: Option<&Path>,
) -> Result<u8, Failure> {
    let hash = keys::hash_named(hash)?;
    let der = keys::certificate(certificate)?;
    let parsed = keys::parse(&der, certificate)?;
    let signing = Key::load(key, &parsed.key, certificate)?;
    let bytes = unsigned(module)?;
    let (signature, algorithm) = signing.sign(hash, &bytes)?;
    let message = message::signed_data(signer_id(&parsed, options.key_id, certificate)?, hash, &algorithm, &signature);
    if options.save || options.detached {
        let mut name = module.as_os_str().to_owned();
        name.push(".p7s");
        target::write(Path::new(&name), module, &message)?;
    }
    if !options.detached {
        target::write(place.unwrap_or(module), module, &message::appended(&bytes, &message)?)?;
    }
    Ok(0)
}

fn signer_id<'a>(certificate: &Certificate<'a>, by_key: bool, path: &Path) -> Result<SignerId<'a>, Failure> {
    if !by_key {
        return Ok(SignerId::Certificate { issuer: certificate.issuer, serial: certificate.serial });
    }
    certificate.key_id.map(SignerId::Key).ok_or_else(|| {
        Failure::new(1, format!("{} has no subject key identifier", path.display()))
            .cure("sign without -k: the key is then named by issuer and serial number")
    })
}

fn strip(module: &Path, place: Option<&Path>) -> Result<u8, Failure> {
    let bytes = read(module)?;
    let mut rest: &[u8] = &bytes;
    loop {
        let (before, found) = signature::split(rest)
            .map_err(|error| Failure::new(1, format!("cannot strip {}", module.display())).cause(error))?;
        match found {
            Some(signature) if signature.is_pkcs7() => rest = before,
            Some(_) => {
                return Err(Failure::new(1, format!("cannot strip {}", module.display()))
                    .cause("its signature is of a kind that kernels before 4.3 had"));
            }
            None => break,
        }
    }
    if rest.len() == bytes.len() {
        return Err(Failure::new(1, format!("{} has no signature", module.display())));
    }
    let place: PathBuf = place.unwrap_or(module).into();
    target::write(&place, module, rest).map(|()| 0)
}
