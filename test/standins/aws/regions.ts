/** Regions of the commercial partition: https://github.com/aws/aws-sdk-go-v2/blob/main/internal/endpoints/awsrulesfn/partitions.json (regionRegex) */
export const REGION = /^(us|eu|ap|sa|ca|me|af|il|mx)-\w+-\d+$/;

/** Zones that a region has here. Real regions have three to six. */
const ZONES = ["a", "b", "c"] as const;

/** The availability zones of a region. */
export function zonesOf(region: string): { name: string; id: string }[] {
  return ZONES.map((letter, i) => ({ name: `${region}${letter}`, id: `${shortName(region)}-az${i + 1}` }));
}

/** `euc1` for eu-central-1, as in ids of zones: https://docs.aws.amazon.com/global-infrastructure/latest/regions/az-ids.html */
function shortName(region: string): string {
  const [area = "", place = "", number = ""] = region.split("-");
  const direction = /^(north|south|central|east|west)(.*)$/.exec(place);
  return `${area}${(direction?.[1] ?? place).slice(0, 1)}${(direction?.[2] ?? "").slice(0, 1)}${number}`;
}
