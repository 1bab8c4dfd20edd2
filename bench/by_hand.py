"""The same writes by hand: a PL/pgSQL function on PostgreSQL, a list of statements on SQLite.

It locks, deletes, updates, marks, and writes run, receipts and effects as the engine does for a settled client. It has
no declaration, no blockers, no fingerprint and does not read again what it did: the least that an erasure can cost.
"""

from __future__ import annotations

import json
import uuid

from django.db import connection, transaction
from django.utils import timezone

from lethe.models import receipt_number

PROFILE = (
    *("last_name", "mobile_no", "mobile_device", "phone_no", "work_no", "address_1", "address_2", "address_3", "town"),
    *("postcode", "country", "gender", "occupation", "facebook_id", "height", "weight", "measurement1", "measurement2"),
    *("measurement3", "measurement4", "measurement5", "measurement6", "medical_notes", "notes", "search_text"),
)
#: Rows that go, by the column that names the client.
GONE = (
    *(("audits_logentry", "client_id"), ("audits_logentry", "other_id"), ("billing_storedcard", "client_id")),
    *(
        ("clients_clientlinking", "client_id"),
        ("clients_clientlinking", "other_id"),
        ("clients_clientnote", "client_id"),
    ),
    *(("clients_clienttrainer", "client_id"), ("clients_identity", "client_id"), ("clients_profileimage", "client_id")),
    *(
        ("messaging_clientmessage", "client_id"),
        ("messaging_notification", "client_id"),
        ("messaging_handover", "client_id"),
    ),
    *(("schedule_waitinglistentry", "client_id"), ("tasks_task", "client_id")),
)
#: Rows that go with the client's account.
SIGNED_IN = (
    *("accounts_session", "accounts_passwordreset", "api_apitoken", "embed_embedsignin", "localisation_readerchoice"),
    "member_deletioncheck",
)
#: Columns that are emptied, by the column that names the client.
EMPTIED = (
    ("schedule_booking", "client_id", ("note", "reference")),
    ("billing_invoice", "client_id", ("billing_name", "billing_address", "reference")),
    ("memberships_accountcredit", "client_id", ("reason", "reference")),
    ("memberships_membership", "client_id", ("provider_reference", "reference")),
    ("memberships_package", "client_id", ("reference",)),
    ("support_case", "client_id", ("typed_name", "typed_email", "typed_id", "screenshot")),
    ("support_case", "addressed_id", ("typed_name", "typed_email", "typed_id", "screenshot")),
)
#: References on others' rows.
UNTIED = (
    ("schedule_booking", "booked_by_id", ()),
    ("billing_invoice", "paid_by_id", ("billing_name", "billing_address")),
    ("memberships_membership", "paid_by_id", ()),
    ("memberships_package", "paid_by_id", ()),
)
EFFECT = "INSERT INTO lethe_effect (run_id, kind, payload, created_at, next_try_at, attempts, lease, last_error)"


def statements(ids: str, text_ids: str, members: str, make_json: str, now: str, run: str) -> list[str]:
    """The writes in order. The arguments are SQL: what follows a key's column, the keys as text, their accounts…"""

    identities = f"identity_id IN (SELECT id FROM clients_identity WHERE client_id {ids})"

    def effect(kind: str, table: str, condition: str, whose: str = f"client_id {ids}", **payload: str) -> str:
        pairs = ", ".join(f"'{key}', {column}" for key, column in payload.items())
        return (
            f"{EFFECT} SELECT {run}, '{kind}', {make_json}({pairs}), {now}, {now}, 0, '', '' FROM {table} "
            f"WHERE {whose} AND {condition}"
        )

    empty = ", ".join(f"{name} = ''" for name in PROFILE)
    said = [
        effect("file.delete", "clients_profileimage", f"{name} <> ''", name=name)
        for name in ("original", "medium", "thumbnail")
    ]
    said += [
        effect(
            "payment.delete_customer",
            "billing_storedcard",
            "customer_token <> ''",
            customer="customer_token",
            provider="provider",
        ),
        effect(
            "payment.detach_method", "billing_storedcard", "card_token <> ''", method="card_token", provider="provider"
        ),
        effect(
            "payment.cancel_subscription",
            "memberships_membership",
            "provider_reference <> ''",
            membership="id",
            subscription="provider_reference",
        ),
    ]
    said += [
        effect("file.delete", "support_case", "screenshot <> ''", f"{column} {ids}", name="screenshot")
        for column in ("client_id", "addressed_id")
    ]
    said.append(
        effect(
            "identity.revoke",
            "identities_grant",
            "token_sealed <> ''",
            identities,
            hint="kind",
            provider="provider_id",
            token="token_sealed",  # noqa: S106 (a column)
        )
    )
    said += [
        f"UPDATE {table} SET {', '.join(f'{name} = {chr(39) * 2}' for name in names)} WHERE {column} {ids} "
        f"AND ({' OR '.join(f'{name} <> {chr(39) * 2}' for name in names)})"
        for table, column, names in EMPTIED
    ]
    said += [
        f"UPDATE {table} SET {', '.join([f'{column} = NULL', *(f'{name} = {chr(39) * 2}' for name in names)])} "
        f"WHERE {column} {ids}"
        for table, column, names in UNTIED
    ]
    said.append(f"DELETE FROM identities_grant WHERE {identities}")
    said += [f"DELETE FROM {table} WHERE {column} {ids}" for table, column in GONE]
    said += [
        f"UPDATE audits_logentry SET actor_id = NULL, actor_email = NULL, remote_addr = NULL, remote_port = NULL "
        f"WHERE actor_id IN ({members})",
        f"DELETE FROM axes_accessattempt WHERE username IN (SELECT CAST(m.user_id AS TEXT) FROM ({members}) m)",
        f"DELETE FROM api_apianswer WHERE token_id IN (SELECT id FROM api_apitoken WHERE user_id IN ({members}))",
        *(f"DELETE FROM {table} WHERE user_id IN ({members})" for table in SIGNED_IN),
        f"DELETE FROM accounts_user WHERE id IN ({members})",
    ]
    if connection.vendor == "postgresql":
        email = "replace(gen_random_uuid()::text, '-', '')"
        number, false = "((100000000 + floor(random() * 900000000))::bigint)::text", "FALSE"
    else:
        email, false = "lower(hex(randomblob(16)))", "0"
        number = "CAST(100000000 + abs(random() % 900000000) AS TEXT)"
    said.append(
        f"UPDATE clients_client AS c SET {empty}, dob = NULL, tags = '[]', sign_up_answers = '{{}}', "
        f"marketing_opt_in = {false}, first_name = '[deleted]', status = 'deleted', user_id = NULL, number = {number}, "
        f"email = {email} || '@' || (SELECT b.erased_email_domain FROM accounts_business b WHERE b.id = c.business_id) "
        f"WHERE id {ids}"
    )
    said.append(f"DELETE FROM lethe_subject_key WHERE subject = 'clients.client' AND key IN ({text_ids})")
    said.append(f"INSERT INTO lethe_erased (subject, key) SELECT 'clients.client', k.key FROM ({text_ids}) AS k(key)")
    return said


def prepare() -> None:
    """PostgreSQL: create the function. SQLite needs nothing."""
    if connection.vendor != "postgresql":
        return
    body = ";\n  ".join(
        statements(
            "= ANY(ids)",
            "SELECT unnest(ids)::text",
            "SELECT user_id FROM clients_client WHERE id = ANY(ids) AND user_id IS NOT NULL",
            "jsonb_build_object",
            "moment",
            "run",
        )
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE OR REPLACE FUNCTION bench_forget(ids bigint[], run uuid, receipts text[]) RETURNS void "
            "LANGUAGE plpgsql AS $$\nDECLARE moment timestamptz := clock_timestamp();\nBEGIN\n"
            "  PERFORM 1 FROM clients_client WHERE id = ANY(ids) ORDER BY id FOR UPDATE;\n"
            "  INSERT INTO lethe_run (id, subject, subjects, plan, counts, reason, by, erased_at) "
            "VALUES (run, 'clients.client', cardinality(ids), 'by hand', '{}', 'bench', 'bench', moment);\n"
            "  INSERT INTO lethe_receipt (number, run_id) SELECT unnest(receipts), run;\n"
            f"  {body};\nEND $$"
        )


def forget(ids: list[int]) -> None:
    """Erase clients in one transaction."""
    run, receipts = uuid.uuid4(), [receipt_number() for _ in ids]
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT bench_forget(%s::bigint[], %s, %s::text[])", [ids, run, receipts])
            return
        values = {
            "ids": json.dumps(ids),
            "run": run.hex,
            "now": str(timezone.now().replace(tzinfo=None)),
            "receipts": json.dumps(receipts),
            "n": len(ids),
        }
        raw = connection.connection
        raw.execute(
            "INSERT INTO lethe_run (id, subject, subjects, plan, counts, reason, by, erased_at) "
            "VALUES (:run, 'clients.client', :n, 'by hand', '{}', 'bench', 'bench', :now)",
            values,
        )
        raw.execute("INSERT INTO lethe_receipt (number, run_id) SELECT value, :run FROM json_each(:receipts)", values)
        for statement in _for_sqlite():
            raw.execute(statement, values)


def _for_sqlite() -> list[str]:
    if not _rendered:
        keys = "IN (SELECT value FROM json_each(:ids))"
        _rendered.extend(
            statement.replace("AS k(key)", "AS k").replace("k.key", "k.value")
            for statement in statements(
                keys,
                "SELECT CAST(value AS TEXT) AS value FROM json_each(:ids)",
                f"SELECT user_id FROM clients_client WHERE id {keys} AND user_id IS NOT NULL",
                "json_object",
                ":now",
                ":run",
            )
        )
    return _rendered


_rendered: list[str] = []
