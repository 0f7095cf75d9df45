import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type FastifyInstance, fastify } from "fastify";
import { drain, Traffic } from "../../service/src/drain.ts";
import { blocks } from "./generate.ts";
import { RawConnection } from "./raw-connection.ts";
import { Server } from "./server-process.ts";
import { chunkedPost, formPost, post } from "./socket-requests.ts";
import { assertRefused } from "./socket-service.ts";
import { environment, png } from "./support.ts";

/** More than the buffers of two sockets take. */
const ANSWER_BYTES = 40_000_000;

describe("the end of the service", function () {
  this.timeout(60_000);

  describe("waits for answers", () => {
    let app: FastifyInstance;
    let traffic: Traffic;
    let connection: RawConnection;
    beforeEach(async () => {
      app = fastify();
      traffic = new Traffic(app.server);
      app.get("/", async () => Buffer.alloc(ANSWER_BYTES));
      await app.listen({ host: "127.0.0.1", port: 0 });
      connection = new RawConnection((app.server.address() as AddressInfo).port, false);
      connection.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      while (traffic.unread === 0) await sleep(5);
    });
    afterEach(() => connection.socket.destroy());

    it("that are still being read when nothing runs any more, to their last byte", async () => {
      const drained = drain(app, { phase: "serving" }, traffic, 20_000);
      // Longer than requests that may still come are waited for.
      await sleep(4_000);
      let received = 0;
      connection.socket.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
      assert.equal(await drained, 0);
      await connection.ended;
      assert.ok(received > ANSWER_BYTES, `${received} bytes`);
    });

    it("only as long as a request may take, and tells how many were not read", async () => {
      const begun = performance.now();
      assert.equal(await drain(app, { phase: "serving" }, traffic, 500), 1);
      assert.ok(performance.now() - begun < 10_000);
    });
  });

  describe("of a process", () => {
    let server: Server;
    let port: number;
    let image: Buffer;
    before(async () => {
      image = await png(blocks(100, 80, 21), 100, 80);
    });
    beforeEach(async () => {
      server = new Server(environment("raw", { LOG_LEVEL: "info" }));
      port = Number(new URL(await server.ready()).port);
    });
    afterEach(async () => {
      server.process.kill("SIGKILL");
      await server.exit;
    });

    it("answers 503 to bodies that are still on their way, and ends with 0 in time", async () => {
      const slow = [post(image), formPost(image), chunkedPost(image)].map((request) =>
        new RawConnection(port).send(request.subarray(0, request.length - 30)),
      );
      // In the middle of its headers: no request yet.
      const headers = new RawConnection(port).send("POST /predict HTTP/1.1\r\nhost: a\r\n");
      await sleep(300);
      const begun = performance.now();
      server.process.kill("SIGTERM");
      for (const connection of slow) {
        const answers = await connection.answers(8_000);
        assertRefused(answers, "YOLO_NOT_READY");
        assert.equal(answers[0]?.headers.get("connection"), "close");
        assert.equal(answers[0]?.headers.get("retry-after"), "1");
      }
      await headers.ended;
      assert.equal((await server.exit)[0], 0, server.output);
      assert.ok(performance.now() - begun < 8_000);
      assert.match(server.output, /"drained"/);
    });

    it("answers a body that arrives in time", async () => {
      const request = post(image);
      const connection = new RawConnection(port).send(request.subarray(0, 200));
      await sleep(100);
      server.process.kill("SIGTERM");
      await sleep(1_000);
      const [answer] = await connection.send(request.subarray(200)).answers(8_000);
      assert.equal(answer?.status, 200);
      assert.equal((await server.exit)[0], 0);
    });
  });
});
