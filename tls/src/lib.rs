//! The client of an API server, for the controller and the command lines.
//!
//! It is kube's, but for one thing: a server's certificate that stands byte for byte among the configured ones is trusted, as Go
//! does. So the API servers of some distributions and proxies can be reached, whose serving certificate is its own CA.
//! No I/O happens here before the first request; which requests are sent, and how often, is the callers' business.

mod client;
mod own_certificate;

pub use client::{Service, client_builder};
pub use own_certificate::OwnCertificate;
