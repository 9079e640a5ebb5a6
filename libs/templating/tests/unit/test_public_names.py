"""The documented surface is the real one."""

import templating
from templating.filters import filters_for


def test_every_public_name_exists_once() -> None:
    assert sorted(set(templating.__all__)) == sorted(templating.__all__)
    assert all(hasattr(templating, name) for name in templating.__all__)


def test_every_filter_is_documented() -> None:
    documented = (templating.__doc__ or "").split("Filters:")[1].split(". Anything")[0]
    names = set(documented.replace("(", " ").replace(")", " ").replace(",", " ").split())
    assert names == filters_for(html=True).keys() == filters_for(html=False).keys()
