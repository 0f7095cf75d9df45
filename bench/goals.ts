/** A goal of docs/bench.md, and how near a measurement came. */
export interface Goal {
  text: string;
  value: number;
  met: boolean;
}

/** The goals as text. */
export function goalTable(goals: readonly Goal[]): string {
  return goals
    .map(({ text, value, met }) => `${met ? "met   " : "MISSED"}  ${value.toFixed(2).padStart(6)}  ${text}`)
    .join("\n");
}
