//! Every exported function takes the arguments that the supported kernels' BTF says: a wrong signature fails here and
//! not in a user's module.

use kabi::Convention;

fn problems(release: &str) -> (usize, Vec<String>) {
    let profile = abi::Profile::for_release(release, &abi::Options::default()).expect("the kernel image is installed");
    let mut compared = 0;
    let mut problems = Vec::new();
    // Functions in assembler have no prototype: BTF calls them all void (void).
    for export in kernel::exports::functions().filter(|e| !e.header.starts_with("asm/uaccess")) {
        for name in export.names.iter().filter(|n| profile.export(n).is_some()) {
            let Some(prototype) = profile.prototype(name) else { continue };
            compared += 1;
            let variadic = export.convention == Convention::Variadic;
            let same = prototype.params.len() == usize::from(export.args) && prototype.variadic == variadic;
            if !same {
                problems.push(format!(
                    "{release}: {} is here: {}",
                    profile.declaration(name).unwrap_or_default(),
                    export.signature
                ));
            }
        }
    }
    (compared, problems)
}

#[test]
fn exported_functions_have_the_kernels_prototypes() {
    let releases: Vec<_> = abi::list(&abi::Options::default()).into_iter().filter(|a| a.is_image).collect();
    assert!(!releases.is_empty(), "no kernel image is installed: apt install linux-image-amd64");
    for available in releases {
        let (compared, problems) = problems(&available.release);
        assert!(compared > 100, "{}: only {compared} prototypes compared", available.release);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }
}
