"""A log key that trust.json does not name seals nothing."""

import pytest
from django.test import override_settings

from anchoring import pipeline
from anchoring.models import Checkpoint, Head
from tests import people

pytestmark = pytest.mark.django_db


def test_with_another_log_key_records_wait_unsealed_and_the_right_key_goes_on(alice) -> None:
    people.submit_identity(alice)
    pipeline.sequence()
    people.quote_for(alice)
    with override_settings(LOG_KEY="55" * 32), pytest.raises(pipeline.Halted, match="Put the right key back"):
        pipeline.sequence()
    assert (Head.objects.get().size, Checkpoint.objects.count()) == (2, 1)
    pipeline.sequence()
    assert list(Checkpoint.objects.order_by("size").values_list("size", flat=True)) == [1, 2]
