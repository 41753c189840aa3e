//! A seed with less: fewer commands, and less that goes wrong.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use crate::scenario::Scenario;

/// Something that makes a run harder, and that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Trouble {
    /// Frames lost.
    Loss,
    /// Frames delivered twice.
    Duplicate,
    /// Frames delivered late.
    Reorder,
    /// Frames damaged.
    Corrupt,
    /// Segments cut.
    Cut,
    /// Segments joined.
    Join,
    /// PDUs written in pieces.
    Pieces,
    /// Programs that wait, and do not read.
    Pauses,
    /// More than one request at a time.
    Pipeline,
    /// Small windows and segments.
    Windows,
    /// Options: timestamps, keep-alives, delayed acknowledgements, Nagle's algorithm.
    Options,
}

/// What is taken from a seed's scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Knobs {
    /// So many commands.
    pub commands: Option<u16>,
    /// This share of denied commands, in a thousand.
    pub denied: Option<u32>,
    /// Without these.
    pub without: Vec<Trouble>,
}

impl Knobs {
    /// The scenario of a seed, with less.
    pub fn scenario(&self, seed: u64) -> Scenario {
        let mut scenario = Scenario::new(seed);
        scenario.commands = self.commands.unwrap_or(scenario.commands);
        scenario.denied = self.denied.unwrap_or(scenario.denied);
        self.without.iter().for_each(|trouble| trouble.leave_out(&mut scenario));
        scenario
    }

    /// The same with one thing less; first those that take away most.
    fn less(&self, commands: u16) -> Vec<Knobs> {
        let fewer = [commands / 8, commands / 2, commands.saturating_sub(1)];
        let fewer = fewer.into_iter().filter(|less| (1..commands).contains(less));
        let fewer = fewer.map(|less| Knobs { commands: Some(less), ..self.clone() });
        let troubles = Trouble::value_variants().iter();
        let without = troubles.filter(|trouble| !self.without.contains(trouble)).map(|trouble| {
            let without = self.without.iter().chain([trouble]).copied().collect();
            Knobs { without, ..self.clone() }
        });
        fewer.chain(without).collect()
    }

    /// Takes away whatever can be, as long as the seed still `fails`.
    #[must_use]
    pub fn shrunk(mut self, seed: u64, fails: impl Fn(&Scenario) -> bool) -> Knobs {
        // Each turn takes something away, and there is not much.
        while let Some(less) = self
            .less(self.scenario(seed).commands)
            .into_iter()
            .find(|less| fails(&less.scenario(seed)))
        {
            self = less;
        }
        self
    }
}

impl fmt::Display for Knobs {
    /// As arguments of the program.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(commands) = self.commands {
            write!(f, " --commands {commands}")?;
        }
        if let Some(denied) = self.denied {
            write!(f, " --denied {denied}")?;
        }
        let name = |trouble: &Trouble| trouble.to_possible_value().map(|v| v.get_name().to_owned());
        self.without.iter().filter_map(name).try_for_each(|name| write!(f, " --without {name}"))
    }
}

impl Trouble {
    fn leave_out(self, scenario: &mut Scenario) {
        let links = scenario.office.iter_mut().chain(&mut scenario.line);
        let programs = [&mut scenario.asking, &mut scenario.serving];
        let stacks = [&mut scenario.client, &mut scenario.server];
        match self {
            Trouble::Loss => links.for_each(|link| link.loss = 0),
            Trouble::Duplicate => links.for_each(|link| link.duplicate = 0),
            Trouble::Reorder => links.for_each(|link| link.reorder = 0),
            Trouble::Corrupt => links.for_each(|link| link.corrupt = 0),
            Trouble::Cut => links.for_each(|link| link.cut = 0),
            Trouble::Join => links.for_each(|link| link.join = 0),
            Trouble::Pieces => programs.into_iter().for_each(|program| program.pieces = 0),
            Trouble::Pauses => {
                for program in programs {
                    (program.late, program.deaf) = (0, 0);
                }
            }
            Trouble::Pipeline => scenario.asking.in_flight = 1,
            Trouble::Windows => {
                for stack in stacks {
                    (stack.segment, stack.receive) = (1460, 8000);
                }
            }
            Trouble::Options => {
                for stack in stacks {
                    (stack.timestamps, stack.keep_alive) = (false, None);
                    (stack.delayed_ack, stack.nagle) = (Some(Duration::from_millis(10)), false);
                }
            }
        }
    }
}
