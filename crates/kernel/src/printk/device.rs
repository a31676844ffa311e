//! `dev_printk()`: messages about a device (`drivers/base/core.c`).

use super::ring::DevInfo;

/// Room for the subsystem's name and the device's id, terminators included.
const SUBSYSTEM_LEN: usize = 16;
const DEVICE_LEN: usize = 48;

/// What the log says about a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeviceName<'a> {
    /// Its driver's name, or the bus's, or the class's; empty without any (`dev_driver_string()`).
    pub driver: &'a str,
    /// Its own name.
    pub name: &'a str,
    /// Its class's name, or its bus's.
    pub subsystem: Option<&'a str>,
    /// Its device number, where it has a node.
    pub number: Option<(u32, u32)>,
    /// Its interface number, for a network device.
    pub interface: Option<u32>,
}

impl DeviceName<'_> {
    /// The dictionary of its messages.
    #[must_use]
    pub fn info(&self) -> DevInfo {
        let Some(subsystem) = self.subsystem else { return DevInfo::default() };
        let device = match (self.number, self.interface) {
            (Some((major, minor)), _) if major != 0 => {
                format!("{}{major}:{minor}", if subsystem == "block" { 'b' } else { 'c' })
            }
            (_, Some(interface)) if subsystem == "net" => format!("n{interface}"),
            _ => format!("+{subsystem}:{}", self.name),
        };
        DevInfo { subsystem: cut(subsystem, SUBSYSTEM_LEN), device: cut(&device, DEVICE_LEN) }
    }
}

fn cut(text: &str, size: usize) -> Vec<u8> {
    text.as_bytes()[..text.len().min(size - 1)].to_vec()
}

/// What stands in front of a message about `device`; `None` is a NULL device.
#[must_use]
pub fn dev_prefix(device: Option<&DeviceName<'_>>) -> String {
    match device {
        Some(device) => format!("{} {}: ", device.driver, device.name),
        None => "(NULL device *): ".into(),
    }
}

#[test]
fn devices_are_named_as_the_kernel_names_them() {
    let device = DeviceName { driver: "sd", name: "0:0:0:0", subsystem: Some("scsi"), ..DeviceName::default() };
    assert_eq!(dev_prefix(Some(&device)), "sd 0:0:0:0: ");
    assert_eq!(dev_prefix(None), "(NULL device *): ");
    assert_eq!(dev_prefix(Some(&DeviceName { name: "brook", ..DeviceName::default() })), " brook: ");
    let id = |device: DeviceName<'_>| String::from_utf8(device.info().device).unwrap();
    assert_eq!(id(device), "+scsi:0:0:0:0");
    assert_eq!(id(DeviceName { subsystem: Some("block"), number: Some((8, 1)), ..device }), "b8:1");
    assert_eq!(id(DeviceName { number: Some((240, 3)), ..device }), "c240:3");
    assert_eq!(id(DeviceName { number: Some((0, 3)), ..device }), "+scsi:0:0:0:0");
    assert_eq!(id(DeviceName { subsystem: Some("net"), interface: Some(8), ..device }), "n8");
    assert_eq!(DeviceName { subsystem: None, ..device }.info(), DevInfo::default());
    let long = "x".repeat(90);
    let info = DeviceName { name: &long, subsystem: Some(&long), ..device }.info();
    assert_eq!((info.subsystem.len(), info.device.len()), (15, 47));
}
