//! Which denials are news to a user: a program that asks again and again is told of once a second.

use std::collections::HashMap;
use std::time::Duration;

use wicketgate_tunnel::message::Denied;

/// For how long the same is no news.
const SAME: Duration = Duration::from_secs(1);

/// Denials that one user is told of within that time.
const MOST: usize = 8;

/// What was told in the second that is on, by tunnel.
#[derive(Debug, Default)]
pub(super) struct Notices(HashMap<u32, (Duration, Vec<Denied>)>);

impl Notices {
    /// Whether this is news to that tunnel's user at `now`; then it is taken as told.
    pub(super) fn is_news(&mut self, tunnel: u32, denied: &Denied, now: Duration) -> bool {
        let (since, told) = self.0.entry(tunnel).or_insert_with(|| (now, Vec::new()));
        if now.saturating_sub(*since) >= SAME {
            *since = now;
            told.clear();
        }
        let news = told.len() < MOST && !told.contains(denied);
        if news {
            told.push(denied.clone());
        }
        news
    }

    /// The tunnel is gone.
    pub(super) fn forget(&mut self, tunnel: u32) {
        self.0.remove(&tunnel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied(asked: &str) -> Denied {
        Denied {
            asset: "press-3".to_owned(),
            asked: asked.to_owned(),
            reason: "command-denied".to_owned(),
            meaning: String::new(),
            rule: None,
            roles: Vec::new(),
            prove: Vec::new(),
            ask: Vec::new(),
        }
    }

    #[test]
    fn the_same_is_news_once_a_second_and_all_is_bounded() {
        let mut notices = Notices::default();
        let mut at =
            |asked: &str, millis| notices.is_news(1, &denied(asked), Duration::from_millis(millis));
        assert!(at("write 1", 0) && !at("write 1", 10) && at("write 2", 20));
        assert!(at("write 1", 1000));
        let told = (0..100).filter(|n| at(&format!("scan {n}"), 1500)).count();
        assert_eq!(told, MOST - 1);
        notices.forget(1);
        assert!(notices.is_news(1, &denied("write 1"), Duration::from_millis(1501)));
    }
}
