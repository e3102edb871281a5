/** Below the time that a test has, so that it fails with the reason. */
const WITHIN_MS = 50_000;
const EVERY_MS = 20;

/** Lets real time pass, for tests of real processes, sockets and threads. */
export function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** Asks again and again, in real time, until it is so. @throws Error with what was asked */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  withinMs = WITHIN_MS,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not within ${withinMs} ms: ${isSo}`);
    await pause(EVERY_MS);
  }
}
