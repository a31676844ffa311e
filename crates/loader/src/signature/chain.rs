//! Whether a message is sound in itself, and whether it leads to a trusted key.
//!
//! Counterparts: `crypto/asymmetric_keys/pkcs7_verify.c` (`pkcs7_verify_one`, `pkcs7_verify_sig_chain`), `pkcs7_trust.c`.

use super::certificate::{Authority, Enclosed, by_key};
use super::keyring::KeyRing;
use super::message::{ENOPKG, Message};
use super::{EKEYREJECTED, ENOKEY, errno_of, is_supported};
use crate::refusal::{LogLine, Refusal};
use kabi::Errno;
use kofile::signature::x509::Certificate;
use kofile::signature::{SignerId, SignerInfo};
use signing::Verdict;

/// A message and the contents that it signs.
pub(super) struct Chains<'m, 'a> {
    message: &'m Message<'a>,
    contents: &'m [u8],
    /// Which certificate of the message signed each of its certificates.
    issuers: Vec<Option<usize>>,
    /// For each signer the certificate of its key, if the message has it; `None` for one whose hash the kernel lacks.
    signers: Vec<Option<Option<usize>>>,
}

fn rejected(errno: Errno) -> Refusal {
    let detail = "the file was changed after it was signed, or the signature or one of its certificates is damaged";
    Refusal { detail: Some(detail.into()), ..Refusal::silent(errno) }
}

/// Whether the key made the signature; `Err` if the kernel cannot tell.
fn made(verdict: Verdict) -> Result<(), Refusal> {
    match verdict {
        Verdict::Good => Ok(()),
        wrong => Err(rejected(errno_of(wrong))),
    }
}

impl<'m, 'a> Chains<'m, 'a> {
    /// Verifies what the message can verify itself: signatures whose certificates it has, and what these issued.
    ///
    /// # Errors
    /// What is wrong with the first such signature; `ENOPKG` if no signer's hash is known.
    pub(super) fn verify(
        message: &'m Message<'a>,
        contents: &'m [u8],
        log: &mut Vec<LogLine>,
    ) -> Result<Self, Refusal> {
        let issuers = vec![None; message.certificates.len()];
        let mut chains = Self { message, contents, issuers, signers: Vec::new() };
        for (index, signer) in message.signers.iter().enumerate() {
            let found = match chains.signer(index, signer, log) {
                Err(refusal) if refusal.errno == ENOPKG => None,
                other => Some(other?),
            };
            chains.signers.push(found);
        }
        match chains.signers.iter().all(Option::is_none) {
            true => Err(Refusal::silent(ENOPKG)),
            false => Ok(chains),
        }
    }

    fn signer(
        &mut self,
        index: usize,
        signer: &SignerInfo<'_>,
        log: &mut Vec<LogLine>,
    ) -> Result<Option<usize>, Refusal> {
        let Some(hash) = signer.hash.filter(|hash| is_supported(hash)) else {
            return Err(Refusal::silent(ENOPKG));
        };
        // A key's identifier alone is not looked for among the certificates.
        let SignerId::Certificate { issuer, serial } = signer.id else { return Ok(None) };
        let Some(first) = self.message.certificates.iter().position(|c| c.is(issuer, serial)) else {
            return Ok(None);
        };
        let certificate = &self.message.certificates[first].certificate;
        made(by_key(certificate, signer.algorithm, hash, self.contents, signer.signature))?;
        self.follow(index + 1, first, log)?;
        Ok(Some(first))
    }

    /// Goes from a certificate to those who issued it, as far as the message has them.
    fn follow(&mut self, signer: usize, first: usize, log: &mut Vec<LogLine>) -> Result<(), Refusal> {
        let certificates = &self.message.certificates;
        let mut seen = vec![false; certificates.len()];
        let mut at = first;
        loop {
            let one = &certificates[at];
            seen[at] = true;
            if one.self_signed {
                self.issuers[at] = Some(at);
                return Ok(());
            }
            let Some(next) = issuer_of(one, certificates) else { return Ok(()) };
            let issuer = &certificates[next];
            if one.authority.id.is_some()
                && one.authority.key_id.is_some_and(|id| issuer.certificate.key_id != Some(id))
            {
                let (from, to) = (at + 1, next + 1);
                let text = format!("PKCS7: Sig {signer}: X.509 chain contains auth-skid nonmatch ({from}->{to})");
                return Err(Refusal::logged(EKEYREJECTED, LogLine::warn(text)));
            }
            if seen[next] {
                log.push(LogLine::warn(format!("PKCS7: Sig {signer}: X.509 chain contains loop")));
                return Ok(());
            }
            made(one.is_signed_by(&issuer.certificate))?;
            self.issuers[at] = Some(next);
            at = next;
        }
    }

    /// Whether a key of the ring made one of the signatures, or stands at the end of a chain of certificates from it.
    ///
    /// # Errors
    /// `ENOKEY`: none does. `EKEYREJECTED`: one of its keys is named, and did not make the signature.
    pub(super) fn trusted(&self, ring: &KeyRing<'_>) -> Result<(), Refusal> {
        let mut seen: Vec<Option<bool>> = vec![None; self.issuers.len()];
        let mut result = Err(ENOKEY);
        for (signer, first) in self.message.signers.iter().zip(&self.signers) {
            let one = first.map_or(Err(Refusal::silent(ENOPKG)), |first| self.trust(signer, first, ring, &mut seen));
            match one.map_err(|refusal| (refusal.errno, refusal)) {
                Ok(()) => result = Ok(()),
                Err((ENOKEY, _)) => {}
                Err((ENOPKG, _)) => result = result.or(Err(ENOPKG)),
                Err((_, refusal)) => return Err(refusal),
            }
        }
        result.map_err(Refusal::silent)
    }

    /// One signer; `seen` are the certificates that were looked for, with whether they led to a trusted key.
    fn trust(
        &self,
        signer: &SignerInfo<'_>,
        first: Option<usize>,
        ring: &KeyRing<'_>,
        seen: &mut [Option<bool>],
    ) -> Result<(), Refusal> {
        let mut path = Vec::new();
        let mut next = first;
        while let Some(at) = next {
            match seen[at] {
                Some(true) => return Ok(()),
                Some(false) => return Err(Refusal::silent(ENOKEY)),
                None => seen[at] = Some(false),
            }
            let below = path.last().copied();
            path.push(at);
            let one = &self.message.certificates[at];
            if let Some(key) = ring.find(Some((one.certificate.issuer, one.certificate.serial)), one.certificate.key_id)
            {
                self.by(key, signer, below)?;
                path.iter().for_each(|at| seen[*at] = Some(true));
                return Ok(());
            }
            if self.issuers[at] == Some(at) {
                return Err(Refusal::silent(ENOKEY));
            }
            next = self.issuers[at];
        }
        self.trust_root(signer, &path, ring, seen)
    }

    /// No certificate of the chain is trusted: who issued the last one, or who signed the contents, may be.
    fn trust_root(
        &self,
        signer: &SignerInfo<'_>,
        path: &[usize],
        ring: &KeyRing<'_>,
        seen: &mut [Option<bool>],
    ) -> Result<(), Refusal> {
        if let Some(last) = path.last().copied() {
            let Authority { id, key_id } = self.message.certificates[last].authority;
            if id.is_some() && key_id.is_some() && ring.find(id, None).is_some() && ring.find(id, key_id).is_none() {
                return Err(rejected(EKEYREJECTED));
            }
            if let Some(key) = ring.find(id, key_id).filter(|_| id.is_some() || key_id.is_some()) {
                self.by(key, signer, Some(last))?;
                path.iter().for_each(|at| seen[*at] = Some(true));
                return Ok(());
            }
        }
        let direct = ring.certificates().iter().find(|certificate| signing::is_of(signer, certificate));
        match direct {
            Some(key) => self.by(key, signer, None),
            None => Err(Refusal::silent(ENOKEY)),
        }
    }

    /// Whether a trusted key signed a certificate, or the contents if there is none below it.
    fn by(&self, key: &Certificate<'_>, signer: &SignerInfo<'_>, below: Option<usize>) -> Result<(), Refusal> {
        let verdict = match below {
            Some(below) => self.message.certificates[below].is_signed_by(key),
            None => {
                let hash = signer.hash.unwrap_or_default();
                by_key(key, signer.algorithm, hash, self.contents, signer.signature)
            }
        };
        match verdict {
            Verdict::Good => Ok(()),
            Verdict::Unsupported => Err(Refusal::silent(ENOKEY)),
            _ => Err(rejected(EKEYREJECTED)),
        }
    }
}

/// Who issued a certificate, among those of the message.
fn issuer_of(one: &Enclosed<'_>, all: &[Enclosed<'_>]) -> Option<usize> {
    match one.authority {
        Authority { id: Some((issuer, serial)), .. } => all.iter().position(|c| c.is(issuer, serial)),
        Authority { key_id: Some(id), .. } => all.iter().position(|c| c.certificate.key_id == Some(id)),
        _ => None,
    }
}
