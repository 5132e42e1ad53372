#!/bin/sh
# Makes the certificates of this folder. Their keys are public: they are for tests only.
set -e
cd "$(dirname "$0")"
self() {
  name=$1; shift
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" -out "$name.crt" \
    -subj "/CN=api.test" -addext "subjectAltName=DNS:api.test,IP:127.0.0.1" "$@" 2>/dev/null
}
self own -days 36500
self leaf -days 36500 -addext "basicConstraints=critical,CA:FALSE"
self another -days 36500
self client -days 36500 -addext "extendedKeyUsage=clientAuth"
