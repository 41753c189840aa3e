//! The dissector byte for byte.
