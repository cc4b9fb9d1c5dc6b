//! Every provider's data.
