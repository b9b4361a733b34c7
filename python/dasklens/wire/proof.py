"""The proof: that a scheduler's dashboard is the one that was announced, without sending its token.

A port that a scheduler has left may be somebody else's by now. So whoever connects sends a *nonce* first,
a random text that was never used before, and only the holder of the announced token can answer it.
"""

from __future__ import annotations

import hashlib
import hmac
import re

#: What a nonce may be.
NONCE = re.compile(r"[0-9A-Za-z_-]{16,128}")


def prove(token: str, nonce: str, scheduler_id: str) -> str:
    """The answer to a nonce.

    Parameters
    ----------
    token : str
        The recorder's, which the announcement carries.
    nonce : str
        What was sent, see `NONCE`.
    scheduler_id : str
        Of the scheduler that answers.

    Returns
    -------
    str
        HMAC-SHA256 under the token, as 64 hexadecimal digits.
    """
    message = f"dasklens-proof\n{scheduler_id}\n{nonce}"
    return hmac.new(token.encode(), message.encode(), hashlib.sha256).hexdigest()


def proves(proof: object, token: str, nonce: str, scheduler_id: str) -> bool:
    """Whether `proof` is the answer to `nonce` (compared in constant time)."""
    if not isinstance(proof, str) or not token:
        return False
    return hmac.compare_digest(proof.encode(errors="replace"), prove(token, nonce, scheduler_id).encode())
