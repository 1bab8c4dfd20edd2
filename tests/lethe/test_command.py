"""The command line: what it prints, how it refuses, and with which exit status it ends."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from lethe.models import ErasedMark, Receipt, Run
from lethe.registry import registry
from tests.lethe.apps.people.models import Account
from tests.lethe.apps.shop.models import Address, Customer, Order
from tests.lethe.support import process
from tests.lethe.support.world import make_customer, make_member, make_patient, make_world

pytestmark = pytest.mark.django_db


def lethe(*arguments: str) -> str:
    """Run a command in this process and give what it prints."""
    out = io.StringIO()
    call_command("lethe", *arguments, stdout=out)
    return out.getvalue()


def as_json(*arguments: str) -> dict[str, Any]:
    """The same, read as JSON."""
    return json.loads(lethe(*arguments, "--json"))


def refusal(*arguments: str) -> tuple[str, int]:
    """What a refused command says, and its exit status."""
    with pytest.raises(CommandError) as error:
        lethe(*arguments)
    return str(error.value), error.value.returncode


@pytest.fixture
def by() -> tuple[str, ...]:
    """Who orders it, and why."""
    account = Account.objects.create(email="Boss@example.com")
    return ("--by", account.email.lower(), "--reason", "asked in writing")


# --- reading ----------------------------------------------------------------------------------------------------------
def test_explain_says_what_goes_what_stays_and_why() -> None:
    text = lethe("explain", "shop.Customer")
    assert "sales are counted by month, until the seventh year's end" in text
    assert "**Tickets**: kept, because questions are counted" in text
    assert "Patient views" not in text
    assert "customers are counted by shop and month" in text
    assert "Addresss" in text
    assert "[deleted]" in text
    data = as_json("explain", "shop.customer")
    assert {entry["model"] for entry in data["removed"]} >= {"shop.Address", "shop.Review", "shop.Customer_wishes"}
    reasons = {(entry["model"], entry["reason"]) for entry in data["kept"]}
    assert ("shop.Counter", "a number of visits says nothing of anyone") in reasons
    assert "people.Shift" not in {entry["model"] for entry in data["kept"]}


def test_explain_covers_both_tables_of_a_row() -> None:
    changed = {
        (entry["model"], field) for entry in as_json("explain", "people.Member")["changed"] for field in entry["fields"]
    }
    assert {("people.Person", "name"), ("people.Person", "email"), ("people.Member", "card")} <= changed


def test_plan_shows_the_steps_in_order() -> None:
    data = as_json("plan", "shop.Customer")
    assert data["subject"] == "shop.customer"
    assert data["steps"][-1]["name"] == "shop.Customer"
    assert all(step["sql"].startswith(("DELETE", "UPDATE", "INSERT")) for step in data["steps"] if step["sql"])
    text = lethe("plan", "shop.Customer")
    assert text.index("shop.Order.address") < text.index("shop.Address\n")


def test_where_there_are_several_subjects_one_must_be_named() -> None:
    for command in ("explain", "plan"):
        message, status = refusal(command)
        assert message.startswith("Say which: people.account, people.member, shapes.patient, shop.customer.")
        assert status == 1
        assert refusal(command, "shop.Shop")[0] == (
            "shop.Shop is not a subject. Subjects: people.Account, people.Member, shapes.Patient, shop.Customer."
        )


def test_preview_counts_and_writes_nothing() -> None:
    world = make_world()
    Address.objects.create(customer=world.subject, line="second")
    text = lethe("preview", f"shop.Customer:{world.pk}")
    assert "1 shop.customer to erase." in text
    assert "2  addresss" in text
    assert world.found_in(text.encode()) == []
    data = as_json("preview", f"shop.Customer:{world.pk}")
    assert {step["name"]: step["count"] for step in data["steps"]}["shop.Address"] == 2
    assert (data["blocked"], data["subjects"]) == (False, 1)
    assert Address.objects.filter(customer=world.pk).count() == 2


# --- what was typed ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("command", ["preview", "erase"])
def test_keys_that_are_none_or_nobody_s(command: str, by: tuple[str, ...]) -> None:
    more = by if command == "erase" else ()
    for target, words in (
        ("shop.Customer:424242", "No such shop.customer: 424242. Nothing was changed."),
        ("shop.Customer:x", "shop.Customer has no such key; it is a BigAutoField."),
        ("shapes.Patient:12", "shapes.Patient has no such key; it is a UUIDField."),
        ("shop.Customer", "Name the subject as app.Model:KEY, for example"),
        ("shop.Customer:", "Name the subject as app.Model:KEY, for example"),
        ("nowhere.Nobody:1", "nowhere.Nobody is not a subject."),
        ("shop.Product:1", "shop.Product is not a subject."),
    ):
        message, status = refusal(command, target, *more)
        assert words in message
        assert status == 1


def test_who_orders_it_must_have_an_account() -> None:
    customer = make_customer()
    Account.objects.create(email="gone@example.com", is_active=False)
    for email in ("nobody@example.com", "gone@example.com"):
        message, _ = refusal(
            "erase", f"shop.Customer:{customer.pk}", "--by", email, "--reason", "asked in writing", "--yes"
        )
        assert message == "--by: no active account has this address. Use the address you sign in with."


# --- erasing ----------------------------------------------------------------------------------------------------------
def test_a_dry_run_shows_and_changes_nothing(by: tuple[str, ...]) -> None:
    world = make_world()
    text = lethe("erase", f"shop.Customer:{world.pk}", *by, "--dry-run")
    assert "1 shop.customer to erase." in text
    assert as_json("erase", f"shop.Customer:{world.pk}", *by, "--dry-run")["dry_run"] is True
    assert not ErasedMark.objects.exists()
    assert Customer.objects.get(pk=world.pk).name == world.canaries["name"]


def test_erase_prints_the_receipt_and_nobody_s_values(by: tuple[str, ...]) -> None:
    world = make_world()
    text = lethe("erase", f"shop.Customer:{world.pk}", *by, "--yes")
    receipt = Receipt.objects.get()
    assert f"Receipt: {receipt.number}" in text
    assert "Erased: 1." in text
    assert world.found_in(text.encode()) == []
    account = Account.objects.get(email="Boss@example.com")
    assert Run.objects.get().by == f"account:{account.pk}"
    assert (
        lethe("erase", f"shop.Customer:{world.pk}", *by, "--yes")
        .rstrip()
        .endswith("Erased already; nothing was changed.")
    )


def test_erase_as_json_carries_the_receipt(by: tuple[str, ...]) -> None:
    world = make_patient()
    data = as_json("erase", f"shapes.Patient:{world.pk}", *by, "--yes")
    assert data["erased"] == 1
    assert data["receipt"] == Receipt.objects.get().number
    assert data["receipts"] == [data["receipt"]]
    assert data["counts"]["shapes.Result"] == 1
    again = as_json("erase", f"shapes.Patient:{world.pk}", *by, "--yes")
    assert (again["erased"], again["already_erased"], again["receipt"]) == (0, 1, None)


def test_several_at_once(by: tuple[str, ...]) -> None:
    worlds = [make_member() for _ in range(3)]
    target = "people.Member:" + ",".join(str(world.pk) for world in worlds)
    data = as_json("erase", target, *by, "--yes")
    assert (data["erased"], len(set(data["receipts"])), data["receipt"]) == (3, 3, None)


def test_nothing_is_erased_without_a_confirmation(by: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    customer = make_customer()
    target = f"shop.Customer:{customer.pk}"
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "Not confirmed: add --yes" in refusal("erase", target, *by)[0]
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    for typed, erased in (("no", False), (f"{customer.pk}0", False), (str(customer.pk), True)):
        monkeypatch.setattr("builtins.input", lambda typed=typed: typed)
        if erased:
            assert "Erased: 1." in lethe("erase", target, *by)
        else:
            assert refusal("erase", target, *by)[0] == "Not confirmed. Nothing was changed."
        assert ErasedMark.objects.exists() is erased


def test_a_reason_that_names_the_person_is_refused(by: tuple[str, ...]) -> None:
    world, member = make_world(), make_member()
    for target, reason in (
        (f"shop.Customer:{world.pk}", f"{world.canaries['name'].title()} wrote to us"),
        (f"shop.Customer:{make_customer().pk},{world.pk}", f"about {world.canaries['phone']}"),
        # The name is in the parent's table.
        (f"people.Member:{member.pk}", f"{member.canaries['name']} wrote to us"),
    ):
        message, status = refusal("erase", target, *by[:2], "--reason", reason, "--yes")
        assert (message.startswith("The reason names the person who is to be forgotten"), status) == (True, 1)
        assert world.found_in(message.encode()) == member.found_in(message.encode()) == []
    assert not ErasedMark.objects.exists()


def test_what_is_blocked_ends_with_three(by: tuple[str, ...]) -> None:
    customer = make_customer()
    Order.objects.create(customer=customer, status=Order.Status.SENT, note="unpaid", total=5)
    target = f"shop.Customer:{customer.pk}"
    message, status = refusal("erase", target, *by, "--yes")
    assert (message, status) == ("Settle first: Orders not paid (1). Nothing was changed.", 3)
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command("lethe", "erase", target, *by, "--yes", "--json", stdout=out)
    assert error.value.returncode == 3
    assert json.loads(out.getvalue())["blocked"][0]["name"] == "owed"
    assert not ErasedMark.objects.exists()


def test_those_that_are_refused_are_listed(by: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocked after the preview was shown: the others are erased."""
    from lethe import pipeline

    good, bad = make_customer(), make_customer()
    real = pipeline.erase

    def meanwhile(*args: Any, **options: Any) -> Any:
        Order.objects.create(customer=bad, status=Order.Status.SENT, note="unpaid", total=5)
        return real(*args, **options | {"fingerprint": None})

    monkeypatch.setattr(pipeline, "erase", meanwhile)
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 could not be erased; see above"):
        call_command("lethe", "erase", f"shop.Customer:{good.pk},{bad.pk}", *by, "--yes", stdout=out)
    assert f"Refused {bad.pk}: Settle first: Orders not paid (1)." in out.getvalue()
    assert list(ErasedMark.objects.values_list("key", flat=True)) == [str(good.pk)]


# --- as a process -----------------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_process_ends_with_a_status_and_without_a_traceback(by: tuple[str, ...]) -> None:
    world, blocked = make_world(), make_customer()
    Order.objects.create(customer=blocked, status=Order.Status.SENT, note="unpaid", total=5)
    connection.close()
    for arguments, status in (
        (("erase", f"shop.Customer:{blocked.pk}", *by, "--yes"), 3),
        (("erase", "shop.Customer:99999999999999999999999", *by, "--yes"), 1),
        (("erase", f"shop.Customer:{world.pk}", *by), 1),
        (("erase", f"shop.Customer:{world.pk}", *by, "--yes", "--json"), 0),
        (("nonsense",), 2),
    ):
        done = process.run(*arguments)
        assert done.returncode == status, (arguments[:2], done.stderr)
        assert "Traceback" not in done.stderr + done.stdout
        assert world.found_in((done.stderr + done.stdout).encode()) == []
        if status == 0:
            assert json.loads(done.stdout)["receipt"] == Receipt.objects.get().number
    assert ErasedMark.objects.filter(subject="shop.customer", key=str(world.pk)).exists()


def test_a_project_that_has_declared_nothing_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_policies", {})
    assert refusal("explain")[0] == "Say which: no model is registered as a subject."
