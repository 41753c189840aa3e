//! Numbers as decimal digits, written in place: few divisions, all by what is known when compiling, and no call.

/// Appends a number. Most have one digit.
#[inline]
pub(crate) fn write_number(number: u64, line: &mut Vec<u8>) {
    match number {
        0..10 => line.push(b'0' + number as u8),
        _ => write_digits(number, line),
    }
}

fn write_digits(number: u64, line: &mut Vec<u8>) {
    if let Some(more) = Some(number / 10_000).filter(|more| *more > 0) {
        write_number(more, line);
        return line.extend_from_slice(&four((number % 10_000) as u32));
    }
    let number = number as u32;
    match number {
        0..100 => line.extend_from_slice(&two(number)),
        100..1_000 => {
            line.push(digit(number / 100));
            line.extend_from_slice(&two(number % 100));
        }
        _ => line.extend_from_slice(&four(number)),
    }
}

/// The nine digits of a number below 10^9.
pub(crate) fn nine(number: u32) -> [u8; 9] {
    let [b, c, d, e] = four(number / 10_000 % 10_000);
    let [f, g, h, i] = four(number % 10_000);
    [digit(number / 100_000_000), b, c, d, e, f, g, h, i]
}

/// The four digits of a number below 10,000.
fn four(number: u32) -> [u8; 4] {
    let ([a, b], [c, d]) = (two(number / 100), two(number % 100));
    [a, b, c, d]
}

/// The two digits of a number below 100.
const fn two(number: u32) -> [u8; 2] {
    [digit(number / 10), digit(number % 10)]
}

const fn digit(number: u32) -> u8 {
    b'0' + number as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_written_as_by_others(number in any::<u64>(), places in 0_u32..64) {
            let (mut line, number) = (b"-".to_vec(), number >> places);
            write_number(number, &mut line);
            prop_assert_eq!(line, format!("-{number}").into_bytes());
        }

        #[test]
        fn nine_digits_have_their_zeros(number in 0_u32..1_000_000_000, places in 0_u32..30) {
            let number = number >> places;
            prop_assert_eq!(nine(number).to_vec(), format!("{number:09}").into_bytes());
        }
    }
}
