//! Tools as small as they can be, over the control socket.

use std::os::fd::AsFd;
use std::process::ExitCode;
use supervisor::{Calls, Error, client};

pub fn main(name: &str, arguments: &[String]) -> ExitCode {
    let Ok(Some(client)) = client::connect() else {
        eprintln!("{name}: no instance");
        return ExitCode::from(9);
    };
    match tool(&client, name, arguments) {
        Ok(text) => {
            print!("{}", String::from_utf8_lossy(&text));
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("{name}: {e}");
            ExitCode::from(1)
        }
    }
}

fn tool(client: &client::Client, name: &str, arguments: &[String]) -> Result<Vec<u8>, Error> {
    let first = arguments.first().map_or("", String::as_str);
    match name {
        "insmod" => {
            let file = std::fs::File::open(first).unwrap();
            client.init_module(file.as_fd(), arguments[1..].join(" ").as_bytes(), 0, Some(first)).map(|()| Vec::new())
        }
        "rmmod" => client.delete_module(first.as_bytes(), 0).map(|()| Vec::new()),
        "lsmod" => client.read_file("/proc/modules"),
        "dmesg" => client.syslog(3, 1 << 20).map(|(_, data)| data),
        _ if first == "shutdown" => client.call(wire::Call::Shutdown, &[]).map(|_| Vec::new()),
        _ => client.read_file(first),
    }
}
