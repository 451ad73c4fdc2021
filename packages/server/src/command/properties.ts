/** Java's properties files, as `zoo.cfg` is one: `key=value`, `key: value` or `key value`, comments, continued lines, escapes. */

/** Keys and values in the order in which they stand; of a key that comes twice, the last counts, as with Java. */
export function parseProperties(text: string): ReadonlyMap<string, string> {
  const entries = new Map<string, string>();
  for (const line of logicalLines(text)) {
    const { key, rest } = splitKey(line);
    entries.delete(key);
    // Apache trims what stands behind the value, which Java does not.
    entries.set(key, unescaped(rest).trim());
  }
  return entries;
}

/** Without comments and empty lines; lines that end with a backslash joined with the next. */
function logicalLines(text: string): readonly string[] {
  const lines: string[] = [];
  let continued: string | undefined;
  for (const raw of text.split(/\r\n|\r|\n/)) {
    const line = raw.replace(/^[ \t\f]+/, "");
    if (continued === undefined && (line === "" || line.startsWith("#") || line.startsWith("!"))) continue;
    const whole: string = (continued ?? "") + line;
    const backslashes = /\\*$/.exec(line)?.[0].length ?? 0;
    if (backslashes % 2 === 1) {
      continued = whole.slice(0, -1);
    } else {
      lines.push(whole);
      continued = undefined;
    }
  }
  if (continued !== undefined) lines.push(continued);
  return lines;
}

function splitKey(line: string): { readonly key: string; readonly rest: string } {
  const [whole, key = ""] = /^((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*/s.exec(line) ?? [""];
  return { key: unescaped(key), rest: line.slice(whole.length) };
}

const escapes: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", f: "\f" };

function unescaped(text: string): string {
  return text.replace(/\\(u[\da-fA-F]{4}|.)/gs, (_, escaped: string) =>
    escaped.length === 5 ? String.fromCharCode(Number.parseInt(escaped.slice(1), 16)) : (escapes[escaped] ?? escaped),
  );
}
