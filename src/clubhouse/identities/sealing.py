"""Encryption of what must be readable again, under a key outside the database: the deployment's secret key."""

from __future__ import annotations

import base64
import functools

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(Exception):
    """What is sealed was sealed under another CLUBHOUSE_SECRET_KEY. Bring that key back, or enter the secret again."""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def seal(text: str) -> str:
    """Encrypt a text; "" stays ""."""
    return _box(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS).encrypt(text.encode()).decode() if text else ""


def unseal(sealed: str) -> str:
    """The text again; "" for "". Raises :class:`Unreadable`."""
    if not sealed:
        return ""
    try:
        return _box(settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise Unreadable from None


@functools.lru_cache(maxsize=4)
def _box(*keys: str) -> MultiFernet:
    return MultiFernet([Fernet(base64.urlsafe_b64encode(_derived(key))) for key in keys])


def _derived(key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"clubhouse.identities").derive(key.encode())
