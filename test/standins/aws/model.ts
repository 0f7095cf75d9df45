import { randomBytes } from "node:crypto";
import type { Failure } from "../sdk/check.ts";
import type { Properties } from "../values.ts";
import type { Resources, Stored } from "./account.ts";
import type { Refusal } from "./refusal.ts";

/** What a model decides from. */
export interface Request {
  type: string;
  /** Checked inputs. */
  inputs: Properties;
  /** The resource as it is, when it is changed. */
  old?: Stored;
  region: string;
  account: string;
  resources: Resources;
}

/** A property that names another resource. */
export interface Reference {
  /** Path of the property; see valuesAt. */
  path: string;
  /** Type of the resource that it names. */
  to: string;
  /** By which of its outputs. Defaults to its id. */
  by?: "arn" | "name" | "id";
  /** What AWS answers when there is none. Without it nothing is said. */
  missing?: (value: string) => Refusal;
  /** Names that are none of the account's own, such as of policies that AWS maintains. */
  foreign?: RegExp;
  /** False where what is named may be deleted, and this with it. Defaults to true. */
  holds?: false;
}

/** What the stand-in knows of a type of resource beyond what the SDK's types say. */
export interface Model {
  /** Where it is said which changes make a new resource. */
  source: string;
  /** Paths of properties whose change makes a new resource. */
  replace: readonly string[];
  /** What else makes a new resource, where it depends on how a property changes. */
  replaceAlso?: (before: Properties, after: Properties) => string[];
  /** The property that Pulumi fills with a name of its own when it is left out, and the longest that it may be. */
  naming?: { property: string; max: number; lowerCase?: true };
  /** Values that the provider itself allows, by path; it says so in a preview. */
  values?: Readonly<Record<string, readonly string[]>>;
  /** What else the provider itself says in a preview. */
  check?: (inputs: Properties) => Failure[];
  /** The id; it begins with this, or is made by this. Defaults to the type's name. */
  id: string | ((request: Request) => string);
  /** The ARN after `arn:aws:SERVICE:REGION:ACCOUNT:`, with its service; of no region for a global service. */
  arn?: { service: string; global?: true; of: (id: string, request: Request) => string };
  /** What the resource says of itself from its beginning to its end, beside id and ARN. */
  kept?: (request: Request, id: string) => Properties;
  /** What it says of itself anew after each change, beside and before its inputs. */
  outputs?: (request: Request, id: string) => Properties;
  /** Paths of outputs within what is given as inputs: a preview does not know them. */
  planned?: readonly string[];
  /** Outputs that a change of anything changes too. */
  unsettled?: readonly string[];
  /** Resources that it names. */
  references?: readonly Reference[];
  /** Throws what AWS refuses to make or change. */
  refuse?: (request: Request) => void;
  /** What AWS answers when it is deleted while another resource names it. */
  held?: (stored: Stored, by: Stored) => Refusal;
  /** Throws what AWS refuses to delete. */
  refuseDelete?: (stored: Stored, resources: Resources) => void;
}

/** Models of one service, by type token. */
export type Models = Readonly<Record<string, Model>>;

/** Hexadecimal digits as in the ids of EC2, or as many as asked for. */
export function digits(count = 17): string {
  return randomBytes(Math.ceil(count / 2))
    .toString("hex")
    .slice(0, count);
}

/** The source of a resource of the Terraform provider that the Pulumi one is made of. */
export function terraform(service: string, file: string): string {
  return `https://github.com/hashicorp/terraform-provider-aws/blob/main/internal/service/${service}/${file}.go`;
}
