"""Numbers about effects and erasures for Prometheus: read from the tables at each scrape, so that every process of a
deployment gives the same ones. Kinds and numbers only: nothing of a person, of a business or of a receipt.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from django.db.models import Count, F, Min, Q, Sum
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from lethe.models import Effect, Run

#: Upper bounds of the time from the erasure to the deed, in seconds: a few seconds, minutes, hours, a day, three.
BOUNDS = (5, 15, 60, 300, 1_800, 7_200, 86_400, 259_200)


def _within(seconds: int) -> Q:
    return Q(done_at__lte=F("created_at") + datetime.timedelta(seconds=seconds))


class Figures(Collector):
    """Two queries, however many effects, erasures and kinds there are."""

    def describe(self) -> list[Metric]:
        """Nothing is asked of the database when it is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families, each with a sample of each kind."""
        now = timezone.now()
        rows = list(self._effects(now))
        yield from self._queue(rows, now)
        yield from self._done(rows)
        total = Run.objects.aggregate(runs=Count("pk"), people=Sum("subjects"))
        yield CounterMetricFamily("lethe_erasures", "Data subjects erased.", value=total["people"] or 0)
        yield CounterMetricFamily("lethe_runs", "Erasing transactions.", value=total["runs"])

    @staticmethod
    def _effects(now: datetime.datetime) -> Any:
        buckets = {f"within_{bound}": Count("pk", filter=_within(bound)) for bound in BOUNDS}
        waiting = Q(done_at=None)
        seconds = Sum(F("done_at") - F("created_at"), filter=Q(done_at__isnull=False))
        return (
            Effect.objects.values("kind")
            .annotate(
                waiting=Count("pk", filter=waiting),
                failing=Count("pk", filter=waiting & Q(attempts__gt=0) & ~Q(last_error="")),
                # What is meant to wait (a cleaning tonight) is no queue.
                oldest=Min("created_at", filter=waiting & (Q(next_try_at__lte=now) | Q(attempts__gt=0))),
                done=Count("pk", filter=Q(done_at__isnull=False)),
                tries=Sum("attempts"),
                seconds=seconds,
                **buckets,
            )
            .order_by("kind")
        )

    @staticmethod
    def _queue(rows: list[dict[str, Any]], now: datetime.datetime) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("lethe_effects_waiting", "Effects that are not done yet.", labels=["kind"])
        failing = GaugeMetricFamily(
            "lethe_effects_failing", "Of those, what has failed at least once.", labels=["kind"]
        )
        age = GaugeMetricFamily(
            "lethe_effects_oldest_seconds", "Age of the oldest that is due or failing.", labels=["kind"]
        )
        for row in rows:
            waiting.add_metric([row["kind"]], row["waiting"])
            failing.add_metric([row["kind"]], row["failing"])
            seconds = (now - row["oldest"]).total_seconds() if row["oldest"] else 0
            age.add_metric([row["kind"]], max(seconds, 0))
        yield from (waiting, failing, age)

    @staticmethod
    def _done(rows: list[dict[str, Any]]) -> Iterator[Metric]:
        failed = CounterMetricFamily("lethe_effect_failures", "Tries that did not end in a deed.", labels=["kind"])
        taken = HistogramMetricFamily("lethe_effect_done_seconds", "From the erasure to the deed.", labels=["kind"])
        for row in rows:
            failed.add_metric([row["kind"]], max(row["tries"] - row["done"], 0))
            buckets = [(str(float(bound)), row[f"within_{bound}"]) for bound in BOUNDS]
            total = row["seconds"].total_seconds() if row["seconds"] else 0.0
            taken.add_metric([row["kind"]], buckets=[*buckets, ("+Inf", row["done"])], sum_value=total)
        yield from (failed, taken)
