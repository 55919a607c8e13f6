"""Secrets and addresses as an environment has them: taken, or refused at the start, and never first by an alert."""

from pathlib import Path

import pytest

from connext_monitor.alerting.providers import PROVIDER_TYPES, provider_type
from connext_monitor.config import BaseUrl, ConfigError, ServiceUrl, load_config
from tests.alerting.providers.contract import BASE
from tests.config.typed_slots import CHAIN, PROVIDER_TABLE, SLOTS, URLS, Slot, takes_secret


def secret_keys() -> set[tuple[str, str]]:
    """Every provider's type with each of its keys that takes a secret or an address."""
    return {
        (name, key)
        for name in PROVIDER_TYPES
        for key, field in provider_type(name).config.model_fields.items()
        if takes_secret(field)
    }


def test_every_secret_and_address_of_a_provider_is_tried() -> None:
    tried = {(match[1], match[2]) for slot in SLOTS.values() if (match := PROVIDER_TABLE.match(slot.toml))}
    assert secret_keys() == tried


@pytest.fixture(params=list(SLOTS))
def slot(request: pytest.FixtureRequest) -> Slot:
    return SLOTS[request.param]


@pytest.fixture(params=list(URLS))
def url_slot(request: pytest.FixtureRequest) -> Slot:
    return URLS[request.param]


AROUND = [
    "{}\n",
    "{}\r\n",
    "{}\r",
    " {}",
    "\t{} \n\n",
    "\ufeff{}\r\n",
    "{}\u00a0",
    "\u200b{}\u200b",
    "{}\u2028",
    "{}\v",
]


def test_what_echo_and_editors_leave_around_a_value_is_taken_off(slot: Slot, tmp_path: Path) -> None:
    bare = slot.load(slot.good, tmp_path)
    for form in AROUND:
        assert slot.load(form.format(slot.good), tmp_path) == bare, ascii(form)


def test_a_character_that_no_request_can_carry_is_refused(slot: Slot, tmp_path: Path) -> None:
    for sign in ("\n", "\r\n", "\t", "\x1b[2J", "\x7f", "\u2028", "\u200b", "\u202e", "\x01"):
        words = slot.refusal(slot.good[:-3] + sign + slot.good[-3:], tmp_path)
        assert words.startswith(f"{tmp_path / 'config.toml'}: {slot.key}: "), ascii(sign)
        assert "(it comes from the environment variable VALUE); " in words
        assert slot.good[-6:-3] not in words.partition(slot.key)[2]


def test_nothing_at_all_is_refused(slot: Slot, tmp_path: Path) -> None:
    for value in ("", " ", "\n", "\ufeff"):
        assert f"{slot.key}: " in slot.refusal(value, tmp_path)


def test_quotes_that_belong_to_the_shell_are_refused(slot: Slot, tmp_path: Path) -> None:
    for quote in "\"'":
        assert f"{slot.key}: " in slot.refusal(f"{quote}{slot.good}{quote}", tmp_path)


def test_letters_beyond_ascii_are_refused(slot: Slot, tmp_path: Path) -> None:
    if slot.ascii_only:
        assert f"{slot.key}: " in slot.refusal(f"{slot.good}é", tmp_path)


def test_bytes_that_are_no_text_are_refused(slot: Slot, tmp_path: Path) -> None:
    assert "VALUE is not valid UTF-8" in slot.refusal(f"{slot.good}\udcff", tmp_path)


NO_HOSTS = [
    "", ":1", "user@", "user@:1", ".", "a..b", "-a", "a-", "a.-b.c", "a" * 64, ".".join(["abcdefgh"] * 30), "1.2.3",
    "256.1.1.1", "1.2.3.4.5", "[::1", "::1", "fe80::1", "[fe80::1%25eth0]", "[v1.x]", "[127.0.0.1]", "[::1]x", "[]",
    "x[::1]", "a%20b", "a,b", "a b", "höst", "\u2488com", "h:99999", "h:-1", "h:x", "h:0", "h:\u0663", "a@b@h", "%@h",
    "u:p%0Aq@h", "u%3A:p@h", "ü:p@h", "%C4%80@h",
]  # fmt: skip


def test_a_host_that_cannot_be_asked_is_refused(url_slot: Slot, tmp_path: Path) -> None:
    for host in NO_HOSTS:
        assert f"{url_slot.key}: " in url_slot.refusal(url_slot.good.replace(BASE, host), tmp_path), ascii(host)


def test_any_other_host_is_taken(url_slot: Slot, tmp_path: Path) -> None:
    for host in ("localhost", "[::1]:8", "a_b", "xn--hst-sna.example", "h.", "H"):
        url_slot.load(url_slot.good.replace(BASE, host), tmp_path)


@pytest.mark.parametrize("user", ["key@", "u:p%C3%A9@"])
def test_a_user_name_is_taken_where_nothing_else_says_who_asks(url_slot: Slot, user: str, tmp_path: Path) -> None:
    value = url_slot.good.replace("://", f"://{user}")
    if issubclass(url_slot.kind, ServiceUrl):
        assert "has a user name or a password" in url_slot.refusal(value, tmp_path)
    else:
        url_slot.load(value, tmp_path)


def test_an_address_with_what_no_url_has_is_refused(url_slot: Slot, tmp_path: Path) -> None:
    for end in ("#", "#x", "?a=b#", "|", "^", "`", "{}", "\\", "<", ">", '"', " "):
        assert f"{url_slot.key}: " in url_slot.refusal(f"{url_slot.good}{end}x", tmp_path), ascii(end)


@pytest.mark.parametrize("name", [name for name, slot in SLOTS.items() if issubclass(slot.kind, BaseUrl)])
def test_an_address_that_a_path_is_added_to_has_no_query(name: str, tmp_path: Path) -> None:
    assert 'has a "?" part' in SLOTS[name].refusal(f"{SLOTS[name].good}?a=b", tmp_path)


def test_credentials_that_no_request_can_carry_are_refused_where_something_is_uploaded(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'{CHAIN}[backup]\nupload = "s3://bucket/x"')
    with pytest.raises(ConfigError, match="AWS_SECRET_ACCESS_KEY contains characters that no request can carry"):
        load_config(file, {"AWS_SECRET_ACCESS_KEY": "a\nb"})
    load_config(file, {"AWS_SECRET_ACCESS_KEY": "a/b+c=\n"})
