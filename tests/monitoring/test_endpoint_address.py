"""An endpoint's URL: what may be shown of it, what reaches the endpoint, and what is taken out of others' words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.monitoring.endpoint_address import EndpointAddress
from tests.monitoring.nodes import raises_safely, secret_url

URL = secret_url("wss", 8546)


@pytest.mark.parametrize(
    ("url", "host", "pushes"),
    [
        ("ws://127.0.0.1:8545", "127.0.0.1", True),
        ("WSS://Node.Example/key", "node.example", True),
        ("http://[::1]:8545/", "::1", False),
        ("https://user:word@node.example:443/key?token=1", "node.example", False),
    ],
)
def test_the_host_and_the_transport_are_known(url: str, host: str, pushes: bool) -> None:
    address = EndpointAddress(url)
    assert (address.host, address.pushes) == (host, pushes)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "pathsecret",
        "ftp://node.example/pathsecret",
        "wss:///pathsecret",
        "wss://node.example:pathsecret/",
        "wss://node.example:0/pathsecret",
        "wss://node.example:99999/pathsecret",
        "wss://[pathsecret/",
    ],
)
def test_what_is_no_endpoints_url_is_refused_without_quoting_it(url: str) -> None:
    with raises_safely(ValueError):
        EndpointAddress(url)


def test_a_secret_of_the_config_is_taken() -> None:
    class Hidden:
        def get_secret_value(self) -> str:
            return URL

    assert EndpointAddress(Hidden()).host == "127.0.0.1"


def test_neither_text_nor_repr_tells_a_secret() -> None:
    address = EndpointAddress(URL)
    assert "secret" not in f"{address} {address!r}"


def test_user_info_becomes_a_header_and_leaves_the_target() -> None:
    address = EndpointAddress("wss://us%40er:@node.example/key")
    assert (address.reveal(), address.reveal_headers()) == (
        "wss://node.example/key",
        {"Authorization": "Basic dXNAZXI6"},
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"cannot serve {URL}", "cannot serve wss://…:…@127.0.0.1:8546…?…"),
        ("no such path: /v3/pathsecret-1f0c", "no such path: …"),
        ("project PATHSECRET-1F0C is over its limit", "project … is over its limit"),
        ("bad token querysecret-77aa", "bad … …"),
        ("usersecret with passwordsecret", "… with …"),
        ("line\nbreak\x1b[31m\u202e", "line break [31m "),
        ("x" * 300, "x" * 200 + "…"),
    ],
)
def test_others_words_are_shown_without_secrets_on_one_short_line(text: str, shown: str) -> None:
    assert EndpointAddress(URL).quote(text) == shown


@given(st.text(), st.text(max_size=100))
def test_whatever_surrounds_a_secret_it_is_not_shown(before: str, after: str) -> None:
    assert "pathsecret-1f0c" not in EndpointAddress(URL).quote(f"{before}pathsecret-1f0c{after}")
