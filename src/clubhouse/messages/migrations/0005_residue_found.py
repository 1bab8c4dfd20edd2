from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('messaging', '0004_digests_have_keys'),
    ]

    operations = [
        migrations.AlterField(
            model_name='notification',
            name='kind',
            field=models.CharField(choices=[('booking_cancelled', 'A booking was cancelled'), ('appointment_cancelled', 'An appointment was cancelled'), ('needs_payer', 'A client needs a new payer'), ('needs_guardian', 'A client needs a guardian'), ('not_done_outside', 'Something outside has not been done for a day'), ('residue_found', 'Somebody who was deleted is still named here')], max_length=30),
        ),
    ]
