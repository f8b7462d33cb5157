// A worker of the TypeScript SDK; see README.md.
import { Cancelled, stopSignal, Worker } from "../../sdk/typescript/dist/index.js";

const { NATS_URL: url, WORKER: id, CREDENTIAL: credential } = process.env;
const worker = new Worker({ url, id, capacity: 4, ...(credential && { credential }), logger: console });

worker.tool(`sdks.${id}`, "say", async (job, input) => {
  job.progress(50, "half", { done: 1 });
  job.log.info(`${id} says ${input.text}`);
  return { text: `${input.text} ${id}` };
});

worker.tool(`sdks.${id}`, "hold", async (job) => {
  job.progress(1, "begun");
  await new Promise((resolve) => job.signal.addEventListener("abort", resolve));
  if (job.signal.reason instanceof Cancelled) console.log("cancelled:", job.signal.reason.reason);
  throw job.signal.reason;
});

await worker.run(stopSignal());
