//! A module whose init measures and says what it found.

use kernel::module::load::{Request, init_module};
use kernel::{Config, boot, log, sched};
use loader::Flags;
use wire::Answer;

/// Boots a kernel in this process, loads a module, and gives what the log has then.
pub fn log_of_init(config: Config, file: &str) -> Result<String, String> {
    boot(config)?;
    let task = sched::Task::attach().map_err(|e| e.to_string())?;
    let image = kofile::Image::open(file).map_err(|e| e.to_string())?;
    let request = Request { file, bytes: image.bytes(), params: Ok(b""), flags: Flags(0), path: None };
    task.run(&wire::kernel_caller(), || init_module(&request)).map_err(|e| format!("{file}: {e:?}"))?;
    let Answer::Data(text) = log::syslog(&wire::kernel_caller(), 3, 1 << 20) else {
        return Err("the log cannot be read".to_string());
    };
    Ok(String::from_utf8_lossy(&text).into_owned())
}
