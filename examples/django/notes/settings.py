"""A Django service whose users sign in at Latchkey: it verifies their access tokens and keeps no passwords."""

import os

from django.core.management.utils import get_random_secret_key

LATCHKEY_URL = os.environ.get("LATCHKEY_URL", "http://localhost:3000")

# Issuer and audience in Latchkey's tokens: PUBLIC_ORIGIN and PUBLIC_PATH, unless JWT_ISSUER and JWT_AUDIENCE are set there.
LATCHKEY_ISSUER = os.environ.get("LATCHKEY_ISSUER", LATCHKEY_URL)
LATCHKEY_AUDIENCE = os.environ.get("LATCHKEY_AUDIENCE", LATCHKEY_ISSUER)

# The Redis to which Latchkey writes its blacklist, and the prefix of its keys there (REDIS_KEY_PREFIX).
LATCHKEY_REDIS_URL = os.environ.get("LATCHKEY_REDIS_URL", "redis://localhost:6379")
LATCHKEY_REDIS_KEY_PREFIX = os.environ.get("LATCHKEY_REDIS_KEY_PREFIX", "lk1")

SIMPLE_JWT = {
    # Latchkey's JWT_ALGORITHM: ES256 or RS256. (EdDSA requires a Simple JWT newer than 5.3.)
    "ALGORITHM": "ES256",
    "JWK_URL": f"{LATCHKEY_URL}/.well-known/jwks.json",
    "ISSUER": LATCHKEY_ISSUER,
    # Simple JWT checks `aud` only if an audience is set.
    "AUDIENCE": LATCHKEY_AUDIENCE,
    # The allowed difference between the clocks of the two machines, in seconds.
    "LEEWAY": int(os.environ.get("LATCHKEY_LEEWAY", "5")),
    # The user's external id at Latchkey, if any: an import sets it to the primary key that the user had here.
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
# Nothing that it signs must stay valid after a restart.
SECRET_KEY = get_random_secret_key()
DEBUG = False
USE_TZ = True
