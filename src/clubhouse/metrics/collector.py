"""Numbers about effects and erasures for Prometheus: read from the tables at each scrape, so that every process of a
deployment gives the same ones. Kinds and numbers only: nothing of a person, of a business or of a receipt.
"""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from django.db.models import Count, Min, Q, Sum
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from lethe import outbox
from lethe.models import Effect, Run, Tally
from lethe.outstanding import troubled
from lethe.tally import BOUNDS


class Figures(Collector):
    """Three queries, however many effects, erasures and kinds there are: what waits, what was counted, what ran.

    What is done is not looked at: a million of it costs a scrape nothing.
    """

    def describe(self) -> list[Metric]:
        """Nothing is asked of the database when it is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The families, each with a sample of each kind, also of those of which there is nothing yet."""
        now = timezone.now()
        waiting = {row["kind"]: row for row in self._waiting(now)}
        counted: dict[str, dict[int, Tally]] = defaultdict(dict)
        for row in Tally.objects.all():
            counted[row.kind][row.within] = row
        kinds = sorted({*outbox.kinds(), *waiting, *counted})
        yield from self._queue(kinds, waiting, now)
        yield from self._done(kinds, counted)
        total = Run.objects.aggregate(runs=Count("*"), people=Sum("subjects"))
        yield CounterMetricFamily("lethe_erasures", "Data subjects erased.", value=total["people"] or 0)
        yield CounterMetricFamily("lethe_runs", "Erasing transactions.", value=total["runs"])

    @staticmethod
    def _waiting(now: datetime.datetime) -> Any:
        due = Q(next_try_at__lte=now)
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        return (
            # By the index of what is not done.
            Effect.objects.filter(done_at=None)
            .values("kind")
            .annotate(
                waiting=Count("pk"),
                failing=Count("pk", filter=troubled()),
                # What is meant to wait (a cleaning tonight) is no queue.
                oldest=Min("created_at", filter=due | Q(attempts__gt=0)),
                overdue=Min("next_try_at", filter=due & free),
            )
            .order_by("kind")
        )

    @staticmethod
    def _queue(kinds: list[str], waiting: dict[str, Any], now: datetime.datetime) -> Iterator[Metric]:
        def family(name: str, text: str) -> GaugeMetricFamily:
            return GaugeMetricFamily(name, text, labels=["kind"])

        there = family("lethe_effects_waiting", "Effects that are not done yet.")
        failing = family("lethe_effects_failing", "Of those, what has failed at least once.")
        age = family("lethe_effects_oldest_seconds", "Age of the oldest that is due or failing.")
        late = family("lethe_effects_overdue_seconds", "For how long the first that is due has not been taken up.")
        for kind in kinds:
            row = waiting.get(kind, {})
            there.add_metric([kind], row.get("waiting", 0))
            failing.add_metric([kind], row.get("failing", 0))
            for gauge, since in ((age, row.get("oldest")), (late, row.get("overdue"))):
                gauge.add_metric([kind], max((now - since).total_seconds(), 0.0) if since else 0.0)
        yield from (there, failing, age, late)

    @staticmethod
    def _done(kinds: list[str], counted: dict[str, dict[int, Tally]]) -> Iterator[Metric]:
        failed = CounterMetricFamily("lethe_effect_failures", "Tries that failed.", labels=["kind"])
        taken = HistogramMetricFamily("lethe_effect_done_seconds", "From the erasure to the deed.", labels=["kind"])
        for kind in kinds:
            of = counted.get(kind, {})
            failed.add_metric([kind], of[Tally.FAILED].number if Tally.FAILED in of else 0)
            each = [of[bound].number if bound in of else 0 for bound in (*BOUNDS, Tally.LONGER)]
            names = [*(str(float(bound)) for bound in BOUNDS), "+Inf"]
            seconds = sum(row.seconds for within, row in of.items() if within != Tally.FAILED)
            taken.add_metric([kind], buckets=list(zip(names, accumulate(each), strict=True)), sum_value=seconds)
        yield from (failed, taken)
