import { enableCompileCache } from "node:module";
import { COMPILED_DIR } from "./compiled.ts";

// Pulumi waits for its language host before anything else: what it needs is compiled once, and not for every run.
enableCompileCache(COMPILED_DIR);
await import("./server.ts");
