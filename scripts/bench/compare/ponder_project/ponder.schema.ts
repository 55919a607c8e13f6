import { onchainTable } from "ponder";

const sighting = (t: any) => ({ block: t.bigint(), at: t.bigint(), tx: t.hex() });

export const event = onchainTable("event", (t) => ({
  id: t.text().primaryKey(),
  transferId: t.hex().notNull(),
  chain: t.integer().notNull(),
  kind: t.text().notNull(),
  blockHash: t.hex().notNull(),
  logIndex: t.integer().notNull(),
  ...sighting(t),
}));

export const transfer = onchainTable("transfer", (t) => ({
  id: t.hex().primaryKey(),
  status: t.text().notNull(),
  origin: t.bigint(),
  destination: t.bigint(),
  nonce: t.bigint(),
  to: t.hex(),
  asset: t.hex(),
  amount: t.bigint(),
  xcalledAt: t.bigint(),
  executedAt: t.bigint(),
  reconciledAt: t.bigint(),
}));
