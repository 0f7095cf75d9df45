import { RequestError } from "../../errors.ts";

/** What `POST /predict` can answer with, the preferred one first. */
export const ANSWER_TYPES = ["application/json", "image/jpeg"] as const;

/** Content type of an answer. */
export type AnswerType = (typeof ANSWER_TYPES)[number];

const RANGE = /^([\w!#$&^.+-]+|\*)\/([\w!#$&^.+-]+|\*)$/;
const QUALITY = /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/;

interface Range {
  type: string;
  subtype: string;
  quality: number;
}

/** Reads an Accept header; ranges that are malformed count as not sent. */
function parseAccept(header: string): Range[] {
  return header.split(",").flatMap((part) => {
    const [range = "", ...parameters] = part.split(";").map((piece) => piece.trim().toLowerCase());
    const [, type, subtype] = RANGE.exec(range) ?? [];
    if (type === undefined || subtype === undefined || (type === "*" && subtype !== "*")) return [];
    const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
    return QUALITY.test(weight) ? [{ type, subtype, quality: Number(weight) }] : [];
  });
}

/** The quality that the most specific matching range gives a type (RFC 9110, 12.5.1); 0 when none matches. */
function qualityOf(answer: AnswerType, ranges: readonly Range[]): number {
  const [type, subtype] = answer.split("/");
  for (const [wantedType, wantedSubtype] of [
    [type, subtype],
    [type, "*"],
    ["*", "*"],
  ]) {
    const matching = ranges.filter((range) => range.type === wantedType && range.subtype === wantedSubtype);
    if (matching.length > 0) return Math.max(...matching.map(({ quality }) => quality));
  }
  return 0;
}

/**
 * Chooses the answer that a caller's Accept header likes best, JSON where it likes both the same.
 * @throws RequestError YOLO_NOT_ACCEPTABLE when it likes neither
 */
export function answerType(accept: string | undefined): AnswerType {
  const ranges = parseAccept(accept?.trim() || "*/*");
  const [best = 0, ...others] = ANSWER_TYPES.map((type) => qualityOf(type, ranges));
  const most = Math.max(best, ...others);
  if (most === 0) throw new RequestError("YOLO_NOT_ACCEPTABLE");
  return ANSWER_TYPES[[best, ...others].indexOf(most)] ?? ANSWER_TYPES[0];
}
