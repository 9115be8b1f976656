"""Verifies Latchkey's access tokens without a request, and refuses revoked ones within moments (docs/feed.md)."""
import base64, http.client, json, math, random, threading, time, urllib.parse, urllib.request, uuid

import jwt

# For each kind of entry: the claim that names what is refused, and the claim that must not be lower than the bound.
KINDS = {"session": ("sid", None), "token": ("jti", None), "user": ("sub", "ver"), "realm": (None, "auth_time"),
         "key": ("kid", None), "roles": ("sub", "roles_version"), "user_before": ("sub", "iat")}
FAILURES = (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError)


class Refused(Exception):
    """Its arguments are the status and the code of the answer."""


class Verifier:
    def __init__(self, issuer, client_id, client_secret, name, url=None, audience=None, max_staleness=60):
        self.issuer, self.audience, self.url = issuer, audience or issuer, url or issuer
        self.basic = "Basic " + base64.b64encode(f"{client_id}:{client_secret}".encode()).decode()
        self.id, self.name, self.max_staleness = str(uuid.uuid4()), name, max_staleness
        self.keys, self.keys_fetched_at, self.entries, self.fresh_at = {}, -math.inf, {}, -math.inf
        self.last_event_id, self.retry, self.failures, self.token_ends_at = None, 2, 0, 0
        self.clock_offset, self.confirmed_at, self.has_news = 0, 0, False
        threading.Thread(target=self.follow, daemon=True).start()

    def is_fresh(self):
        return time.monotonic() - self.fresh_at <= self.max_staleness

    def verify(self, token):
        """Returns the claims. Raises Refused if the token is not valid, or if the list of revocations is too old."""
        try:
            header = jwt.get_unverified_header(token)
            if header.get("typ") != "at+jwt":
                raise Refused(401, "token_invalid")
            # The expiry is compared below, with Latchkey's clock: the clock of this machine may be wrong.
            required = ["exp", "iat", "auth_time", "sub", "sid", "jti", "ver"]
            options = {"require": required, "verify_exp": False, "verify_iat": False}
            claims = jwt.decode(token, self.find_key(header.get("kid")), algorithms=["ES256"], options=options,
                                issuer=self.issuer, audience=self.audience)
        except jwt.PyJWTError as error:
            raise Refused(401, "token_invalid") from error
        if claims["exp"] <= time.monotonic() + self.clock_offset:
            raise Refused(401, "token_expired")
        if code := self.revoked(claims, header["kid"]):
            raise Refused(401, code)
        if not self.is_fresh():
            raise Refused(503, "revocations_stale")
        return claims

    def revoked(self, claims, kid):
        """The code for a token with these claims, signed with this key; None if no entry refuses it."""
        # A token of an older version of Latchkey, without roles_version, counts by its iat.
        facts = {**claims, "kid": kid, "auth_time": claims["auth_time" if "roles_version" in claims else "iat"]}
        for kind, (name, bound_name) in KINDS.items():
            bound, _ = self.entries.get((kind, name and facts.get(name)), (0, 0))
            if (facts.get(bound_name, math.inf) if bound_name else 0) < bound:
                return "token_stale" if kind in ("key", "roles", "user_before") else "token_revoked"

    def add(self, entries):
        for entry in entries:
            try:
                name, bound_name = KINDS.get(entry["kind"], (None, None))  # a kind of a later version refuses nothing
                key, bound = (entry["kind"], name and entry[name]), entry[bound_name] if bound_name else 1
                held_bound, held_exp = self.entries.get(key, (0, 0))
                self.entries[key] = max(held_bound, bound), max(held_exp, entry["exp"] or math.inf)
                if entry["kind"] == "key":
                    self.keys_fetched_at = -math.inf  # another key signs now
            except (KeyError, TypeError):
                print(f"An entry of the feed is not valid: {entry!r}", flush=True)
        self.has_news = True

    def find_key(self, kid):
        """A key is used until it is revoked. An unknown kid fetches all keys, at most every 10 seconds."""
        if ("key", kid) in self.entries:
            raise Refused(401, "token_stale")
        if kid not in self.keys and time.monotonic() > self.keys_fetched_at + 10:
            try:
                jwks = jwt.PyJWKSet.from_dict(json.load(self.send("/.well-known/jwks.json")))
            except FAILURES as error:
                raise Refused(503, "keys_unavailable") from error
            self.keys, self.keys_fetched_at = {key.key_id: key.key for key in jwks.keys}, time.monotonic()
        if kid not in self.keys:
            raise Refused(401, "token_invalid")
        return self.keys[kid]

    def send(self, path, body=None, headers={}):
        return urllib.request.urlopen(urllib.request.Request(self.url + path, body, headers), timeout=5)

    def authorization(self):
        if time.monotonic() > self.token_ends_at:
            form = b"grant_type=client_credentials&scope=revocations"
            grant = json.load(self.send("/oauth/token", form, {"Authorization": self.basic}))
            self.token, self.token_ends_at = grant["access_token"], time.monotonic() + grant["expires_in"] / 2
        return {"Authorization": f"Bearer {self.token}"}

    def follow(self):
        while True:
            begun_at = time.monotonic()
            try:
                self.read_feed()
            except FAILURES as error:
                print(f"The feed of revocations was cut: {error!r}", flush=True)
            # After a useful connection another instance is asked soon; at random, so that not all ask at once.
            was_useful = not self.failures and time.monotonic() - begun_at > 5
            time.sleep(random.uniform(0, self.retry / 8 if was_useful else min(10, self.retry * 2**self.failures)))
            self.failures, self.token_ends_at = self.failures + 1, 0

    def read_feed(self):
        query = urllib.parse.urlencode({"verifier": self.id, "name": self.name, "max_staleness": self.max_staleness})
        headers = {**self.authorization(), **({"Last-Event-ID": self.last_event_id} if self.last_event_id else {})}
        asked_at, is_complete, event = time.monotonic(), False, {}
        with self.send("/auth/revocations?" + query, headers=headers) as feed:
            for line in feed:  # after 5 seconds without a byte this raises an error
                if line.strip():
                    field, _, value = line.decode().partition(":")
                    event[field] = value.strip()
                    continue
                data = json.loads(event.get("data", "{}"))
                self.retry = int(event.get("retry", self.retry * 1000)) / 1000
                if event.get("event") == "start":
                    if data["version"] != 1:
                        raise ValueError("unknown version")
                    now_ms, time_ms = data["now_ms"], data["time_ms"]
                    self.entries = {key: held for key, held in self.entries.items() if held[1] * 1000 > time_ms}
                elif event.get("event") == "revocations":
                    self.add(data)
                elif event.get("event") == "heartbeat":
                    # Before the first id the list is not complete. The time of the request makes it older, never newer.
                    is_complete, self.last_event_id = is_complete or "id" in event, event.get("id", self.last_event_id)
                    if is_complete:
                        as_of = min(asked_at + (data["as_of_ms"] - now_ms) / 1000, time.monotonic())
                        self.fresh_at, self.failures = max(self.fresh_at, as_of), 0
                    self.clock_offset = data["time_ms"] / 1000 - time.monotonic()
                    wait = data.get("report_every_ms", 1000) / 1000 if self.has_news else 10
                    if "position" in data and time.monotonic() > self.confirmed_at + wait:
                        self.confirmed_at, self.has_news = time.monotonic(), False
                        threading.Thread(target=self.report, kwargs={"position": data["position"]}, daemon=True).start()
                event = {}

    def report(self, **fields):
        """Says which position was applied, so that whoever revokes can wait for it; or `closing=True` at the end."""
        body = json.dumps({"verifier": self.id, **fields}).encode()
        try:
            self.send("/auth/activity", body, {**self.authorization(), "Content-Type": "application/json"})
        except FAILURES as error:
            print(f"The position was not confirmed: {error!r}", flush=True)
