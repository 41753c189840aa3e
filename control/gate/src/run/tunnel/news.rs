//! How what users of tunnels have asked for stands, until they are told: that a right is theirs only once tables are
//! made of it.

use wicketgate_tunnel::message::Grant;

/// What is to be told, by the number of the tunnel, in the order in which it happened.
#[derive(Debug, Default)]
pub(super) struct News(Vec<(u32, Grant)>);

impl News {
    pub(super) fn add(&mut self, tunnel: u32, grant: Grant) {
        self.0.push((tunnel, grant));
    }

    /// All of it, for tables are made.
    pub(super) fn take(&mut self) -> Vec<(u32, Grant)> {
        std::mem::take(&mut self.0)
    }

    /// What is for one tunnel, which ends: later it could not be told.
    pub(super) fn take_of(&mut self, tunnel: u32) -> Vec<(u32, Grant)> {
        self.0.extract_if(.., |(to, _)| *to == tunnel).collect()
    }
}

#[cfg(test)]
mod tests {
    use wicketgate_tunnel::message::GrantState;

    use super::*;

    fn grant(id: u64) -> Grant {
        Grant {
            id,
            rule: "maintenance".to_owned(),
            asset: "press-3".to_owned(),
            state: GrantState::Granted,
            lacking: Vec::new(),
            approver: None,
            by: None,
            why: None,
            left: None,
        }
    }

    /// A login that ends in the same moment as another is granted something tells nobody of that early.
    #[test]
    fn what_is_told_of_a_tunnel_that_ends_leaves_others_to_wait_for_tables() {
        let mut news = News::default();
        for (id, tunnel) in [(1, 7), (2, 8), (3, 7)] {
            news.add(tunnel, grant(id));
        }
        assert_eq!(news.take_of(7), [(7, grant(1)), (7, grant(3))]);
        assert_eq!(news.take(), [(8, grant(2))]);
        assert_eq!(news.take(), []);
    }
}
