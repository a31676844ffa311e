//! Parameters: `name=value` words are written into the module's variables, as `MODULE_PARM` describes them. Counterpart:
//! `process_module_arguments` and `check_module_parameter` of insmod/insmod.c; insmod(8), MODULE PARAMETERS.

use super::link::put;
use super::object::{Object, Place};
use kofile::Modinfo;

/// What `MODULE_PARM` says: how many values, and of which kind (`1-4i`, `c20`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Format<'f> {
    min: u64,
    max: u64,
    /// The letter and what follows.
    kind: &'f str,
}

/// The digits at the start of a text, as a number, and the rest.
fn digits(text: &str) -> (u64, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    (number.parse().unwrap_or(u64::MAX), rest)
}

impl<'f> Format<'f> {
    fn parse(text: &'f str) -> Self {
        if !text.starts_with(|c: char| c.is_ascii_digit()) {
            return Self { min: 1, max: 1, kind: text };
        }
        let (min, rest) = digits(text);
        let (max, kind) = rest.strip_prefix('-').map_or((min, rest), digits);
        Self { min, max, kind }
    }

    /// Why it makes no sense, for a warning.
    fn complaint(&self, file: &str, name: &str) -> Option<String> {
        let letter = self.kind.chars().next();
        let rest = self.kind.get(letter.map_or(0, char::len_utf8)..).unwrap_or_default();
        let after = if letter == Some('c') { digits(rest).1 } else { rest };
        match letter {
            _ if self.max < self.min => Some(format!("Warning: {file} parameter {name} has max < min!")),
            None => Some(format!("{file} parameter {name} has no format character!")),
            Some('c') if after == rest => Some(format!("{file} parameter {name} has no size after 'c'!")),
            Some('b' | 'h' | 'i' | 'l' | 's' | 'c') => {
                let modifier = after.chars().next().filter(|c| *c != 'p' || letter == Some('s'));
                modifier.map(|c| format!("{file} parameter {name} has unknown format modifier '{c}'"))
            }
            Some(c) => Some(format!("{file} parameter {name} has unknown format character '{c}'")),
        }
    }
}

/// Warnings about what the module says of its parameters.
pub fn check(object: &Object, info: &Modinfo<'_>, file: &str) -> Vec<String> {
    let mut warnings = Vec::new();
    for field in info.iter() {
        let (key, value) = (field.key.to_string(), field.value.to_string());
        let Some(name) = key.strip_prefix("parm_").filter(|_| !key.starts_with("parm_desc_")) else { continue };
        if object.symbol(name).is_none() {
            warnings.push(format!("Warning: {file} symbol for parameter {name} not found"));
            continue;
        }
        warnings.extend(Format::parse(&value).complaint(file, name));
    }
    warnings
}

/// Writes one `name=value` word; a word without `=` is ignored, as modutils does.
///
/// # Errors
/// In modutils' words, why the value cannot be set.
pub fn set(object: &mut Object, info: &Modinfo<'_>, word: &[u8]) -> Result<(), String> {
    let Some(at) = word.iter().position(|&c| c == b'=') else { return Ok(()) };
    let (name, value) = word.split_at(at);
    let name = String::from_utf8_lossy(name).into_owned();
    let key = format!("parm_{name}");
    let format = info.get(&key).ok_or_else(|| format!("invalid parameter {key}"))?.to_string();
    let format = Format::parse(&format);
    let own = object.symbol(&name).and_then(|i| object.symbols.get(i));
    let Some((section, start)) = own.and_then(|s| match s.place {
        Place::Section(section) => Some((section, s.value)),
        _ => None,
    }) else {
        return Err(format!("symbol for parameter {name} not found"));
    };
    let mut writer = Writer { object, name: &name, format, section, at: start };
    writer.write(value.get(1..).unwrap_or_default())
}

struct Writer<'a> {
    object: &'a mut Object,
    name: &'a str,
    format: Format<'a>,
    section: usize,
    at: u64,
}

impl Writer<'_> {
    fn write(&mut self, mut input: &[u8]) -> Result<(), String> {
        let (name, Format { min, max, .. }) = (self.name, self.format);
        let mut count = 1;
        while !input.is_empty() {
            input = self.value(input)?.trim_ascii_start();
            match input {
                [] => break,
                [b',', rest @ ..] => input = rest,
                [other, ..] => return Err(format!("invalid argument syntax for {name}: '{}'", char::from(*other))),
            }
            count += 1;
            if max != 0 && count > max {
                return Err(format!("too many values for {name} (max {max})"));
            }
        }
        if min != 0 && count < min {
            return Err(format!("too few values for {name} (min {min})"));
        }
        Ok(())
    }

    /// Writes the value at the input's start; the rest.
    fn value<'i>(&mut self, input: &'i [u8]) -> Result<&'i [u8], String> {
        let name = self.name;
        let size = match self.format.kind.bytes().next() {
            Some(b's') => return self.string(input),
            Some(b'c') => return self.characters(input),
            Some(b'b') => 1,
            Some(b'h') => 2,
            Some(b'i') => 4,
            Some(b'l') => 8,
            other => return Err(format!("unknown parameter type '{}' for {name}", char::from(other.unwrap_or(0)))),
        };
        let (number, rest) = number(input);
        self.put(number.to_le_bytes().get(..size).unwrap_or_default())?;
        Ok(rest)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), String> {
        if !put(self.object, self.section, self.at, bytes) {
            return Err(format!("the variable of parameter {} is too small", self.name));
        }
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn string<'i>(&mut self, input: &'i [u8]) -> Result<&'i [u8], String> {
        let (text, rest) = self.text(input)?;
        self.object.point_to_string(self.section, self.at, &text);
        self.at += 8;
        Ok(rest)
    }

    fn characters<'i>(&mut self, input: &'i [u8]) -> Result<&'i [u8], String> {
        let (size, _) = digits(self.format.kind.get(1..).unwrap_or_default());
        if !self.format.kind.as_bytes().get(1).is_some_and(u8::is_ascii_digit) {
            return Err(format!("parameter type 'c' for {} must be followed by the maximum size", self.name));
        }
        let (mut text, rest) = self.text(input)?;
        let len = text.len() as u64;
        if len >= size.saturating_sub(1) {
            return Err(format!("string too long for {} (max {})", self.name, size.saturating_sub(1)));
        }
        text.push(0);
        let start = self.at;
        self.put(&text)?;
        self.at = start.saturating_add(size);
        Ok(rest)
    }

    /// A text up to a comma, or in quotes with C's escapes.
    fn text<'i>(&self, input: &'i [u8]) -> Result<(Vec<u8>, &'i [u8]), String> {
        let Some(quoted) = input.strip_prefix(b"\"") else {
            let end = input.iter().position(|&c| c == b',').unwrap_or(input.len());
            let (text, rest) = input.split_at(end);
            return Ok((text.to_vec(), rest));
        };
        let unterminated = || format!("improperly terminated string argument for {}", self.name);
        let (mut text, mut rest) = (Vec::new(), quoted);
        loop {
            match rest {
                [] => return Err(unterminated()),
                [b'"', after @ ..] => return Ok((text, after)),
                [b'\\', after @ ..] => {
                    let (c, after) = escaped(after).ok_or_else(unterminated)?;
                    text.push(c);
                    rest = after;
                }
                [c, after @ ..] => {
                    text.push(*c);
                    rest = after;
                }
            }
        }
    }
}

/// The character behind a backslash.
fn escaped(input: &[u8]) -> Option<(u8, &[u8])> {
    let (first, rest) = input.split_first()?;
    let plain = match first {
        b'a' => 7,
        b'b' => 8,
        b'e' => 27,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'0'..=b'7' => {
            let len = input.iter().take(3).take_while(|c| (b'0'..=b'7').contains(c)).count();
            let (octal, rest) = input.split_at(len);
            let value = octal.iter().fold(0u16, |value, c| value * 8 + u16::from(c - b'0'));
            return Some((value as u8, rest));
        }
        other => *other,
    };
    Some((plain, rest))
}

/// A number as strtoul(3) reads it with base 0, and the rest; nothing is read where there is none.
fn number(input: &[u8]) -> (u64, &[u8]) {
    let trimmed = input.trim_ascii_start();
    let (negative, unsigned) = match trimmed {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, trimmed),
    };
    let hex = |c: &u8| char::from(*c).is_ascii_hexdigit();
    let (base, text) = match unsigned {
        [b'0', b'x' | b'X', digit, ..] if hex(digit) => (16, unsigned.get(2..).unwrap_or_default()),
        [b'0', ..] => (8, unsigned),
        _ => (10, unsigned),
    };
    let len = text.iter().take_while(|c| char::from(**c).is_digit(base)).count();
    let (digits, rest) = text.split_at(len);
    if digits.is_empty() {
        return (0, input);
    }
    let add = |value: u64, c: &u8| {
        let digit = char::from(*c).to_digit(base).unwrap_or(0);
        value.checked_mul(base.into())?.checked_add(digit.into())
    };
    match digits.iter().try_fold(0, add) {
        Some(value) if negative => (value.wrapping_neg(), rest),
        Some(value) => (value, rest),
        None => (u64::MAX, rest),
    }
}

#[cfg(test)]
mod tests {
    use super::super::object::{Section, Symbol, Target};
    use super::*;

    fn object() -> Object {
        let symbol = |name: &str, value| Symbol {
            name: name.into(),
            place: Place::Section(0),
            value,
            size: 8,
            local: true,
            weak: false,
            nameless: false,
        };
        let data = Section { name: ".data".into(), flags: 3, nobits: false, align: 8, bytes: vec![0xee; 64], addr: 0 };
        Object {
            sections: vec![data],
            order: vec![0],
            symbols: vec![
                symbol("n", 0),
                symbol("many", 16),
                symbol("who", 32),
                symbol("text", 40),
                symbol("last", 62),
            ],
            patches: Vec::new(),
        }
    }

    const INFO: &[u8] = b"parm_n=i\0parm_many=2-4h\0parm_who=s\0parm_text=c8\0parm_last=i\0parm_gone=i\0parm_odd=q\0";

    fn set_all(words: &[&str]) -> (Object, Result<(), String>) {
        let mut object = object();
        let info = Modinfo::new(INFO);
        let result = words.iter().try_for_each(|word| set(&mut object, &info, word.as_bytes()));
        (object, result)
    }

    fn bytes(words: &[&str], range: std::ops::Range<usize>) -> Vec<u8> {
        let (object, result) = set_all(words);
        assert_eq!(result, Ok(()), "{words:?}");
        object.sections[0].bytes[range].to_vec()
    }

    // insmod(8): "numeric values are given as in C: 17, 021, 0x11", "array elements separated by commas".
    #[test]
    fn numbers_are_written_in_their_size() {
        for word in ["n=17", "n=021", "n=0x11", "n= 17"] {
            assert_eq!(bytes(&[word], 0..5), [17, 0, 0, 0, 0xee]);
        }
        assert_eq!(bytes(&["n=-1"], 0..5), [0xff, 0xff, 0xff, 0xff, 0xee]);
        assert_eq!(bytes(&["many=1,2 ,3"], 16..23), [1, 0, 2, 0, 3, 0, 0xee]);
    }

    #[test]
    fn texts_are_copied_or_pointed_to() {
        assert_eq!(bytes(&["text=abc"], 40..45), *b"abc\0\xee");
        assert_eq!(bytes(&[r#"text="a,\x\101\n""#], 40..46), *b"a,xA\n\0");
        let (object, _) = set_all(&["who=first", "who=second"]);
        assert_eq!(object.patches.len(), 1);
        let Target::Section(strings, offset) = object.patches[0].target else { panic!() };
        assert!(object.sections[strings].bytes[offset as usize..].starts_with(b"second\0"));
    }

    // The messages are those of process_module_arguments in insmod/insmod.c.
    #[test]
    fn bad_values_are_refused() {
        for (word, message) in [
            ("nope=1", "invalid parameter parm_nope"),
            ("gone=1", "symbol for parameter gone not found"),
            ("n=1,2", "too many values for n (max 1)"),
            ("many=1", "too few values for many (min 2)"),
            ("n=x", "invalid argument syntax for n: 'x'"),
            ("n=1x", "invalid argument syntax for n: 'x'"),
            ("n=0x", "invalid argument syntax for n: 'x'"),
            ("text=1234567", "string too long for text (max 7)"),
            (r#"text="abc"#, "improperly terminated string argument for text"),
            ("last=1", "the variable of parameter last is too small"),
        ] {
            assert_eq!(set_all(&[word]).1, Err(message.to_string()), "{word}");
        }
        // What is no assignment is ignored.
        assert_eq!(set_all(&["n"]).1, Ok(()));
    }

    #[test]
    fn formats_are_checked() {
        let warnings = check(
            &object(),
            &Modinfo::new(b"parm_n=4-2i\0parm_who=\0parm_text=c\0parm_many=iq\0parm_last=z\0parm_gone=i\0"),
            "m.o",
        );
        assert_eq!(
            warnings,
            [
                "Warning: m.o parameter n has max < min!",
                "m.o parameter who has no format character!",
                "m.o parameter text has no size after 'c'!",
                "m.o parameter many has unknown format modifier 'q'",
                "m.o parameter last has unknown format character 'z'",
                "Warning: m.o symbol for parameter gone not found",
            ]
        );
    }
}
