/**
 * Source text with what is no code blanked out, so that rules can look for words without being fooled by comments and
 * texts. Every character keeps its place. A small lexer, not a parser: it knows comments, the three kinds of string, and
 * regular expressions by what stands before them.
 */

/** What to blank out. */
export interface Blanked {
  readonly comments: boolean;
  readonly strings: boolean;
}

/** `text` with the contents of comments or strings, or both, replaced by spaces. Line ends and quotes stay. */
export function blank(text: string, { comments, strings }: Blanked): string {
  const out =
    [...text].length === text.length ? text.split("") : Array.from({ length: text.length }, (_, i) => text[i]!);
  /** For each `${` that is open: how many braces within it are. */
  const templates: number[] = [];
  let before = "";
  let i = 0;

  const erase = (from: number, to: number) => {
    for (let k = from; k < to; k++) if (out[k] !== "\n") out[k] = " ";
  };
  /** Reads template text up to its end or the next `${`. */
  const template = (from: number): number => {
    let k = from;
    while (k < text.length) {
      if (text[k] === "\\") k += 2;
      else if (text[k] === "`") break;
      else if (text[k] === "$" && text[k + 1] === "{") break;
      else k++;
    }
    if (strings) erase(from, k);
    if (text[k] !== "$") return k + 1;
    templates.push(0);
    return k + 2;
  };

  while (i < text.length) {
    const c = text[i]!;
    if (text.startsWith("//", i) || text.startsWith("/*", i)) {
      const close = c + text[i + 1] === "//" ? text.indexOf("\n", i) : text.indexOf("*/", i + 2) + 2;
      const end = close <= i ? text.length : close;
      if (comments) erase(i, end);
      i = end;
      continue;
    }
    if (c === '"' || c === "'") {
      const end = closing(text, i + 1, c);
      if (strings) erase(i + 1, end);
      i = end + 1;
    } else if (c === "`") {
      i = template(i + 1);
    } else if (c === "/" && startsRegex(before)) {
      const end = regexEnd(text, i + 1);
      if (strings) erase(i + 1, end);
      i = end + 1;
    } else {
      const open = templates.at(-1);
      if (c === "{" && open !== undefined) templates[templates.length - 1] = open + 1;
      if (c === "}" && open !== undefined) {
        if (open === 0) {
          templates.pop();
          i = template(i + 1);
          before = "`";
          continue;
        }
        templates[templates.length - 1] = open - 1;
      }
      i++;
    }
    before = /\s/.test(c) ? before : (before + c).slice(-8);
  }
  return out.join("");
}

function closing(text: string, from: number, quote: string): number {
  let k = from;
  while (k < text.length && text[k] !== quote && text[k] !== "\n") k += text[k] === "\\" ? 2 : 1;
  return k;
}

/** A slash divides after a value and opens a regular expression after anything else. */
function startsRegex(before: string): boolean {
  return before === "" || /[([{}=,;:!&|?+\-*%<>~^]$/.test(before) || /(^|\W)(return|typeof|case|in|of)$/.test(before);
}

function regexEnd(text: string, from: number): number {
  let inClass = false;
  for (let k = from; k < text.length; k++) {
    if (text[k] === "\\") k++;
    else if (text[k] === "[") inClass = true;
    else if (text[k] === "]") inClass = false;
    else if (text[k] === "\n" || (text[k] === "/" && !inClass)) return k;
  }
  return text.length;
}
