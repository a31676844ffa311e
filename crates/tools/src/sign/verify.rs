//! Verifies a module's signature with a certificate.
//!
//! Counterpart: `mod_verify_sig()` of `kernel/module/signing.c` with one trusted key. As there, neither the validity of
//! the certificate in time nor who signed it is looked at.

use super::keys;
use crate::error::Failure;
use crate::output;
use kofile::Image;
use kofile::signature::x509::Certificate;
use kofile::signature::{self, Signature, SignerInfo};
use serde_json::json;
use signing::Verdict;
use std::path::Path;

/// Why a module is not accepted, and what to do.
struct Refusal {
    /// A word for programs.
    code: &'static str,
    cause: String,
    cure: &'static str,
}

fn refusal<T>(code: &'static str, cause: impl Into<String>, cure: &'static str) -> Result<T, Refusal> {
    Err(Refusal { code, cause: cause.into(), cure })
}

/// `lkm sign --verify CERT MODULE`.
pub fn main(certificate: &Path, module: &Path, as_json: bool) -> Result<u8, Failure> {
    let der = keys::certificate(certificate)?;
    let parsed = keys::parse(&der, certificate)?;
    let image = Image::open(module).map_err(|error| Failure::new(1, "cannot verify").cause(error))?;
    let shown = module.display();
    let split = signature::split(image.bytes());
    let result = match &split {
        Ok((contents, found)) => verify(&parsed, contents, found.as_ref()),
        Err(error) => refusal("damaged", error.to_string(), "sign the module again"),
    };
    if as_json {
        let found = split.as_ref().ok().and_then(|(_, found)| *found);
        return Ok(print_json(module, found.as_ref(), &result));
    }
    match result {
        Ok(()) => {
            let name = parsed.subject.map(|name| name.to_string()).unwrap_or_default();
            Ok(output::print("lkm", &format!("{shown}: good signature of {name}\n")))
        }
        Err(Refusal { cause, cure, .. }) => {
            Err(Failure::new(1, format!("{shown} is not signed with the key of {}", certificate.display()))
                .cause(cause)
                .cure(cure))
        }
    }
}

fn verify(certificate: &Certificate<'_>, contents: &[u8], found: Option<&Signature<'_>>) -> Result<(), Refusal> {
    let Some(signature) = found else {
        return refusal("no-signature", "it has no signature", "`lkm sign HASH KEY CERT MODULE` signs it");
    };
    let info = match signature.signer_info() {
        Ok(info) => info,
        Err(error) => return refusal("damaged", error.to_string(), "sign the module again"),
    };
    if !signing::is_of(&info, certificate) {
        let text = match signature.details().ok().and_then(|details| details.signer) {
            Some(name) => format!("it was signed with another key: one of {name}"),
            None => "it was signed with another key".into(),
        };
        return refusal("wrong-key", text, "`modinfo MODULE` shows signer and key; give that one's certificate");
    }
    check(&info, certificate, contents)
}

fn check(info: &SignerInfo<'_>, certificate: &Certificate<'_>, contents: &[u8]) -> Result<(), Refusal> {
    if info.has_attributes {
        let cause = "attributes were signed instead of the contents, which is not supported";
        return refusal("not-supported", cause, "sign the module as sign-file does");
    }
    let name = info.hash.unwrap_or("an unknown one");
    // The kernel takes SHA-1 as well, and so does the loader; nobody should trust it any more.
    let hash = info.hash.filter(|hash| signing::Hash::of(hash).is_some());
    let verdict = hash.map(|hash| signing::verify(&certificate.key, hash, contents, info.signature));
    match verdict {
        Some(Verdict::Good) => Ok(()),
        None | Some(Verdict::Unsupported) => refusal(
            "hash-not-supported",
            format!("its hash, {name}, is not supported with this kind of key"),
            "sign it again with sha256, or sha384 for P-384",
        ),
        Some(_) => refusal(
            "changed",
            "the module was changed after it was signed",
            "sign it again; stripping and packing come before signing",
        ),
    }
}

fn print_json(module: &Path, found: Option<&Signature<'_>>, result: &Result<(), Refusal>) -> u8 {
    let details = found.and_then(|signature| signature.details().ok());
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    let value = json!({
        "file": module.to_string_lossy(),
        "valid": result.is_ok(),
        "problem": result.as_ref().err().map(|refusal| refusal.code),
        "cause": result.as_ref().err().map(|refusal| &refusal.cause),
        "signer": details.and_then(|details| details.signer).map(|name| name.to_string()),
        "key": details.map(|details| hex(details.key)),
        "hash": details.and_then(|details| details.hash_algorithm),
    });
    let status = output::print("lkm", &format!("{value:#}\n"));
    if result.is_ok() { status } else { status.max(1) }
}
