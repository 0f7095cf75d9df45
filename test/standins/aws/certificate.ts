/** A certificate whose key nobody has: a client must be able to read that of a cluster, and nothing answers with it. */
export const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBojCCAUmgAwIBAgIUQWsvzEc1e3ULOdTvlBijKH0hLskwCgYIKoZIzj0EAwIw
JjEkMCIGA1UEAwwbc3RhbmQtaW4gZm9yIGFuIEVLUyBjbHVzdGVyMCAXDTI2MTEy
NTA5MTcwOFoYDzIxMjYxMTAxMDkxNzA4WjAmMSQwIgYDVQQDDBtzdGFuZC1pbiBm
b3IgYW4gRUtTIGNsdXN0ZXIwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAARBat0B
U1RHgjzOlv4TnxC7nz0TGR6TzJz/EIVEakbND2spvmbA9Qr06TZny0keJWjfPltY
2zFN5idsZB7OXTm/o1MwUTAdBgNVHQ4EFgQUtgRlY9ZIwUy0nuAlsZUKQHdFIScw
HwYDVR0jBBgwFoAUtgRlY9ZIwUy0nuAlsZUKQHdFIScwDwYDVR0TAQH/BAUwAwEB
/zAKBggqhkjOPQQDAgNHADBEAiBEqaPWs4Vdxn6fwFz2gfXkqyDRZsEHs/EPlaUk
qfiDtwIgQSVpT+GZJtKWr4lrpfhfD0MY6xN1RGkLCmpM8GhW4Lo=
-----END CERTIFICATE-----
`;
