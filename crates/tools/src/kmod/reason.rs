//! Why the kernel refused a module: what it wrote to its log meanwhile, the cause, and the cure.

use crate::backend::{self, LogStart};
use crate::explain;
use crate::term::Paint;
use std::ffi::OsStr;
use std::path::Path;

/// Which record of the log was the last one.
#[derive(Debug, Default)]
pub struct Before(Option<u64>);

impl Before {
    /// The last record of now.
    pub fn now(instance: Option<&OsStr>) -> Self {
        Before(records(instance).last().map(|(number, _)| *number))
    }
}

/// The records of the log: their numbers and texts; none if it cannot be read.
fn records(instance: Option<&OsStr>) -> Vec<(u64, String)> {
    let mut all = Vec::new();
    let Ok(mut log) = backend::kernel_log(instance) else { return all };
    if log.open(LogStart::Cleared, false).is_err() {
        return all;
    }
    while let Ok(Some(record)) = log.next_record() {
        all.extend(parse(&record));
    }
    all
}

/// Number and text of a record of `/dev/kmsg`: `priority,number,time,flags;text`.
fn parse(record: &[u8]) -> Option<(u64, String)> {
    let record = String::from_utf8_lossy(record);
    let (head, text) = record.split_once(';')?;
    let number = head.split(',').nth(1)?.parse().ok()?;
    Some((number, text.lines().next().unwrap_or_default().to_owned()))
}

/// Tells cause and cure of a refusal.
pub fn explain(instance: Option<&OsStr>, before: &Before, errno: i32, path: &Path) {
    let new = records(instance).into_iter().filter(|(number, _)| before.0.is_none_or(|last| *number > last));
    let lines = explain::telling(new.map(|(_, text)| text).collect());
    let paint = Paint::for_stderr();
    for line in &lines {
        tell!("  {} {line}", paint.faint("|"));
    }
    let Some(found) = explain::explain(errno, &lines) else { return };
    tell!("  {} {}", paint.faint("because:"), found.cause);
    tell!("  {} {}", paint.good("cure:"), found.cure.replace("FILE", &path.display().to_string()));
}

#[test]
fn records_have_numbers_and_texts() {
    assert_eq!(parse(b"6,12,345,-;one; two\n KEY=value\n"), Some((12, "one; two".into())));
    assert_eq!(parse(b"nonsense"), None);
}
