/** Matches a Kubernetes CPU quantity: cores ("2", "0.5") or millicores ("250m"). */
export const CPU_QUANTITY = /^(?:[0-9]+(?:\.[0-9]{1,3})?|[0-9]+m)$/;

/** Matches a Kubernetes memory quantity in binary units ("512Mi", "2Gi"). */
export const MEMORY_QUANTITY = /^[0-9]+(?:Ki|Mi|Gi|Ti)$/;

const MEMORY_UNITS = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 } as const;

/** One binary mebibyte in bytes. */
export const MEBIBYTE = MEMORY_UNITS.Mi;

/** A CPU quantity in millicores. Throws a RangeError when it is none. */
export function cpuMillicores(quantity: string): number {
  if (!CPU_QUANTITY.test(quantity)) throw new RangeError(`Expected a CPU quantity but received ${quantity}`);
  return quantity.endsWith("m") ? Number(quantity.slice(0, -1)) : Math.round(Number(quantity) * 1000);
}

/** A memory quantity in bytes. Throws a RangeError when it is none. */
export function memoryBytes(quantity: string): number {
  if (!MEMORY_QUANTITY.test(quantity)) throw new RangeError(`Expected a memory quantity but received ${quantity}`);
  return Number(quantity.slice(0, -2)) * MEMORY_UNITS[quantity.slice(-2) as keyof typeof MEMORY_UNITS];
}
