import { PATHS } from "../../contract.ts";
import type { Engine } from "../state.ts";
import { type Answer, errorAnswers, type Guards, guarded, json, type Operation, type Paths } from "./operations.ts";
import { predictParameters, queryParameters } from "./predict.ts";
import { type JsonSchema, ref } from "./schemas.ts";

const TRACK: JsonSchema = {
  type: "boolean",
  default: true,
  description: "Whether each object gets a number that it keeps from frame to frame, track_id.",
};

function probe(operationId: string, summary: string): Operation {
  const answer: Answer = { description: "Yes.", content: json(ref("Probe")) };
  return { operationId, tags: ["Operation"], summary, responses: { 200: answer, ...errorAnswers(["YOLO_NOT_READY"]) } };
}

/** Describes what operators ask: probes, metrics, what runs, and the stream, which HTTP can only open. */
export function operatingPaths(guards: Guards, engine: Engine | undefined): Paths {
  const { codes, security } = guarded(guards);
  const { source: _, ...parameters } = predictParameters(engine);
  return {
    [PATHS.stream]: {
      get: {
        operationId: "stream",
        tags: ["Detection"],
        summary: "Find objects in video frames, over WebSocket",
        description:
          "Each binary message is one encoded image; each answer is a text message as StreamMessage describes it. Where frames come " +
          "faster than they are looked at, the latest one wins. See docs/stream.md.",
        parameters: queryParameters({ ...parameters, track: TRACK }),
        responses: {
          101: { description: "The connection is a WebSocket from here on." },
          ...errorAnswers([
            ...codes,
            "YOLO_PARAMETER_INVALID",
            "YOLO_MODEL_UNKNOWN",
            "YOLO_ORIGIN_REFUSED",
            "YOLO_NOT_READY",
            "YOLO_QUEUE_FULL",
          ]),
        },
        ...(security === undefined ? {} : { security }),
      },
    },
    [PATHS.info]: {
      get: {
        operationId: "info",
        tags: ["Operation"],
        summary: "What runs: models, execution provider, versions",
        responses: {
          200: { description: "What runs.", content: json(ref("InfoResponse")) },
          ...errorAnswers([...codes, "YOLO_NOT_READY"]),
        },
        ...(security === undefined ? {} : { security }),
        "x-codeSamples": [{ lang: "Shell", source: `curl "$URL${PATHS.info}"` }],
      },
    },
    [PATHS.startup]: { get: probe("startup", "Is every model loaded and warm?") },
    [PATHS.live]: { get: probe("live", "Does an inference worker still answer?") },
    [PATHS.ready]: { get: probe("ready", "Are new requests welcome?") },
    [PATHS.metrics]: {
      get: {
        operationId: "metrics",
        tags: ["Operation"],
        summary: "Prometheus metrics",
        responses: {
          200: {
            description: "In Prometheus' text format.",
            content: { "text/plain": { schema: { type: "string" } } },
          },
          ...errorAnswers([]),
        },
      },
    },
    [PATHS.openapi]: {
      get: {
        operationId: "openapi",
        tags: ["Operation"],
        summary: "This document",
        responses: { 200: { description: "OpenAPI 3.1.", content: json({ type: "object" }) }, ...errorAnswers([]) },
      },
    },
  };
}
