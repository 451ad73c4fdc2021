/** Reading ahead by one: while one item is worked on, the next one is fetched. */
export async function* prefetched<T>(items: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = items[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done === true) return;
      next = iterator.next();
      // Whether it failed is asked when its turn comes.
      next.catch(() => undefined);
      yield value;
    }
  } finally {
    await Promise.allSettled([next]);
    await iterator.return?.();
  }
}
