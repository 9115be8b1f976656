import json
import time
import urllib.request

import jwt

from answers import Refused
from settings import AUDIENCE, ISSUER, JWKS_URI


class Keys(jwt.PyJWKClient):
    """PyJWT's client keeps the keys for 5 minutes, and fetches them again for an unknown kid: for each token that has
    one, and in PyJWT 2.6 without a time limit. This limits both, and keeps the keys if they cannot be fetched."""

    fetched_at = -10.0

    def fetch_data(self):
        known = self.jwk_set_cache.get()
        if known is not None and time.monotonic() < self.fetched_at + 10:
            return known
        self.fetched_at = time.monotonic()
        with urllib.request.urlopen(self.uri, timeout=5) as answer:
            jwks = json.load(answer)
        self.jwk_set_cache.put(jwks)
        return jwks


keys = Keys(JWKS_URI, lifespan=300)


def verify_access_token(token):
    try:
        header = jwt.get_unverified_header(token)
        # PyJWT does not check the type.
        if header.get("typ") != "at+jwt":
            raise Refused(401, "token_invalid", "it is not an access token")
        key = find_key(header.get("kid"))
        return jwt.decode(
            token,
            key,
            algorithms=["ES256"],
            issuer=ISSUER,
            audience=AUDIENCE,
            # Without verify_iat: otherwise a clock that is behind refuses new tokens.
            options={"require": ["exp", "iss", "aud", "sub", "sid"], "verify_iat": False},
            leeway=5,
        )
    except jwt.ExpiredSignatureError as error:
        raise Refused(401, "token_expired", error) from error
    except jwt.PyJWTError as error:
        raise Refused(401, "token_invalid", error) from error


def find_key(kid):
    try:
        return keys.get_signing_key(kid).key
    except (OSError, ValueError) as error:
        raise Refused(503, "keys_unavailable", error) from error
