"""
A Django site with Simple JWT as its documentation sets it up: the four endpoints, and a view that needs an access token.
The tests compare its answers with Latchkey's. It prints a JSON object of tokens for every case, then serves.

    python server.py PORT
"""

import json
import sys
from datetime import timedelta

import django
from django.conf import settings

KEY = "a-key-of-the-tests-and-of-nothing-else-0123456789"

settings.configure(
    SECRET_KEY=KEY,
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.auth",
        "rest_framework",
        "rest_framework_simplejwt.token_blacklist",
    ],
    PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework_simplejwt.authentication.JWTAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    },
    SIMPLE_JWT={"ROTATE_REFRESH_TOKENS": True, "BLACKLIST_AFTER_ROTATION": True},
)
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.response import Response  # noqa: E402
from rest_framework.views import APIView  # noqa: E402
from rest_framework_simplejwt import __version__  # noqa: E402
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken  # noqa: E402
from rest_framework_simplejwt.views import (  # noqa: E402
    TokenBlacklistView,
    TokenObtainPairView,
    TokenRefreshView,
    TokenVerifyView,
)


class Sessions(APIView):
    def get(self, request):
        return Response([])


urlpatterns = [
    path("api/token/", TokenObtainPairView.as_view()),
    path("api/token/refresh/", TokenRefreshView.as_view()),
    path("api/token/verify/", TokenVerifyView.as_view()),
    path("api/token/blacklist/", TokenBlacklistView.as_view()),
    path("api/users/me/sessions", Sessions.as_view()),
]


def tokens():
    user = User.objects.create_user("ada@example.com", password="a passphrase nobody would guess")
    inactive = User.objects.create_user("eve", is_active=False)
    gone = User.objects.create_user("bob")
    access, refresh = AccessToken.for_user(user), RefreshToken.for_user(user)
    expired, expired_refresh = AccessToken.for_user(user), RefreshToken.for_user(user)
    expired.set_exp(lifetime=timedelta(minutes=-1))
    expired_refresh.set_exp(lifetime=timedelta(minutes=-1))
    blacklisted = RefreshToken.for_user(user)
    blacklisted.blacklist()
    named = {
        "access": access,
        "refresh": refresh,
        "expired access": expired,
        "expired refresh": expired_refresh,
        "blacklisted refresh": blacklisted,
        "access of a disabled account": AccessToken.for_user(inactive),
        "access of a deleted account": AccessToken.for_user(gone),
    }
    texts = {name: str(token) for name, token in named.items()}
    gone.delete()
    return texts


if __name__ == "__main__":
    from wsgiref.simple_server import make_server

    call_command("migrate", verbosity=0)
    with make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application()) as server:
        print(json.dumps({"version": __version__, "tokens": tokens()}), flush=True)
        server.serve_forever()
