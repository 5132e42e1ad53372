//! Functions whose results differ from call to call: each with a template that gives the same in Go and here.

/// Names of functions that depend on time or chance.
pub(crate) const VARYING: &[&str] = &[
    "ago",
    "bcrypt",
    "buildCustomCert",
    "encryptAES",
    "genCA",
    "genCAWithKey",
    "genPrivateKey",
    "genSelfSignedCert",
    "genSelfSignedCertWithKey",
    "genSignedCert",
    "genSignedCertWithKey",
    "htpasswd",
    "now",
    "randAlpha",
    "randAlphaNum",
    "randAscii",
    "randBytes",
    "randInt",
    "randNumeric",
    "shuffle",
    "uuidv4",
];

/// Whether two calls with the same arguments can differ.
pub(crate) fn varies(name: &str) -> bool {
    VARYING.contains(&name)
}
