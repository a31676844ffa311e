//! The report at the end of `lkm run`: what stayed behind, for people and as JSON.

use crate::term::Paint;
use serde::Serialize;
use wire::{CallFrame, Finding, Leftover, LoadedModule, Report};

/// All that a run has to tell.
#[derive(Debug, Default, Serialize)]
pub struct Summary {
    /// The file that was run.
    pub file: String,
    /// The module's name.
    pub module: String,
    /// The kernel's release.
    pub kernel: String,
    /// The exit status of `lkm run`.
    pub status: u8,
    /// The exit status of the command inside, if there was one.
    pub command_status: Option<u8>,
    /// Why the module was refused.
    pub refused: Option<Refused>,
    /// What the kernel reported, unless it died.
    pub report: Option<Report>,
}

/// Why a module was refused.
#[derive(Debug, Clone, Serialize)]
pub struct Refused {
    /// The file that was refused.
    pub file: String,
    /// The errno's name; `killed` if init oopsed.
    pub errno: String,
    /// Why, where it is known.
    pub cause: Option<String>,
    /// What to do, where it is known.
    pub cure: Option<String>,
    /// The lines of the log that say so.
    pub log: Vec<String>,
}

/// Whether a report is a reason for the exit status 120. A module without an exit function stays by its own will, and
/// so does what it made.
pub fn left_behind(report: &Report) -> bool {
    let stays = |name: &str| report.loaded.iter().any(|module| module.permanent && module.name == name);
    report.oopses > 0
        || !report.findings.is_empty()
        || report.loaded.iter().any(|module| !module.permanent)
        || report.leftovers.iter().any(|left| !stays(&left.module))
}

/// A number of bytes as people read it.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    // Exact enough: one digit after the point is shown.
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS.get(unit).copied().unwrap_or_default())
}

/// The text for standard error.
pub fn render(summary: &Summary, paint: Paint) -> String {
    let mut text = String::new();
    let Some(report) = &summary.report else { return text };
    if summary.refused.is_none() || left_behind(report) {
        text.push_str(&headline(summary, report, paint));
    }
    for module in &report.loaded {
        text.push_str(&loaded(module, paint));
    }
    for finding in &report.findings {
        text.push_str(&found(finding, paint));
    }
    for left in &report.leftovers {
        text.push_str(&leftover(left, paint));
    }
    if report.oopses > 0 || report.warnings > 0 {
        text.push_str(&format!(
            "  {}, {}\n",
            counted(report.oopses, "oops", "es"),
            counted(report.warnings, "warning", "s")
        ));
    }
    text.push_str(&incomplete(report, paint));
    text
}

fn counted(count: u32, what: &str, plural: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { plural })
}

fn headline(summary: &Summary, report: &Report, paint: Paint) -> String {
    let Summary { module, kernel, .. } = summary;
    let kernel = paint.faint(&format!("(kernel {kernel})"));
    if report.oopses > 0 {
        format!("{} {} {kernel}\n", paint.bad("lkm:"), paint.bold(&format!("the kernel oopsed in the run of {module}")))
    } else if !report.findings.is_empty() {
        format!("{} {} {kernel}\n", paint.bad("lkm:"), paint.bold(&format!("{module} used memory wrongly")))
    } else if left_behind(report) {
        format!("{} {} {kernel}\n", paint.warn("lkm:"), paint.bold(&format!("{module} left something behind")))
    } else if report.loaded.iter().any(|m| m.permanent && m.name == *module) {
        format!("{} {module} has no exit function and stays loaded {kernel}\n", paint.good("lkm:"))
    } else {
        format!("{} {module} left nothing behind {kernel}\n", paint.good("lkm:"))
    }
}

fn loaded(module: &LoadedModule, paint: Paint) -> String {
    let LoadedModule { name, state, refcount, permanent } = module;
    let why = match (state.as_str(), refcount, permanent) {
        ("Live", _, true) => "it has no exit function".into(),
        ("Live", 0, false) => "nothing uses it, but it was not unloaded".into(),
        ("Live", count, _) => format!("its reference count is {count}: something still uses it"),
        (state, ..) => format!("its state is {state}: its init or exit function did not end"),
    };
    format!("  still loaded: {} {}\n", paint.bold(name), paint.faint(&format!("({why})")))
}

fn leftover(left: &Leftover, paint: Paint) -> String {
    let Leftover { kind, name, module, count, bytes, made_by } = left;
    let mut what = if *count == 1 { kind.clone() } else { format!("{count} × {kind}") };
    if let Some(name) = name {
        what.push_str(&format!(" {name}"));
    }
    if *bytes > 0 {
        what.push_str(&format!(", {}", size(*bytes)));
    }
    let mut text = format!("  {} {}\n", paint.bold(&what), paint.faint(&format!("of {module}")));
    text.push_str(&chain("made by", made_by, paint));
    text
}

/// A call chain, `what` before its first frame.
fn chain(what: &str, frames: &[CallFrame], paint: Paint) -> String {
    let mut text = String::new();
    let rest = format!("{:>width$}", "from", width = what.len());
    for (n, frame) in frames.iter().enumerate() {
        let source = frame.source.as_ref().map(|source| format!(" {}", paint.faint(source))).unwrap_or_default();
        let word = if n == 0 { what } else { &rest };
        text.push_str(&format!("    {} {}{source}\n", paint.faint(word), frame.text));
    }
    text
}

fn found(finding: &Finding, paint: Paint) -> String {
    let times = if finding.count == 1 { String::new() } else { format!(" ({} times)", finding.count) };
    let mut text = format!("  {}{times}\n", paint.bad(&finding.what));
    for (what, frames) in &finding.chains {
        text.push_str(&chain(what, frames, paint));
    }
    if let Some(advice) = &finding.advice {
        text.push_str(&format!("    {advice}\n"));
    }
    text
}

fn incomplete(report: &Report, paint: Paint) -> String {
    let mut imports: Vec<_> = report.incomplete.iter().collect();
    imports.sort_by(|a, b| (&a.how, &a.symbol).cmp(&(&b.how, &b.symbol)));
    if imports.is_empty() {
        return String::new();
    }
    let mut text = String::from("  called, and not complete in lkm's kernel:\n");
    for import in imports {
        let missing = import.missing.as_ref().map(|what| format!(": {what}")).unwrap_or_default();
        text.push_str(&format!("    {:<8} {}{missing}\n", import.how, paint.bold(&import.symbol)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::IncompleteImport;

    fn summary(report: Report) -> Summary {
        Summary { module: "m".into(), kernel: "6.1".into(), report: Some(report), ..Summary::default() }
    }

    fn kmalloc(count: u64) -> Leftover {
        let frame = |text: &str, source: Option<&str>| {
            let source = source.map(str::to_string);
            CallFrame { text: text.into(), place: None, source }
        };
        let made_by = vec![frame("make+0x1f/0x30 [m]", Some("m.c:7")), frame("m_init+0x4/0x10 [m]", None)];
        Leftover { kind: "kmalloc memory".into(), name: None, module: "m".into(), count, bytes: 3 << 10, made_by }
    }

    #[test]
    fn a_clean_run_is_one_line() {
        assert_eq!(render(&summary(Report::default()), Paint::off()), "lkm: m left nothing behind (kernel 6.1)\n");
    }

    #[test]
    fn leftovers_name_their_maker() {
        let report = Report {
            leftovers: vec![kmalloc(3)],
            loaded: vec![LoadedModule { name: "m".into(), state: "Live".into(), refcount: 2, permanent: false }],
            incomplete: vec![IncompleteImport { symbol: "foo".into(), how: "trap".into(), missing: None }],
            ..Report::default()
        };
        assert!(left_behind(&report));
        let want = "lkm: m left something behind (kernel 6.1)\n  still loaded: m (its reference count is 2: something still uses it)\n\
                    \x20 3 × kmalloc memory, 3.0 KiB of m\n    made by make+0x1f/0x30 [m] m.c:7\n       from m_init+0x4/0x10 [m]\n\
                    \x20 called, and not complete in lkm's kernel:\n    trap     foo\n";
        assert_eq!(render(&summary(report), Paint::off()), want);
    }

    #[test]
    fn a_permanent_module_may_keep_what_it_made() {
        let mut report = Report {
            leftovers: vec![kmalloc(1)],
            loaded: vec![LoadedModule { name: "m".into(), state: "Live".into(), refcount: 0, permanent: true }],
            ..Report::default()
        };
        assert!(!left_behind(&report));
        report.oopses = 1;
        assert!(left_behind(&report));
    }

    #[test]
    fn findings_tell_both_chains_and_what_to_do() {
        let frame = |text: &str| vec![CallFrame { text: text.into(), ..CallFrame::default() }];
        let finding = Finding {
            what: "double free".into(),
            count: 3,
            chains: vec![("freed in".into(), frame("f [m]")), ("allocated in".into(), frame("g [m]"))],
            advice: Some("free it once".into()),
        };
        let report = Report { findings: vec![finding], ..Report::default() };
        assert!(left_behind(&report));
        let want = "lkm: m used memory wrongly (kernel 6.1)\n  double free (3 times)\n    freed in f [m]\n    \
                    allocated in g [m]\n    free it once\n";
        assert_eq!(render(&summary(report), Paint::off()), want);
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!([size(5), size(1536), size(5 << 30)], ["5 bytes", "1.5 KiB", "5.0 GiB"]);
    }
}
