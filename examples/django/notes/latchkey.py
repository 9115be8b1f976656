"""
Simple JWT verifies Latchkey's access tokens; then they are looked up in Latchkey's blacklist. The signature shows that a
token was valid when it was issued; the blacklist shows whether its session has ended since.
"""

from functools import lru_cache

import jwt
import redis
from django.conf import settings
from rest_framework.exceptions import APIException
from rest_framework_simplejwt.authentication import JWTStatelessUserAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken


class RevocationsUnknown(APIException):
    """Redis does not answer, or its blacklist is incomplete, so it is unknown whether a token is revoked."""

    status_code = 503
    default_detail = "Revocations cannot be read at the moment."
    default_code = "revocations_unknown"


class LatchkeyAuthentication(JWTStatelessUserAuthentication):
    """The user object is created from the token. If you have your own user table, derive from JWTAuthentication instead."""

    def get_validated_token(self, raw_token):
        # Signature, issuer, audience, expiry and `token_type`.
        token = super().get_validated_token(raw_token)
        header = jwt.get_unverified_header(raw_token)
        # PyJWT does not check the type, which distinguishes access tokens from all other JWTs (RFC 9068, 4).
        if header.get("typ") != "at+jwt":
            raise not_valid("Token has wrong type")
        if is_revoked(token, header["kid"]):
            raise not_valid("Token is blacklisted")
        return token


def is_revoked(token, kid):
    """
    Looks a verified token up in the blacklist, in one round trip. The format of the keys is public and changes only
    with their prefix; Latchkey's docs/simple-jwt.md has the list.
    """
    subject = token["sub"]
    names = [
        "watermark",
        f"session:{token['sid']}",
        f"token:{token['jti']}",
        f"key:{kid}",
        "realm",
        f"user:{{{subject}}}:version",
        f"user:{{{subject}}}:roles",
    ]
    try:
        # In a Redis Cluster the keys are in several slots: read each one separately there, in a pipeline.
        values = blacklist().mget(f"{settings.LATCHKEY_REDIS_KEY_PREFIX}:revoked:{name}" for name in names)
    except redis.RedisError as error:
        raise RevocationsUnknown from error
    watermark, session, single, key, realm, version, roles = values
    # After a flush it is missing until Latchkey has written everything again, within a second or two.
    if watermark is None:
        raise RevocationsUnknown
    return (
        session is not None
        or single is not None
        or key is not None
        or (realm is not None and token["auth_time"] < float(realm))
        or (version is not None and token["ver"] < int(version))
        # The roles changed: the client refreshes, and comes back with a token with the new roles.
        or (roles is not None and token["roles_version"] < int(roles))
    )


@lru_cache(maxsize=None)
def blacklist():
    return redis.from_url(
        settings.LATCHKEY_REDIS_URL,
        decode_responses=True,
        socket_timeout=0.5,
        socket_connect_timeout=0.5,
    )


def not_valid(message):
    """The error after which clients of Simple JWT refresh."""
    return InvalidToken(
        {
            "detail": "Given token not valid for any token type",
            "messages": [{"token_class": "AccessToken", "token_type": "access", "message": message}],
        }
    )
