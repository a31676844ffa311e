//! Project chores.
//!
//! ```text
//! cargo run --release -p xtask -- sweep [RELEASE ...]   load and relocate every module of the installed trees
//! cargo run --release -p xtask -- docs [--check]        write docs/generated (exports, manual pages, completions), or compare
//! cargo run --release -p xtask -- inits [VERSION]      run every module's init function, each in a kernel of its own
//! cargo run --release -p xtask -- real [VERSION]       compare those that succeed with the real kernel in QEMU
//! cargo run --release -p xtask -- check                what `lkm check` says of every module of the installed trees
//! cargo run --release -p xtask -- exact [VERSION]      the same with each access checked, compared with the former
//! ```
#![forbid(unsafe_code)]

mod check_all;
mod docs;
mod exact;
mod inits;
mod real;
mod sweep;

use kernel::mm::check::Mode;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words.as_slice() {
        ["sweep-one", release] => sweep::one(release),
        ["sweep", releases @ ..] => sweep::all(releases),
        ["inits-one", release, module] => inits::one(release, module, Mode::default()),
        ["inits-one", release, module, "exact"] => inits::one(release, module, Mode::Exact),
        ["inits"] => inits::all("6.1"),
        ["inits", version] => inits::all(version),
        ["real"] => real::all("6.1"),
        ["real", version] => real::all(version),
        ["exact-one", release] => exact::one(release),
        ["exact"] => exact::all("6.1"),
        ["exact", version] => exact::all(version),
        ["check"] => check_all::all(),
        ["docs"] => docs::write(),
        ["docs", "--check"] => docs::check(),
        _ => Err(
            "usage: xtask sweep [RELEASE ...] | inits [VERSION] | real [VERSION] | exact [VERSION] | check | docs [--check]"
                .to_string(),
        ),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("xtask: {e}");
            ExitCode::FAILURE
        }
    }
}
