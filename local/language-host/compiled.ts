import { join } from "node:path";
import { CACHE_DIR } from "../paths.ts";

/** What Node has compiled, for the host and for programs, so that they start faster; safe to delete. */
export const COMPILED_DIR = join(CACHE_DIR, "compiled");
