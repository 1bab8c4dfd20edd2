"""Giving a business the receipts of its clients' erasures, in the transaction that erases."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping

from django.db import connections

from clubhouse.privacy.models import ErasureReceipt


def give(receipts: Mapping[int, str], now: datetime.datetime, *, using: str = "default") -> None:
    """Note for each client's key which business its receipt belongs to (row N4). One statement.

    The rows are written in order of the numbers, which are random: their own keys say nothing of the clients'.
    """
    connection = connections[using]
    if connection.vendor == "postgresql":
        number, client = "r.value ->> 0", "(r.value ->> 1)::bigint"
        source = "jsonb_array_elements(%s::jsonb) AS r(value)"
    else:
        number, client = "json_extract(r.value, '$[0]')", "json_extract(r.value, '$[1]')"
        source = "json_each(%s) AS r"
    pairs = json.dumps(sorted((number, client) for client, number in receipts.items()))
    table = connection.ops.quote_name(ErasureReceipt._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} (business_id, number, created_at) "  # noqa: S608 - names only
            f"SELECT c.business_id, {number}, %s FROM {source} JOIN clients_client c ON c.id = {client} ORDER BY 2",
            [connection.ops.adapt_datetimefield_value(now), pairs],
        )
