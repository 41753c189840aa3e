pub mod edits;
pub mod number;
