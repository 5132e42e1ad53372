//! The rows of the grid. Together they set each value of the chart away from its default at least once.

mod access;
mod controller;
mod network;
mod pod;

use crate::row::Row;

/// Every row.
pub(crate) fn all() -> Vec<Row> {
    [
        controller::rows(),
        pod::rows(),
        network::rows(),
        access::rows(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
