"""The online part of ``check-config``: asks a database server, every endpoint, and every channel that can be asked."""

import asyncio
from typing import Protocol, runtime_checkable

from connext_monitor.alerting.notice import Provider
from connext_monitor.alerting.providers.configured import build_providers
from connext_monitor.clock import SystemClock
from connext_monitor.config import ChainConfig, Config, DatabaseUrl, EndpointUrl
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.core.calls import MalformedAnswer, read_uint
from connext_monitor.core.documents.command_line import AskedDocument
from connext_monitor.core.keccak import keccak
from connext_monitor.core.printable import redact
from connext_monitor.monitoring.endpoint import Endpoint, open_endpoint
from connext_monitor.monitoring.json_rpc import RpcError
from connext_monitor.process.logs import configure_logging
from connext_monitor.store.errors import DatabaseError
from connext_monitor.store.server_check import checked

# Four answers at ten seconds each would be too long to wait only to learn that something is wrong.
_ENDPOINT_TIMEOUT = 15.0
_CHANNEL_TIMEOUT = 15.0
_DATABASE_TIMEOUT = 15.0
_DOMAIN_CALL = keccak(b"domain()")[:4]


@runtime_checkable
class Askable(Protocol):
    """A channel whose health can be checked without sending it a message."""

    async def check(self) -> str:
        """What it answered, in words; raises with words that hold no secret when it would not take an alert."""
        ...


class Mistaken(Exception):
    """The endpoint answers, but is not what the config says; the message says how."""


async def ask_everything(config: Config) -> list[AskedDocument]:
    """Ask a database server, all endpoints and channels at the same time; the findings in the order of the config."""
    configure_logging("warning", "auto")
    built = build_providers(config.alert_providers, file=config.file, labels=chain_labels(config), clock=SystemClock())
    channels = [configured.provider for configured in built]
    endpoints = [ask_endpoint(chain, url) for chain in config.chains.values() for url in chain.endpoints]
    try:
        url = config.monitor.database
        databases = [ask_database(url)] if isinstance(url, DatabaseUrl) else []
        return list(await asyncio.gather(*databases, *endpoints, *map(ask_channel, channels)))
    finally:
        for channel in channels:
            await channel.aclose()


async def ask_database(url: DatabaseUrl) -> AskedDocument:
    """Whether the server can be used, with which schema, and who owns the work; the finding names no password."""
    try:
        async with asyncio.timeout(_DATABASE_TIMEOUT):
            return AskedDocument("database", ok=True, answer=await asyncio.to_thread(checked, url))
    except DatabaseError as error:
        return AskedDocument("database", ok=False, answer=str(error))
    except TimeoutError:
        return AskedDocument("database", ok=False, answer=f"did not answer within {_DATABASE_TIMEOUT:g} s")


async def ask_endpoint(chain: ChainConfig, url: EndpointUrl) -> AskedDocument:
    """Whether the endpoint is one of this chain and has the contract; the finding names its host only."""
    subject = f"{chain.name} {url.host}"
    try:
        async with asyncio.timeout(_ENDPOINT_TIMEOUT), open_endpoint(url) as endpoint:
            return AskedDocument(subject, ok=True, answer=await _look(chain, endpoint))
    except RpcError as error:
        return AskedDocument(subject, ok=False, answer=error.words)
    except Mistaken as error:
        return AskedDocument(subject, ok=False, answer=str(error))
    except TimeoutError:
        return AskedDocument(subject, ok=False, answer=f"did not answer everything within {_ENDPOINT_TIMEOUT:g} s")


async def _look(chain: ChainConfig, endpoint: Endpoint) -> str:
    """What the endpoint knows, in words. Raises Mistaken, and what the endpoint raises.

    1. It must be of the configured chain.
    2. The contract must have code.
    3. The contract must say that its domain is the configured one.
    """
    chain_id = await endpoint.chain_id()
    if chain_id != chain.chain_id:
        raise Mistaken(f"serves chain id {chain_id}, but the config says {chain.chain_id}")
    head = await endpoint.head()
    if not await endpoint.code(chain.contract):
        raise Mistaken("has no code at the contract's address")
    try:
        domain = read_uint(await endpoint.call(chain.contract, _DOMAIN_CALL, "latest"))
    except MalformedAnswer:
        raise Mistaken("has a contract at this address that is not a Connext diamond: it has no domain()") from None
    if domain != chain.domain_id:
        raise Mistaken(f"has a contract with domain {domain}, but the config says {chain.domain_id}")
    return f"chain id {chain_id}, head {head.number}, contract with domain {domain}"


async def ask_channel(provider: Provider) -> AskedDocument:
    """What the channel reports about itself, where it can be asked."""
    if not isinstance(provider, Askable):
        advice = f"can only be tested with a message: test-alert --provider {provider.name}"
        return AskedDocument(provider.name, ok=None, answer=advice)
    try:
        async with asyncio.timeout(_CHANNEL_TIMEOUT):
            return AskedDocument(provider.name, ok=True, answer=await provider.check())
    except TimeoutError:
        return AskedDocument(provider.name, ok=False, answer=f"did not answer within {_CHANNEL_TIMEOUT:g} s")
    except Exception as error:  # noqa: BLE001 - each channel has its own errors; one of them must not hide the others
        return AskedDocument(provider.name, ok=False, answer=redact(str(error)))
