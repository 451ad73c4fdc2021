/** Coloured text of known width: lines are cut to the terminal before colours are added, never in the middle of a code. */

/** The colours used here; the names are picocolors'. */
export type Style = "bold" | "dim" | "green" | "yellow" | "red" | "cyan";

/** A piece of a line. `text` holds no control characters. */
export interface Segment {
  readonly text: string;
  readonly style?: Style;
}

/** A line of the board. */
export type Line = readonly Segment[];

/** Adds a style to text. picocolors' functions fit. */
export type Painter = Readonly<Record<Style, (text: string) => string>>;

/** Text as it is. */
export function plain(text: string): Segment {
  return { text: printable(text) };
}

/** Text in a style. */
export function styled(style: Style, text: string): Segment {
  return { text: printable(text), style };
}

/** Without control characters, which a file's name may hold and a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Co}\p{Cs}\u2028\u2029]/gu, "\ufffd");
}

/** The line, cut to `columns` UTF-16 units, in colour. */
export function paint(line: Line, columns: number, painter: Painter): string {
  let room = columns;
  let out = "";
  for (const { text, style } of line) {
    const shown = text.slice(0, room);
    room -= shown.length;
    out += style === undefined ? shown : painter[style](shown);
  }
  return out;
}

/** A bar of `width` characters, filled in proportion. Anything begun shows, and only what is whole is full. */
export function bar(part: number, whole: number, width: number): { full: string; empty: string } {
  const share = whole === 0 ? 0 : Math.min(1, part / whole);
  const cells = part > 0 && share < 1 ? Math.min(width - 1, Math.max(1, Math.round(share * width))) : share * width;
  const filled = Math.round(cells);
  return { full: "█".repeat(filled), empty: "░".repeat(width - filled) };
}
