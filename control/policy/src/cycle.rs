//! An asset's cycle, and how much of it the gate may take.
//!
//! ```text
//! cycle  = "10ms"
//! budget = "1%"
//! ```
//!
//! What is over its budget, and for how long, is control's to find; `budget_window` in `[gate]` says over what time.

use std::time::Duration;

use wicketgate_engine::tables::Cycle;

use crate::diagnostic::Report;
use crate::reader::Table;
use crate::value;

/// Where the file names no budget, the gate may take this part of a cycle: one per cent.
const DEFAULT_PART: u32 = 100;
/// But no less than this, which a gate on an ordinary kernel keeps: 5 % of a cycle of 1 ms.
const LEAST_DEFAULT: Duration = Duration::from_micros(50);

/// Longest window: who is alarmed later has long stopped looking for the cause.
const LONGEST_WINDOW: Duration = Duration::from_secs(3600);

/// Ten-thousandths in a whole.
const WHOLE: u32 = 10_000;

/// Reads `cycle` and `budget` of an `[[asset]]`.
pub(crate) fn read(table: &mut Table<'_>, report: &mut Report<'_>) -> Option<Cycle> {
    let cycle = table.optional("cycle");
    let budget = table.optional("budget");
    if let (None, Some(budget)) = (cycle, budget) {
        let help = "write the controller's cycle there too, like cycle = \"10ms\"";
        report.error_with(
            &budget.span(),
            "`budget` is a share of a `cycle`, and there is none",
            help,
        );
    }
    let share = budget.map(|node| node.parse(report, share));
    let length = cycle?.parse(report, value::duration)?;
    let budget = match share {
        Some(share) => length * share? / WHOLE,
        None => default_budget(length),
    };
    Some(Cycle { length, budget })
}

/// `budget_window` of `[gate]`.
pub(crate) fn window(text: &str) -> Result<Duration, String> {
    let window = value::span(text)?;
    if window > LONGEST_WINDOW { Err("1h at most".to_owned()) } else { Ok(window) }
}

/// What the gate may take of a cycle for which the file names no budget.
fn default_budget(cycle: Duration) -> Duration {
    (cycle / DEFAULT_PART).max(LEAST_DEFAULT).min(cycle)
}

/// `1%`: per cent above zero and up to 100, with two decimals at most; in ten-thousandths.
fn share(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is not a share like 1% or 0.25%");
    let percent = text.strip_suffix('%').ok_or_else(wrong)?.trim_end();
    let (whole, decimals) = percent.split_once('.').unwrap_or((percent, "0"));
    let are_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|digit| digit.is_ascii_digit());
    if !are_digits(whole) || !are_digits(decimals) || whole.len() > 3 || decimals.len() > 2 {
        return Err(wrong());
    }
    let parts: u32 = format!("{whole}{decimals:0<2}").parse().map_err(|_| wrong())?;
    if (1..=WHOLE).contains(&parts) { Ok(parts) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_above_zero_and_at_most_all() {
        let good = [("1%", 100), ("0.25%", 25), ("0.5 %", 50), ("100%", WHOLE), ("0.01%", 1)];
        for (text, expected) in good {
            assert_eq!(share(text), Ok(expected), "{text}");
        }
        for text in
            ["1", "%", "0%", "0.00%", "100.01%", "1.%", ".5%", "0.001%", "-1%", "+1%", "1000%"]
        {
            assert!(share(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_default_is_one_per_cent_and_what_an_ordinary_kernel_keeps() {
        let micros = |cycle| default_budget(Duration::from_micros(cycle)).as_micros();
        let cycles = [100_000, 10_000, 5_000, 4_000, 1_000, 20];
        assert_eq!(cycles.map(micros), [1_000, 100, 50, 50, 50, 20]);
    }
}
