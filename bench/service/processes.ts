import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks per second in /proc, which Linux fixes for programs (https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html). */
const TICKS = 100;

/** What a process and all its descendants take. */
export interface Usage {
  /** Resident memory in MB; what processes share counts once for each. */
  rssMb: number;
  /** Processor time so far. */
  cpuSeconds: number;
}

interface Stat {
  parent: number;
  ticks: number;
}

/** Reads `/proc/PID/stat`; undefined for a process that has gone. */
function statOf(pid: number): Stat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name, in parentheses, may hold spaces.
    const rest = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    // utime, stime, and those of children that have ended and were waited for
    const ticks = [11, 12, 13, 14].reduce((sum, i) => sum + Number(rest[i]), 0);
    return { parent: Number(rest[1]), ticks };
  } catch {
    return undefined;
  }
}

function rssOf(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

/** Measures a process and all its descendants. */
export function usageOf(root: number): Usage {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync("/proc")) {
    const stat = /^\d+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat !== undefined) stats.set(Number(name), stat);
  }
  const belongs = (pid: number): boolean => {
    if (pid === root) return true;
    const stat = stats.get(pid);
    return stat !== undefined && stat.parent > 1 && belongs(stat.parent);
  };
  const family = [...stats.keys()].filter(belongs);
  return {
    rssMb: family.reduce((sum, pid) => sum + rssOf(pid), 0),
    cpuSeconds: family.reduce((sum, pid) => sum + (stats.get(pid)?.ticks ?? 0), 0) / TICKS,
  };
}
