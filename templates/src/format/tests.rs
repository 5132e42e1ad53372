//! Held against what Go prints.
