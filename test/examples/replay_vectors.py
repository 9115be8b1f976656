"""Gives the verifier of examples/python-service the test vectors of docs/feed.md, and prints what it makes of them."""
import base64, io, json, math, sys

sys.path.insert(0, sys.argv[1])
import latchkey

VERDICTS = {"token_invalid": "invalid", "token_expired": "expired", "token_revoked": "revoked", "token_stale": "stale"}


class Chunks(io.RawIOBase):
    """An answer that arrives in these pieces."""

    def __init__(self, chunks):
        self.chunks = [base64.b64decode(chunk) for chunk in chunks]

    def readable(self):
        return True

    def readinto(self, buffer):
        chunk = self.chunks.pop(0) if self.chunks else b""
        buffer[: len(chunk)] = chunk
        return len(chunk)


class Replayed(latchkey.Verifier):
    """A verifier without a network: the test says what each request is answered."""

    def follow(self):
        pass

    def authorization(self):
        return {}

    def report(self, **fields):
        pass

    def send(self, path, body=None, headers={}):
        self.sent_id = headers.get("Last-Event-ID")
        return self.answers(path)


def replay_feed(vectors):
    verifier = Replayed(vectors["issuer"], "id", "secret", "test", audience=vectors["audience"])
    states = []
    for stream in vectors["streams"]:
        verifier.answers = lambda path: io.BufferedReader(Chunks(stream["chunks"]), 4096)
        verifier.read_feed()
        ids = {"sent_id": verifier.sent_id, "last_event_id": verifier.last_event_id}
        states.append({**ids, "is_complete": verifier.fresh_at > -math.inf, "retry_ms": verifier.retry * 1000})
    verifier.answers = lambda path: io.StringIO(json.dumps(vectors["jwks"]))
    return {"states": states, "verdicts": [verdict_of(verifier, case["token"]) for case in vectors["tokens"]]}


def verdict_of(verifier, token):
    try:
        verifier.verify(token)
        return "valid"
    except latchkey.Refused as refused:
        return VERDICTS.get(refused.args[1], refused.args[1])


def replay_freshness(case):
    """The answers to each `ask`. Time is what the steps say, and passes while the verifier waits for the next line."""
    verifier = Replayed("issuer", "id", "secret", "test", max_staleness=case["max_staleness_seconds"])
    steps, answers = iter(case["steps"]), []
    clock = {"seconds": 0}
    latchkey.time.monotonic = lambda: clock["seconds"]

    def lines():
        for step in steps:
            clock["seconds"] = step["at_ms"] / 1000
            if step["do"] == "ask":
                answers.append(verifier.is_fresh())
            elif step["do"] == "start":
                yield from event("start", {"version": 1, "now_ms": step["now_ms"], "time_ms": 0})
            elif step["do"] == "heartbeat":
                if step["has_id"]:
                    yield b"id: 1:2\n"
                yield from event("heartbeat", {"as_of_ms": step["as_of_ms"], "time_ms": 0})
            else:
                return

    class Lines:
        def __enter__(self):
            return lines()

        def __exit__(self, *_):
            pass

    verifier.answers = lambda path: Lines()
    for step in steps:
        clock["seconds"] = step["at_ms"] / 1000
        if step["do"] == "ask":
            answers.append(verifier.is_fresh())
        elif step["do"] == "connect":
            verifier.read_feed()
    return answers


def event(name, data):
    return [f"event: {name}\n".encode(), f"data: {json.dumps(data)}\n".encode(), b"\n"]


with open(sys.argv[2] + "/feed.json") as feed, open(sys.argv[2] + "/freshness.json") as freshness:
    result = replay_feed(json.load(feed))
    result["freshness"] = [replay_freshness(case) for case in json.load(freshness)["cases"]]
json.dump(result, sys.stdout)
