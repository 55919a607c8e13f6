import { ponder } from "ponder:registry";
import { event as eventTable, transfer } from "ponder:schema";

// Two writes for each event, as the monitor has: the event, and what is known of its transfer.
const keep = async (kind: string, { event, context }: any, values: any) => {
  await context.db.insert(eventTable).values({
    id: `${context.chain.id} ${event.id}`,
    transferId: event.args.transferId,
    chain: context.chain.id,
    kind,
    blockHash: event.block.hash,
    logIndex: event.log.logIndex,
    block: event.block.number,
    at: event.block.timestamp,
    tx: event.transaction.hash,
  });
  await context.db
    .insert(transfer)
    .values({ id: event.args.transferId, status: kind, ...values })
    .onConflictDoUpdate((row: any) => ({
      status: row.executedAt || row.reconciledAt || kind !== "XCalled" ? "delivered" : kind,
      ...values,
    }));
};

ponder.on("Connext:XCalled", (hook) => {
  const { params, asset, amount } = hook.event.args;
  return keep("XCalled", hook, {
    origin: BigInt(params.originDomain),
    destination: BigInt(params.destinationDomain),
    nonce: params.nonce,
    to: params.to,
    asset,
    amount,
    xcalledAt: hook.event.block.timestamp,
  });
});

ponder.on("Connext:Executed", (hook) => keep("Executed", hook, { executedAt: hook.event.block.timestamp }));

ponder.on("Connext:Reconciled", (hook) => keep("Reconciled", hook, { reconciledAt: hook.event.block.timestamp }));
