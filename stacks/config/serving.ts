import { z } from "zod";
import { ORIGIN } from "../../service/contract.ts";
import { flag, integer, oneOf, text } from "./expected.ts";

/** As the service's own setting: FETCH_HOSTS in service/src/config.ts. */
const FETCH_HOST = {
  what: "a host name such as images.example.com, *.example.com or images.example.com:8443",
  regex: /^(?:\*\.)?[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::\d{1,5})?$/,
};
const PAGE_ORIGIN = { what: "an origin such as https://app.example.com as browsers write it, or *", regex: ORIGIN };

/** Credentials would stand in a ConfigMap, and in the repository before that. */
const ENDPOINT = {
  what: "an http: or https: address without a user, a password and a query",
  regex: /^https?:\/\/[^\s/?#@,]+(?:\/[^\s?#@,]*)?$/,
};

/** How the service itself works. */
export const servingSchema = z.strictObject({
  executionProvider: oneOf("cpu", "cuda", "tensorrt")
    .default("cpu")
    .describe("What runs the model; cuda and tensorrt need GPUs, and an image that has their libraries."),
  threads: integer(1, 256)
    .default(1)
    .describe("Processors that inference may use; a request that is alone runs on all. At most resources.limits.cpu."),
  workers: integer(1, 256)
    .optional()
    .describe("Inference threads, each with sessions of its own; as many as threads when left out, on a GPU two."),
  maxBatch: integer(1, 128)
    .default(1)
    .describe("Images that share a run of the model; resources.limits.memory must hold them."),
  maxBatchDelayMs: integer(0, 1_000)
    .default(2)
    .describe("Milliseconds that an image waits for others to share its run."),
  queueLimit: integer(1, 10_000)
    .default(32)
    .describe("Requests that may wait, within resources.limits.memory; one more is answered 503."),
  requestTimeoutMs: integer(100, 600_000)
    .default(10_000)
    .describe("Milliseconds until a request is given up; part of the time that pods have to stop."),
  bodyLimitMib: integer(1, 256)
    .default(10)
    .describe("Largest body in MiB; resources.limits.memory must hold the queue's."),
  pixelLimitMega: integer(1, 1_000)
    .default(25)
    .describe("Largest image in millions of pixels; resources.limits.memory must hold the workers'."),
  resize: oneOf("exact", "fast")
    .default("exact")
    .describe("How images are made smaller: as OpenCV does, bit for bit, or large JPEGs faster."),
  fetchHosts: z
    .array(text(FETCH_HOST))
    .default([])
    .describe(
      "Hosts from which images are fetched for callers that send an address: NAME, *.NAME, NAME:PORT. Opens a way out.",
    ),
  corsOrigins: z
    .array(text(PAGE_ORIGIN))
    .default([])
    .describe('Origins of web pages that may call the service; "*" for all.'),
  rateLimitPerMinute: integer(0, 1_000_000)
    .default(0)
    .describe("Requests a minute for each API key, or each address without keys, and for each pod; 0 for no limit."),
  otlpEndpoint: text(ENDPOINT)
    .optional()
    .describe("Address to which traces are sent by OTLP over HTTP; none are when left out. Opens a way out."),
  page: flag().default(true).describe("Whether the page and the API's description are served, at / and /docs."),
  logLevel: oneOf("trace", "debug", "info", "warn", "error", "fatal")
    .default("info")
    .describe("Least important lines that are logged."),
});
