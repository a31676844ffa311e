//! `modinfo`: shows what a module says of itself (kmod's `tools/modinfo.c`).
//!
//! New beside kmod 30's: `--json`, and the field `build-id`, shown only when it is asked for.

mod fields;
pub mod file;

use super::lookup::{self, absolute};
use super::{Messages, name_from_path, short_name};
use crate::Invocation;
use crate::error::{Failure, strerror};
use crate::getopt::{Arg, Opt, Parser, Spec};
use crate::output::{self, Output};
use fields::Field;
use moddb::dir::ModuleDir;
use rustix::io::Errno;
use serde_json::{Map, Value, json};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Its options; `cli` tells of them.
pub const SPEC: Spec = Spec {
    short: "adlpn0mF:k:b:Vh",
    long: &[
        ("author", Arg::No, 'a'),
        ("description", Arg::No, 'd'),
        ("license", Arg::No, 'l'),
        ("parameters", Arg::No, 'p'),
        ("filename", Arg::No, 'n'),
        ("null", Arg::No, '0'),
        ("modname", Arg::No, 'm'),
        ("field", Arg::Required, 'F'),
        ("set-version", Arg::Required, 'k'),
        ("basedir", Arg::Required, 'b'),
        ("version", Arg::No, 'V'),
        ("help", Arg::No, 'h'),
        ("json", Arg::No, 'J'),
    ],
};

#[derive(Debug, Default)]
struct Options {
    field: Option<Vec<u8>>,
    null: bool,
    by_name: bool,
    json: bool,
    release: Option<OsString>,
    root: Option<OsString>,
}

/// The tool.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let mut parser = Parser::new(SPEC, &call.argv0, &call.words);
    let mut options = Options::default();
    let bytes = |value: Option<OsString>| value.map(|value| value.as_bytes().to_vec());
    while let Some(option) = parser.next_option() {
        let Opt::Known(code, value) = option else { return Ok(1) };
        match code {
            'a' => options.field = Some(b"author".to_vec()),
            'd' => options.field = Some(b"description".to_vec()),
            'l' => options.field = Some(b"license".to_vec()),
            'p' => options.field = Some(b"parm".to_vec()),
            'n' => options.field = Some(b"filename".to_vec()),
            'F' => options.field = bytes(value),
            '0' => options.null = true,
            'm' => options.by_name = true,
            'J' => options.json = true,
            'k' => options.release = value,
            'b' => options.root = value,
            'V' => return Ok(output::print("modinfo", super::VERSION)),
            _ => return Ok(output::print("modinfo", &usage(&call.argv0))),
        }
    }
    let messages = Messages::new(&call.argv0, false);
    let operands = parser.operands();
    if operands.is_empty() {
        messages.error("missing module or filename.");
        return Ok(1);
    }
    let dir = ModuleDir::new(lookup::directory(options.root.as_deref(), options.release.as_deref()));
    Ok(show_all(&dir, &options, &messages, &operands).unwrap_or_else(|error| output::failed("modinfo", &error)))
}

fn usage(argv0: &OsStr) -> String {
    const OPTIONS: [(&str, &str); 12] = [
        ("-a, --author", "Print only 'author'"),
        ("-d, --description", "Print only 'description'"),
        ("-l, --license", "Print only 'license'"),
        ("-p, --parameters", "Print only 'parm'"),
        ("-n, --filename", "Print only 'filename'"),
        ("-0, --null", "Use \\0 instead of \\n"),
        ("-m, --modname", "Handle argument as module name instead of alias or filename"),
        ("-F, --field=FIELD", "Print only provided FIELD"),
        ("-k, --set-version=VERSION", "Use VERSION instead of `uname -r`"),
        ("-b, --basedir=DIR", "Use DIR as filesystem root for /lib/modules"),
        ("-V, --version", "Show version"),
        ("-h, --help", "Show this help"),
    ];
    let mut text = format!("Usage:\n\t{} [options] <modulename|filename> [args]\nOptions:\n", short_name(argv0));
    for (option, does) in OPTIONS {
        text.push_str(&format!("\t{option:<27} {does}\n"));
    }
    text
}

/// Shows what every word names; the exit status.
fn show_all(dir: &ModuleDir, options: &Options, messages: &Messages, words: &[OsString]) -> io::Result<u8> {
    let mut out = Output::open(false)?;
    let mut objects = Vec::new();
    let mut status = 0;
    for word in words {
        let subjects = match find(dir, word, options.by_name) {
            Ok(subjects) => subjects,
            Err(text) => {
                out.flush()?;
                messages.error(&text);
                status = 1;
                continue;
            }
        };
        for subject in subjects {
            let shown = match options.json {
                true => subject.object(dir).map(|object| objects.push(object)),
                false => subject.show(dir, options, messages, out.buffer()),
            };
            if let Err(errno) = shown {
                out.flush()?;
                let name = String::from_utf8_lossy(&subject.name).into_owned();
                let error = strerror(errno.raw_os_error());
                messages.error(&format!("could not get modinfo from '{name}': {error}"));
                status = 1;
            }
            out.spill()?;
        }
    }
    if options.json {
        out.buffer().extend(serde_json::to_vec_pretty(&objects)?);
        out.buffer().push(b'\n');
    }
    out.close()?;
    Ok(status)
}

/// The modules that a word names, or kmod's words for why there is none.
fn find(dir: &ModuleDir, word: &OsStr, by_name: bool) -> Result<Vec<Subject>, String> {
    let shown = word.to_string_lossy();
    let subject = |name: Vec<u8>| Subject { file: lookup::file_of(dir, &name), name };
    if by_name {
        let found = lookup::lookup_name(dir, word.as_bytes());
        return found.map(|name| vec![subject(name)]).ok_or_else(|| format!("Module name {shown} not found."));
    }
    if is_module_file(word) {
        return Ok(vec![Subject { name: name_from_path(word), file: Some(absolute(Path::new(word))) }]);
    }
    match lookup::lookup(dir, word.as_bytes()) {
        None => Err(format!("Module alias {shown} not found.")),
        Some(names) if names.is_empty() => Err(format!("Module {shown} not found.")),
        Some(names) => Ok(names.into_iter().map(subject).collect()),
    }
}

/// Whether a word is a regular file that is named like a module. DIFFERS: `.ko.gz` is one, too; Debian's kmod is built
/// without gzip.
fn is_module_file(word: &OsStr) -> bool {
    let named = [".ko", ".ko.xz", ".ko.zst", ".ko.gz"].iter().any(|end| word.as_bytes().ends_with(end.as_bytes()));
    named && std::fs::metadata(word).is_ok_and(|data| data.is_file())
}

/// A module to be shown.
struct Subject {
    name: Vec<u8>,
    /// None: it is built in.
    file: Option<PathBuf>,
}

impl Subject {
    fn fields(&self, dir: &ModuleDir) -> Result<Vec<Field>, Errno> {
        match &self.file {
            Some(path) => file::read(path).map(|parts| fields::of_file(&parts.info, &parts.tail)),
            None => {
                let list = std::fs::read(dir.path().join("modules.builtin.modinfo"));
                // Kernels before 5.2 have no such list.
                fields::of_builtin(&list.unwrap_or_default(), &self.name).or(Ok(Vec::new()))
            }
        }
    }

    fn file_name(&self) -> &[u8] {
        self.file.as_ref().map_or(b"(builtin)", |path| path.as_os_str().as_bytes())
    }

    /// Writes the wanted fields.
    fn show(&self, dir: &ModuleDir, options: &Options, messages: &Messages, out: &mut Vec<u8>) -> Result<(), Errno> {
        let end = if options.null { 0 } else { b'\n' };
        let Some(wanted) = &options.field else { return self.show_fields(dir, options, messages, out) };
        if wanted == b"name" && self.file.is_none() {
            line(out, &[&self.name], end);
        }
        match wanted.as_slice() {
            b"filename" => line(out, &[self.file_name()], end),
            b"build-id" => line(out, &[self.build_id()?.as_bytes()], end),
            b"parm" => self.show_params(&self.fields(dir)?, false, messages, out, end),
            _ => {
                let fields = self.fields(dir)?;
                fields.iter().filter(|(key, _)| key == wanted).for_each(|(_, value)| line(out, &[value], end));
            }
        }
        Ok(())
    }

    fn show_fields(&self, dir: &ModuleDir, options: &Options, to: &Messages, out: &mut Vec<u8>) -> Result<(), Errno> {
        let end = if options.null { 0 } else { b'\n' };
        if self.file.is_none() {
            line(out, &[b"name:           ", &self.name], end);
        }
        line(out, &[b"filename:       ", self.file_name()], end);
        let fields = self.fields(dir)?;
        for (key, value) in fields.iter().filter(|(key, _)| !fields::is_param(key)) {
            let pad = b" ".repeat(key.len().abs_diff(15));
            match options.null {
                true => line(out, &[key, b"=", value], end),
                false => line(out, &[key, b":", &pad, value], end),
            }
        }
        self.show_params(&fields, true, to, out, end);
        Ok(())
    }

    fn show_params(&self, fields: &[Field], labelled: bool, messages: &Messages, out: &mut Vec<u8>, end: u8) {
        let (params, wrong) = fields::params(fields);
        for (key, value) in wrong {
            let (key, value) = (String::from_utf8_lossy(key), String::from_utf8_lossy(value));
            messages.error(&format!("Found invalid \"{key}={value}\": missing ':'"));
        }
        let label: &[u8] = if labelled { b"parm:           " } else { b"" };
        for param in params {
            match (param.text, param.kind) {
                (Some(text), Some(kind)) => line(out, &[label, param.name, b":", text, b" (", kind, b")"], end),
                (Some(text), None) => line(out, &[label, param.name, b":", text], end),
                // A parameter without a description is shown in one of two ways.
                (None, Some(kind)) if labelled => line(out, &[label, param.name, b":", kind], end),
                (None, kind) => line(out, &[label, param.name, b": (", kind.unwrap_or_default(), b")"], end),
            }
        }
    }

    fn build_id(&self) -> Result<String, Errno> {
        let Some(path) = &self.file else { return Err(Errno::NOENT) };
        let image = kofile::Image::open(path).map_err(|error| Errno::from_raw_os_error(error.errno()))?;
        let module = image.module().map_err(|error| Errno::from_raw_os_error(error.errno()))?;
        let id = module.build_id().ok_or(Errno::NOENT)?;
        Ok(id.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The module as JSON: a string for each field, a list for one that came more often, and the parameters.
    fn object(&self, dir: &ModuleDir) -> Result<Value, Errno> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = self.fields(dir)?;
        let mut object = Map::new();
        for (key, value) in fields.iter().filter(|(key, _)| !fields::is_param(key)) {
            match object.get_mut(&text(key)) {
                Some(Value::Array(list)) => list.push(text(value).into()),
                Some(one) => *one = json!([one.take(), text(value)]),
                None => drop(object.insert(text(key), text(value).into())),
            }
        }
        object.insert("name".into(), text(&self.name).into());
        object.insert("filename".into(), text(self.file_name()).into());
        if let Ok(id) = self.build_id() {
            object.insert("build-id".into(), id.into());
        }
        let (params, _) = fields::params(&fields);
        let params: Vec<Value> = params
            .iter()
            .map(|p| json!({ "name": text(p.name), "description": p.text.map(text), "type": p.kind.map(text) }))
            .collect();
        object.insert("parameters".into(), params.into());
        Ok(object.into())
    }
}

fn line(out: &mut Vec<u8>, parts: &[&[u8]], end: u8) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out.push(end);
}
