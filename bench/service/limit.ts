import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

/**
 * The limit: nothing but `session.run`, as often as it can. Started as `node limit.ts SESSIONS THREADS` with the model in
 * BENCH_MODEL, it runs for `?ms=` milliseconds when asked, and answers the latency of each run.
 */

interface Setup {
  content: Uint8Array;
  threads: number;
}

async function work({ content, threads }: Setup): Promise<void> {
  const { InferenceSession, Tensor } = await import("onnxruntime-node");
  const session = await InferenceSession.create(content, { intraOpNumThreads: threads, interOpNumThreads: 1 });
  const images = new Tensor("float32", new Float32Array(3 * 640 * 640).fill(0.5), [1, 3, 640, 640]);
  await session.run({ images });
  parentPort?.on("message", async (ms: number) => {
    const latencies: number[] = [];
    for (const end = performance.now() + ms; performance.now() < end; ) {
      const start = performance.now();
      await session.run({ images });
      latencies.push(performance.now() - start);
    }
    parentPort?.postMessage(latencies);
  });
  parentPort?.postMessage([]);
}

async function serve(sessions: number, threads: number): Promise<void> {
  process.env.ORT_DISABLE_TELEMETRY = "1";
  const content = readFileSync(process.env.BENCH_MODEL ?? "");
  const setup: Setup = { content, threads };
  const workers = Array.from({ length: sessions }, () => {
    const worker = new Worker(new URL(import.meta.url), { workerData: setup });
    return { worker, next: () => new Promise<number[]>((resolve) => worker.once("message", resolve)) };
  });
  await Promise.all(workers.map(({ next }) => next()));
  const server = createServer(async (request, answer) => {
    const ms = Number(new URL(request.url ?? "/", "http://limit").searchParams.get("ms") ?? 0);
    const rounds = workers.map(({ worker, next }) => {
      const found = next();
      worker.postMessage(ms);
      return found;
    });
    answer.end(JSON.stringify((await Promise.all(rounds)).flat()));
  });
  server.listen(Number(process.env.BENCH_PORT), "127.0.0.1");
}

if (isMainThread) await serve(Number(process.argv[2]), Number(process.argv[3]));
else await work(workerData as Setup);
