"""A key is recognised whole, and nothing that is kept of it tells what it is."""

from __future__ import annotations

import re
from typing import Final

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from service.security.keys import LEAST_CHARACTERS, MOST_CHARACTERS, Key, KeyRing, digest_of, new_key

TEXT: Final = st.text(min_size=LEAST_CHARACTERS, max_size=MOST_CHARACTERS)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(TEXT, unique=True, max_size=20), TEXT)
def test_a_key_is_found_if_and_only_if_it_is_there(texts: list[str], other: str) -> None:
    """Among any others."""
    keys = [Key(str(number), digest_of(text)) for number, text in enumerate(texts)]
    ring = KeyRing(keys)
    for text, key in zip(texts, keys, strict=True):
        if len(text.encode()) <= MOST_CHARACTERS:
            assert ring.find(text.encode()) is key
    assert (ring.find(other.encode()) is not None) == (other in texts and len(other.encode()) <= MOST_CHARACTERS)


def test_nothing_near_a_key_is_taken_for_it() -> None:
    """A part, an addition, other letters, its hash, nothing at all, and what is too long to be one."""
    key = new_key()
    ring = KeyRing([Key("k", digest_of(key))])
    near = [
        key[:-1],
        key + "x",
        key.upper(),
        key.swapcase(),
        f" {key}",
        digest_of(key).hex(),
        "",
        "\0" * 32,
        "x" * 10**6,
    ]
    assert [ring.find(text.encode()) for text in near] == [None] * len(near)
    assert ring.find(bytes(32)) is None
    assert ring.find(digest_of(key)) is None


def test_an_empty_ring_knows_nobody() -> None:
    """A file whose last key was removed lets nobody in."""
    assert KeyRing([]).find(new_key().encode()) is None


def test_a_new_key_is_long_random_and_fit_for_a_bearer_token() -> None:
    """256 bits, each time others, in the characters of RFC 6750 (section 2.1), with a prefix that scanners can find."""
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        assert re.fullmatch(r"convserve_[A-Za-z0-9_-]{43}", key)


def test_a_ring_shows_no_key() -> None:
    """Neither it nor a key's description holds the key itself, so no log line or traceback can."""
    key = new_key()
    ring = KeyRing([Key("k", digest_of(key))])
    assert key not in repr(vars(ring))
    assert key not in repr(ring.find(key.encode()))
