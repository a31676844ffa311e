//! Damaged modules: what is looked for in them makes nothing panic, and what must not load is told of. The damages are those
//! of the kernel's own test. Needs Debian's 6.1 kernel image and its modules.
//!
//! `cargo test -p check --test hostile` takes a sample, `-- --ignored` takes everything.

#[allow(dead_code, reason = "the kernel's test uses all of it")]
#[path = "../../kernel/tests/hostile/cases.rs"]
mod cases;
#[path = "../../kernel/tests/hostile/elf.rs"]
mod elf;

use check::{Kernel, Severity};

/// Modules in which much is looked for, small enough to be damaged often.
const MODULES: [&str; 4] = [
    "lib/test_user_copy.ko",
    "drivers/char/ppdev.ko",
    "drivers/accessibility/speakup/speakup.ko",
    "net/core/pktgen.ko",
];

/// Checks every `step`th damage, and so many random ones.
fn damages(step: usize, random: usize) {
    let options = abi::Options::default();
    let release = abi::newest("6.1", &options).expect("linux-image-amd64 (6.1) is installed");
    let profile = || abi::Profile::for_release(&release, &options).unwrap();
    check::adopt(profile());
    let kernel =
        Kernel::new(profile(), Box::new(|symbol| if symbol.len() < 64 { vec!["some".into()] } else { vec![] }));
    let mut missed = Vec::new();
    let mut refused = 0;
    let has_error = |name: &str, bytes: &[u8]| {
        let findings = check::check_bytes(name, bytes, Some(&kernel));
        findings.iter().any(|finding| finding.severity == Severity::Error)
    };
    for name in MODULES {
        let good = std::fs::read(format!("/lib/modules/{release}/kernel/{name}")).unwrap();
        assert!(!has_error(name, &good), "{name}");
        let all = cases::all(name, &good).into_iter().step_by(step).chain(cases::random(name, &good, random));
        for case in all {
            let is_told = has_error(name, &case.bytes(&good));
            refused += usize::from(is_told);
            if case.must_fail && !is_told {
                missed.push(case.name);
            }
        }
    }
    assert!(refused > 0);
    assert_eq!(missed, Vec::<String>::new());
}

#[test]
fn a_sample_of_damaged_modules() {
    damages(37, 100);
}

#[test]
#[ignore = "takes minutes"]
fn all_damaged_modules() {
    damages(1, 5_000);
}
