"""What the chat channels share in writing a message."""

from hypothesis import given
from hypothesis import strategies as st

from connext_monitor.alerting.providers.wording import fit, joined_within, one_line, utc_words, web_links
from connext_monitor.core.alerts.message import Link
from tests.alerting.markup import is_start_of, units
from tests.world.hostile import hostile, links


@given(hostile)
def test_one_line_prints_whole_and_is_never_empty(text: str) -> None:
    line = one_line(text)
    assert line.isprintable()
    assert line.strip() == line != ""


@given(hostile)
def test_one_line_leaves_what_prints_as_it_is(text: str) -> None:
    printable = "".join(char for char in text if char.isprintable()).strip()
    assert one_line(printable) == (printable or "—")


@given(hostile, st.integers(1, 300))
def test_a_fitted_text_is_the_whole_or_its_start_within_the_limit(text: str, limit: int) -> None:
    fitted = fit(text, limit)
    assert units(fitted) <= limit
    assert is_start_of(fitted, text)


@given(hostile, st.integers(1, 300))
def test_no_escape_is_cut_in_two(text: str, limit: int) -> None:
    fitted = fit(text, limit, str.maketrans({char: f"<{char}>" for char in text}))
    assert units(fitted) <= limit
    kept = fitted.removesuffix("…")
    assert kept == "".join(f"<{char}>" for char in text[: len(kept) // 3])


@given(st.lists(st.text(min_size=1, max_size=20)), st.integers(0, 100))
def test_joined_parts_are_whole_ones_from_the_start(parts: list[str], limit: int) -> None:
    joined = joined_within(parts, ", ", limit)
    assert units(joined) <= limit
    assert joined in {", ".join(parts[:count]) for count in range(len(parts) + 1)}


@given(st.lists(links))
def test_links_lead_to_the_web_and_hold_no_markup(given_links: list[Link]) -> None:
    for link in web_links(given_links):
        assert link.url.startswith(("http://", "https://"))
        assert link.url.isascii()
        assert not set(link.url) & set('<>()|\\`"{}^ \n\x1b')


def test_an_explorers_link_stays_what_it_is() -> None:
    link = Link("XCalled", "https://explorer.example:8443/tx/0xab?network=a%20b#logs")
    assert web_links([link]) == [link]


def test_a_moment_beyond_the_year_9999_is_a_number() -> None:
    assert utc_words(253402300799) == "9999-12-31 23:59:59 UTC"
    assert utc_words(253402300800) == "Unix time 253402300800"
