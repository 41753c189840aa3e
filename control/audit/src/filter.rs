//! Which records of a log somebody wants to see.

use crate::view::View;

/// What a record must be. Each list that is empty asks nothing; of one that is not, one entry must fit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Users or conduits, by name.
    pub users: Vec<String>,
    /// Assets, by name.
    pub assets: Vec<String>,
    /// Sessions, by number.
    pub sessions: Vec<u64>,
    /// Classes of commands.
    pub classes: Vec<String>,
    /// Results: `success`, `denied`, `observed`, `failure`.
    pub results: Vec<String>,
    /// Reasons.
    pub reasons: Vec<String>,
    /// Categories.
    pub categories: Vec<String>,
    /// Types.
    pub kinds: Vec<String>,
    /// Not before this time, written as records have it.
    pub since: Option<String>,
    /// Before this time.
    pub until: Option<String>,
}

impl Filter {
    /// Whether a record is wanted.
    pub fn wants(&self, record: &View<'_>) -> bool {
        let session = || record.number("session").is_some_and(|it| self.sessions.contains(&it));
        self.is_in_time(record.time())
            && fits(&self.kinds, Some(record.kind()))
            && fits(&self.categories, Some(record.category()))
            && fits(&self.results, Some(record.result()))
            && fits(&self.users, record.text("user"))
            && fits(&self.assets, record.text("asset"))
            && fits(&self.classes, record.text("class"))
            && fits(&self.reasons, record.text("reason"))
            && (self.sessions.is_empty() || session())
    }

    /// Whether every record is.
    pub fn wants_all(&self) -> bool {
        *self == Filter::default()
    }

    fn is_in_time(&self, time: &str) -> bool {
        self.since.as_deref().is_none_or(|since| time >= since)
            && self.until.as_deref().is_none_or(|until| time < until)
    }
}

fn fits(wanted: &[String], there: Option<&str>) -> bool {
    wanted.is_empty() || there.is_some_and(|there| wanted.iter().any(|one| one == there))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of the examples that a filter wants.
    fn wanted(change: impl FnOnce(&mut Filter)) -> Vec<u64> {
        let mut filter = Filter::default();
        change(&mut filter);
        let lines = include_str!("../tests/examples.jsonl").lines();
        let views = lines.map(|line| View::read(line.as_bytes()).unwrap());
        views.filter(|view| filter.wants(view)).map(|view| view.seq()).collect()
    }

    fn list(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn nothing_asked_wants_all() {
        assert_eq!(wanted(|_| ()).len(), 27);
        assert!(Filter::default().wants_all());
    }

    #[test]
    fn each_part_asks_for_itself() {
        assert_eq!(wanted(|f| f.classes = list(&["mode"])), [5]);
        assert_eq!(wanted(|f| f.results = list(&["observed", "failure"])), [6, 14, 26]);
        assert_eq!(wanted(|f| f.reasons = list(&["no-grant"])), [7]);
        assert_eq!(wanted(|f| f.users = list(&["mallory"])), [23]);
        assert_eq!(wanted(|f| f.sessions = vec![2]), [11, 12, 13]);
        assert_eq!(wanted(|f| f.categories = list(&["policy", "system"])), [14, 15, 24, 26, 27]);
        assert_eq!(wanted(|f| f.kinds = list(&["logout"])), [22]);
        assert_eq!(wanted(|f| f.assets = list(&["press"])), [0; 0], "a name, not a part of one");
    }

    #[test]
    fn all_parts_must_fit() {
        let both = |f: &mut Filter| {
            f.users = list(&["alice"]);
            f.results = list(&["denied"]);
        };
        assert_eq!(wanted(both), [5, 16]);
    }

    #[test]
    fn since_is_included_and_until_is_not() {
        let between = |f: &mut Filter| {
            f.since = Some("2020-06-27T11:50:49.422685000Z".to_owned());
            f.until = Some("2020-06-27T11:50:49.424685000Z".to_owned());
        };
        assert_eq!(wanted(between), [4, 5]);
    }
}
