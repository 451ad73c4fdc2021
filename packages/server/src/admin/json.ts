/** JSON with whole numbers of 64 bits, which session ids are and which `JSON.stringify` does not write. */

/** What can be written. */
export type JsonValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** The text, indented by two spaces a level, as the reference has it. */
export function toJson(value: JsonValue, indent = ""): string {
  if (typeof value === "bigint") return value.toString();
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}  `;
  if (Array.isArray(value)) {
    return value.length === 0 ? "[ ]" : `[ ${value.map((item: JsonValue) => toJson(item, indent)).join(", ")} ]`;
  }
  const fields = Object.entries(value as { readonly [key: string]: JsonValue });
  if (fields.length === 0) return "{ }";
  const lines = fields.map(([key, field]) => `${inner}${JSON.stringify(key)} : ${toJson(field, inner)}`);
  return `{\n${lines.join(",\n")}\n${indent}}`;
}
