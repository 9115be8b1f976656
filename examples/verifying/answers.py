"""What a service answers to a request, whatever its framework."""
import re


class Refused(Exception):
    """Why a request is refused: 401 if its token is at fault, 503 if the token cannot be checked now."""

    def __init__(self, status, code, reason=""):
        super().__init__(code)
        self.status = status
        self.code = code
        self.reason = str(reason)

    def headers(self):
        if self.status == 503:
            return {"Retry-After": "5"}
        # RFC 6750, 3: `error` only if there was a token.
        required = self.code == "authentication_required"
        return {"WWW-Authenticate": "Bearer" if required else 'Bearer error="invalid_token"'}


def bearer_token(authorization):
    """The token in the value of an Authorization header, which may be None."""
    match = re.fullmatch(r"Bearer ([\w.~+/-]+=*)", authorization or "", re.ASCII | re.IGNORECASE)
    if match is None:
        raise Refused(401, "authentication_required")
    return match[1]
