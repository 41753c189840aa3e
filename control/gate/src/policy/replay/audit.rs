//! Commands of an audit log, in one file or a folder of many. It is read twice, in memory of one line: first its
//! chain and who its users are, then its commands, as far as the chain holds.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use wicketgate_audit::{Recorded, Trust, VerifyError, verify_log};
use wicketgate_dissectors::Protocol;
use wicketgate_engine::Reason;
use wicketgate_policy::trial::Answer;

use super::Outcome;
use super::changes::{Change, Changes, Opinion, describe};
use super::judge::{Asked, Court, Person, Place, Who, is_whole};
use crate::logs::{pieces, reader};
use crate::policy::user::UserArgument;
use crate::progress::Progress;
use crate::{cli, config};

/// What the first reading finds.
#[derive(Default)]
struct Survey {
    /// Records whose chain holds.
    records: u64,
    users: BTreeSet<String>,
    damage: Option<String>,
}

/// The policies, and the numbers of the users that they were compiled for.
struct Bench {
    asked: Court,
    against: Option<Court>,
    people: BTreeMap<String, Person>,
}

/// Judges every command of the log.
pub(super) fn replay(arguments: &cli::PolicyReplay) -> Result<Outcome, String> {
    if !arguments.logins.is_empty() {
        return Err("--login is for captures; a log has users: --user USER:ROLE".to_owned());
    }
    let log = Pieces::of(&arguments.record)?;
    let survey = survey(&log)?;
    let mut bench = bench(arguments, &survey)?;
    let mut changes = Changes::default();
    let mut lines = Lines::of(&log);
    for _ in 0..survey.records {
        let Some(line) = lines.next()? else { break };
        if let Some(recorded) = Recorded::read(line) {
            bench.judge(&recorded, &mut changes)?;
        }
    }
    Ok(Outcome { changes, damage: survey.damage })
}

/// The files of the log.
struct Pieces {
    names: Vec<PathBuf>,
    /// All that the log has are there.
    is_folder: bool,
}

impl Pieces {
    fn of(path: &Path) -> Result<Pieces, String> {
        let names = pieces(path).map_err(|error| unopened(path, &error))?;
        Ok(Pieces { names, is_folder: path.is_dir() })
    }

    /// A bar over all of them.
    fn progress(&self) -> Progress {
        let size = |name: &PathBuf| name.metadata().map_or(0, |metadata| metadata.len());
        Progress::over(self.names.iter().map(size).sum())
    }

    fn broken(&self, error: &VerifyError) -> String {
        let file = self.names.get(error.piece).filter(|_| self.is_folder);
        let file = file.map(|name| format!("{}: ", name.display())).unwrap_or_default();
        format!("the log is broken at {file}{error}; only what is before it was judged")
    }
}

fn survey(log: &Pieces) -> Result<Survey, String> {
    let files: Result<Vec<_>, _> = log.names.iter().map(|name| open(name)).collect();
    let (mut survey, mut progress, mut offset) = (Survey::default(), log.progress(), 0);
    let trust = Trust { all_files: log.is_folder, ..Trust::default() };
    let verified = verify_log(files?.into_iter(), &trust, |line| {
        offset += line.len() as u64 + 1;
        progress.at(offset);
        survey.records += 1;
        let user = Recorded::read(line).filter(|r| !r.essential).and_then(|r| r.user);
        if let Some(user) = user.filter(|user| !survey.users.contains(&**user)) {
            survey.users.insert(user.into_owned());
        }
    });
    survey.damage = verified.err().map(|error| log.broken(&error));
    Ok(survey)
}

fn bench(arguments: &cli::PolicyReplay, survey: &Survey) -> Result<Bench, String> {
    let roles = |user: &String| {
        let said = |argument: &&UserArgument| argument.user == *user;
        let said = arguments.users.iter().find(said).map(|argument| argument.roles.clone());
        (user.clone(), said.unwrap_or_else(|| vec![user.clone()]))
    };
    let users: Vec<_> = survey.users.iter().map(roles).collect();
    let people = survey.users.iter().cloned().zip(0..).collect();
    let asked = Court::new(config::load(&arguments.policy)?, &users)?;
    let against = arguments.against.as_deref().map(|path| Court::new(config::load(path)?, &users));
    Ok(Bench { asked, against: against.transpose()?, people })
}

impl Bench {
    fn judge(&mut self, recorded: &Recorded<'_>, changes: &mut Changes) -> Result<(), String> {
        let (protocol, pdu) = (Protocol::from_name(&recorded.protocol), recorded.pdu());
        // What was not logged was refused, whatever the policy said.
        let unlogged = recorded.reason.as_deref() == Some(Reason::AuditFull.code());
        let pdu = pdu.filter(|pdu| protocol.is_some_and(|protocol| is_whole(protocol, pdu)));
        let (Some(protocol), Some(pdu), Some(time), false) =
            (protocol, pdu, recorded.time(), unlogged)
        else {
            changes.not_judged += 1;
            return Ok(());
        };
        let place = Place::Asset(recorded.asset.as_deref().unwrap_or_default());
        let asked = Asked { time, who: self.who(recorded), place, protocol, pdu: &pdu };
        let after = self.asked.judge(&asked)?;
        let before = self.against.as_mut().map(|court| court.judge(&asked)).transpose()?;
        let passed = before.map_or(&*recorded.result != "denied", Answer::is_allowed);
        changes.commands += 1;
        if passed != after.is_allowed() {
            let change = self.change(recorded, &asked, before, after);
            changes.add(time, after.is_allowed(), change);
        }
        Ok(())
    }

    fn change(
        &self,
        recorded: &Recorded<'_>,
        asked: &Asked<'_>,
        before: Option<Answer>,
        after: Answer,
    ) -> Change {
        let (command, unit, object) = describe(asked.protocol, asked.pdu);
        Change {
            asset: recorded.asset.as_deref().unwrap_or_default().to_owned(),
            user: recorded.user.as_deref().unwrap_or("nobody").to_owned(),
            command: command.into_owned(),
            unit,
            object,
            before: match self.against.as_ref().zip(before) {
                Some((court, answer)) => Opinion::of(court, answer),
                None => told(recorded),
            },
            after: Opinion::of(&self.asked, after),
        }
    }

    fn who(&self, recorded: &Recorded<'_>) -> Who {
        if recorded.essential {
            return Who { machine: Some(recorded.client), person: None };
        }
        let user = recorded.user.as_deref();
        Who { machine: None, person: user.and_then(|user| self.people.get(user)).copied() }
    }
}

/// The verdict in the log.
fn told(recorded: &Recorded<'_>) -> Opinion {
    let verdict = match &*recorded.result {
        "denied" => "denied",
        "observed" => "observed",
        _ => "forwarded",
    };
    let text = |field: &Option<std::borrow::Cow<'_, str>>| field.as_deref().map(str::to_owned);
    Opinion { verdict, reason: text(&recorded.reason), rule: text(&recorded.rule) }
}

/// The lines of a log, one at a time.
struct Lines<'l> {
    files: std::slice::Iter<'l, PathBuf>,
    reader: Option<BufReader<File>>,
    line: Vec<u8>,
    progress: Progress,
    offset: u64,
}

impl<'l> Lines<'l> {
    fn of(log: &'l Pieces) -> Lines<'l> {
        let (files, progress) = (log.names.iter(), log.progress());
        Lines { files, reader: None, line: Vec::new(), progress, offset: 0 }
    }

    fn next(&mut self) -> Result<Option<&[u8]>, String> {
        self.line.clear();
        while self.read()? == 0 {
            match self.files.next() {
                Some(name) => self.reader = Some(open(name)?),
                None => return Ok(None),
            }
        }
        Ok(Some(self.line.trim_ascii_end()).filter(|line| !line.is_empty()))
    }

    /// Bytes of the next line in this file: none at its end.
    fn read(&mut self) -> Result<usize, String> {
        let Some(reader) = &mut self.reader else { return Ok(0) };
        let read = reader.read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| format!("the log cannot be read: {error}"))?;
        self.offset += read as u64;
        self.progress.at(self.offset);
        Ok(read)
    }
}

fn open(path: &Path) -> Result<BufReader<File>, String> {
    reader(path).map_err(|error| unopened(path, &error))
}

fn unopened(path: &Path, error: &std::io::Error) -> String {
    format!("{}: cannot be opened: {error}", path.display())
}
