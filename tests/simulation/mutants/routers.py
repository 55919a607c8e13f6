"""Mutants that break promises 7 and 11 for whoever answers for a router."""

from tests.simulation.mutants.mutant import mutant

ROUTERS = (
    mutant(
        "low-after-one-block",
        3,
        "core/router_liquidity.py",
        "        return LiquidityRuling.SEEN_ONCE\n",
        "        return LiquidityRuling.LOW if now.low else LiquidityRuling.SEEN_ONCE\n",
        "a balance that was too low after one block alone, which the next one refuted, is alerted about",
    ),
    mutant(
        "low-at-the-minimum",
        11,
        "core/router_liquidity.py",
        "    return Decimal(balance) < minimum",
        "    return Decimal(balance) <= minimum",
        "a router that has just what it is to have is called low",
    ),
    mutant(
        "refilled-unheard",
        7,
        "alerting/liquidity_watch.py",
        "                await self._alerts.resolve(holding.subject, Resolution.REFILLED)\n",
        "                pass\n",
        "nobody is told that a router has its minimum again",
    ),
    mutant(
        "liquidity-changes-unheard",
        11,
        "alerting/liquidity_watch.py",
        "            if self._concerns(record):\n",
        "            if False:\n",
        "a router that removed its liquidity is low only at the next look at all balances",
    ),
    mutant(
        "balances-mixed-up",
        11,
        "alerting/liquidity_watch.py",
        "        for holding, amount in zip(looks.holdings, balances.amounts, strict=True):\n",
        "        for holding, amount in zip(looks.holdings, balances.amounts[::-1], strict=True):\n",
        "what one router has on a chain is taken for what another has",
    ),
    mutant(
        "decimals-in-a-hurry",
        11,
        "monitoring/token_reader.py",
        "_UNHURRIED = 30.0\n",
        "_UNHURRIED = 1.0\n",
        "where an endpoint takes half a second for an answer, no balance is ever low",
    ),
)
