/** What to do with texts that are too long to be keys of a map. */
import { sha256 } from "@corral/io";

/**
 * V8 makes the hash of a longer text of its length alone (String::kMaxHashCalcLength in its src/objects/string.h): in a Map or a Set
 * all of one length are in one place, and are gone through one by one.
 */
export const longestHashedText = 16_383;

/** Whether it must not be a key. */
export function isLongText(text: string): boolean {
  return text.length > longestHashedText;
}

/** What can be the key of a long text: no two have the same. */
export function digestOfText(text: string): string {
  // As it is in memory: as UTF-8 all halves of characters would be the same one.
  return sha256(Buffer.from(text, "utf16le")).toString("base64");
}
