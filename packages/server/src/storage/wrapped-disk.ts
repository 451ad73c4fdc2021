/** A disk, or a file, that does some things in its own way and leaves the others to another. */
import type { Disk, DiskFile } from "@corral/io";

/** All of a port: what is optional there may be undefined here, but not forgotten. */
type Whole<Port> = { [Key in keyof Required<Port>]: Port[Key] };

/** `disk`, but for `own`. */
export function wrappedDisk(disk: Disk, own: Partial<Disk>): Disk {
  const wrapped: Whole<Disk> = {
    makeDirectory: (path) => disk.makeDirectory(path),
    list: (path) => disk.list(path),
    open: (path, mode) => disk.open(path, mode),
    rename: (from, to) => disk.rename(from, to),
    remove: (path) => disk.remove(path),
    syncDirectory: (path) => disk.syncDirectory(path),
    claimDirectory: (path) => disk.claimDirectory(path),
    freeBytes: disk.freeBytes?.bind(disk),
  };
  return { ...wrapped, ...own };
}

/** `file`, but for `own`; what `file` cannot do, it cannot do either. */
export function wrappedFile(file: DiskFile, own: Partial<DiskFile>): DiskFile {
  const wrapped: Whole<DiskFile> = {
    size: () => file.size(),
    read: (position, length) => file.read(position, length),
    write: (position, bytes) => file.write(position, bytes),
    writeThrough: file.writeThrough?.bind(file),
    prepareWriteThrough: file.prepareWriteThrough?.bind(file),
    isUnread: file.isUnread?.bind(file),
    truncate: (length) => file.truncate(length),
    sync: () => file.sync(),
    close: () => file.close(),
  };
  return { ...wrapped, ...own };
}
