//! `lkm sign` beside the kernel's `sign-file`, OpenSSL and Debian's modinfo.

mod common;

use common::{Folder, LKM, Said, ours, run, same};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

fn release() -> String {
    abi::newest("6.1", &abi::Options::default()).expect("this test needs Debian's kernel 6.1 in /boot")
}

fn sign_file(folder: &Path, words: &[&str]) {
    let program = format!("/lib/modules/{}/build/scripts/sign-file", release());
    let said = run(Command::new(program).args(words).current_dir(folder));
    assert_eq!(said.status, 0, "sign-file {words:?}: {said:?}");
}

fn openssl(folder: &Path, words: &str) {
    let said = run(Command::new("openssl").args(words.split(' ')).current_dir(folder));
    assert_eq!(said.status, 0, "openssl {words}: {said:?}");
}

fn lkm_sign(folder: &Path, words: &[&str]) -> Said {
    run(Command::new(LKM).arg("sign").args(words).current_dir(folder))
}

fn signed(folder: &Path, words: &[&str]) {
    let said = lkm_sign(folder, words);
    assert_eq!((said.status, said.out.as_str(), said.err.as_str()), (0, "", ""), "{words:?}");
}

fn bytes(folder: &Path, name: &str) -> Vec<u8> {
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// A folder with an unsigned module `m.ko`, and keys with certificates: `rsa`, `other`, `p256`, `p384`.
fn folder(name: &str) -> Folder {
    let folder = Folder::new(name);
    let module: PathBuf = format!("/lib/modules/{}/kernel/lib/crc7.ko", release()).into();
    std::fs::copy(module, folder.0.join("m.ko")).unwrap();
    signed(&folder.0, &["--strip", "m.ko"]);
    let request = "req -new -x509 -nodes -days 3650";
    for (name, kind) in [
        ("rsa", "rsa:2048"),
        ("other", "rsa:2048"),
        ("p256", "ec -pkeyopt ec_paramgen_curve:P-256"),
        ("p384", "ec -pkeyopt ec_paramgen_curve:P-384"),
    ] {
        openssl(
            &folder.0,
            &format!("{request} -newkey {kind} -subj /O=Test/CN=Key-{name} -keyout {name}.pem -out {name}.crt"),
        );
    }
    openssl(&folder.0, "x509 -in rsa.crt -outform der -out rsa.der");
    openssl(&folder.0, "rsa -in rsa.pem -traditional -out rsa1.pem");
    folder
}

#[test]
fn with_rsa_every_byte_is_sign_file_s() {
    let folder = folder("sign-rsa");
    for hash in ["sha256", "sha384", "sha512"] {
        for options in [&[][..], &["-k"], &["-p"]] {
            sign_file(&folder.0, &[options, &[hash, "rsa.pem", "rsa.crt", "m.ko", "theirs.ko"]].concat());
            let theirs = (bytes(&folder.0, "theirs.ko"), options == ["-p"]);
            let message = theirs.1.then(|| bytes(&folder.0, "m.ko.p7s"));
            for (key, certificate) in [("rsa.pem", "rsa.crt"), ("rsa1.pem", "rsa.der")] {
                signed(&folder.0, &[options, &[hash, key, certificate, "m.ko", "ours.ko"]].concat());
                assert!(bytes(&folder.0, "ours.ko") == theirs.0, "{hash} {options:?} {key} {certificate}");
                assert!(message.as_ref().is_none_or(|message| bytes(&folder.0, "m.ko.p7s") == *message));
            }
        }
    }
    same("modinfo", &["ours.ko"], &folder.0);
    let before = bytes(&folder.0, "m.ko");
    signed(&folder.0, &["-d", "sha256", "rsa.pem", "rsa.crt", "m.ko"]);
    let message = bytes(&folder.0, "m.ko.p7s");
    assert!(bytes(&folder.0, "m.ko") == before, "-d leaves the module alone");
    std::fs::rename(folder.0.join("m.ko.p7s"), folder.0.join("raw")).unwrap();
    sign_file(&folder.0, &["-d", "sha256", "rsa.pem", "rsa.crt", "m.ko"]);
    assert!(bytes(&folder.0, "m.ko.p7s") == message);
    sign_file(&folder.0, &["-s", "raw", "sha256", "rsa.crt", "m.ko", "theirs.ko"]);
    signed(&folder.0, &["-s", "raw", "sha256", "rsa.crt", "m.ko", "ours.ko"]);
    assert!(bytes(&folder.0, "ours.ko") == bytes(&folder.0, "theirs.ko"));
    openssl(&folder.0, "cms -verify -binary -inform DER -in raw -content m.ko -certfile rsa.crt -noverify -out out");
    signed(&folder.0, &["--strip", "ours.ko"]);
    assert!(bytes(&folder.0, "ours.ko") == before);
}

#[test]
fn an_encrypted_key_is_opened_as_sign_file_opens_it() {
    let folder = folder("sign-locked");
    let dir = &folder.0;
    let sign_file = format!("/lib/modules/{}/build/scripts/sign-file", release());
    for (at, how) in ["", " -v2 aes-128-cbc", " -scrypt", " -v2prf hmacWithSHA512 -iter 5000"].iter().enumerate() {
        openssl(dir, &format!("pkcs8 -topk8 -in rsa.pem -out locked.pem -passout pass:secret{how}"));
        let words = ["sha256", "locked.pem", "rsa.crt", "m.ko"];
        let said = run(Command::new(&sign_file)
            .args(words)
            .arg("theirs.ko")
            .env("KBUILD_SIGN_PIN", "secret")
            .current_dir(dir));
        assert_eq!(said.status, 0, "{how}: {said:?}");
        let mut ours = Command::new(LKM);
        ours.arg("sign").args(words).arg(format!("ours-{at}.ko")).current_dir(dir);
        let said = run(ours.env("KBUILD_SIGN_PIN", "secret"));
        assert_eq!((said.status, said.err.as_str()), (0, ""), "{how}");
        assert!(bytes(dir, &format!("ours-{at}.ko")) == bytes(dir, "theirs.ko"), "{how}");
        let wrong = run(ours.env("KBUILD_SIGN_PIN", "wrong"));
        assert!(wrong.status == 1 && wrong.err.contains("does not open it"), "{how}: {wrong:?}");
    }
    openssl(dir, "rsa -in rsa.pem -traditional -aes256 -passout pass:secret -out old.pem");
    let mut old = Command::new(LKM);
    let said = run(old
        .args(["sign", "sha256", "old.pem", "rsa.crt", "m.ko"])
        .env("KBUILD_SIGN_PIN", "secret")
        .current_dir(dir));
    assert!(said.status == 1 && said.err.contains("pkcs8 -topk8 -in old.pem"), "{said:?}");
}

#[test]
fn curves_are_signed_and_verified_by_either_side() {
    let folder = folder("sign-curves");
    for (name, hash) in [("p256", "sha256"), ("p384", "sha384")] {
        let (key, sec1, certificate) = (format!("{name}.pem"), format!("{name}.sec1"), format!("{name}.crt"));
        openssl(&folder.0, &format!("ec -in {key} -out {sec1}"));
        for key in [&key, &sec1] {
            signed(&folder.0, &["-p", hash, key, &certificate, "m.ko", "s.ko"]);
            let check = "cms -verify -binary -inform DER -in m.ko.p7s -content m.ko -noverify -out out -certfile";
            openssl(&folder.0, &format!("{check} {certificate}"));
            verified(&folder.0, &certificate, "s.ko");
            same("modinfo", &["s.ko"], &folder.0);
        }
        sign_file(&folder.0, &[hash, &key, &certificate, "m.ko", "theirs.ko"]);
        verified(&folder.0, &certificate, "theirs.ko");
    }
    let said = lkm_sign(&folder.0, &["sha512", "p256.pem", "p256.crt", "m.ko"]);
    assert_eq!(said.status, 1);
    assert!(said.err.contains("cure: take sha256"), "{said:?}");
}

fn verified(folder: &Path, certificate: &str, module: &str) {
    let said = lkm_sign(folder, &["--verify", certificate, module]);
    assert_eq!((said.status, said.err.as_str()), (0, ""), "{said:?}");
    assert!(said.out.starts_with(&format!("{module}: good signature of Key-")), "{said:?}");
}

#[test]
fn what_is_not_accepted_is_told_with_its_cause() {
    let folder = folder("sign-verify");
    let dir = &folder.0;
    signed(dir, &["sha256", "rsa.pem", "rsa.crt", "m.ko", "good.ko"]);
    verified(dir, "rsa.crt", "good.ko");
    verified(dir, "rsa.der", "good.ko");
    signed(dir, &["-k", "sha256", "rsa.pem", "rsa.crt", "m.ko", "keyid.ko"]);
    verified(dir, "rsa.crt", "keyid.ko");
    sign_file(dir, &["sha1", "rsa.pem", "rsa.crt", "m.ko", "sha1.ko"]);
    let mut changed = bytes(dir, "good.ko");
    changed[1000] ^= 1;
    folder.file("changed.ko", &changed);
    let mut damaged = bytes(dir, "good.ko");
    let trailer = damaged.len() - 28 - 12;
    damaged[trailer] = 9;
    folder.file("damaged.ko", &damaged);
    for (certificate, module, code, part) in [
        ("rsa.crt", "m.ko", "no-signature", "it has no signature"),
        ("other.crt", "good.ko", "wrong-key", "signed with another key: one of Key-rsa"),
        ("other.crt", "keyid.ko", "wrong-key", "signed with another key"),
        ("rsa.crt", "changed.ko", "changed", "changed after it was signed"),
        ("rsa.crt", "sha1.ko", "hash-not-supported", "its hash, sha1, is not supported"),
        ("rsa.crt", "damaged.ko", "damaged", "a field that is 0 with PKCS#7 is not 0"),
    ] {
        let said = lkm_sign(dir, &["--verify", certificate, module]);
        assert_eq!((said.status, said.out.as_str()), (1, ""), "{module}: {said:?}");
        assert!(said.err.contains(part) && said.err.contains("cure:"), "{module}: {said:?}");
        let json = lkm_sign(dir, &["--json", "--verify", certificate, module]);
        assert_eq!((json.status, json.err.as_str()), (1, ""), "{module}: {json:?}");
        assert!(json.out.contains(&format!("\\\"problem\\\": \\\"{code}\\\"")), "{module}: {json:?}");
    }
    let json = lkm_sign(dir, &["--verify", "--json", "rsa.crt", "good.ko"]);
    assert_eq!(json.status, 0);
    for part in ["\\\"valid\\\": true", "\\\"problem\\\": null", "\\\"signer\\\": \\\"Key-rsa\\\"", "\\\"sha256\\\""] {
        assert!(json.out.contains(part), "{part}: {json:?}");
    }
    // Debian's own: whole, but with a key that is not here.
    let debian = format!("/lib/modules/{}/kernel/lib/crc7.ko", release());
    assert!(lkm_sign(dir, &["--verify", "rsa.crt", &debian]).err.contains("another key"));
}

#[test]
fn the_file_is_replaced_with_its_mode_and_a_link_stays() {
    let folder = folder("sign-file");
    let dir = &folder.0;
    std::fs::set_permissions(dir.join("m.ko"), std::fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::symlink("m.ko", dir.join("link.ko")).unwrap();
    signed(dir, &["sha256", "rsa.pem", "rsa.crt", "link.ko"]);
    assert!(dir.join("link.ko").is_symlink());
    assert_eq!(dir.join("m.ko").metadata().unwrap().mode() & 0o7777, 0o640);
    verified(dir, "rsa.crt", "m.ko");
    let once = bytes(dir, "m.ko");
    // As with sign-file a second signature covers the first one; a hint says how to be without it.
    let twice = lkm_sign(dir, &["sha256", "rsa.pem", "rsa.crt", "m.ko", "twice.ko"]);
    assert_eq!(twice.status, 0);
    assert!(twice.err.contains("is signed already") && twice.err.contains("--strip m.ko"), "{twice:?}");
    sign_file(dir, &["sha256", "rsa.pem", "rsa.crt", "m.ko", "theirs.ko"]);
    assert!(bytes(dir, "twice.ko") == bytes(dir, "theirs.ko"));
    signed(dir, &["--strip", "twice.ko", "plain.ko"]);
    assert!(once.starts_with(&bytes(dir, "plain.ko")));
    assert_eq!(lkm_sign(dir, &["--strip", "plain.ko"]).status, 1);
    let pipe = "mkfifo p; cat p >copy & \"$0\" sign sha256 rsa.pem rsa.crt plain.ko p && wait";
    assert_eq!(run(Command::new("sh").args(["-c", pipe, LKM]).current_dir(dir)).status, 0);
    assert!(bytes(dir, "copy") == once && !dir.join("p").is_file(), "what is no file is written to");
    let left: Vec<_> = std::fs::read_dir(dir).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.as_encoded_bytes().starts_with(b".")), "{left:?}");
}

#[test]
fn wrong_keys_and_words_are_refused_with_a_cure() {
    let folder = folder("sign-refused");
    let dir = &folder.0;
    openssl(dir, "pkcs8 -topk8 -in rsa.pem -out locked.pem -passout pass:secret");
    openssl(dir, "genrsa -out small.pem 1024");
    openssl(dir, "req -new -x509 -key small.pem -subj /CN=small -out small.crt");
    let before = bytes(dir, "m.ko");
    for (words, status, part) in [
        (&["sha256", "other.pem", "rsa.crt", "m.ko"][..], 1, "other.pem is not the key of rsa.crt"),
        (&["sha256", "p256.pem", "rsa.crt", "m.ko"], 1, "p256.pem holds no key that can be used"),
        (&["sha256", "locked.pem", "rsa.crt", "m.ko"], 1, "openssl pkey -in locked.pem"),
        (&["sha256", "small.pem", "small.crt", "m.ko"], 1, "2048 to 4096 bits"),
        (&["sha256", "pkcs11:token", "rsa.crt", "m.ko"], 1, "PKCS#11 tokens are not supported"),
        (&["sha256", "rsa.crt", "rsa.crt", "m.ko"], 1, "rsa.crt holds no private key"),
        (&["sha256", "rsa.pem", "rsa.pem", "m.ko"], 1, "rsa.pem holds no certificate"),
        (&["sha1", "rsa.pem", "rsa.crt", "m.ko"], 1, "the hash sha1 is not supported"),
        (&["sha256", "rsa.pem", "rsa.crt", "rsa.crt"], 1, "rsa.crt is no module"),
        (&["sha256", "rsa.pem", "rsa.crt", "absent.ko"], 1, "cannot read absent.ko: "),
        (&["sha256", "rsa.pem", "rsa.crt", "m.ko", "no/such/place"], 1, "cannot write no/such/place"),
        (&["sha256", "rsa.pem", "rsa.crt"], 2, "`lkm sign --help`"),
        (&["--verify", "rsa.crt"], 2, "`lkm sign --help`"),
        (&["--frob"], 2, "--frob"),
    ] {
        let said = lkm_sign(dir, words);
        assert_eq!((said.status, said.out.as_str()), (status, ""), "{words:?}: {said:?}");
        let first = part.strip_suffix(": ").unwrap_or(part);
        assert!(said.err.contains(first), "{words:?}: {said:?}");
    }
    assert!(bytes(dir, "m.ko") == before, "a refusal leaves the module alone");
    let help = lkm_sign(dir, &["--help"]);
    assert!(help.status == 0 && help.out.contains("Examples:"), "{help:?}");
    // Only lkm's own name leads to it: `sign` is no program of a distribution.
    assert_ne!(run(ours("sign").arg("--help")), help);
}
