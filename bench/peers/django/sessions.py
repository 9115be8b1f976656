"""Creates the tables and the users, and opens sessions: for each line with a number, a line of JSON with so many tokens."""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
django.setup()

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import transaction
from rest_framework_simplejwt.tokens import RefreshToken

USERS = 200

call_command("migrate", verbosity=0)
password = make_password(os.environ["PASSWORD"])
User.objects.bulk_create(
    User(username=f"person-{at}", email=f"person-{at}@example.com", password=password) for at in range(USERS)
)
users = list(User.objects.order_by("id"))
print(json.dumps([user.username for user in users]), flush=True)

for line in sys.stdin:
    with transaction.atomic():
        tokens = [RefreshToken.for_user(users[at % USERS]) for at in range(int(line))]
    print(json.dumps([{"refresh": str(token), "access": str(token.access_token)} for token in tokens]), flush=True)
