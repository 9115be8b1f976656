"""
Access tokens of Latchkey, verified by Simple JWT and then looked up in Latchkey's blacklist: a signature says that a
token was good when it was made, the blacklist says that its session ended since.
"""

from functools import lru_cache

import jwt
import redis
from django.conf import settings
from rest_framework.exceptions import APIException
from rest_framework_simplejwt.authentication import JWTStatelessUserAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken


class RevocationsUnknown(APIException):
    """Redis does not answer, or does not hold the whole blacklist: whether a token is revoked can't be known."""

    status_code = 503
    default_detail = "Revocations can't be read at the moment."
    default_code = "revocations_unknown"


class LatchkeyAuthentication(JWTStatelessUserAuthentication):
    """The user is made from the token. For rows of a user table of your own, derive from JWTAuthentication instead."""

    def get_validated_token(self, raw_token):
        # Signature, issuer, audience, expiry and `token_type`.
        token = super().get_validated_token(raw_token)
        header = jwt.get_unverified_header(raw_token)
        # PyJWT does not look at the type, by which an access token differs from every other JWT (RFC 9068, 4).
        if header.get("typ") != "at+jwt":
            raise not_valid("Token has wrong type")
        if is_revoked(token, header["kid"]):
            raise not_valid("Token is blacklisted")
        return token


def is_revoked(token, kid):
    """
    Looks a verified token up in the blacklist, in one round trip. The format of the keys is public and changes only
    with their prefix; Latchkey's docs/revocation.md says what each is for.
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
        # In a Redis Cluster the keys are in several slots: ask for each by itself there, in a pipeline.
        values = blacklist().mget(f"{settings.LATCHKEY_REDIS_KEY_PREFIX}:revoked:{name}" for name in names)
    except redis.RedisError as error:
        raise RevocationsUnknown from error
    watermark, session, single, key, realm, version, roles = values
    # After a flush it is absent until Latchkey has written everything again, within a second or two.
    if watermark is None:
        raise RevocationsUnknown
    return (
        session is not None
        or single is not None
        or key is not None
        or (realm is not None and token["auth_time"] < float(realm))
        or (version is not None and token["ver"] < int(version))
        # The roles changed: the client refreshes, and comes back with a token that has the new ones.
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
    """The refusal that clients of Simple JWT know, and refresh upon."""
    return InvalidToken(
        {
            "detail": "Given token not valid for any token type",
            "messages": [{"token_class": "AccessToken", "token_type": "access", "message": message}],
        }
    )
