/** The input cannot be worked on. The message is one sentence for the person at the terminal, with what to do about it. */
export class InputError extends Error {
  override readonly name = "InputError";
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  ENOENT: "it does not exist",
  ELOOP: "its symbolic links go round in a circle",
  EISDIR: "it is a directory",
  EIO: "the disk reports an error",
  EMFILE: "too many files are open",
};

/** What the operating system said about a file, in a few words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const words = WORDS[code];
  if (words !== undefined) {
    return `${words} (${code})`;
  }
  return error instanceof Error ? error.message : String(error);
}
