"""``check-config``: whether the config is valid, and with ``--online`` whether what it refers to works."""

from collections.abc import Sequence

from connext_monitor.cli.cells import Row
from connext_monitor.cli.failure import Failure
from connext_monitor.cli.interruptible import complete
from connext_monitor.cli.output import print_heading, print_json, print_line, print_table, styled
from connext_monitor.cli.settings import load
from connext_monitor.config import ChainConfig, Config, PathwayConfig, RouterConfig
from connext_monitor.core.checksum import to_checksum_address
from connext_monitor.core.documents.command_line import (
    AbsentProvider,
    AskedDocument,
    CheckedChain,
    CheckedConfig,
    CheckedMinimum,
    CheckedPathway,
    CheckedProvider,
    CheckedRouter,
)
from connext_monitor.core.words import duration_words

_NOT_ASKED = "not asked"


def check(*, online: bool, as_json: bool) -> None:
    """Print what would be watched, and with ``online`` what endpoints and channels answer. Raises Failure."""
    config = load()
    findings = _ask(config) if online else []
    if as_json:
        print_json(_document(config, findings))
    else:
        _print(config, findings)
    if any(finding.ok is False for finding in findings):
        raise Failure("the config is valid, but some of what it refers to does not work")
    if not as_json:
        print_line(styled("ok", "green"))


def _ask(config: Config) -> list[AskedDocument]:
    # Endpoints and channels take a while to load.
    from connext_monitor.cli.online_check import ask_everything  # noqa: PLC0415

    return complete(ask_everything(config))


def _print(config: Config, findings: Sequence[AskedDocument]) -> None:
    print_table((), [("Config", str(config.file)), *_settings(config)])
    print_line()
    print_table(
        ("CHAIN", "CHAIN ID", "DOMAIN", "FINALITY", "ENDPOINTS"),
        [_chain_row(chain) for chain in config.chains.values()],
    )
    print_line()
    print_heading("Deadlines (the first matching line applies)")
    print_table(("FROM", "TO", "EXECUTE", "RECONCILE"), _pathway_rows(config))
    print_line()
    providers = [(name, str(table.get("type"))) for name, table in config.alert_providers.items()]
    print_table(("ALERT PROVIDER", "TYPE"), providers or [("none: alerts are only stored and shown", "")])
    if config.routers:
        print_line()
        print_table(("ROUTER", "ADDRESS", "PATHWAYS", "SILENT", "LIQUIDITY BELOW"), _router_rows(config))
    if config.not_configured:
        print_line()
        print_table(("NOT CONFIGURED", "TYPE", "WITHOUT"), _absent_rows(config))
    if findings:
        print_line()
        print_table(("ASKED", "RESULT", "ANSWER"), [_finding_row(finding) for finding in findings])
    print_line()


def _settings(config: Config) -> list[Row]:
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


def _router_rows(config: Config) -> list[Row]:
    return [
        (
            router.name,
            to_checksum_address(router.address),
            ", ".join(f"{pathway.origin} → {pathway.destination}" for pathway in router.pathways) or "all",
            _silence(router),
            ", ".join(
                f"{least.amount:f} of {to_checksum_address(least.asset)} on {least.chain}" for least in router.minimums
            )
            or "never alerted about",
        )
        for router in config.routers.values()
    ]


def _silence(router: RouterConfig) -> str:
    if router.silent_after is None:
        return "never alerted about"
    return f"{duration_words(router.silent_after.total_seconds())}, {router.silent_transfers} transfers"


def _finding_row(finding: AskedDocument) -> Row:
    word = _NOT_ASKED if finding.ok is None else "ok" if finding.ok else "failed"
    style = {True: "green", False: "bold red", None: "dim"}[finding.ok]
    return (finding.subject, styled(word, style), finding.answer)


def _document(config: Config, findings: Sequence[AskedDocument]) -> CheckedConfig:
    return CheckedConfig(
        file=str(config.file),
        database=str(config.monitor.database),
        listen=str(config.monitor.listen) if config.monitor.listen else None,
        chains=[
            CheckedChain(chain.name, chain.chain_id, chain.domain_id, _hosts(chain)) for chain in config.chains.values()
        ],
        alert_providers=[
            CheckedProvider(name, str(table.get("type"))) for name, table in config.alert_providers.items()
        ],
        not_configured=[
            AbsentProvider(name, absent.type, list(absent.variables)) for name, absent in config.not_configured.items()
        ],
        routers=[_checked_router(router) for router in config.routers.values()],
        asked=list(findings),
    )


def _checked_router(router: RouterConfig) -> CheckedRouter:
    return CheckedRouter(
        name=router.name,
        address=to_checksum_address(router.address),
        pathways=[CheckedPathway(pathway.origin, pathway.destination) for pathway in router.pathways],
        silent_after_seconds=None if router.silent_after is None else router.silent_after.total_seconds(),
        silent_transfers=router.silent_transfers,
        min_liquidity=[
            CheckedMinimum(least.chain, to_checksum_address(least.asset), f"{least.amount:f}")
            for least in router.minimums
        ],
    )
