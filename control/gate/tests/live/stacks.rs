//! Another client and another server than libmodbus: pymodbus, as pinned in `pcaps/stacks`.
