//! dmesg's JSON, in the layout of util-linux's `jsonwrt`.

use super::names::{self, FACILITIES, LEVELS};
use super::print::priority;
use super::record::Record;

/// The end. A log without a record that is shown is no JSON at all, as in util-linux.
pub fn end(any: bool, out: &mut Vec<u8>) {
    if any {
        out.extend_from_slice(b"\n   ]\n}\n");
    }
}

/// One record; `first` tells whether it is the first.
pub fn record(record: &Record<'_>, decode: bool, first: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if first { b"{\n   \"dmesg\": [\n      {\n" } else { b",{\n" });
    if let (Some(facility), Some(level)) =
        (names::name_of(record.facility, &FACILITIES), names::name_of(record.level, &LEVELS))
    {
        let text = if decode {
            format!("         \"fac\": \"{facility}\",\n         \"pri\": \"{level}\",\n")
        } else {
            format!("         \"pri\": {},\n", priority(record))
        };
        out.extend_from_slice(text.as_bytes());
    }
    out.extend_from_slice(format!("         \"time\": {:5}.{:06},\n", record.seconds, record.micros).as_bytes());
    out.extend_from_slice(b"         \"msg\": \"");
    quote(&record.text, out);
    out.extend_from_slice(b"\"\n      }");
}

/// The inside of a JSON string; bytes that are no UTF-8 stay as they are, as in dmesg.
fn quote(text: &[u8], out: &mut Vec<u8>) {
    for &byte in text {
        match byte {
            0 => return,
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            8 => out.extend_from_slice(b"\\b"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\n' => out.extend_from_slice(b"\\n"),
            12 => out.extend_from_slice(b"\\f"),
            b'\r' => out.extend_from_slice(b"\\r"),
            1..=0x1f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
}
