import assert from "node:assert/strict";
import { request } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type ErrorResponse, METRICS, PATHS, type PredictResponse } from "../../service/contract.ts";
import { blocks } from "./generate.ts";
import { encodeForm } from "./predict-request.ts";
import { type RunningApp, startApp } from "./running-app.ts";
import { png } from "./support.ts";

const LIMIT_BYTES = 300_000;

describe("POST /predict over a connection", () => {
  let service: RunningApp;
  let port: number;
  let form: { payload: Buffer; type: string };
  before(async () => {
    service = await startApp("raw", { BODY_LIMIT_BYTES: String(LIMIT_BYTES) });
    await service.app.listen({ host: "127.0.0.1", port: 0 });
    port = (service.app.server.address() as AddressInfo).port;
    form = await encodeForm([["file", await png(blocks(300, 200, 21), 300, 200)]]);
  });
  after(() => service.close());

  const url = () => `http://127.0.0.1:${port}${PATHS.predict}`;
  const codeOf = async (answer: Response) => ((await answer.json()) as ErrorResponse).error.code;
  const resultsOf = async (answer: Response) => ((await answer.json()) as PredictResponse).images[0]?.results;
  const metrics = async () => (await fetch(`http://127.0.0.1:${port}${PATHS.metrics}`)).text();
  const inFlight = async () => new RegExp(`^${METRICS.inFlight} (\\d+)$`, "m").exec(await metrics())?.[1];

  /** A body of unknown length, in pieces, with pauses between. */
  function pieces(payload: Buffer, size: number, pauseMs: number): ReadableStream<Uint8Array> {
    let sent = 0;
    return new ReadableStream({
      async pull(controller) {
        if (sent >= payload.length) return controller.close();
        if (pauseMs > 0) await sleep(pauseMs);
        controller.enqueue(new Uint8Array(payload.subarray(sent, sent + size)));
        sent += size;
      },
    });
  }

  const stream = (payload: Buffer, size: number, pauseMs: number) =>
    fetch(url(), {
      method: "POST",
      headers: { "content-type": form.type },
      body: pieces(payload, size, pauseMs),
      duplex: "half",
    } as RequestInit);

  it("reads a form that comes in pieces, even within its boundary", async () => {
    const whole = await fetch(url(), {
      method: "POST",
      headers: { "content-type": form.type },
      body: new Uint8Array(form.payload),
    });
    const expected = await resultsOf(whole);
    for (const [size, pauseMs] of [
      [997, 0],
      [20_000, 20],
    ] as const) {
      const answer = await stream(form.payload, size, pauseMs);
      assert.deepEqual(await resultsOf(answer), expected);
    }
  });

  it("refuses a form of unknown length once it is too long, and goes on", async () => {
    const { payload } = await encodeForm([["file", Buffer.alloc(LIMIT_BYTES + 1, 1)]]);
    const boundary = form.type.split("boundary=")[1] ?? "";
    const large = Buffer.concat([
      Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n`),
      payload,
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    const answer = await stream(large, 16_384, 0);
    assert.equal(answer.status, 413);
    assert.equal(await codeOf(answer), "YOLO_BODY_TOO_LARGE");
    assert.equal(await inFlight(), "0");
  });

  it("refuses a form that says that it is too long, without waiting for it", async () => {
    const headers = { "content-type": form.type, "content-length": LIMIT_BYTES + 1 };
    const status = await new Promise((resolve, reject) => {
      const sent = request(url(), { method: "POST", headers }, (answer) => {
        resolve(answer.statusCode);
        sent.destroy();
      });
      sent.on("error", reject);
      sent.write(form.payload.subarray(0, 100));
    });
    assert.equal(status, 413);
  });

  it("forgets a form whose sender leaves in the middle", async () => {
    const headers = { "content-type": form.type, "content-length": form.payload.length };
    const sent = request(url(), { method: "POST", headers });
    sent.on("error", () => undefined);
    sent.write(form.payload.subarray(0, form.payload.length / 2));
    while ((await inFlight()) !== "1") await sleep(5);
    sent.destroy();
    while ((await inFlight()) !== "0") await sleep(5);
    assert.equal((await stream(form.payload, 50_000, 0)).status, 200);
  });
});
