import { Hono } from "hono";
import { count } from "ponder";
import { db } from "ponder:api";
import { event, transfer } from "ponder:schema";

const app = new Hono();

app.get("/counts", async (context) => {
  const [events] = await db.select({ count: count() }).from(event);
  const [transfers] = await db.select({ count: count() }).from(transfer);
  return context.json([events.count, transfers.count]);
});

export default app;
