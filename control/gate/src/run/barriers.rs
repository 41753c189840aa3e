//! Whether the kernel forwards past the gate.
//!
//! A machine with forwarding on carries frames between the gate's interfaces that the XDP program leaves
//! to the kernel, with or without a gate. It is asked before the start, which is then refused, and every
//! second while the gate runs, which is then an alarm: to stop would cut the conduits and close nothing.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::exit::complain;

/// Looks between two alarms while nothing is done about it: a minute of seconds.
const REMIND: u32 = 60;

/// The kernel's forwarding settings of the gate's interfaces, open: later no file can be opened.
pub(super) struct Barriers {
    settings: Vec<Setting>,
    /// Looks at a barrier that is down; 0 while all are up.
    looks: u32,
}

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
        Ok(Barriers { settings: names.map(open).collect::<Result<_, String>>()?, looks: 0 })
    }

    /// Looks; alarms when a barrier falls and every minute while it is down, and says when all are up
    /// again. The alarm of this look, where there is one.
    pub(super) fn look(&mut self) -> Option<String> {
        let faults: Vec<String> = self.settings.iter().filter_map(Setting::fault).collect();
        if faults.is_empty() {
            if std::mem::take(&mut self.looks) > 0 {
                complain("the kernel forwards nothing any more");
            }
            return None;
        }
        let due = self.looks.is_multiple_of(REMIND);
        self.looks = self.looks.wrapping_add(1).max(1);
        let alarm = format!("ALARM: {}", faults.join("; "));
        due.then(|| complain(&alarm)).map(|()| alarm)
    }
}

fn forwards(setting: &File) -> io::Result<bool> {
    let mut digit = [0];
    match setting.read_at(&mut digit, 0)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(digit != *b"0"),
    }
}
