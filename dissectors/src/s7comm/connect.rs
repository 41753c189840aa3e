//! Connection requests (ISO 8073 section 13.3): who opens a connection to whom.

/// Parameter codes (ISO 8073 section 13.3.4).
const TPDU_SIZE: u8 = 0xc0;
const CALLING_TSAP: u8 = 0xc1;
const CALLED_TSAP: u8 = 0xc2;

/// What S7comm-plus calls the access points of a controller begin with.
const ROOT: &[u8] = b"SIMATIC-ROOT-";

/// What a connection is opened for, as its called TSAP says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Role {
    /// A programming device.
    Pg = 1,
    /// Operation: HMI, SCADA.
    Op = 2,
    /// S7 basic communication: other controllers, PUT/GET.
    Basic = 3,
    /// S7comm-plus: operation.
    Hmi = 4,
    /// S7comm-plus: engineering.
    Engineering = 5,
}

impl Role {
    /// All roles.
    pub const ALL: &[Role] = &[Role::Pg, Role::Op, Role::Basic, Role::Hmi, Role::Engineering];

    /// The word used in policy files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Role::Pg => "pg",
            Role::Op => "op",
            Role::Basic => "basic",
            Role::Hmi => "hmi",
            Role::Engineering => "engineering",
        }
    }

    /// The role of that number.
    pub fn of(number: u32) -> Option<Role> {
        Role::ALL.iter().copied().find(|role| *role as u32 == number)
    }
}

/// A connection request or its confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect<'a> {
    /// Reference of the other end; 0 in a request.
    pub destination: u16,
    /// Reference of who sends it.
    pub source: u16,
    /// Class and options; class 0 is all that RFC 1006 has.
    pub class: u8,
    /// Binary logarithm of the longest TPDU; 0 where it is not said.
    pub size: u8,
    /// Who calls; empty where it is not said.
    pub calling: &'a [u8],
    /// Who is called; empty where it is not said.
    pub called: &'a [u8],
}

impl<'a> Connect<'a> {
    /// Reads what follows the TPDU's type; `None` if it is cut short or its parameters are.
    pub fn read(bytes: &'a [u8]) -> Option<Connect<'a>> {
        let (&[d, e, s, r, class], mut rest) = bytes.split_first_chunk()?;
        let mut connect = Connect {
            destination: u16::from_be_bytes([d, e]),
            source: u16::from_be_bytes([s, r]),
            class,
            size: 0,
            calling: &[],
            called: &[],
        };
        while !rest.is_empty() {
            let (&[code, length], tail) = rest.split_first_chunk()?;
            let (value, tail) = tail.split_at_checked(usize::from(length))?;
            match code {
                TPDU_SIZE => connect.size = value.first().copied()?,
                CALLING_TSAP => connect.calling = value,
                CALLED_TSAP => connect.called = value,
                _ => {}
            }
            rest = tail;
        }
        Some(connect)
    }

    /// What the connection is for; `None` where its TSAP says nothing that is known.
    pub fn role(&self) -> Option<Role> {
        match *self.called {
            [1, _] => Some(Role::Pg),
            [2, _] => Some(Role::Op),
            [3, _] => Some(Role::Basic),
            _ => match self.called.strip_prefix(ROOT)? {
                b"HMI" => Some(Role::Hmi),
                b"ES" => Some(Role::Engineering),
                _ => None,
            },
        }
    }
}
