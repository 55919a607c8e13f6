"""``check-config``: whether the config is right, and with ``--online`` whether the world agrees with it."""

from collections.abc import Sequence

import click

from connext_monitor.alerting.notice import Provider
from connext_monitor.alerting.providers import build_providers
from connext_monitor.cli.failure import Failure
from connext_monitor.cli.online_check import Finding, ask_everything
from connext_monitor.cli.output import Row, json_option, print_heading, print_json, print_line, print_table, styled
from connext_monitor.cli.settings import complete, config_option, load
from connext_monitor.clock import SystemClock
from connext_monitor.config import ChainConfig, Config, PathwayConfig
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.formats import Json
from connext_monitor.core.words import duration_words

_NOT_ASKED = "not asked"


@click.command("check-config")
@config_option()
@click.option("--online", is_flag=True, help="Also ask every endpoint, and every channel that allows it.")
@json_option
def check_config(*, online: bool, as_json: bool) -> None:
    """Validate the config, and say what would be watched."""
    config = load()
    built = build_providers(config.alert_providers, file=config.file, labels=chain_labels(config), clock=SystemClock())
    findings = complete(_ask(config, [one.provider for one in built])) if online else []
    if as_json:
        print_json(_document(config, findings))
    else:
        _print(config, findings)
    if any(finding.ok is False for finding in findings):
        raise Failure("the config is valid, but not everything that it names works")
    if not as_json:
        print_line(styled("ok", "green"))


async def _ask(config: Config, providers: Sequence[Provider]) -> list[Finding]:
    try:
        return await ask_everything(list(config.chains.values()), providers)
    finally:
        for provider in providers:
            await provider.aclose()


def _print(config: Config, findings: Sequence[Finding]) -> None:
    print_table((), [("Config", str(config.file)), *_places(config)])
    print_line()
    print_table(
        ("CHAIN", "CHAIN ID", "DOMAIN", "FINALITY", "ENDPOINTS"), [_chain_row(one) for one in config.chains.values()]
    )
    print_line()
    print_heading("Deadlines: the first line that matches counts")
    print_table(("FROM", "TO", "EXECUTE", "RECONCILE"), _pathway_rows(config))
    print_line()
    providers = [(name, str(table.get("type"))) for name, table in config.alert_providers.items()]
    print_table(("ALERT PROVIDER", "TYPE"), providers or [("none: alerts are only kept and shown", "")])
    if config.not_configured:
        print_line()
        print_table(("NOT CONFIGURED", "TYPE", "WITHOUT"), _absent_rows(config))
    if findings:
        print_line()
        print_table(("ASKED", "RESULT", "ANSWER"), [_finding_row(finding) for finding in findings])
    print_line()


def _places(config: Config) -> list[Row]:
    return [
        ("Database", str(config.monitor.database)),
        ("Listen", str(config.monitor.listen or "off")),
    ]


def _chain_row(chain: ChainConfig) -> Row:
    finality = f"{chain.finality} blocks" if isinstance(chain.finality, int) else chain.finality
    return (chain.name, str(chain.chain_id), str(chain.domain_id), finality, _hosts(chain))


def _hosts(chain: ChainConfig) -> str:
    return ", ".join(f"{url.scheme}://{url.host}" for url in chain.endpoints)


def _pathway_rows(config: Config) -> list[Row]:
    general = config.alerts
    return [
        (
            pathway.origin,
            pathway.destination,
            duration_words((pathway.execute_deadline or general.execute_deadline).total_seconds()),
            duration_words((pathway.reconcile_deadline or general.reconcile_deadline).total_seconds()),
        )
        for pathway in (*general.pathways, PathwayConfig())
    ]


def _absent_rows(config: Config) -> list[Row]:
    return [(name, absent.type, ", ".join(absent.variables)) for name, absent in config.not_configured.items()]


def _finding_row(finding: Finding) -> Row:
    word = _NOT_ASKED if finding.ok is None else "ok" if finding.ok else "failed"
    style = {True: "green", False: "bold red", None: "dim"}[finding.ok]
    return (finding.subject, styled(word, style), finding.words)


def _document(config: Config, findings: Sequence[Finding]) -> Json:
    return {
        "file": str(config.file),
        "database": str(config.monitor.database),
        "listen": str(config.monitor.listen) if config.monitor.listen else None,
        "chains": [
            {"name": chain.name, "chain_id": chain.chain_id, "domain_id": chain.domain_id, "endpoints": _hosts(chain)}
            for chain in config.chains.values()
        ],
        "alert_providers": [
            {"name": name, "type": table.get("type")} for name, table in config.alert_providers.items()
        ],
        "not_configured": [
            {"name": name, "type": absent.type, "variables": list(absent.variables)}
            for name, absent in config.not_configured.items()
        ],
        "asked": [{"subject": one.subject, "ok": one.ok, "answer": one.words} for one in findings],
    }
