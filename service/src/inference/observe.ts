import type { Findings } from "./messages.ts";

/** A job as it is told to others. */
export interface Run {
  model: string;
  /** Size of the encoded image or of the tensors. */
  bytes: number;
}

/** Takes what was found in an image, where the job was one; or why there is no answer. */
export type RunEnd = (findings: Findings | undefined, error?: unknown) => void;

/** Tells `end` how a job ended. */
export async function observe<Outcome>(
  job: Promise<Outcome>,
  end: RunEnd | undefined,
  found: (outcome: Outcome) => Findings | undefined = () => undefined,
): Promise<Outcome> {
  try {
    const outcome = await job;
    end?.(found(outcome));
    return outcome;
  } catch (error) {
    end?.(undefined, error);
    throw error;
  }
}
