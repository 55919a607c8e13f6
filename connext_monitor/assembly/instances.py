"""An instance among others on a server's database: it stands by, and owns the work for a term at a time."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from typing import Any

import structlog

from connext_monitor.alerting.worker import SendFence
from connext_monitor.assembly.opened_store import StoreOpening
from connext_monitor.assembly.standby import build_standby
from connext_monitor.assembly.term import OwnSights, TermPlan, log_failed_stop, log_failure, run_term
from connext_monitor.cluster.handover import HandoverWatch
from connext_monitor.cluster.member import Member, Taken
from connext_monitor.config import Config, DatabaseUrl
from connext_monitor.config.chain_labels import chain_labels
from connext_monitor.config.rules import config_hash, handover_times, lease_times
from connext_monitor.core.alerts.kinds.owner_changed import OwnerChangedDetails
from connext_monitor.core.database_trouble import StoreUnavailable
from connext_monitor.core.handover import Handover
from connext_monitor.core.ownership import Instance
from connext_monitor.process.parts import RunningParts, cancelled
from connext_monitor.process.stop_request import StopRequest
from connext_monitor.reporting.web.kept_sockets import KeptSockets
from connext_monitor.store.lease_desk import LeaseDesk
from connext_monitor.store.store import Store
from connext_monitor.store.turn import TermTurn

_TAKEN_AT_ONCE_WITHIN = 1.0
"""Seconds that a start waits for a lease that is free before it begins to stand by."""

log = structlog.get_logger()


async def run_instance(plan: TermPlan, url: DatabaseUrl, stop: StopRequest, failed: Callable[[], None]) -> None:
    """Stand by and own the work by turns, until told to stop.

    ``failed``: see `run_term`. Raises DatabaseError, ListenError and RefusedError where it cannot begin or go on.
    """
    config = plan.config
    # For the whole process, however many terms it has.
    outside = replace(plan.outside, built=cache(plan.outside.built))
    names = {chain.domain_id: chain.name for chain in config.chains.values()}
    async with AsyncExitStack() as stack:
        sockets = KeptSockets()
        stack.callback(sockets.close)
        opening = StoreOpening(config, names, plan.providers, chain_labels(config), plan.clock, outside)
        await opening.prepare()
        store = await Store.open_readonly(url, names, executor=outside.executor, server=outside.server)
        stack.push_async_callback(store.close)
        desk = LeaseDesk(url, outside.executor, outside.server)
        stack.push_async_callback(desk.close)
        me, times = _this_instance(config), lease_times(config)
        # By the machine's own clock: how wrong that is, is for all to see.
        member = Member(me, desk, times, plan.clock.own, outside.looks.lease, outside.new_token)
        stack.push_async_callback(member.leave)
        plan = replace(plan, outside=outside, open_socket=sockets.open_socket)
        while not stop.made:
            taken = await _stand_by(plan, store, member, desk, stop)
            if taken is not None:
                await _own(plan, member, desk, taken, stop, failed)


def _this_instance(config: Config) -> Instance:
    name = config.cluster.name
    if name is None:
        listen = config.monitor.listen
        name = socket.gethostname() + (f":{listen.port}" if listen is not None and listen.port else "")
    return Instance(name, version("connext-monitor"), config_hash(config))


async def _stand_by(plan: TermPlan, store: Store, member: Member, desk: LeaseDesk, stop: StopRequest) -> Taken | None:
    """Wait for the work and answer from the database meanwhile; None where the instance is to stop."""
    waiting = asyncio.create_task(member.wait_for_work(), name="lease")
    try:
        await asyncio.wait({waiting}, timeout=_TAKEN_AT_ONCE_WITHIN)
        if not waiting.done():
            log.info("instance.stands_by", instance=member.me.name)
            async with AsyncExitStack() as stack:
                parts = await build_standby(stack, plan, store, member, desk)
                plan.outside.built()

                async def until() -> None:
                    await first_of(stop.wait, lambda: asyncio.wait({waiting}))

                await RunningParts(parts, log_failure, log_failed_stop).run(until, lambda _clean: None)
        return waiting.result() if waiting.done() else None
    finally:
        if not waiting.done():
            await cancelled({waiting})


def _change(member: Member, taken: Taken) -> OwnerChangedDetails | None:
    before = taken.held_before_by
    if before is None or before == member.me.name:
        return None
    return OwnerChangedDetails(before=before, now=member.me.name, unseen=" and ".join(taken.unseen) or None)


async def _own(
    plan: TermPlan, member: Member, desk: LeaseDesk, taken: Taken, stop: StopRequest, failed: Callable[[], None]
) -> None:
    """Own the work for a term, until told to stop or until another instance has it, or may have it."""
    log.info("work.taken", instance=member.me.name, held_before_by=taken.held_before_by)
    loop, over = asyncio.get_running_loop(), asyncio.Event()

    def end(why: str) -> None:
        if not over.is_set():
            log.warning("work.lost", instance=member.me.name, reason=why)
        member.ownership = None
        over.set()

    async def keep() -> None:
        try:
            end(await member.keep_work(taken))
        except Exception:
            log.exception("lease.fault")
            end("this instance failed to keep it")

    def end_from_thread(why: str) -> None:
        loop.call_soon_threadsafe(end, why)

    def hand_over(handover: Handover) -> None:
        log.warning("work.handed_over", instance=member.me.name, to=handover.to, unseen=handover.unseen)
        member.handover = handover
        over.set()

    def handover_watch(sights: OwnSights) -> HandoverWatch:
        times, every = handover_times(plan.config), plan.outside.looks.unseen
        return HandoverWatch(member.me, taken.token, desk, sights, hand_over, every, times)

    turn = TermTurn(taken.token, taken.turn, end_from_thread)
    fence = SendFence(member.may_send, member.times.send_within)
    plan = replace(plan, turn=turn, fence=fence, owners=_change(member, taken), handover_watch=handover_watch)
    keeping = asyncio.create_task(keep(), name="lease")
    try:
        await run_term(plan, lambda: first_of(stop.wait, over.wait), failed)
    except StoreUnavailable as error:
        log.warning("work.not_begun", instance=member.me.name, reason=str(error))
    finally:
        await cancelled({keeping})
        await member.give_back(taken)


async def first_of(*waits: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Until one of them returns."""
    tasks = [asyncio.create_task(wait()) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
