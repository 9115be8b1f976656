import json
import time
import urllib.request

from authlib.jose import JsonWebKey, JsonWebToken
from authlib.jose.errors import ExpiredTokenError, JoseError

from answers import Refused
from settings import AUDIENCE, ISSUER, JWKS_URI

# Not authlib.jose.jwt, which accepts every algorithm that Authlib knows.
es256 = JsonWebToken(["ES256"])
# Authlib checks only what is named here, and a claim may be missing unless it is essential.
claims_options = {
    "iss": {"essential": True, "value": ISSUER},
    "aud": {"essential": True, "value": AUDIENCE},
    "exp": {"essential": True},
    "sub": {"essential": True},
    "sid": {"essential": True},
}
keys = {}
fetched_at = float("-inf")


def verify_access_token(token):
    try:
        claims = es256.decode(token, find_key, claims_options=claims_options)
        if claims.header.get("typ") != "at+jwt":
            raise Refused(401, "token_invalid", "it is not an access token")
        claims.validate(leeway=5)
        return claims
    except ExpiredTokenError as error:
        raise Refused(401, "token_expired", error) from error
    # Authlib raises a ValueError for some tokens that it cannot read.
    except (JoseError, ValueError) as error:
        raise Refused(401, "token_invalid", error) from error


def find_key(header, _payload):
    """Keeps the keys for 5 minutes. An unknown kid fetches them again, at most every 10 seconds."""
    global keys, fetched_at
    kid = header.get("kid")
    age = time.monotonic() - fetched_at
    if age > 300 or (kid not in keys and age > 10):
        try:
            with urllib.request.urlopen(JWKS_URI, timeout=5) as answer:
                keys = {jwk["kid"]: JsonWebKey.import_key(jwk) for jwk in json.load(answer)["keys"]}
        except (OSError, ValueError, KeyError) as error:
            raise Refused(503, "keys_unavailable", error) from error
        fetched_at = time.monotonic()
    if kid not in keys:
        raise Refused(401, "token_invalid", "no key has this kid")
    return keys[kid]
