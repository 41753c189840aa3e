//! What a user types while the tunnel is there.

use wicketgate_tunnel::message::Wanted;

/// What there is, for whoever asks.
pub(super) const HELP: &str = "\
code                       prove the second factor anew, by a fresh code; it is asked for and not shown
password                   prove the password anew
ask ASSET \"RULE\" REASON    ask for what a rule gives on request only
left                       how long the login still lasts
quit                       log out
help                       this";

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Prove the second factor.
    Code,
    /// Prove the password.
    Password,
    /// Ask for a grant.
    Ask(Wanted),
    /// Say how long the login lasts.
    Left,
    /// Log out.
    Quit,
    /// Say what there is.
    Help,
}

impl Command {
    /// The command of a line.
    ///
    /// # Errors
    /// There is no such command; what is to be typed. The line is not repeated: it may be a code that was typed
    /// too soon.
    pub(super) fn parse(line: &str) -> Result<Command, &'static str> {
        match word(line) {
            ("code", "") => Ok(Command::Code),
            ("password", "") => Ok(Command::Password),
            ("left", "") => Ok(Command::Left),
            ("quit", "") => Ok(Command::Quit),
            ("help", "") => Ok(Command::Help),
            ("code" | "password", _) => {
                Err("only the word: what proves you is asked for, and not shown")
            }
            ("ask", rest) => wanted(rest).map(Command::Ask),
            _ => Err("not understood; type: help"),
        }
    }
}

fn wanted(text: &str) -> Result<Wanted, &'static str> {
    let (asset, rest) = word(text);
    let (rule, reason) = word(rest);
    if asset.is_empty() || rule.is_empty() {
        return Err("wanted: ask ASSET \"RULE\" REASON");
    }
    let reason = (!reason.is_empty()).then(|| reason.to_owned());
    Ok(Wanted { rule: rule.to_owned(), asset: asset.to_owned(), reason })
}

/// The first word, or what stands in quotes, and what is behind it.
fn word(text: &str) -> (&str, &str) {
    let text = text.trim();
    let quoted = text.strip_prefix('"').and_then(|rest| rest.split_once('"'));
    let (word, rest) =
        quoted.or_else(|| text.split_once(char::is_whitespace)).unwrap_or((text, ""));
    (word, rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(rule: &str, reason: Option<&str>) -> Command {
        let (rule, asset) = (rule.to_owned(), "press-3".to_owned());
        Command::Ask(Wanted { rule, asset, reason: reason.map(str::to_owned) })
    }

    #[test]
    fn lines_are_commands() {
        for (line, command) in [
            ("code", Command::Code),
            (" code ", Command::Code),
            ("password", Command::Password),
            ("left", Command::Left),
            ("quit", Command::Quit),
            ("help", Command::Help),
            ("ask press-3 writes", ask("writes", None)),
            ("ask press-3 \"when asked\" order 4711", ask("when asked", Some("order 4711"))),
            ("ask \"press-3\"  \"when asked\"", ask("when asked", None)),
        ] {
            assert_eq!(Command::parse(line), Ok(command), "{line}");
        }
    }

    #[test]
    fn what_is_no_command_is_not_repeated() {
        for line in ["", "123456", "code 123456", "ask", "ask press-3", "ask press-3 \"\"", "leave"]
        {
            let told = Command::parse(line).unwrap_err();
            assert!(!told.contains("123456"), "{line}");
        }
    }
}
