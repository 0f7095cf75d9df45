#!/usr/bin/env node
// The command `yolo`, under whatever Node >= 18 is there; the pinned one goes on (bootstrap.mjs).
process.argv.splice(2, 0, "service/client/cli.ts");
await import("./bootstrap.mjs");
