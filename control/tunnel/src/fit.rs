//! What the gate says, made to fit into a message: the names in a policy may be of any length, and one that is
//! too long for a message must not end a tunnel.

use serde_json::Value;
use zeroize::Zeroizing;

use crate::message::{Malformed, ToUser, encode};

/// What stands for the rest of a text.
const MARK: char = '…';

/// Bytes that texts are cut to, in turn, until the message fits. The last fits always: a message has some forty
/// texts at most, and JSON (RFC 8259 section 7) writes at most six bytes for one.
const CUTS: [usize; 4] = [2048, 512, 128, 24];

/// The bytes of what the gate says. Where that is too long, its longest texts end in a mark, and assets of long
/// names are left out.
///
/// # Errors
/// It is too long all the same.
pub(crate) fn encode_cut(what: &ToUser) -> Result<Zeroizing<Vec<u8>>, Malformed> {
    let mut encoded = encode(what);
    for most in CUTS {
        if !matches!(encoded, Err(Malformed::Length(_))) {
            break;
        }
        encoded = encode(&cut_to(most, what)?);
    }
    encoded
}

/// The message, with no text of more than `most` bytes before its mark.
fn cut_to(most: usize, what: &ToUser) -> Result<Value, Malformed> {
    let mut what = what.clone();
    if let ToUser::Admitted(admitted) = &mut what {
        // Users name assets by these: half a name might be another's.
        admitted.assets.retain(|(name, _)| name.len() <= most);
    }
    let mut value = serde_json::to_value(what).map_err(|_| Malformed::Form)?;
    cut_texts(&mut value, most);
    Ok(value)
}

/// Keys are the fields' own, and short.
fn cut_texts(value: &mut Value, most: usize) {
    match value {
        Value::String(text) if text.len() > most => {
            text.truncate(text.floor_char_boundary(most));
            text.push(MARK);
        }
        Value::Array(values) => values.iter_mut().for_each(|value| cut_texts(value, most)),
        Value::Object(fields) => fields.values_mut().for_each(|value| cut_texts(value, most)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::message::{Admitted, Denied, Grant, GrantState, Inbox, LONGEST, Refused};

    fn denied(name: &str) -> Denied {
        let names = |count| vec![name.to_owned(); count];
        Denied {
            asset: name.to_owned(),
            asked: name.to_owned(),
            reason: "address-denied".to_owned(),
            meaning: name.to_owned(),
            rule: Some(name.to_owned()),
            roles: names(8),
            prove: names(4),
            ask: names(8),
        }
    }

    fn admitted(names: &[String]) -> Admitted {
        let (address, overlay) = (Ipv4Addr::LOCALHOST, (Ipv4Addr::UNSPECIFIED, 16));
        let user = "u".repeat(64);
        let (login, mtu, left, proven) = (u64::MAX, 1280, u64::MAX, vec!["totp".to_owned(); 4]);
        let assets = names.iter().map(|name| (name.clone(), address)).collect();
        Admitted { login, user, address, overlay, mtu, left, proven, assets }
    }

    fn grant(name: &str) -> Grant {
        Grant {
            id: u64::MAX,
            rule: name.to_owned(),
            asset: name.to_owned(),
            state: GrantState::Requested,
            lacking: vec![name.to_owned(); 4],
            approver: Some(name.to_owned()),
            by: Some(name.to_owned()),
            why: None,
            left: None,
        }
    }

    /// What the user's end hears of it.
    fn heard(what: &ToUser) -> ToUser {
        let mut inbox = Inbox::default();
        inbox.add(&encode_cut(what).unwrap());
        inbox.take().unwrap().unwrap()
    }

    #[test]
    fn whatever_names_are_in_it_a_message_fits() {
        // As it is, three bytes a letter, six bytes of JSON for one.
        for letter in ['x', '漢', '\u{1}'] {
            for length in [1, 24, 25, 100, 300, 1000, LONGEST, 100_000] {
                let name: String = std::iter::repeat_n(letter, length).collect();
                let refused = Refused { what: name.clone(), wait: None };
                let messages = [
                    ToUser::Denied(denied(&name)),
                    ToUser::Grant(grant(&name)),
                    ToUser::NotDone(refused.clone()),
                    ToUser::Refused(refused),
                    ToUser::SteppedUp { proven: vec![name.clone(); 4] },
                    ToUser::Admitted(admitted(&vec![name; 32])),
                ];
                for message in messages {
                    let same = std::mem::discriminant(&message);
                    assert_eq!(
                        std::mem::discriminant(&heard(&message)),
                        same,
                        "{letter:?} {length}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_fits_is_said_as_it_is_and_what_is_cut_has_a_mark() {
        let short = ToUser::Denied(denied("maintenance operates"));
        assert_eq!(heard(&short), short);
        let long = Denied { rule: Some("r".repeat(LONGEST)), ..denied("press-3") };
        let ToUser::Denied(heard) = heard(&ToUser::Denied(long.clone())) else {
            panic!("{long:?}")
        };
        let rule = heard.rule.clone().unwrap();
        assert!(rule.starts_with("rrr") && rule.ends_with(MARK), "{rule}");
        assert_eq!(Denied { rule: long.rule.clone(), ..heard }, long, "what is short is whole");
    }

    #[test]
    fn an_asset_is_told_by_its_whole_name_or_not_at_all() {
        let names = ["press-3".to_owned(), "p".repeat(LONGEST), "press-4".to_owned()];
        let ToUser::Admitted(heard) = heard(&ToUser::Admitted(admitted(&names))) else { panic!() };
        let told: Vec<_> = heard.assets.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(told, ["press-3", "press-4"]);
    }
}
