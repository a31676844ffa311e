//! Reads any text as a file of modprobe.d and as the kernel's command line, shows it, and plans with it.
#![no_main]

use moddb::config::Config;
use moddb::dir::ModuleDir;
use moddb::plan::Database;

#[path = "input.rs"]
mod input;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut input = input::Input(bytes);
    let (word, line) = (input.counted(), input.counted());
    let mut config = Config::default();
    let complaints = config.parse(input.0);
    let lines = input.0.iter().filter(|byte| **byte == b'\n').count() + 1;
    assert!(complaints.len() <= lines, "more complaints than lines");
    config.parse_command_line(line);
    let shown = config.show();
    let rows = config.aliases.len() + config.blacklist.len() + config.options.len() + config.soft.len();
    assert!(shown.iter().filter(|byte| **byte == b'\n').count() >= rows, "a line is not shown");
    let mut database = Database::new(ModuleDir::new("/nonexistent"), config);
    for id in database.lookup(word).unwrap_or_default() {
        let plan = database.plan(id, false);
        assert!(plan.steps.iter().any(|step| step.module == id), "a plan without its module");
        database.options(id);
    }
});
