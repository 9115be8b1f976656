"""A Django service whose users sign in at Latchkey: it verifies their access tokens and keeps no passwords."""

import os

from django.core.management.utils import get_random_secret_key

LATCHKEY_URL = os.environ.get("LATCHKEY_URL", "http://localhost:3000")

# What Latchkey writes into its tokens: PUBLIC_ORIGIN and PUBLIC_PATH, unless its JWT_ISSUER and JWT_AUDIENCE say otherwise.
LATCHKEY_ISSUER = os.environ.get("LATCHKEY_ISSUER", LATCHKEY_URL)
LATCHKEY_AUDIENCE = os.environ.get("LATCHKEY_AUDIENCE", LATCHKEY_ISSUER)

# The Redis that Latchkey writes its blacklist to, and the prefix of its keys there (REDIS_KEY_PREFIX).
LATCHKEY_REDIS_URL = os.environ.get("LATCHKEY_REDIS_URL", "redis://localhost:6379")
LATCHKEY_REDIS_KEY_PREFIX = os.environ.get("LATCHKEY_REDIS_KEY_PREFIX", "lk1")

SIMPLE_JWT = {
    # Latchkey's JWT_ALGORITHM: ES256 or RS256. (EdDSA takes a Simple JWT newer than 5.3.)
    "ALGORITHM": "ES256",
    "JWK_URL": f"{LATCHKEY_URL}/.well-known/jwks.json",
    "ISSUER": LATCHKEY_ISSUER,
    # Simple JWT does not look at `aud` unless it is told whose tokens to take.
    "AUDIENCE": LATCHKEY_AUDIENCE,
    # Seconds by which the clocks of the two machines may differ.
    "LEEWAY": int(os.environ.get("LATCHKEY_LEEWAY", "5")),
    # The external id of the user at Latchkey if there is one: the primary key that it had here before it moved.
    "USER_ID_CLAIM": "user_id",
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["notes.latchkey.LatchkeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "rest_framework"]
ROOT_URLCONF = "notes.urls"
ALLOWED_HOSTS = ["localhost", "127.0.0.1"]
# Nothing outlives a restart here that it would have to sign.
SECRET_KEY = get_random_secret_key()
DEBUG = False
USE_TZ = True
