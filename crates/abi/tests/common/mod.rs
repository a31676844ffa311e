//! The kernels that the tests look at: the newest of each series that is installed.

/// The newest installed release of a series ("6.1"); where there is none, the series' own name, which is no kernel.
pub fn newest(series: &'static str) -> &'static str {
    let options = abi::Options::default();
    abi::newest(series, &options).map_or(series, |release| Box::leak(release.into_boxed_str()))
}

pub fn debian_6_1() -> &'static str {
    newest("6.1")
}

#[allow(dead_code, reason = "not every test file needs the second kernel")]
pub fn debian_6_12() -> &'static str {
    newest("6.12")
}
