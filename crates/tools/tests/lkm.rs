//! `lkm` itself: finding tools, help, building, and what it says when something is missing.

mod common;

use common::{Folder, LKM, Said, run};
use std::process::Command;
use std::sync::LazyLock;

fn lkm(words: &[&str]) -> Said {
    run(Command::new(LKM).args(words))
}

#[test]
fn help_and_version_are_there() {
    let help = lkm(&["--help"]);
    assert_eq!((help.status, help.err.as_str()), (0, ""));
    for tool in ["run", "sh", "abi", "insmod", "rmmod", "lsmod", "dmesg", "klogd", "sign"] {
        assert!(help.out.contains(&format!("  {tool} ")), "{tool}");
    }
    assert_eq!(lkm(&["help"]), help);
    assert!(lkm(&["--version"]).out.starts_with("lkm "));
    let bare = lkm(&[]);
    assert_eq!((bare.status, bare.out.as_str(), &bare.err), (2, "", &help.out));
    for tool in ["run", "sh", "abi", "sign"] {
        let said = lkm(&[tool, "--help"]);
        assert_eq!(said.status, 0, "{tool}");
        assert!(said.out.contains("Examples:") && said.err.is_empty(), "{tool}: {said:?}");
    }
}

#[test]
fn every_defined_option_of_lkm_s_own_commands_is_taken() {
    for command in cli::commands().filter(|command| command.of == "lkm") {
        let help = lkm(&[command.name, "--help"]);
        assert!(help.status == 0 && help.out.contains("--help"), "{}: {help:?}", command.name);
        for option in command.options {
            for name in option.names() {
                let value = option.value.map(|value| match value.kind {
                    cli::Kind::Choice(words) => words[0],
                    _ => "1",
                });
                let words: Vec<&str> = [command.name, &name].into_iter().chain(value).chain(["--help"]).collect();
                let said = lkm(&words);
                assert_eq!(said, help, "{words:?}");
            }
        }
        let said = lkm(&[command.name, "--no-such-option"]);
        assert!(said.status == 2 && said.err.contains("--no-such-option"), "{said:?}");
    }
    for option in cli::command("lsmod").options {
        let said = lkm(&["lsmod", &format!("--{}", option.long[0])]);
        // Without the name that --instance needs there is nothing but the usage.
        assert_eq!(said.err.contains("Usage"), option.value.is_some(), "{option:?}: {said:?}");
    }
}

#[test]
fn unknown_commands_get_suggestions() {
    let said = lkm(&["rnu"]);
    assert_eq!(said.status, 2);
    assert!(said.err.contains("`rnu`") && said.err.contains("`lkm run`"), "{said:?}");
    assert!(lkm(&["qqqqqqqq"]).err.contains("lkm --help"));
}

#[test]
fn wrong_usage_names_the_word() {
    for (words, part) in [
        (&["run"][..], "no module is named"),
        (&["run", "/nonexistent.ko"], "/nonexistent.ko"),
        (&["run", "a.ko", "b.ko"], "b.ko is a second module"),
        (&["run", "--frob", "a.ko"], "--frob"),
        (&["sh", "ls"], "ls stands before"),
        (&["abi"], "list, show or import"),
        (&["abi", "frob"], "frob"),
    ] {
        let said = lkm(words);
        assert_eq!((said.status, said.out.as_str()), (2, ""), "{words:?}: {said:?}");
        assert!(said.err.contains(part), "{words:?}: {said:?}");
    }
}

/// Whether modules can be built here: the other half of these tests needs Debian's headers.
fn headers() -> bool {
    std::fs::read_dir("/lib/modules").into_iter().flatten().flatten().any(|e| e.path().join("build/Makefile").exists())
}

#[test]
fn a_failed_build_shows_the_compiler_s_words_with_the_right_file() {
    assert!(headers(), "this test needs a kernel's headers");
    let folder = Folder::new("build");
    let file = folder.file("broken.c", "#include <linux/module.h>\nint x = nonsense;\nMODULE_LICENSE(\"GPL\");\n");
    let said = run(Command::new(LKM).arg("run").arg(&file));
    assert_eq!((said.status, said.out.as_str()), (122, ""), "{said:?}");
    assert!(said.err.contains(&format!("{}:2:", file.display())), "{said:?}");
    assert!(said.err.contains("nonsense"), "{said:?}");
    let left = std::fs::read_dir(&folder.0).unwrap().count();
    assert_eq!(left, 1, "the build must leave nothing beside the source");
}

#[test]
fn a_folder_without_a_kbuild_is_refused() {
    let folder = Folder::new("nokbuild");
    folder.file("a.c", "");
    let said = run(Command::new(LKM).arg("run").arg(&folder.0));
    assert_eq!(said.status, 122, "{said:?}");
    assert!(said.err.contains("neither a Kbuild nor a Makefile"), "{said:?}");
}

#[test]
fn missing_headers_are_a_lack_with_a_cure() {
    let folder = Folder::new("noheaders");
    let file = folder.file("a.c", "");
    let said = run(Command::new(LKM).args(["run", "--kernel", "9.9.9-none"]).arg(&file));
    assert_eq!(said.status, 123, "{said:?}");
    assert!(said.err.contains("apt install linux-headers-9.9.9-none"), "{said:?}");
}

#[test]
fn kernels_are_listed_and_shown() {
    let cache = Folder::new("cache");
    let abi = |words: &[&str]| run(Command::new(LKM).arg("abi").args(words).env("XDG_CACHE_HOME", &cache.0));
    let list = abi(&["list", "--json"]);
    assert_eq!(list.status, 0, "{list:?}");
    let release = debian_6_1();
    assert!(list.out.contains(release), "{list:?}");
    let show = abi(&["show", "-k", release]);
    let table = std::fs::read_to_string(format!("/lib/modules/{release}/build/Module.symvers")).unwrap();
    let exports = table.lines().filter(|line| line.split('\t').nth(2) == Some("vmlinux")).count();
    assert!(show.out.contains(&format!("exports    {exports}\n")), "{exports}: {show:?}");
    assert_eq!(abi(&["show", "-k", release, "task_struct.pid"]).out, "task_struct.pid: pid_t at byte 2416 (0x970)\n");
    let printk = abi(&["show", "-k", release, "_printk"]);
    assert!(printk.out.contains("_printk(") && printk.out.contains("exported to all modules"), "{printk:?}");
    let none = abi(&["show", "-k", release, "no_such_thing"]);
    assert_eq!((none.status, none.out.as_str()), (2, ""), "{none:?}");
    let absent = abi(&["show", "-k", "9.9.9-none"]);
    assert_eq!(absent.status, 123, "{absent:?}");
    assert!(absent.err.contains("9.9.9-none") && absent.err.contains("cure:"), "{absent:?}");
}

const MODULE: &str = r#"
#include <linux/module.h>
static char *who = "world"; module_param(who, charp, 0444);
static int result; module_param(result, int, 0444);
static int __init hello_init(void) { pr_info("hello: %s\n", who); return result; }
static void __exit hello_exit(void) { pr_info("hello: bye\n"); }
module_init(hello_init); module_exit(hello_exit);
MODULE_LICENSE("GPL"); MODULE_DESCRIPTION("test");
"#;

/// The newest installed kernel of the series that the expectations were recorded on.
fn debian_6_1() -> &'static str {
    static RELEASE: LazyLock<String> = LazyLock::new(|| {
        abi::newest("6.1", &abi::Options::default()).expect("this test needs Debian's kernel 6.1 in /boot")
    });
    &RELEASE
}

/// `lkm run` on the module above, built for a kernel that profiles are tested with.
fn run_hello(words: &[&str]) -> Said {
    let folder = Folder::new(&format!("hello-{}", words.join("").replace(['/', ' '], "")));
    let file = folder.file("hello.c", MODULE);
    let mut command = Command::new(LKM);
    command.args(["run", "--kernel", debian_6_1()]);
    let split = words.iter().position(|w| !w.starts_with("--json")).unwrap_or(words.len());
    run(command.args(&words[..split]).arg(&file).args(&words[split..]))
}

#[test]
fn a_module_is_built_loaded_and_unloaded() {
    let said = run_hello(&["who=two words"]);
    assert_eq!((said.status, said.out.as_str()), (0, ""), "{said:?}");
    let last = format!("lkm: hello left nothing behind (kernel {})", debian_6_1());
    for part in ["] hello: two words\n", "] hello: bye\n", &last] {
        assert!(said.err.contains(part), "{part}: {said:?}");
    }
}

#[test]
fn a_failed_init_is_121_with_the_errno_s_name() {
    let said = run_hello(&["result=-122"]);
    assert_eq!((said.status, said.out.as_str()), (121, ""), "{said:?}");
    assert!(said.err.contains("hello.c: EDQUOT (Disk quota exceeded)"), "{said:?}");
}

#[test]
fn the_command_s_output_and_status_are_its_own() {
    let said = run_hello(&["--", "sh", "-c", "echo inside; exit 7"]);
    assert_eq!((said.status, said.out.as_str()), (7, "inside\n"), "{said:?}");
    assert!(said.err.contains("] hello: bye\n"), "{said:?}");
}

#[test]
fn the_report_is_json_where_asked() {
    let said = run_hello(&["--json", "result=-22"]);
    assert_eq!(said.status, 121, "{said:?}");
    let json = said.out.replace("\\\"", "\"");
    let kernel = format!("\"kernel\": \"{}\"", debian_6_1());
    for part in ["\"status\": 121", "\"errno\": \"EINVAL\"", &kernel, "\"module\": \"hello\""] {
        assert!(json.contains(part), "{part}: {json}");
    }
}

/// `lkm run` on a module whose init function prints `expression`; `before` is done in a mount namespace of its own.
fn run_expression(name: &str, include: &str, expression: &str, before: &str) -> Said {
    let folder = Folder::new(name);
    let source = format!(
        "#include <linux/module.h>\n#include <{include}>\n\
         static int __init in(void) {{ pr_info(\"%lu\\n\", (unsigned long)({expression})); return 0; }}\n\
         static void __exit out(void) {{ }}\nmodule_init(in); module_exit(out); MODULE_LICENSE(\"GPL\");\n"
    );
    let file = folder.file("expression.c", &source);
    let cache = folder.file("cache", "");
    std::fs::remove_file(&cache).unwrap();
    let script = format!("{before}; exec \"$0\" run --kernel {} \"$1\"", debian_6_1());
    let mut command = Command::new("unshare");
    command.args(["-Urm", "sh", "-c", &script, LKM]).arg(&file).env("XDG_CACHE_HOME", &cache);
    run(&mut command)
}

#[test]
fn a_privileged_instruction_is_named() {
    let said = run_expression("privileged", "linux/io.h", "inb(0x70)", "true");
    assert_eq!(said.status, 121, "{said:?}");
    assert!(said.err.contains("privileged instruction in: reads an I/O port"), "{said:?}");
}

#[test]
fn without_an_image_the_module_tells_what_is_a_variable() {
    let hide = "mkdir -p \"$XDG_CACHE_HOME\"; mount --bind \"$XDG_CACHE_HOME\" /boot";
    let said = run_expression("variable", "linux/ioport.h", "iomem_resource.flags", hide);
    assert_eq!(said.status, 121, "{said:?}");
    assert!(said.err.contains("a kernel variable that lkm does not provide: iomem_resource"), "{said:?}");
}
