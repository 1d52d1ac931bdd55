/** Waiting for what must happen. */

/** Resolves once the condition holds. Rejects, with `what`, if it does not within so many seconds. */
export async function until(what: string, condition: () => boolean, seconds = 60): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await pass(5);
  }
}

/** Resolves after so many milliseconds. */
export function pass(time: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, time));
}
