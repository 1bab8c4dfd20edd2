"""The real password hasher at its lowest cost: what is stored looks as it does in production, only faster."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class QuickArgon2(Argon2PasswordHasher):
    """argon2id with the least memory and time the library takes."""

    time_cost = 1
    memory_cost = 8
    parallelism = 1
