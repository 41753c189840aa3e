//! Fingerprints of gates that are known: a file with a gate's name and fingerprint on each line.

use std::env;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use wicketgate_tunnel::tls::Fingerprint;

/// The file.
pub(super) struct Pins(PathBuf);

/// What is known of a gate.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Nothing.
    Not,
    /// Its fingerprint.
    As(Fingerprint),
}

impl Pins {
    /// The file that was named, or the user's own.
    ///
    /// # Errors
    /// There is no place for one.
    pub(super) fn at(named: Option<PathBuf>) -> Result<Pins, String> {
        let config = || env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".config"));
        let own = || config().or_else(home).map(|folder| folder.join("wicketgate/known_gates"));
        named.or_else(own).map(Pins).ok_or_else(|| {
            "there is no place for fingerprints: set HOME, or give --known-gates".to_owned()
        })
    }

    /// What is known of the gate of that name.
    ///
    /// # Errors
    /// The file cannot be read, or is not understood: then no gate is trusted by it.
    pub(super) fn find(&self, name: &str) -> Result<Known, String> {
        let text = match fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Known::Not),
            Err(error) => return Err(self.at_fault(&error)),
        };
        let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
        let mut known = Known::Not;
        for (line, number) in lines {
            let parts = line.split_once(' ');
            let parsed =
                parts.and_then(|(gate, text)| Some((gate, Fingerprint::parse(text.trim())?)));
            let (gate, print) = parsed.ok_or_else(|| {
                format!("{}:{number}: not GATE:PORT FINGERPRINT", self.0.display())
            })?;
            if gate == name {
                known = Known::As(print);
            }
        }
        Ok(known)
    }

    /// Keeps a fingerprint that the user has compared.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn keep(&self, name: &str, print: Fingerprint) -> Result<(), String> {
        if self.find(name)? == Known::As(print) {
            return Ok(());
        }
        let write = || {
            if let Some(folder) = self.0.parent().filter(|folder| !folder.exists()) {
                DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
            }
            let mut file =
                OpenOptions::new().append(true).create(true).mode(0o600).open(&self.0)?;
            writeln!(file, "{name} {print}")
        };
        write().map_err(|error| self.at_fault(&error))
    }

    fn at_fault(&self, error: &io::Error) -> String {
        format!("{}: {error}", self.0.display())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(digits: &str) -> Fingerprint {
        Fingerprint::parse(&digits.repeat(32)).unwrap()
    }

    #[test]
    fn a_gate_is_known_after_it_was_kept() {
        let folder = tempfile::tempdir().unwrap();
        let pins = Pins(folder.path().join("new/known_gates"));
        assert_eq!(pins.find("gate:4433"), Ok(Known::Not));
        pins.keep("gate:4433", print("AB")).unwrap();
        pins.keep("gate:99", print("CD")).unwrap();
        assert_eq!(pins.find("gate:4433"), Ok(Known::As(print("AB"))));
        assert_eq!(pins.find("gate:99"), Ok(Known::As(print("CD"))));
        assert_eq!(pins.find("gate:9"), Ok(Known::Not));
    }

    #[test]
    fn a_file_that_is_not_understood_is_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_gates");
        fs::write(&path, format!("gate:4433 {}\nnonsense\n", print("AB"))).unwrap();
        let said = Pins(path).find("gate:4433").unwrap_err();
        assert!(said.contains("known_gates:2"), "{said}");
    }
}
