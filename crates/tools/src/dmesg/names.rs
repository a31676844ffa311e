//! The names of levels and facilities, as `syslog(3)` and dmesg spell them.

/// Levels, by number, with what they mean.
pub const LEVELS: [(&str, &str); 8] = [
    ("emerg", "system is unusable"),
    ("alert", "action must be taken immediately"),
    ("crit", "critical conditions"),
    ("err", "error conditions"),
    ("warn", "warning conditions"),
    ("notice", "normal but significant condition"),
    ("info", "informational"),
    ("debug", "debug-level messages"),
];

/// Facilities, by number, with what they mean.
pub const FACILITIES: [(&str, &str); 12] = [
    ("kern", "kernel messages"),
    ("user", "random user-level messages"),
    ("mail", "mail system"),
    ("daemon", "system daemons"),
    ("auth", "security/authorization messages"),
    ("syslog", "messages generated internally by syslogd"),
    ("lpr", "line printer subsystem"),
    ("news", "network news subsystem"),
    ("uucp", "UUCP subsystem"),
    ("cron", "clock daemon"),
    ("authpriv", "security/authorization messages (private)"),
    ("ftp", "FTP daemon"),
];

/// The lowest `count` bits.
pub fn all_bits(count: usize) -> u32 {
    (0..count).fold(0, |bits, n| bits | (1 << n))
}

/// The number of a name (in any case) or of a decimal number in range.
pub fn number_of(word: &[u8], names: &[(&str, &str)]) -> Option<usize> {
    if word.first()?.is_ascii_digit() {
        return std::str::from_utf8(word).ok()?.parse().ok().filter(|&n| n < names.len());
    }
    names.iter().position(|(name, _)| name.as_bytes().eq_ignore_ascii_case(word))
}

/// The name of a number, or `None` for one that has none.
pub fn name_of(number: Option<u8>, names: &[(&'static str, &'static str)]) -> Option<&'static str> {
    names.get(usize::from(number?)).map(|&(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_meet() {
        for (word, want) in [("err", Some(3)), ("ERR", Some(3)), ("3", Some(3)), ("8", None), ("e", None), ("3x", None)]
        {
            assert_eq!(number_of(word.as_bytes(), &LEVELS), want, "{word}");
        }
        assert_eq!(name_of(Some(10), &FACILITIES), Some("authpriv"));
        assert_eq!(name_of(Some(12), &FACILITIES), None);
    }
}
