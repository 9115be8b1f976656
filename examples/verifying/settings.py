import os

# The `iss` of the tokens.
ISSUER = os.environ.get("LATCHKEY_ISSUER", "http://localhost:3000")
# The `aud` of the tokens: the issuer, unless Latchkey has JWT_AUDIENCE.
AUDIENCE = os.environ.get("LATCHKEY_AUDIENCE", ISSUER)
# Where this service fetches the public keys: at the issuer, or at the address that Latchkey has among containers.
JWKS_URI = os.environ.get("LATCHKEY_URL", ISSUER) + "/.well-known/jwks.json"
