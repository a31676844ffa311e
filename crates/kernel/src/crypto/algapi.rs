//! The list of algorithms. Counterpart: crypto/{algapi,shash,ahash,skcipher,aead,rng,acompress,scompress,kpp,akcipher}.c.
//!
//! Modules register what they offer; names are checked and kept, as in Linux. Nothing allocates an algorithm by its
//! name yet, and the algorithms of the kernel image are not in the list.

use crate::mm::owned::{self, Block};
use kabi::errno::{EEXIST, EINVAL, ENOENT};
use kabi::{Field, KPtr, KResult, exports, kexport, size_of_struct};
use machine::access;
use std::sync::{Mutex, MutexGuard, PoisonError};

exports![
    crypto_register_alg,
    crypto_unregister_alg,
    crypto_register_algs,
    crypto_unregister_algs,
    crypto_register_shash,
    crypto_unregister_shash,
    crypto_register_shashes,
    crypto_unregister_shashes,
    crypto_register_ahash,
    crypto_unregister_ahash,
    crypto_register_ahashes,
    crypto_unregister_ahashes,
    crypto_register_skcipher,
    crypto_unregister_skcipher,
    crypto_register_skciphers,
    crypto_unregister_skciphers,
    crypto_register_aead,
    crypto_unregister_aead,
    crypto_register_aeads,
    crypto_unregister_aeads,
    crypto_register_rng,
    crypto_unregister_rng,
    crypto_register_rngs,
    crypto_unregister_rngs,
    crypto_register_acomp,
    crypto_unregister_acomp,
    crypto_register_acomps,
    crypto_unregister_acomps,
    crypto_register_scomp,
    crypto_unregister_scomp,
    crypto_register_scomps,
    crypto_unregister_scomps,
    crypto_register_kpp,
    crypto_unregister_kpp,
    crypto_register_akcipher,
    crypto_unregister_akcipher
];

/// The kernel's `struct crypto_alg`.
#[derive(Debug)]
pub struct CryptoAlg;

static NAME: Field = Field::new("crypto_alg", "cra_name");
static DRIVER: Field = Field::new("crypto_alg", "cra_driver_name");
static PRIORITY: Field = Field::new("crypto_alg", "cra_priority");
static BLOCKSIZE: Field = Field::new("crypto_alg", "cra_blocksize");
static ALIGNMASK: Field = Field::new("crypto_alg", "cra_alignmask");
static REFCNT: Field = Field::new("crypto_alg", "cra_refcnt.refs.counter");
static FLAGS: Field = Field::new("crypto_alg", "cra_flags");

/// `CRYPTO_MAX_ALG_NAME`.
const NAME_LEN: usize = 128;
/// `MAX_ALGAPI_BLOCKSIZE`.
const LARGEST_BLOCK: u32 = 160;
/// `MAX_ALGAPI_ALIGNMASK` of the newest kernel.
const LARGEST_ALIGNMASK: u32 = 127;
/// `CRYPTO_ALG_TYPE_MASK`.
const TYPE_MASK: u32 = 0xf;

/// What it is called in reports.
const ALGORITHM: owned::Kind = owned::Kind::Other("crypto algorithm");

/// A registered algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Algorithm {
    /// Its `struct crypto_alg`.
    pub addr: u64,
    /// Its name: `sha512`.
    pub name: Vec<u8>,
    /// The name of this implementation: `sha512-generic`.
    pub driver: Vec<u8>,
    /// The higher one is preferred.
    pub priority: i32,
}

static LIST: Mutex<Vec<Algorithm>> = Mutex::new(Vec::new());

fn list() -> MutexGuard<'static, Vec<Algorithm>> {
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All registered algorithms, newest first.
pub fn all() -> Vec<Algorithm> {
    list().clone()
}

/// Why a new algorithm cannot join the others.
fn clashes(list: &[Algorithm], new: &Algorithm) -> bool {
    let same = |old: &Algorithm| {
        old.addr == new.addr || old.driver == new.name || old.driver == new.driver || old.name == new.driver
    };
    list.iter().any(same)
}

/// One kind of algorithm: the structure that modules fill, and where its `struct crypto_alg` lies.
struct Kind {
    structure: &'static str,
    base: Field,
    /// Its number in `cra_flags`.
    number: u32,
}

impl Kind {
    const fn new(structure: &'static str, base: &'static str, number: u32) -> Self {
        Self { structure, base: Field::new(structure, base), number }
    }

    fn register(&self, alg: KPtr) -> KResult {
        let base: KPtr<CryptoAlg> = self.base.of(alg)?.cast();
        FLAGS.put(base, (FLAGS.get::<u32, _>(base)? & !TYPE_MASK) | self.number)?;
        register(base)
    }

    fn unregister(&self, alg: KPtr) -> KResult {
        unregister(self.base.of(alg)?.cast())
    }

    fn nth(&self, algs: KPtr, i: i32) -> KResult<KPtr> {
        Ok(algs.offset(i as u64 * size_of_struct(self.structure)? as u64))
    }

    /// Registers all of an array or none.
    fn register_all(&self, algs: KPtr, count: i32) -> KResult {
        for i in 0..count {
            if let Err(e) = self.register(self.nth(algs, i)?) {
                self.unregister_all(algs, i)?;
                return Err(e);
            }
        }
        Ok(())
    }

    fn unregister_all(&self, algs: KPtr, count: i32) -> KResult {
        (0..count).rev().try_for_each(|i| self.unregister(self.nth(algs, i)?))
    }
}

fn register(alg: KPtr<CryptoAlg>) -> KResult {
    let text = |field: &Field| KResult::Ok(access::read_str(field.of(alg)?.addr(), NAME_LEN)?);
    let new = Algorithm { addr: alg.addr(), name: text(&NAME)?, driver: text(&DRIVER)?, priority: PRIORITY.get(alg)? };
    let mask: u32 = ALIGNMASK.get(alg)?;
    let aligned = mask & mask.wrapping_add(1) == 0 && mask <= LARGEST_ALIGNMASK;
    let named = !new.name.is_empty() && !new.driver.is_empty();
    if !named || !aligned || BLOCKSIZE.get::<u32, _>(alg)? > LARGEST_BLOCK || new.priority < 0 {
        return Err(EINVAL.into());
    }
    REFCNT.put(alg, 1u32)?;
    let driver = String::from_utf8_lossy(&new.driver).into_owned();
    if !add(new) {
        return Err(EEXIST.into());
    }
    owned::note(alg.addr(), Block::new(ALGORITHM, 0).named(&driver));
    Ok(())
}

/// False if it clashes with one that is there.
fn add(new: Algorithm) -> bool {
    let mut list = list();
    let free = !clashes(&list, &new);
    if free {
        list.insert(0, new);
    }
    free
}

fn unregister(alg: KPtr<CryptoAlg>) -> KResult {
    let mut list = list();
    let at = list.iter().position(|a| a.addr == alg.addr()).ok_or(ENOENT)?;
    list.remove(at);
    drop(list);
    owned::take(ALGORITHM, alg.addr());
    Ok(())
}

/// What [`unregister`] says of an algorithm that is not there matters to nobody but the log.
fn quietly(result: KResult) -> KResult {
    match result {
        Err(kabi::KError::Errno(ENOENT)) => {
            crate::log::line(4, "Algorithm is not registered");
            crate::fault::warn_at_caller();
            Ok(())
        }
        other => other,
    }
}

/// Registers an algorithm of no special kind, such as a cipher.
///
/// # Errors
/// `EINVAL`: no name, or a size that is too large. `EEXIST`: the name is taken.
#[kexport(since = "2.6.0", header = "crypto/algapi.h", partial = "algorithms are listed, not yet found by name")]
fn crypto_register_alg(alg: KPtr<CryptoAlg>) -> KResult {
    register(alg)
}

/// Takes an algorithm back.
#[kexport(since = "2.6.0", header = "crypto/algapi.h")]
fn crypto_unregister_alg(alg: KPtr<CryptoAlg>) -> KResult {
    quietly(unregister(alg))
}

static PLAIN: PlainKind = PlainKind;

/// `struct crypto_alg` itself: there is no base to go to.
struct PlainKind;

impl PlainKind {
    fn nth(&self, algs: KPtr, i: i32) -> KResult<KPtr<CryptoAlg>> {
        Ok(algs.offset(i as u64 * size_of_struct("crypto_alg")? as u64).cast())
    }

    fn unregister_all(&self, algs: KPtr, count: i32) -> KResult {
        (0..count).rev().try_for_each(|i| unregister(self.nth(algs, i)?))
    }
}

/// Registers all algorithms of an array or none.
///
/// # Errors
/// As [`crypto_register_alg`].
#[kexport(since = "3.3", header = "crypto/algapi.h", partial = "algorithms are listed, not yet found by name")]
fn crypto_register_algs(algs: KPtr, count: i32) -> KResult {
    for i in 0..count {
        if let Err(e) = register(PLAIN.nth(algs, i)?) {
            PLAIN.unregister_all(algs, i)?;
            return Err(e);
        }
    }
    Ok(())
}

/// Takes all algorithms of an array back.
#[kexport(since = "3.3", header = "crypto/algapi.h")]
fn crypto_unregister_algs(algs: KPtr, count: i32) -> KResult {
    quietly(PLAIN.unregister_all(algs, count))
}

macro_rules! kind {
    ($kind:ident = $structure:literal, $base:literal, $number:literal, $header:literal, $what:literal;
     $register:ident, $unregister:ident) => {
        static $kind: Kind = Kind::new($structure, $base, $number);

        #[doc = concat!("Registers ", $what, ".")]
        ///
        /// # Errors
        /// As [`crypto_register_alg`].
        #[kexport(since = "3.3", header = $header, partial = "algorithms are listed, not yet found by name")]
        fn $register(alg: KPtr) -> KResult {
            $kind.register(alg)
        }

        #[doc = concat!("Takes ", $what, " back.")]
        #[kexport(since = "3.3", header = $header)]
        fn $unregister(alg: KPtr) -> KResult {
            quietly($kind.unregister(alg))
        }
    };
    ($kind:ident = $structure:literal, $base:literal, $number:literal, $header:literal, $what:literal;
     $register:ident, $unregister:ident, $register_all:ident, $unregister_all:ident) => {
        kind!($kind = $structure, $base, $number, $header, $what; $register, $unregister);

        #[doc = concat!("Registers ", $what, " for each entry of an array, or none.")]
        ///
        /// # Errors
        /// As [`crypto_register_alg`].
        #[kexport(since = "3.3", header = $header, partial = "algorithms are listed, not yet found by name")]
        fn $register_all(algs: KPtr, count: i32) -> KResult {
            $kind.register_all(algs, count)
        }

        #[doc = concat!("Takes ", $what, " back for each entry of an array.")]
        #[kexport(since = "3.3", header = $header)]
        fn $unregister_all(algs: KPtr, count: i32) -> KResult {
            quietly($kind.unregister_all(algs, count))
        }
    };
}

kind!(SHASH = "shash_alg", "base", 0xe, "crypto/internal/hash.h", "a hash that computes at once";
    crypto_register_shash, crypto_unregister_shash, crypto_register_shashes, crypto_unregister_shashes);
kind!(AHASH = "ahash_alg", "halg.base", 0xf, "crypto/internal/hash.h", "a hash that may answer later";
    crypto_register_ahash, crypto_unregister_ahash, crypto_register_ahashes, crypto_unregister_ahashes);
kind!(SKCIPHER = "skcipher_alg", "base", 0x5, "crypto/internal/skcipher.h", "a symmetric cipher";
    crypto_register_skcipher, crypto_unregister_skcipher, crypto_register_skciphers, crypto_unregister_skciphers);
kind!(AEAD = "aead_alg", "base", 0x3, "crypto/internal/aead.h", "a cipher that authenticates";
    crypto_register_aead, crypto_unregister_aead, crypto_register_aeads, crypto_unregister_aeads);
kind!(RNG = "rng_alg", "base", 0xc, "crypto/internal/rng.h", "a random number generator";
    crypto_register_rng, crypto_unregister_rng, crypto_register_rngs, crypto_unregister_rngs);
kind!(ACOMP = "acomp_alg", "base", 0xa, "crypto/internal/acompress.h", "a compressor that may answer later";
    crypto_register_acomp, crypto_unregister_acomp, crypto_register_acomps, crypto_unregister_acomps);
kind!(SCOMP = "scomp_alg", "base", 0xb, "crypto/internal/scompress.h", "a compressor that answers at once";
    crypto_register_scomp, crypto_unregister_scomp, crypto_register_scomps, crypto_unregister_scomps);
kind!(KPP = "kpp_alg", "base", 0x8, "crypto/internal/kpp.h", "a key agreement";
    crypto_register_kpp, crypto_unregister_kpp);
kind!(AKCIPHER = "akcipher_alg", "base", 0xd, "crypto/internal/akcipher.h", "a cipher with a public key";
    crypto_register_akcipher, crypto_unregister_akcipher);

#[cfg(test)]
mod tests {
    use super::*;

    fn algorithm(addr: u64, name: &str, driver: &str) -> Algorithm {
        Algorithm { addr, name: name.into(), driver: driver.into(), priority: 100 }
    }

    #[test]
    fn one_name_may_have_many_drivers_but_a_driver_has_its_name_alone() {
        let list = [algorithm(1, "sha512", "sha512-generic")];
        assert!(!clashes(&list, &algorithm(2, "sha512", "sha512-avx2")));
        assert!(clashes(&list, &algorithm(1, "other", "other-generic")));
        assert!(clashes(&list, &algorithm(2, "sha384", "sha512-generic")));
        assert!(clashes(&list, &algorithm(2, "sha512-generic", "x")));
        assert!(clashes(&list, &algorithm(2, "x", "sha512")));
    }
}
