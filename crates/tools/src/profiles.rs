//! `lkm abi`: what lkm knows of kernels.

use crate::error::{Failure, status};
use crate::run::{clear_line, lacks_kernel, progress_line};
use crate::{Invocation, output, words};
use abi::{Available, Profile};
use lexopt::ValueExt;
use serde_json::{Value as Json, json};
use std::ffi::OsString;
use std::path::PathBuf;

#[derive(Debug, Default)]
struct Options {
    kernel: Option<String>,
    image: Option<PathBuf>,
    json: bool,
    words: Vec<String>,
}

/// The command.
pub fn main(call: &Invocation) -> Result<u8, Failure> {
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_args(call.words.iter().cloned());
    let usage = |error: lexopt::Error| Failure::usage("abi", error);
    while let Some(argument) = parser.next().map_err(usage)? {
        let word = |word: OsString| options.words.push(word.to_string_lossy().into_owned());
        let Some(argument) = words::option("abi", argument, word).map_err(usage)? else { continue };
        match argument {
            "help" => return Ok(output::print("lkm", &cli::command("abi").help())),
            "json" => options.json = true,
            "kernel" => options.kernel = Some(parser.value().and_then(|value| value.string()).map_err(usage)?),
            "image" => options.image = Some(parser.value().map_err(usage)?.into()),
            other => return Err(usage(words::untaken(other))),
        }
    }
    let words: Vec<&str> = options.words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["list"] => Ok(list(&options)),
        ["import", releases @ ..] => import(&options, releases),
        ["show"] => show(&options),
        ["show", name] => show_name(&options, name),
        [] => Err(Failure::usage("abi", "nothing to do: list, show or import is needed")),
        [other, ..] => Err(Failure::usage("abi", format!("`lkm abi {other}` does not exist, or has other words"))),
    }
}

fn open(options: &Options, release: &str) -> Result<Profile, Failure> {
    let with = abi::Options { image: options.image.clone(), progress: progress_line(), ..abi::Options::default() };
    let found = match &options.image {
        Some(image) => Profile::from_image(image, &with),
        None => Profile::for_release(release, &with),
    };
    clear_line();
    found.map_err(|error| lacks_kernel(release, &error))
}

fn chosen(options: &Options) -> Result<Profile, Failure> {
    let release = options.kernel.clone().unwrap_or_else(crate::run::default_release);
    open(options, &release)
}

fn print_json(value: &Json) -> u8 {
    output::print("lkm", &format!("{value:#}\n"))
}

fn list(options: &Options) -> u8 {
    let all = abi::list(&abi::Options::default());
    if options.json {
        let row = |kernel: &Available| {
            let Available { release, source, is_image, cached } = kernel;
            json!({ "release": release, "source": source, "is_image": is_image, "cached": cached })
        };
        return print_json(&all.iter().map(row).collect());
    }
    if all.is_empty() {
        tell!("lkm: no kernel image and no headers are installed here");
    }
    let width = all.iter().map(|kernel| kernel.release.len()).max().unwrap_or_default();
    let mut text = String::new();
    for Available { release, source, is_image, cached } in &all {
        let kind = if *is_image { "image" } else { "headers" };
        let state = if *cached { "imported" } else { "not imported yet" };
        text.push_str(&format!("{release:<width$}  {kind:<7}  {state:<16}  {}\n", source.display()));
    }
    output::print("lkm", &text)
}

fn import(options: &Options, releases: &[&str]) -> Result<u8, Failure> {
    let all: Vec<String> = match (releases, &options.kernel, &options.image) {
        ([], Some(kernel), _) => vec![kernel.clone()],
        ([], None, Some(_)) => vec![String::new()],
        ([], None, None) => abi::list(&abi::Options::default()).into_iter().map(|kernel| kernel.release).collect(),
        (some, ..) => some.iter().map(|&release| release.to_owned()).collect(),
    };
    let mut shown = Vec::new();
    for release in all {
        let profile = open(options, &release)?;
        if options.json {
            shown.push(summary(&profile));
        } else {
            let place = profile.path().map_or_else(|| "kept nowhere".into(), |path| path.display().to_string());
            output::print("lkm", &format!("{}  {place}\n", profile.release()));
        }
    }
    Ok(if options.json { print_json(&Json::from(shown)) } else { 0 })
}

fn summary(profile: &Profile) -> Json {
    json!({
        "release": profile.release(),
        "version": profile.version(),
        "vermagic": profile.vermagic(),
        "build_id": profile.build_id(),
        "source": profile.source(),
        "origin": profile.origin(),
        "cache": profile.path(),
        "exports": profile.exports().count(),
        "types": profile.btf().map(|btf| btf.type_count()),
        "symbols": profile.symbol_count(),
    })
}

fn show(options: &Options) -> Result<u8, Failure> {
    let profile = chosen(options)?;
    let summary = summary(&profile);
    if options.json {
        return Ok(print_json(&summary));
    }
    let mut text = String::new();
    for (key, name) in [
        ("release", "release"),
        ("version", "version"),
        ("vermagic", "vermagic"),
        ("build_id", "build id"),
        ("source", "read from"),
        ("origin", "made from"),
        ("cache", "cache"),
        ("exports", "exports"),
        ("types", "types"),
        ("symbols", "symbols"),
    ] {
        let value = match summary.get(key) {
            Some(Json::String(value)) => value.trim_end().to_owned(),
            Some(Json::Null) | None => "unknown".into(),
            Some(value) => value.to_string(),
        };
        text.push_str(&format!("{name:<10} {value}\n"));
    }
    Ok(output::print("lkm", &text))
}

fn show_name(options: &Options, name: &str) -> Result<u8, Failure> {
    let profile = chosen(options)?;
    let found = member(&profile, name).or_else(|| function(&profile, name)).or_else(|| named_type(&profile, name));
    let Some((json, text)) = found else {
        let what = format!("kernel {} has no type, member or function `{name}`", profile.release());
        return Err(Failure::new(status::USAGE, what).cure("names are C's: `task_struct.pid`, `struct page`, `kfree`"));
    };
    Ok(if options.json { print_json(&json) } else { output::print("lkm", &text) })
}

/// `STRUCT.MEMBER`.
fn member(profile: &Profile, name: &str) -> Option<(Json, String)> {
    let (aggregate, path) = name.split_once('.')?;
    let member = profile.member(aggregate, path)?;
    let kind = profile.type_name(member.type_id);
    let json = json!({ "name": name, "type": kind, "offset": member.offset, "release": profile.release() });
    Some((json, format!("{name}: {kind} at byte {} ({:#x})\n", member.offset, member.offset)))
}

fn function(profile: &Profile, name: &str) -> Option<(Json, String)> {
    profile.prototype(name)?;
    let declaration = profile.declaration(name)?;
    let symbol = profile.symbol(name).map(|symbol| symbol.addr);
    let export = profile.export(name);
    let (gpl, crc) = (export.as_ref().map(|e| e.gpl), export.as_ref().and_then(|e| e.crc));
    let callable = match gpl {
        Some(true) => "exported to GPL modules",
        Some(false) => "exported to all modules",
        None => "not exported to modules",
    };
    let mut text = format!("{}\n/* {callable}", declaration.trim_end());
    if let Some(crc) = crc {
        text.push_str(&format!(", version {crc:#010x}"));
    }
    text.push_str(" */\n");
    let json = json!({
        "name": name, "declaration": declaration, "exported": export.is_some(), "gpl": gpl, "crc": crc,
        "address": symbol, "release": profile.release(),
    });
    Some((json, text))
}

fn named_type(profile: &Profile, name: &str) -> Option<(Json, String)> {
    let declaration = profile.declaration(name)?;
    let size = profile.size_of(name);
    let json = json!({ "name": name, "declaration": declaration, "size": size, "release": profile.release() });
    let mut text = format!("{}\n", declaration.trim_end());
    if let Some(size) = size {
        text.push_str(&format!("/* {size} bytes */\n"));
    }
    Some((json, text))
}
