"""Keys: how one is made, what is kept of it, and how one that is shown is recognised.

Only the SHA-256 of a key is kept. That is enough for keys that a program makes, because nobody can guess 256 random
bits; slow hashes are for passwords. A key that is shown is looked up under a second hash with a secret of this process,
so that the time which that takes tells nothing about the keys that are known; the lookup costs the same for one key and
for a thousand.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from service.security.rate_limit import Rate

NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
NAMES_ARE: Final = "letters, digits, - and _, at most 64, the first a letter or digit"
LEAST_CHARACTERS: Final = 16  # of a key that somebody has made up: 16 hexadecimal digits are 64 bits
MOST_CHARACTERS: Final = 512
_PREFIX: Final = "convserve_"  # by which programs that look for leaked secrets recognise one
_RANDOM_BYTES: Final = 32
_DIGEST_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of a key.

    Args:
        name: Stands for it in logs and metrics.
        digest: SHA-256 of the key.
        rate: How often it may be used, None for as often as one likes.

    """

    name: str
    digest: bytes
    rate: Rate | None = None


class KeyRing:
    """The keys that are in force at one time.

    Args:
        keys: With different names and different digests.

    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self.keys = tuple(keys)
        self._secret = secrets.token_bytes(_DIGEST_BYTES)
        self._by_tag = {self._tag(key.digest): key for key in self.keys}
        self._nobody = Key("", bytes(_DIGEST_BYTES))

    def find(self, shown: bytes) -> Key | None:
        """Recognise a key, in a time that does not depend on how much of it is right.

        Args:
            shown: As the caller sent it.

        """
        if len(shown) > MOST_CHARACTERS:
            return None
        digest = hashlib.sha256(shown).digest()
        key = self._by_tag.get(self._tag(digest), self._nobody)
        return key if hmac.compare_digest(key.digest, digest) else None

    def _tag(self, digest: bytes) -> bytes:
        return hashlib.blake2s(digest, key=self._secret).digest()


def new_key() -> str:
    """Make a key of 256 random bits, in characters that a Bearer token may have (RFC 6750, section 2.1)."""
    return f"{_PREFIX}{secrets.token_urlsafe(_RANDOM_BYTES)}"


def digest_of(key: str) -> bytes:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode()).digest()
