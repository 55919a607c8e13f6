"""What an error of the system's means for the database."""

import errno

import pytest

from connext_monitor.core.database_trouble import TroubleKind
from connext_monitor.store.trouble import by_errno


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_a_lack_of_descriptors_is_not_called_a_failing_disk(number: int) -> None:
    trouble = by_errno(OSError(number, "Too many open files"))
    assert trouble.kind is TroubleKind.NO_DESCRIPTOR
    assert "disk" not in trouble.words + trouble.cure
    assert "ulimit -n" in trouble.cure
    assert not trouble.final
