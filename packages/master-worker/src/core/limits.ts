/** Every bound of the master-worker in one place. What is beyond one is refused with a message, never cut silently. */

/**
 * Bytes of a task's encoded input or of its encoded result. A multi travels in one frame of at most 1 MiB − 1 byte
 * (`jute.maxbuffer`), together with its paths and the rest of its record: what is larger belongs in a file or an object
 * store, and its address into the task.
 */
export const payloadBytesMax = 900_000;

/** Characters of a task's name, of a worker's and of a master's id. */
export const nameLengthMax = 128;

/** How often a task is started before it is buried as failed: a task that kills its workers must not kill them all. */
export const attemptsMaxDefault = 5;

/** Writes (and reads before them) that a master keeps in flight at once. They share one connection, in order. */
export const inFlightDefault = 32;

/** Tasks that one worker may run at once, and those it may hold waiting besides. A guard against nonsense in its record. */
export const capacityMax = 10_000;

/** Characters of an error message kept in a result. */
export const errorMessageLengthMax = 4_000;

/** The largest attempt number that a name can hold. */
export const attemptsLimit = 999_999_999;
