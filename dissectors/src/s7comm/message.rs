//! The header of S7comm.

use super::Tsdu;
use crate::NotTheProtocol;

/// The first byte of S7comm.
pub const ID: u8 = 0x32;

/// Kinds of messages ("remote operating service control").
pub mod rosctr {
    /// Asks.
    pub const JOB: u8 = 1;
    /// Answers without data.
    pub const ACK: u8 = 2;
    /// Answers.
    pub const ACK_DATA: u8 = 3;
    /// Asks or answers; which of them the parameters say.
    pub const USERDATA: u8 = 7;
}

/// One message in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message<'a> {
    /// Which [kind](rosctr).
    pub rosctr: u8,
    /// Reference: chosen by who asks, echoed by who answers.
    pub reference: u16,
    /// Length of the parameters, as the header says.
    pub parameters_length: u16,
    /// Length of the data, as the header says.
    pub data_length: u16,
    /// Class and code of an error; only answers have them.
    pub error: Option<(u8, u8)>,
    /// Parameters: the function first.
    pub parameters: Tsdu<'a>,
    /// Data.
    pub data: Tsdu<'a>,
}

impl<'a> Message<'a> {
    /// Reads all of `tsdu` as one message.
    ///
    /// # Errors
    /// It is no S7comm, cut short, or its lengths are not those of its parts.
    #[inline]
    pub fn read(mut tsdu: Tsdu<'a>) -> Result<Message<'a>, NotTheProtocol> {
        let mut message = Message::header(&mut tsdu)?;
        let lengths = (message.parameters_length, message.data_length);
        let parts = (tsdu.part(lengths.0.into()), tsdu.part(lengths.1.into()));
        let (Some(parameters), Some(data)) = parts else { return Err(NotTheProtocol::Length) };
        if !tsdu.is_empty() {
            return Err(NotTheProtocol::Length);
        }
        (message.parameters, message.data) = (parameters, data);
        Ok(message)
    }

    /// The header at the front of `tsdu`, without parameters and data.
    ///
    /// # Errors
    /// It is no S7comm, or cut short.
    #[inline]
    pub fn header(tsdu: &mut Tsdu<'a>) -> Result<Message<'a>, NotTheProtocol> {
        let Some([ID, rosctr, _, _, ref_high, ref_low, p, q, d, e]) = tsdu.array() else {
            return Err(NotTheProtocol::Envelope);
        };
        let error = match rosctr {
            rosctr::JOB | rosctr::USERDATA => None,
            rosctr::ACK | rosctr::ACK_DATA => Some(tsdu.array().ok_or(NotTheProtocol::Length)?),
            _ => return Err(NotTheProtocol::Envelope),
        };
        Ok(Message {
            rosctr,
            reference: u16::from_be_bytes([ref_high, ref_low]),
            parameters_length: u16::from_be_bytes([p, q]),
            data_length: u16::from_be_bytes([d, e]),
            error: error.map(|[class, code]| (class, code)),
            parameters: Tsdu::default(),
            data: Tsdu::default(),
        })
    }

    /// The function of a job or its answer.
    pub fn function(&self) -> Option<u8> {
        self.parameters.peek()
    }
}
