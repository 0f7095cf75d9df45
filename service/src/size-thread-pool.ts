import { poolThreads } from "./thread-pool.ts";

// libuv's pool has four threads otherwise, which all workers share. Its first use starts all of them, and importing sharp is
// one: this must be imported before everything else.
process.env.UV_THREADPOOL_SIZE ??= String(poolThreads(process.env));
