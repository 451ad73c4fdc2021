/** The operating system's errors, as tests make them up. */

/** An error as Node's files give it: `code` (ENOSPC, EIO, …), `syscall` and `path`. */
export function diskError(code: string, syscall: string, path: string): Error & { code: string; path: string } {
  return Object.assign(new Error(`${code}: ${syscall} '${path}'`), { code, syscall, path });
}
