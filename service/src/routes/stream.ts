import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import websocket from "@fastify/websocket";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { PATHS } from "../../contract.ts";
import { countedAs } from "../access/index.ts";
import type { AppContext } from "../app.ts";
import { RequestError } from "../errors.ts";
import type { Budget } from "../held-bytes.ts";
import { refuseConnection } from "../refusal.ts";
import type { Engine } from "../state.ts";
import { Analysis } from "../stream/analysis.ts";
import { STREAM_LIMITS, StreamSession } from "../stream/session.ts";
import { observeImage } from "../telemetry/metrics.ts";
import { detectOptions, queryEntries, readParameters } from "./predict/parameters.ts";
import { chooseModel, roundSpeed } from "./predict.ts";

/**
 * Streams at once. Each holds up to three frames (one being received, one waiting, one being worked on), so that this many
 * hold at most 4 GB with the default limit for bodies; and more would each get less than a frame a second from a processor.
 */
export const MOST_STREAMS = 64;

/** Streams at once of one key, or of one address where no key is asked for, so that one caller does not take all. */
export const MOST_STREAMS_EACH = 16;

/** The protocol that is spoken, for clients that must name one because they send their key as another. */
const PROTOCOL = "yolo";

/** Reads the query of a stream: the parameters of `/predict` but `source`, and `track`. */
function readQuery(query: unknown) {
  const entries = queryEntries(query);
  const problems: string[] = [];
  const track = entries.filter(([name]) => name === "track").map(([, text]) => text);
  if (track.length > 1) problems.push("Expected track once but received it several times.");
  if (track.some((text) => text !== "true" && text !== "false")) {
    problems.push(`Expected true or false for track but received ${JSON.stringify(track.join(",").slice(0, 80))}.`);
  }
  if (entries.some(([name]) => name === "source")) problems.push("Expected frames as messages instead of source.");
  const others = entries.filter(([name]) => name !== "track" && name !== "source");
  try {
    const parameters = readParameters(others);
    if (problems.length === 0) return { ...parameters, track: track[0] !== "false" };
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    problems.push(error.message);
  }
  throw new RequestError("YOLO_PARAMETER_INVALID", problems.join(" "));
}

/** How many requests of a connection are not yet answered. */
const unanswered = new WeakMap<Socket, number>();

function countUnanswered({ socket }: IncomingMessage, response: ServerResponse): void {
  unanswered.set(socket, (unanswered.get(socket) ?? 0) + 1);
  response.once("close", () => unanswered.set(socket, (unanswered.get(socket) ?? 1) - 1));
}

/**
 * Whether a connection is to leave HTTP: only for a stream, and not before everything else on it is answered. Other
 * upgrades (some clients offer HTTP/2 with each request) are ignored, as
 * https://www.rfc-editor.org/rfc/rfc9110#section-7.8 allows, and the request is answered.
 */
export function isStreamUpgrade({ method, headers, url = "", socket }: IncomingMessage): boolean {
  const wanted = headers.upgrade?.toLowerCase() === "websocket" && url.split("?", 1)[0] === PATHS.stream;
  return wanted && method === "GET" && (unanswered.get(socket) ?? 0) === 0;
}

/**
 * Adds `WS /stream`: encoded video frames in, what was found in each out, with a number for each object.
 * @param held what bodies and frames that are worked on may take together
 */
export async function addStream(app: FastifyInstance, context: AppContext, held: Budget): Promise<void> {
  const { config, state, metrics } = context;
  const sessions = new Map<StreamSession, string>();
  app.server.prependListener("request", countUnanswered);
  let closing = false;
  await app.register(websocket, {
    options: {
      maxPayload: config.bodyLimitBytes,
      autoPong: false,
      handleProtocols: (protocols) => (protocols.has(PROTOCOL) ? PROTOCOL : false),
    },
    errorHandler: (error, socket, request) => {
      request.log.info({ reason: error.message }, "stream broken by its client");
      // It is being closed with a code that says the same, 1009 for a message that is too large.
      setTimeout(() => socket.terminate(), STREAM_LIMITS.closeMs).unref();
    },
    preClose: async () => {
      closing = true;
      await Promise.all([...sessions.keys()].map((session) => session.finish()));
      app.websocketServer.close();
    },
  });
  app.websocketServer.on("wsClientError", ({ message }, socket) => {
    refuseConnection(socket, "YOLO_REQUEST_INVALID", `Expected a WebSocket handshake but: ${message}.`);
  });
  /** What can be refused while the answer is still HTTP. */
  const prepare = (request: FastifyRequest): { engine: Engine; analysis: Analysis } => {
    const { engine } = state;
    if (engine === undefined || closing) throw new RequestError("YOLO_NOT_READY");
    if (sessions.size >= MOST_STREAMS) {
      throw new RequestError("YOLO_QUEUE_FULL", `Expected at most ${MOST_STREAMS} streams at once; try again later.`);
    }
    const own = [...sessions.values()].filter((caller) => caller === countedAs(request)).length;
    if (own >= MOST_STREAMS_EACH) {
      const message = `Expected at most ${MOST_STREAMS_EACH} streams at once of one key or address; try again later.`;
      throw new RequestError("YOLO_QUEUE_FULL", message);
    }
    const { track, normalize, decimals, ...parameters } = readQuery(request.query);
    const loaded = chooseModel(engine, parameters.model);
    const options = detectOptions({ ...parameters, normalize, decimals }, loaded, config.resize);
    return { engine, analysis: new Analysis({ loaded, options, track, normalize, decimals }) };
  };
  app.route({
    method: "GET",
    url: PATHS.stream,
    // Synchronous and last, so that nobody takes the last place in between.
    preHandler: (request, _reply, done) => {
      // First, because a client that is refused a WebSocket learns the reason only by the same request without one.
      prepare(request);
      if (!request.ws) throw new RequestError("YOLO_REQUEST_INVALID", "Expected a WebSocket handshake at this path.");
      done();
    },
    handler: () => {},
    wsHandler: (socket, request) => {
      const { engine, analysis } = prepare(request);
      const model = analysis.model.name;
      const session = new StreamSession(socket, {
        id: request.id,
        analyse: async (image, frame, signal) => {
          app.admit(request);
          if (!held.take(image.length)) throw new RequestError("YOLO_QUEUE_FULL");
          metrics.inFlight.inc();
          try {
            const findings = await engine.pool.detect(model, image, analysis.options, { signal, lane: request.id });
            const speed = roundSpeed(findings.speed);
            const { shape, results } = await analysis.read(findings, frame);
            observeImage(metrics, model, speed, results);
            return { shape, results, speed };
          } finally {
            held.give(image.length);
            metrics.inFlight.dec();
          }
        },
        onFailure: (error) => request.log.error({ err: error }, "frame failed"),
      });
      sessions.set(session, countedAs(request));
      metrics.streams.inc();
      const opened = performance.now();
      socket.once("close", (code) => {
        sessions.delete(session);
        metrics.streams.dec();
        const seconds = Math.round((performance.now() - opened) / 1000);
        request.log.info({ route: PATHS.stream, code, seconds, ...session.counts }, "stream closed");
      });
    },
  });
}
