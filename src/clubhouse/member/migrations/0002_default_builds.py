"""Every business that exists has a member app: one build with sign-up and account deletion."""

from django.db import migrations

RESERVED = ("member", "sign-in")


def give_builds(apps, schema_editor):
    Business = apps.get_model("accounts", "Business")
    AppBuild = apps.get_model("member", "AppBuild")
    builds = AppBuild.objects.using(schema_editor.connection.alias)
    taken = {*RESERVED, *builds.values_list("slug", flat=True)}
    for business in Business.objects.using(schema_editor.connection.alias).filter(app_builds=None).order_by("pk"):
        slug, number = business.slug, 1
        while slug in taken:
            number += 1
            slug = f"{business.slug[:56]}-{number}"
        taken.add(slug)
        builds.create(
            business=business, name=f"{business.name} app"[:80], slug=slug, sign_up=True, account_deletion=True
        )


class Migration(migrations.Migration):

    dependencies = [("member", "0001_initial"), ("accounts", "0001_initial")]

    operations = [migrations.RunPython(give_builds, migrations.RunPython.noop)]
