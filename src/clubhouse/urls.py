"""Every address of the deployment."""

from django.urls import URLPattern, URLResolver, include, path

from clubhouse.identities.views import come_back
from clubhouse.metrics.views import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("clients/", include("clubhouse.clients.urls")),
    path("users/", include("clubhouse.clients.user_urls")),
    path("privacy/", include("clubhouse.privacy.urls")),
    path("schedule/", include("clubhouse.schedule.urls")),
    path("memberships/", include("clubhouse.memberships.urls")),
    path("billing/", include("clubhouse.billing.urls")),
    path("tasks/", include("clubhouse.tasks.urls")),
    path("reports/", include("clubhouse.reports.urls")),
    path("webhooks/", include("clubhouse.webhooks.urls")),
    path("hooks/", include("clubhouse.billing.provider.urls")),
    path("metrics", metrics, name="metrics"),
    path("inbox/", include("clubhouse.messages.urls")),
    path("team/", include("clubhouse.team.urls")),
    path("team/member-app/", include("clubhouse.member.build_urls")),
    path("", include("clubhouse.localisation.urls")),
    path("team/api-tokens/", include("clubhouse.api.team_urls")),
    path("team/embed/", include("clubhouse.embed.site_urls")),
    path("embed/", include("clubhouse.embed.urls")),
    path("api/v1/", include("clubhouse.api.urls")),
    path("support/", include("clubhouse.support.urls")),
    path("operator/", include("clubhouse.support.operator_urls")),
    path("team/sign-in-with/", include("clubhouse.identities.settings_urls")),
    path("openid/back/", come_back, name="openid-back"),
    path("member/<slug:slug>/openid/", include("clubhouse.identities.urls")),
    path("", include("clubhouse.accounts.urls")),
    # After the addresses of signing in, of which "member/sign-in/" is one.
    path("member/<slug:slug>/", include("clubhouse.member.urls")),
]
