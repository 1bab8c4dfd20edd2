"""A running tally of what was done and what failed, begun with what the table of effects says so far."""

from django.db import migrations, models

BOUNDS = (5, 15, 60, 300, 1_800, 7_200, 86_400, 259_200)
LONGER, FAILED = 0, -1


def begin(apps, schema_editor):
    """Two passes over the table, in the database's own terms: there may be millions of rows."""
    connection = schema_editor.connection
    if connection.vendor == "postgresql":
        took = "EXTRACT(EPOCH FROM done_at - created_at)::float8"
    else:
        took = "ROUND((JULIANDAY(done_at) - JULIANDAY(created_at)) * 86400.0, 3)"
    within = " ".join(f"WHEN took <= {bound} THEN {bound}" for bound in BOUNDS)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO lethe_tally (kind, within, number, seconds) "
            f"SELECT kind, CASE {within} ELSE {LONGER} END, COUNT(*), SUM(CASE WHEN took > 0 THEN took ELSE 0.0 END) "
            f"FROM (SELECT kind, {took} AS took FROM lethe_effect WHERE done_at IS NOT NULL) t GROUP BY 1, 2"
        )
        failures = "SUM(attempts - CASE WHEN done_at IS NULL THEN 0 ELSE 1 END)"
        cursor.execute(
            "INSERT INTO lethe_tally (kind, within, number, seconds) "
            f"SELECT kind, {FAILED}, {failures}, 0.0 FROM lethe_effect WHERE attempts > 0 GROUP BY kind "
            f"HAVING {failures} > 0"
        )


class Migration(migrations.Migration):
    dependencies = [("lethe", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Tally",
            fields=[
                ("pk", models.CompositePrimaryKey("kind", "within", blank=True, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=60)),
                ("within", models.IntegerField(help_text="Seconds at the most; 0 for longer, -1 for a try that failed.")),
                ("number", models.PositiveBigIntegerField()),
                ("seconds", models.FloatField(help_text="Added up: from recorded to done.")),
            ],
            options={"db_table": "lethe_tally"},
        ),
        migrations.AddIndex(model_name="run", index=models.Index("subjects", name="runs_counted")),
        migrations.RunPython(begin, migrations.RunPython.noop),
    ]
