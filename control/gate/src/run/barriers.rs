//! Whether the kernel forwards past the gate.
//!
//! A machine with forwarding on carries frames between the gate's interfaces that the XDP program leaves
//! to the kernel, with or without a gate. It is asked before the start, which is then refused, and every
//! second while the gate runs, which is then an alarm: to stop would cut the conduits and close nothing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The kernel's forwarding settings of the gate's interfaces, open: later no file can be opened.
pub(super) struct Barriers(Vec<Setting>);

/// The setting of one interface.
struct Setting {
    interface: String,
    path: String,
    file: File,
}

impl Setting {
    /// A setting that cannot be read is not known to be off.
    fn fault(&self) -> Option<String> {
        let Setting { interface, path, file } = self;
        match forwards(file) {
            Ok(false) => None,
            Ok(true) => Some(format!(
                "the kernel forwards what comes in by {interface} past the gate: \
                 `sysctl -w net.ipv4.conf.{interface}.forwarding=0`"
            )),
            Err(error) => Some(format!("{path}: {error}; does the kernel forward?")),
        }
    }
}

impl Barriers {
    /// Opens the settings of these interfaces.
    ///
    /// # Errors
    /// One has none.
    pub(super) fn open<'n>(names: impl Iterator<Item = &'n str>) -> Result<Barriers, String> {
        let open = |name: &str| {
            let path = format!("/proc/sys/net/ipv4/conf/{name}/forwarding");
            let file = File::open(&path).map_err(|error| format!("{path}: {error}"))?;
            Ok(Setting { interface: name.to_owned(), path, file })
        };
        names.map(open).collect::<Result<_, String>>().map(Barriers)
    }

    /// What is wrong now, if anything.
    pub(super) fn fault(&self) -> Option<String> {
        let faults: Vec<String> = self.0.iter().filter_map(Setting::fault).collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    }
}

fn forwards(setting: &File) -> io::Result<bool> {
    let mut digit = [0];
    match setting.read_at(&mut digit, 0)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(digit != *b"0"),
    }
}
