"""A setting that cannot be is refused at its key, with a cure, and without its value."""

from pathlib import Path

import pytest

from tests.config.configs import CHAIN, DEVNET, SECRET, keys, refused

BAD_VALUES = [
    # unknown keys, with the nearest known one
    ('monitor.databse = "S3CR3T"', "monitor.databse", 'did you mean "database"?'),
    ('monitor.zzz = "S3CR3T"', "monitor.zzz", "database, durability, keep, listen, log_format, log_level"),
    ("[alert]", "alert", 'did you mean "alerts"?'),
    ("[alerts-providers.x]", "alerts-providers", 'did you mean "alert_providers"?'),
    ("[zzz]", "zzz", "monitor"),
    ('[[alerts.pathways]]\norgin = "S3CR3T"', "alerts.pathways[0].orgin", 'did you mean "origin"?'),
    ('[chains.base]\nendpoint = "S3CR3T"\nendpoints = ["ws://h"]', "chains.base.endpoint", 'did you mean "endpoints"?'),
    ('[chains.base]\nname = "S3CR3T"\nendpoints = ["ws://h"]', "chains.base.name", "not a known key"),
    ('monitor."https://h/S3CR3T" = 1', 'monitor."…"', "not a known key"),
    # the table stats
    ('[stats]\nevery = "S3CR3T"', "stats.every", "ISO 8601"),
    ("[stats]\nevery = 1", "stats.every", "must be a string"),
    # the table backup
    ('[backup]\nupload = "S3CR3T"', "backup.upload", "s3://bucket/prefix"),
    ('[backup]\nupload = "s3://key:S3CR3T@bucket/x"', "backup.upload", "credentials come from the environment"),
    ('[backup]\nupload = "s3://bucket/../x"', "backup.upload", "s3://bucket/prefix"),
    ('[backup]\nendpoint = "ftp://S3CR3T"', "backup.endpoint", "scheme"),
    ('[backup]\nevery = "PT0S"', "backup.every", "longer than zero"),
    ("[backup]\nkeep = 0", "backup.keep", "at least 1"),
    ('[backup]\ndirectory = ""', "backup.directory", "not the name of a directory"),
    ('[backup]\ndirectory = "config.toml"', "backup.directory", "not a directory"),
    ('monitor.keep = "PT1H"', "monitor.keep", "P1D"),
    ('monitor.keep = "S3CR3T"', "monitor.keep", "ISO 8601"),
    # what is no table
    ("monitor = 1", "monitor", "must be a table"),
    ("alerts = []", "alerts", "must be a table"),
    ('alert_providers.type = "S3CR3T"', "alert_providers.type", "[alert_providers.NAME]"),
    ('[chains]\nbase = "S3CR3T"', "chains.base", "[chains.NAME]"),
    ("[alerts]\npathways = [1]", "alerts.pathways[0]", "must be a table"),
    ("[alerts]\npathways = {}", "alerts.pathways", "must be a list"),
    # names
    ("[chains.Base]", "chains.Base", "a-z, 0-9 and -"),
    ('[chains."https://h/S3CR3T"]', 'chains."…"', "a-z, 0-9 and -"),
    ('[alert_providers."https://h/S3CR3T"]', 'alert_providers."…"', "rename it"),
    # the table monitor
    ('monitor.log_level = "S3CR3T"', "monitor.log_level", "write 'debug', 'info', 'warning' or 'error'"),
    ('monitor.log_format = "S3CR3T"', "monitor.log_format", "write 'auto', 'console' or 'json'"),
    ('monitor.durability = "S3CR3T"', "monitor.durability", "write 'full' or 'fast'"),
    ("monitor.log_level = 7", "monitor.log_level", "not an allowed value"),
    ('monitor.database = "missing/S3CR3T.db"', "monitor.database", "create the directory first"),
    ('monitor.database = "."', "monitor.database", "is a directory"),
    ('monitor.database = ""', "monitor.database", "not a file name"),
    ('monitor.database = "S3CR3T\\u0000"', "monitor.database", "not a file name"),
    pytest.param(f'monitor.database = "{"S3CR3T" * 900}/x"', "monitor.database", "cannot be entered", id="long-path"),
    ("monitor.database = 1", "monitor.database", "must be a string"),
    *(
        (f'monitor.listen = "{listen}"', "monitor.listen", "is not HOST:PORT")
        for listen in (
            "8088",
            ":8088",
            "S3CR3T",
            "S3CR3T:",
            "h:65536",
            "h:-1",
            "::1:8088",
            "[S3CR3T]:1",
            "[1]:1",
            "h:1 ",
            "h\\n:1",
        )
    ),
    ("monitor.listen = 8088", "monitor.listen", "must be a string"),
    # durations
    *(
        (f'alerts.execute_deadline = "{text}"', "alerts.execute_deadline", words)
        for text, words in {
            "": "ISO 8601",
            "S3CR3T": "ISO 8601",
            "5m": "ISO 8601",
            "P": "ISO 8601",
            "PT": "ISO 8601",
            "P1DT": "ISO 8601",
            "pt5m": "ISO 8601",
            "PT5M ": "ISO 8601",
            "PT1M1H": "ISO 8601",
            "PT1.5M": "ISO 8601",
            "P1S": "ISO 8601",
            "PT٣M": "ISO 8601",
            "P1Y": "years or months",
            "P1M": "years or months",
            "P1Y2DT3H": "years or months",
            "PT0S": "longer than zero",
            "P0D": "longer than zero",
            "-PT5M": "is negative",
            "PT-5M": "is negative",
            "P366D": "longer than 365 days",
            "PT8760H0.1S": "longer than 365 days",
            "P999999999W": "longer than 365 days",
        }.items()
    ),
    ("alerts.reconcile_deadline = 300", "alerts.reconcile_deadline", "must be a string"),
    ('alerts.group_wait = "PT61S"', "alerts.group_wait", "would hold alerts back for more than a minute"),
    ('alerts.group_wait = "2"', "alerts.group_wait", "is not an ISO 8601 duration"),
    ('alerts.group_interval = "PT0S"', "alerts.group_interval", "must be longer than zero"),
    ("alerts.stalled_transfers = 1", "alerts.stalled_transfers", "at least 2"),
    ('alerts.stalled_after = "S3CR3T"', "alerts.stalled_after", "ISO 8601"),
    ("alerts.unobserved_after = 12:00:00", "alerts.unobserved_after", "must be a string"),
    (
        '[[alerts.pathways]]\n[[alerts.pathways]]\nexecute_deadline = "PT0S"',
        "alerts.pathways[1].execute_deadline",
        "longer than zero",
    ),
    # pathways
    ('[[alerts.pathways]]\norigin = "etherum"', "alerts.pathways[0].origin", 'did you mean "ethereum"?'),
    ('[[alerts.pathways]]\ndestination = "S3CR3T"', "alerts.pathways[0].destination", 'write "*" for all'),
    ("[[alerts.pathways]]\norigin = 1", "alerts.pathways[0].origin", "must be a string"),
    # endpoints
    ("[chains.base]", "chains.base.endpoints", "is missing"),
    ("[chains.base]\nendpoints = []", "chains.base.endpoints", "give at least 1"),
    ('[chains.base]\nendpoints = "wss://h/S3CR3T"', "chains.base.endpoints", "must be a list"),
    *(
        (f'[chains.base]\nendpoints = ["ws://good", "{url}"]', "chains.base.endpoints[1]", words)
        for url, words in {
            "": "is empty",
            "S3CR3T": "scheme",
            "h.example/S3CR3T": "scheme",
            "ftp://h/S3CR3T": "wss:// or ws:// or https:// or http://",
            "wss:///S3CR3T": "without a usable host",
            "wss:/h/S3CR3T": "without a usable host",
            "wss://S3CR3T@": "without a usable host",
            "wss://h:S3CR3T": "host or port",
            "wss://h:99999/S3CR3T": "host or port",
            "wss://h:0/S3CR3T": "host or port",
            "wss://[S3CR3T": "host or port",
            "wss://hö.example/S3CR3T": "usable host",
            "wss://h/S3CR3T#x": '"#" part',
            " wss://h/S3CR3T": "contains a space",
            "wss://h/S3CR3T\\n": "contains a space",
            "wss://h/S3C\\u0000R3T": "contains a space",
            "wss://h/S3CR3T\\u202e": "contains a space",
            '\\"wss://h/S3CR3T\\"': "contains a space, a quote",
        }.items()
    ),
    ('[chains.base]\nendpoints = ["ws://h", 1]', "chains.base.endpoints[1]", "must be a string"),
    (
        '[chains.base]\nendpoints = ["ws://h/S3CR3T", "ws://h/S3CR3T"]',
        "chains.base.endpoints[1]",
        "same URL as chains.base",
    ),
    ('[chains.base]\nendpoints = ["ws://127.0.0.1:8545"]', "chains.base.endpoints[0]", "same URL as chains.ethereum"),
    # the other keys of a chain
    ('[chains.base]\nendpoints = ["ws://h"]\nchain_id = 1', "chains.base.chain_id", "whose chain id is 8453"),
    ('[chains.base]\nendpoints = ["ws://h"]\nchain_id = "S3CR3T"', "chains.base.chain_id", "must be a whole number"),
    (
        '[chains.base]\nendpoints = ["ws://h"]\ndomain_id = 6648936',
        "chains.base.domain_id",
        "as that of chains.ethereum",
    ),
    ('[chains.base]\nendpoints = ["ws://h"]\ndomain_id = 4294967296', "chains.base.domain_id", "at most 4294967295"),
    ('[chains.base]\nendpoints = ["ws://h"]\ndomain_id = 1.0', "chains.base.domain_id", "must be a whole number"),
    (DEVNET.replace("31337", "1"), "chains.my-devnet.chain_id", "as that of chains.ethereum"),
    (DEVNET.replace("31337", "0"), "chains.my-devnet.chain_id", "at least 1"),
    (DEVNET.replace("31337", "true"), "chains.my-devnet.chain_id", "must be a whole number"),
    (DEVNET.replace("31337", "9223372036854775808"), "chains.my-devnet.chain_id", "at most"),
    *(
        (DEVNET.replace("0x5FbDB2315678afecb367f032d93F642f64180aa3", address), "chains.my-devnet.contract", words)
        for address, words in {
            "S3CR3T": "0x and 40 hex digits",
            "5FbDB2315678afecb367f032d93F642f64180aa3": "0x and 40 hex digits",
            "0x5FbDB2315678afecb367f032d93F642f64180aa": "0x and 40 hex digits",
            "0x5FbDB2315678afecb367f032d93F642f64180aA3": "checksum",
            "0x" + "0" * 40: "zero address",
        }.items()
    ),
    (DEVNET.replace("finality = 5", "finality = -1"), "chains.my-devnet.finality", "is not a valid finality"),
    (DEVNET.replace("finality = 5", "finality = true"), "chains.my-devnet.finality", "is not a valid finality"),
    (DEVNET.replace("finality = 5", 'finality = "latest"'), "chains.my-devnet.finality", '"safe", or "finalized"'),
    (DEVNET + "start_block = -1", "chains.my-devnet.start_block", 'write "latest" or a block number'),
    (DEVNET + 'start_block = "seven"', "chains.my-devnet.start_block", 'write "latest" or a block number'),
    (DEVNET + 'explorer = "S3CR3T"', "chains.my-devnet.explorer", "https://"),
    (DEVNET + 'explorer = "https://h?k=S3CR3T"', "chains.my-devnet.explorer", "must not have"),
    (DEVNET.replace('"PT1S"', '"1s"'), "chains.my-devnet.block_time", "ISO 8601"),
    (
        '[chains.my-net]\nendpoints = ["ws://h"]\nchain_id = 7',
        "chains.my-net",
        "missing domain_id, contract, block_time, finality",
    ),
    ('[chains.etherum]\nendpoints = ["ws://h"]', "chains.etherum", 'did you mean "ethereum"?'),
]


@pytest.mark.parametrize(("toml", "key", "words"), BAD_VALUES)
def test_a_bad_value_is_refused_at_its_key_without_its_secret(file: Path, toml: str, key: str, words: str) -> None:
    top, sep, rest = toml.partition("\n[") if not toml.startswith("[") else ("", "\n[", toml[1:])
    error = refused(file, f"{top}\n{CHAIN}{sep}{rest}" if sep else f"{top}\n{CHAIN}")
    assert keys(error) == [key]
    assert str(error).startswith(f"{file}: {key}: ")
    assert words in str(error)
    assert SECRET not in str(error)


def test_all_problems_come_at_once_one_line_each(file: Path) -> None:
    error = refused(
        file,
        'monitor.listen = "x"\nalerts.zzz = 1\n[chains.base]\n[chains.x]\n[backup]\nkeep = 0\n[alert_providers]\nt = 1',
    )
    assert keys(error) == [
        "monitor.listen",
        "alerts.zzz",
        "backup.keep",
        "chains.base.endpoints",
        "chains.x",
        "alert_providers.t",
    ]
    assert len(str(error).splitlines()) == 6


def test_no_chains_is_refused(file: Path) -> None:
    error = refused(file, "")
    assert keys(error) == ["chains"]
    assert "add [chains.ethereum]" in str(error)


def test_a_pathway_may_name_a_chain_that_is_itself_wrong(file: Path) -> None:
    error = refused(file, '[[alerts.pathways]]\norigin = "base"\n[chains.base]')
    assert keys(error) == ["chains.base.endpoints"]
