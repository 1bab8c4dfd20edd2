"""The address that the payment provider calls. Nobody is signed in there; the signature says who it is."""

from __future__ import annotations

import json

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from clubhouse.billing.provider.gateway import sdk
from clubhouse.billing.provider.news import take

#: Bytes of an event at most; the provider's own are some kilobytes.
LARGEST = 1_000_000


@csrf_exempt
@require_POST
def hook(request: HttpRequest) -> HttpResponse:
    """Take one event: 200 when it has been dealt with, now or before; 400 where the signature is not the provider's.

    413 for a body that is larger than any event: it is not read. 404 without ``CLUBHOUSE_STRIPE_WEBHOOK_SECRET``:
    nothing unsigned is ever believed.
    """
    if not settings.STRIPE_WEBHOOK_SECRET:
        raise Http404
    if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST:
        return HttpResponse("This is too large to be an event.", status=413, content_type="text/plain")
    try:
        body = request.body.decode()
        signature = request.headers.get("Stripe-Signature", "")
        sdk().WebhookSignature.verify_header(body, signature, settings.STRIPE_WEBHOOK_SECRET, tolerance=300)
        event = json.loads(body)
    except (sdk().SignatureVerificationError, ValueError):
        return HttpResponse("The signature is not the payment provider's.", status=400, content_type="text/plain")
    if isinstance(event, dict) and event.get("id"):
        take(event)
    return HttpResponse(status=200, content_type="text/plain")
